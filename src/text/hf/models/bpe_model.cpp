#include "bpe_model.h"

#include <algorithm>

#include "hf/stages/byte_level.h"
#include "unicode/unicode_sets.h"

namespace relata::text {
namespace {

// Code points that the vocabulary does not have, on their way to one unknown token.
class Unknowns {
 public:
  Unknowns(int32_t id, bool fuse, std::vector<ModelScratch::Symbol>& out)
      : id_(id), fuse_(fuse), out_(out) {}

  void add(uint32_t bytes) {
    // Without an unknown token, what the vocabulary does not have is dropped.
    if (id_ < 0) return;
    if (!fuse_) flush();
    pending_ += bytes;
  }
  void flush() {
    if (pending_ == 0) return;
    out_.push_back({id_, (out_.empty() ? 0 : out_.back().end) + pending_});
    pending_ = 0;
  }

 private:
  int32_t id_;
  bool fuse_;
  uint32_t pending_ = 0;
  std::vector<ModelScratch::Symbol>& out_;
};

void add_symbol(std::vector<ModelScratch::Symbol>& symbols, int32_t id, uint32_t bytes) {
  symbols.push_back({id, (symbols.empty() ? 0 : symbols.back().end) + bytes});
}

}  // namespace

Result<std::unique_ptr<BpeModel>> BpeModel::from_json(const Node& node, bool raw_bytes,
                                                      const std::string& where) {
  JsonReader reader(node, where);
  const Node& vocab = reader.object("vocab");
  const Node& merges = reader.array("merges");
  const std::string unknown = reader.string("unk_token", "");
  RELATA_CHECK(reader.status());
  auto model = std::make_unique<BpeModel>();
  RELATA_CHECK(model->read_options(node, where));
  RELATA_TRY(model->vocabulary_, Vocabulary::from_json(vocab, where + ".vocab"));
  RELATA_CHECK(model->read_merges(merges, where + ".merges"));
  if (!unknown.empty()) {
    RELATA_TRY(model->unknown_id_, model->vocabulary_.named(unknown, "unk_token", where));
  }
  model->resolve(raw_bytes);
  return model;
}

std::unique_ptr<BpeModel> BpeModel::from_ranks(const std::vector<std::string>& ranks) {
  auto model = std::make_unique<BpeModel>();
  std::unordered_map<std::string_view, int32_t> ids;
  ids.reserve(ranks.size());
  int32_t next = 0;
  for (const std::string& bytes : ranks) {
    model->vocabulary_.add(to_visible(bytes), next);
    ids.emplace(bytes, next++);
  }
  for (const std::string& bytes : ranks) {
    const std::string_view token = bytes;
    const int32_t id = ids.at(token);
    for (size_t cut = 1; cut < token.size(); ++cut) {
      const auto left = ids.find(token.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(token.substr(cut));
      if (right != ids.end()) model->merger_.set(left->second, right->second, {id, id});
    }
  }
  model->ignore_merges_ = true;
  model->resolve(true);
  return model;
}

Status BpeModel::read_options(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!reader.string(key, "").empty()) {
      return input_error(where + ": unsupported option \"" + key + "\"");
    }
  }
  const Node* dropout = reader.find("dropout");
  if (dropout != nullptr && !(dropout->is_number() && dropout->get<double>() == 0.0)) {
    return input_error(where + ": unsupported option \"dropout\"", "set it to null");
  }
  byte_fallback_ = reader.boolean("byte_fallback", false);
  fuse_unknown_ = reader.boolean("fuse_unk", false);
  ignore_merges_ = reader.boolean("ignore_merges", false);
  return reader.status();
}

Status BpeModel::read_merges(const Node& merges, const std::string& where) {
  merger_.reserve(merges.size());
  for (const Node& merge : merges) {
    const auto place = [&] { return where + "[" + std::to_string(rules_) + "]"; };
    if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      const size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
        return input_error(place() + ": two tokens and one space between are wanted", kDamagedHint);
      }
      const std::string_view view = text;
      RELATA_CHECK(add_merge(view.substr(0, space), view.substr(space + 1), where));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      RELATA_CHECK(add_merge(merge[0].get_ref<const std::string&>(),
                             merge[1].get_ref<const std::string&>(), where));
    } else {
      return input_error(place() + ": a string or a pair of strings is wanted", kDamagedHint);
    }
  }
  return {};
}

