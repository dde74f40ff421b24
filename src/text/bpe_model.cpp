#include "bpe_model.h"

#include <algorithm>
#include <queue>

#include "added_tokens.h"

namespace relata::text {
namespace {

constexpr char kDamaged[] = "the file may be damaged; fetch it again";

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

std::string byte_token(unsigned byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">";
}

// A merge that may have become stale: the symbols at `position` may have changed since.
struct Candidate {
  int32_t rank;
  int32_t position;
  int32_t merged_id;
  bool operator<(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

}  // namespace

Result<BpeModel> BpeModel::from_json(const Node& node, const std::string& where) {
  JsonReader reader(node, where);
  const Node& vocab = reader.object("vocab");
  const Node& merges = reader.array("merges");
  RELATA_CHECK(reader.status());
  BpeModel model;
  RELATA_CHECK(model.read_options(node, where));
  RELATA_CHECK(model.read_vocab(vocab, where + ".vocab"));
  RELATA_CHECK(model.read_merges(merges, where + ".merges"));
  RELATA_CHECK(model.resolve_unknown(where));
  model.resolve_bytes();
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
  unknown_token_ = reader.string("unk_token", "");
  byte_fallback_ = reader.boolean("byte_fallback", false);
  fuse_unknown_ = reader.boolean("fuse_unk", false);
  ignore_merges_ = reader.boolean("ignore_merges", false);
  return reader.status();
}

Status BpeModel::read_vocab(const Node& vocab, const std::string& where) {
  if (vocab.empty()) return input_error(where + ": empty", kDamaged);
  int64_t largest = 0;
  for (const auto& [token, value] : vocab.items()) {
    const int64_t id = value.is_number_integer() ? value.get<int64_t>() : -1;
    if (id < 0 || id >= kIdLimit) {
      return input_error(where + ": \"" + token + "\" has no usable id", kDamaged);
    }
    largest = std::max(largest, id);
  }
  tokens_.resize(static_cast<size_t>(largest) + 1);
  std::vector<bool> taken(tokens_.size(), false);
  ids_.reserve(vocab.size());
  for (const auto& [token, value] : vocab.items()) {
    const auto id = value.get<int32_t>();
    if (taken[static_cast<size_t>(id)]) {
      return input_error(where + ": two tokens have the id " + std::to_string(id), kDamaged);
    }
    taken[static_cast<size_t>(id)] = true;
    tokens_[static_cast<size_t>(id)] = token;
    ids_.emplace(token, id);
  }
  return {};
}

Status BpeModel::read_merges(const Node& merges, const std::string& where) {
  merges_.reserve(merges.size());
  int32_t rank = 0;
  for (const Node& merge : merges) {
    const std::string place = where + "[" + std::to_string(rank) + "]";
    if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      const size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
        return input_error(place + ": two tokens and one space between are wanted", kDamaged);
      }
      const std::string_view view = text;
      RELATA_CHECK(add_merge(view.substr(0, space), view.substr(space + 1), rank, place));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      RELATA_CHECK(add_merge(merge[0].get_ref<const std::string&>(),
                             merge[1].get_ref<const std::string&>(), rank, place));
    } else {
      return input_error(place + ": a string or a pair of strings is wanted", kDamaged);
    }
    ++rank;
  }
  return {};
}

Status BpeModel::add_merge(std::string_view left, std::string_view right, int32_t rank,
                           const std::string& where) {
  const std::string merged = std::string(left) + std::string(right);
  const int32_t left_id = token_to_id(left);
  const int32_t right_id = token_to_id(right);
  const int32_t id = token_to_id(merged);
  if (left_id < 0 || right_id < 0 || id < 0) {
    const std::string missing = left_id < 0    ? std::string(left)
                                : right_id < 0 ? std::string(right)
                                               : merged;
    return input_error(where + ": \"" + missing + "\" is not in the vocabulary", kDamaged);
  }
  // Hugging Face keeps the last of two equal merges.
  merges_[pair_key(left_id, right_id)] = {rank, id};
  return {};
}

Status BpeModel::resolve_unknown(const std::string& where) {
  if (unknown_token_.empty()) return {};
  unknown_id_ = token_to_id(unknown_token_);
  if (unknown_id_ >= 0) return {};
  return input_error(where + ": unk_token \"" + unknown_token_ + "\" is not in the vocabulary",
                     kDamaged);
}

void BpeModel::resolve_bytes() {
  for (unsigned byte = 0; byte < 256; ++byte) byte_ids_[byte] = token_to_id(byte_token(byte));
}

int32_t BpeModel::token_to_id(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? -1 : found->second;
}

const std::string& BpeModel::id_to_token(int32_t id) const {
  static const std::string none;
  return id >= 0 && id < id_limit() ? tokens_[static_cast<size_t>(id)] : none;
}

void BpeModel::encode(const AlignedText& piece, std::vector<Token>& out) const {
  if (piece.empty()) return;
  if (ignore_merges_) {
    if (const int32_t id = token_to_id(piece.text()); id >= 0) {
      out.push_back({id, piece.origin(0, piece.size())});
      return;
    }
  }
  std::vector<Symbol> symbols = split(piece.text());
  merge(symbols);
  for (const Symbol& symbol : symbols) {
    if (symbol.range.begin == symbol.range.end) continue;
    out.push_back({symbol.id, piece.origin(symbol.range.begin, symbol.range.end)});
  }
}

std::vector<BpeModel::Symbol> BpeModel::split(const std::string& text) const {
  std::vector<Symbol> symbols;
  symbols.reserve(text.size());
  Unknown unknown;
  for (size_t i = 0; i < text.size();) {
    const size_t length = code_point_length(text, i);
    const std::string_view point = std::string_view(text).substr(i, length);
    if (const int32_t id = token_to_id(point); id >= 0) {
      flush_unknown(unknown, symbols);
      symbols.push_back({id, 0, 0, {i, i + length}});
    } else if (!add_byte_symbols(point, i, symbols)) {
      add_unknown({i, i + length}, unknown, symbols);
    }
    i += length;
  }
  flush_unknown(unknown, symbols);
  const auto count = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < count; ++i) {
    symbols[static_cast<size_t>(i)].previous = i - 1;
    symbols[static_cast<size_t>(i)].next = i + 1 < count ? i + 1 : -1;
  }
  return symbols;
}