Status BpeModel::add_merge(std::string_view left, std::string_view right,
                           const std::string& where) {
  const std::string merged = std::string(left) + std::string(right);
  const int32_t left_id = vocabulary_.id(left);
  const int32_t right_id = vocabulary_.id(right);
  const int32_t id = vocabulary_.id(merged);
  if (left_id < 0 || right_id < 0 || id < 0) {
    const std::string missing = left_id < 0    ? std::string(left)
                                : right_id < 0 ? std::string(right)
                                               : merged;
    return input_error(
        where + "[" + std::to_string(rules_) + "]: \"" + missing + "\" is not in the vocabulary",
        kDamagedHint);
  }
  // Hugging Face keeps the last of two equal merges.
  merger_.set(left_id, right_id, {rules_++, id});
  return {};
}

void BpeModel::resolve(bool raw_bytes) {
  raw_bytes_ = raw_bytes;
  for (unsigned byte = 0; byte < 256; ++byte) {
    fallback_ids_[byte] = vocabulary_.id(byte_token(byte));
    byte_ids_[byte] = -1;
    if (raw_bytes) {
      byte_ids_[byte] = vocabulary_.id(byte_to_visible(static_cast<uint8_t>(byte)));
    } else if (byte < 0x80) {
      byte_ids_[byte] = vocabulary_.id(std::string(1, static_cast<char>(byte)));
    }
  }
  may_cut_ = !raw_bytes && vocabulary_.id(kSpaceMark) >= 0;
  for (int32_t id = 0; may_cut_ && id < id_limit(); ++id) {
    may_cut_ = !crosses_space(vocabulary_.token(id));
  }
}

bool BpeModel::take_whole(std::string_view piece, ModelScratch& scratch, PieceTokens& out) const {
  std::string_view token = piece;
  if (raw_bytes_) {
    scratch.text.clear();
    for (const char byte : piece) scratch.text += byte_to_visible(static_cast<uint8_t>(byte));
    token = scratch.text;
  }
  const int32_t id = vocabulary_.id(token);
  if (id >= 0) out.push_back({id, 0, static_cast<uint32_t>(piece.size())});
  return id >= 0;
}

void BpeModel::encode(std::string_view piece, ModelScratch& scratch, PieceTokens& out) const {
  if (ignore_merges_ && take_whole(piece, scratch, out)) return;
  scratch.symbols.clear();
  if (raw_bytes_) {
    split_bytes(piece, scratch);
  } else {
    split_points(piece, scratch);
  }
  merger_.merge(scratch);
  uint32_t begin = 0;
  for (const auto& symbol : scratch.symbols) {
    out.push_back({symbol.id, begin, symbol.end});
    begin = symbol.end;
  }
}

void BpeModel::split_bytes(std::string_view piece, ModelScratch& scratch) const {
  Unknowns unknowns(unknown_id_, fuse_unknown_, scratch.symbols);
  for (const char byte : piece) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(byte)];
    if (id < 0) {
      unknowns.add(1);
      continue;
    }
    unknowns.flush();
    add_symbol(scratch.symbols, id, 1);
  }
  unknowns.flush();
}

void BpeModel::split_points(std::string_view piece, ModelScratch& scratch) const {
  Unknowns unknowns(unknown_id_, fuse_unknown_, scratch.symbols);
  for (size_t i = 0; i < piece.size();) {
    const uint32_t length = code_point_at(piece, i).length;
    const std::string_view point = piece.substr(i, length);
    const int32_t id =
        length == 1 ? byte_ids_[static_cast<uint8_t>(piece[i])] : vocabulary_.id(point);
    if (id >= 0) {
      unknowns.flush();
      add_symbol(scratch.symbols, id, length);
    } else if (!add_fallback(point, scratch)) {
      unknowns.add(length);
    }
    i += length;
  }
  unknowns.flush();
}

bool BpeModel::add_fallback(std::string_view point, ModelScratch& scratch) const {
  if (!byte_fallback_) return false;
  const auto id_of = [&](char byte) { return fallback_ids_[static_cast<uint8_t>(byte)]; };
  if (std::any_of(point.begin(), point.end(), [&](char byte) { return id_of(byte) < 0; })) {
    return false;
  }
  for (const char byte : point) add_symbol(scratch.symbols, id_of(byte), 1);
  return true;
}

}  // namespace relata::text