bool BpeModel::add_byte_symbols(std::string_view point, size_t offset,
                                std::vector<Symbol>& out) const {
  if (!byte_fallback_) return false;
  const auto id_of = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)]; };
  if (std::any_of(point.begin(), point.end(), [&](char byte) { return id_of(byte) < 0; })) {
    return false;
  }
  for (const char byte : point) {
    out.push_back({id_of(byte), 0, 0, {offset, offset + 1}});
    ++offset;
  }
  return true;
}

void BpeModel::add_unknown(ByteRange range, Unknown& unknown, std::vector<Symbol>& out) const {
  // Without an unknown token, what the vocabulary does not have is dropped.
  if (unknown_id_ < 0) return;
  if (unknown.pending && fuse_unknown_) {
    unknown.range.end = range.end;
    return;
  }
  flush_unknown(unknown, out);
  unknown = {true, range};
}

void BpeModel::flush_unknown(Unknown& unknown, std::vector<Symbol>& out) const {
  if (!unknown.pending) return;
  out.push_back({unknown_id_, 0, 0, unknown.range});
  unknown.pending = false;
}

const BpeModel::Merge* BpeModel::find_merge(int32_t left, int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BpeModel::merge(std::vector<Symbol>& symbols) const {
  std::priority_queue<Candidate> queue;
  const auto at = [&](int32_t index) -> Symbol& { return symbols[static_cast<size_t>(index)]; };
  const auto propose = [&](int32_t left) {
    if (left < 0 || at(left).next < 0) return;
    const Merge* merge = find_merge(at(left).id, at(at(left).next).id);
    if (merge != nullptr) queue.push({merge->rank, left, merge->id});
  };
  for (int32_t i = 0; i + 1 < static_cast<int32_t>(symbols.size()); ++i) propose(i);
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    Symbol& left = at(top.position);
    if (left.range.begin == left.range.end || left.next < 0) continue;
    Symbol& right = at(left.next);
    const Merge* merge = find_merge(left.id, right.id);
    if (merge == nullptr || merge->id != top.merged_id) continue;
    left.id = merge->id;
    left.range.end = right.range.end;
    left.next = right.next;
    right.range.begin = right.range.end;
    if (left.next >= 0) at(left.next).previous = top.position;
    propose(left.previous);
    propose(top.position);
  }
}

}  // namespace relata::text
