#include "sentencepiece_model.h"

#include <algorithm>

#include "unicode/unicode_sets.h"

namespace relata::text {
namespace {

using Proto = SentencePieceProto;

constexpr int32_t kUnknownPiece = UnigramLattice::kUnknown;
constexpr float kUnknownPenalty = 10.0F;

bool is_encodable(const Proto::Piece& piece) {
  return piece.kind == Proto::kNormal || piece.kind == Proto::kUserDefined;
}

bool is_ascii(char byte) { return static_cast<uint8_t>(byte) < 128; }

}  // namespace

Result<std::unique_ptr<SentencePieceModel>> SentencePieceModel::make(Proto proto,
                                                                     const std::string& where) {
  auto model = std::make_unique<SentencePieceModel>();
  model->proto_ = std::move(proto);
  RELATA_CHECK(model->prepare(where));
  return model;
}

Status SentencePieceModel::prepare(const std::string& where) {
  RELATA_TRY(charsmap_, Charsmap::parse(proto_.charsmap, where));
  byte_ids_.fill(-1);
  std::vector<std::pair<std::string_view, int32_t>> user_symbols;
  may_cut_ = false;
  bool crosses = false;
  for (int32_t id = 0; id < size(); ++id) {
    const Proto::Piece& piece = this->piece(id);
    ids_.emplace(piece.text, id);
    if (piece.kind == Proto::kUnknown) unknown_id_ = id;
    if (piece.kind == Proto::kUserDefined) user_symbols.emplace_back(piece.text, id);
    if (piece.kind == Proto::kByte) {
      const int byte = token_byte(piece.text);
      if (byte < 0) return input_error(where + ": \"" + piece.text + "\" is not a byte piece");
      byte_ids_[static_cast<size_t>(byte)] = id;
    }
    if (piece.kind == Proto::kUnused && proto_.type != Proto::kUnigram) {
      return input_error(where + ": unsupported: piece " + std::to_string(id) + " is unused");
    }
    crosses = crosses || (is_encodable(piece) && crosses_space(piece.text));
    may_cut_ = may_cut_ || (is_encodable(piece) && piece.text == kSpaceMark);
  }
  may_cut_ = may_cut_ && !crosses && proto_.type <= Proto::kBpe;
  if (proto_.byte_fallback && std::count(byte_ids_.begin(), byte_ids_.end(), -1) > 0) {
    return input_error(where + ": byte_fallback without a piece for every byte");
  }
  std::sort(user_symbols.begin(), user_symbols.end());
  user_symbols_ = DoubleArray(user_symbols);
  has_user_symbols_ = !user_symbols.empty();
  prepare_words(user_symbols);
  if (proto_.type == Proto::kUnigram) prepare_unigram();
  if (proto_.type == Proto::kBpe) prepare_pairs();
  return {};
}

void SentencePieceModel::prepare_words(
    const std::vector<std::pair<std::string_view, int32_t>>& user_symbols) {
  for (uint8_t byte = 0; byte < 128; ++byte) plain_bytes_[byte] = charsmap_.is_plain(byte, 0);
  for (const auto& symbol : user_symbols) {
    plain_bytes_[static_cast<uint8_t>(symbol.first.front())] = false;
  }
  by_words_ = may_cut_ && plain_bytes_[' '] && proto_.escape_whitespaces && !proto_.space_as_suffix;
  plain_bytes_[' '] = false;
}

void SentencePieceModel::prepare_unigram() {
  // The library starts its search for the largest score from the least positive float.
  float largest = std::numeric_limits<float>::min();
  float least = std::numeric_limits<float>::max();
  for (const Proto::Piece& piece : proto_.pieces) {
    if (piece.kind != Proto::kNormal) continue;
    largest = std::max(largest, piece.score);
    least = std::min(least, piece.score);
  }
  std::vector<UnigramLattice::Piece> pieces;
  for (int32_t id = 0; id < size(); ++id) {
    const Proto::Piece& piece = this->piece(id);
    if (!is_encodable(piece)) continue;
    // A user's symbol is always the best choice.
    const auto length = static_cast<float>(piece.text.size());
    const double score = piece.kind == Proto::kUserDefined
                             ? static_cast<double>(length * largest) - 0.1
                             : static_cast<double>(piece.score);
    pieces.push_back({piece.text, id, score});
  }
  const float unknown = least - kUnknownPenalty;
  lattice_ = UnigramLattice(pieces, unknown);
}

// Symbols of the byte-pair search: a piece has its id; a code point that is no piece, but part of
// one, has an id from size() on. From first_frozen_ on are those that never merge: a user's symbol
// found in the text, by its id, and after all of these a code point that no piece has.
int32_t SentencePieceModel::symbol_of(std::string_view text) const {
  const auto found = ids_.find(text);
  if (found != ids_.end() && is_encodable(piece(found->second))) return found->second;
  const auto extra = extra_symbols_.find(text);
  return extra == extra_symbols_.end() ? -1 : extra->second;
}

void SentencePieceModel::prepare_pairs() {
  std::vector<float> scores;
  for (const Proto::Piece& piece : proto_.pieces) {
    if (!is_encodable(piece)) continue;
    scores.push_back(piece.score);
    const std::string_view text = piece.text;
    for (size_t i = 0; i < text.size();) {
      const std::string_view point = text.substr(i, code_point_at(text, i).length);
      i += point.size();
      if (symbol_of(point) < 0) {
        extra_symbols_.emplace(point, size() + static_cast<int32_t>(extra_symbols_.size()));
      }
    }
  }
  first_frozen_ = size() + static_cast<int32_t>(extra_symbols_.size());
  std::sort(scores.begin(), scores.end(), std::greater<>());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  for (int32_t id = 0; id < size(); ++id) {
    const Proto::Piece& piece = this->piece(id);
    if (!is_encodable(piece)) continue;
    const auto rank =
        std::lower_bound(scores.begin(), scores.end(), piece.score, std::greater<>()) -
        scores.begin();
    const std::string_view text = piece.text;
    for (size_t cut = code_point_at(text, 0).length; cut < text.size();
         cut += code_point_at(text, cut).length) {
      const int32_t left = symbol_of(text.substr(0, cut));
      const int32_t right = left < 0 ? -1 : symbol_of(text.substr(cut));
      if (right >= 0) merger_.set(left, right, {static_cast<int32_t>(rank), id});
    }
  }
}

size_t SentencePieceModel::user_symbol_at(std::string_view text) const {
  if (!has_user_symbols_) return 0;
  size_t longest = 0;
  uint32_t node = DoubleArray::kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    node = user_symbols_.step(node, text[i]);
    if (node == DoubleArray::kNone) break;
    if (user_symbols_.value(node) >= 0) longest = i + 1;
  }
  return longest;
}

SentencePieceModel::Rule SentencePieceModel::next_rule(std::string_view text, size_t at) const {
  const std::string_view rest = text.substr(at);
  if (const size_t length = user_symbol_at(rest); length > 0)
    return {rest.substr(0, length), length};
  const auto first = static_cast<uint8_t>(rest[0]);
  const bool plain = rest.size() > 1 && charsmap_.is_plain(first, static_cast<uint8_t>(rest[1]));
  if (!plain && !charsmap_.empty()) {
    const Charsmap::Match match = charsmap_.longest(rest);
    if (match.length > 0) return {match.replacement, match.length};
  }
  const size_t length = code_point_at(rest, 0).length;
  return {rest.substr(0, length), length};
}

// `text` with every space written as the model writes it.
void SentencePieceModel::append_normal(std::string_view text, uint32_t origin,
                                       Workspace& workspace) const {
  for (const char byte : text) {
    if (byte == ' ' && proto_.escape_whitespaces) {
      workspace.normalized += kSpaceMark;
      workspace.origins.insert(workspace.origins.end(), kSpaceMark.size(), origin);
    } else {
      workspace.normalized += byte;
      workspace.origins.push_back(origin);
    }
  }
}

// Whether the byte is a code point that no rule and no user's symbol takes.
bool SentencePieceModel::is_plain(std::string_view text, size_t at) const {
  return plain_bytes_[static_cast<uint8_t>(text[at])] &&
         (at + 1 == text.size() || is_ascii(text[at + 1]));
}

// Whether a piece may begin at `at` and none reach over it, given what stands before it.
bool SentencePieceModel::word_starts(std::string_view text, size_t at,
                                     std::string_view normalized) const {
  return by_words_ && text[at] == ' ' && at + 1 < text.size() && is_plain(text, at + 1) &&
         !normalized.empty() && !normalized.ends_with(kSpaceMark);
}

// Normalises the text from `at` on, to its end or to the next place where encode_word() may go on,
// and returns which.
size_t SentencePieceModel::normalize(std::string_view text, size_t at, bool prefix,
                                     Workspace& workspace) const {
  std::string& normalized = workspace.normalized;
  normalized.clear();
  workspace.origins.clear();
  const bool squeeze = proto_.remove_extra_whitespaces;
  const bool starts = at == 0;
  const bool dummy = prefix && proto_.add_dummy_prefix;
  while (starts && squeeze && at < text.size()) {
    const Rule rule = next_rule(text, at);
    if (rule.text != " ") break;
    at += rule.length;
  }
  if (at >= text.size()) return at;
  if (starts && dummy && !proto_.space_as_suffix) {
    append_normal(" ", static_cast<uint32_t>(at), workspace);
  }
  bool after_space = starts && squeeze;
  while (at < text.size()) {
    if (is_plain(text, at)) {
      normalized += text[at];
      workspace.origins.push_back(static_cast<uint32_t>(at++));
      after_space = false;
      continue;
    }
    if (word_starts(text, at, normalized)) {
      workspace.origins.push_back(static_cast<uint32_t>(at));
      return at;
    }
    const Rule rule = next_rule(text, at);
    std::string_view out = rule.text;
    while (after_space && out.starts_with(' ')) out.remove_prefix(1);
    append_normal(out, static_cast<uint32_t>(at), workspace);
    if (!out.empty()) after_space = out.ends_with(' ');
    at += rule.length;
    after_space = after_space && squeeze;
  }
  auto end = static_cast<uint32_t>(at);
  const std::string_view space = proto_.escape_whitespaces ? kSpaceMark : " ";
  while (squeeze && normalized.ends_with(space)) {
    normalized.resize(normalized.size() - space.size());
    end = workspace.origins[normalized.size()];
    workspace.origins.resize(normalized.size());
  }
  if (dummy && proto_.space_as_suffix) append_normal(" ", end, workspace);
  workspace.origins.push_back(end);
  return at;
}

// The space at `at` and the plain word after it: appends its tokens and returns where it ends; 0
// when normalize() has to see it. A token's offsets count from the space, which is one byte in the
// text and three when it is normalised.
size_t SentencePieceModel::encode_word(std::string_view text, size_t at, size_t base,
                                       Workspace& workspace, std::vector<Token>& out) const {
  size_t end = at + 1;
  while (end < text.size() && plain_bytes_[static_cast<uint8_t>(text[end])]) ++end;
  if (end == at + 1) return 0;
  const bool next_is_space =
      end < text.size() && text[end] == ' ' && (end + 1 == text.size() || is_ascii(text[end + 1]));
  if (end < text.size() && !next_is_space) return 0;
  const std::string_view word = text.substr(at, end - at);
  PieceCache::Entry entry;
  if (!workspace.cache.find(word, entry)) {
    workspace.normalized.assign(kSpaceMark);
    workspace.normalized += word.substr(1);
    PieceTokens& tokens = workspace.tokens;
    tokens.clear();
    workspace.model.lead = ModelScratch::kSure;
    segment(workspace.normalized, workspace.model, tokens);
    constexpr uint32_t kSaved = kSpaceMark.size() - 1;
    for (PieceToken& token : tokens) {
      if (token.id == kUnknownPiece) return 0;
      token.begin -= std::min(token.begin, kSaved);
      token.end -= std::min(token.end, kSaved);
    }
    entry = {tokens, workspace.model.lead};
    workspace.cache.add(word, entry);
  }
  workspace.least_lead = std::min(workspace.least_lead, entry.lead);
  workspace.pieces += entry.tokens.size();
  for (const PieceToken& token : entry.tokens) {
    out.push_back({token.id, {base + at + token.begin, base + at + token.end}});
  }
  return end;
}

void SentencePieceModel::segment_pairs(std::string_view text, ModelScratch& scratch,
                                       PieceTokens& out) const {
  scratch.symbols.clear();
  for (size_t i = 0; i < text.size();) {
    size_t length = user_symbol_at(text.substr(i));
    int32_t id = length > 0 ? first_frozen_ + ids_.at(text.substr(i, length)) : -1;
    if (length == 0) {
      length = code_point_at(text, i).length;
      id = symbol_of(text.substr(i, length));
      if (id < 0) id = first_frozen_ + size();
    }
    i += length;
    scratch.symbols.push_back({id, static_cast<uint32_t>(i)});
  }
  merger_.merge(scratch);
  uint32_t begin = 0;
  for (const auto& symbol : scratch.symbols) {
    int32_t id = symbol.id < size() ? symbol.id : kUnknownPiece;
    const int32_t frozen = symbol.id - first_frozen_;
    if (frozen >= 0 && frozen < size()) id = frozen;
    out.push_back({id, begin, symbol.end});
    begin = symbol.end;
  }
}

void SentencePieceModel::segment(std::string_view text, ModelScratch& scratch,
                                 PieceTokens& out) const {
  if (proto_.type == Proto::kUnigram) {
    return may_cut_ ? lattice_.best_path(text, scratch, out)
                    : lattice_.best_rounded_path(text, scratch, out);
  }
  if (proto_.type == Proto::kBpe) return segment_pairs(text, scratch, out);
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin + code_point_at(text, begin).length;
    if (proto_.type == Proto::kWord) end = std::min(text.find(kSpaceMark, end), text.size());
    const int32_t id = symbol_of(text.substr(begin, end - begin));
    out.push_back(
        {id < 0 ? kUnknownPiece : id, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
    begin = end;
  }
}

void SentencePieceModel::emit(std::string_view normalized, size_t base, const Workspace& workspace,
                              std::vector<Token>& out) const {
  bool after_unknown = false;
  for (const PieceToken& token : workspace.tokens) {
    const ByteRange range = {base + workspace.origins[token.begin],
                             base + workspace.origins[token.end]};
    const bool unknown = token.id == kUnknownPiece;
    if (!unknown) {
      out.push_back({token.id, range});
    } else if (proto_.byte_fallback) {
      for (const char byte : normalized.substr(token.begin, token.end - token.begin)) {
        out.push_back({byte_ids_[static_cast<uint8_t>(byte)], range});
      }
    } else if (after_unknown) {
      out.back().range.end = range.end;
    } else {
      out.push_back({unknown_id_, range});
    }
    after_unknown = unknown;
  }
}

// Words are segmented apart only where that makes no difference. In the unigram model it may make
// one for sums that are nearly equal: then the text is done anew as a whole.
void SentencePieceModel::encode(std::string_view text, size_t base, bool prefix,
                                Workspace& workspace, std::vector<Token>& out) const {
  const size_t first = out.size();
  workspace.least_lead = ModelScratch::kSure;
  workspace.pieces = 0;
  encode_words(text, base, prefix, workspace, out);
  if (proto_.type != Proto::kUnigram || !may_cut_) return;
  if (lattice_.survives_rounding(workspace.least_lead, workspace.pieces)) return;
  out.resize(first);
  encode_rounded(text, base, prefix, workspace, out);
}

void SentencePieceModel::encode_rounded(std::string_view text, size_t base, bool prefix,
                                        Workspace& workspace, std::vector<Token>& out) const {
  std::string normalized;
  std::vector<uint32_t> origins;
  for (size_t at = 0; at < text.size();) {
    at = normalize(text, at, prefix, workspace);
    // What ends one part begins the next, and is the end of the text after the last.
    if (!origins.empty()) origins.pop_back();
    normalized += workspace.normalized;
    origins.insert(origins.end(), workspace.origins.begin(), workspace.origins.end());
  }
  workspace.origins.swap(origins);
  workspace.tokens.clear();
  lattice_.best_rounded_path(normalized, workspace.model, workspace.tokens);
  emit(normalized, base, workspace, out);
}

void SentencePieceModel::encode_words(std::string_view text, size_t base, bool prefix,
                                      Workspace& workspace, std::vector<Token>& out) const {
  for (size_t at = 0; at < text.size();) {
    at = normalize(text, at, prefix, workspace);
    workspace.tokens.clear();
    segment_cached(workspace.normalized, may_cut_, workspace,
                   [this](std::string_view part, ModelScratch& scratch, PieceTokens& tokens) {
                     segment(part, scratch, tokens);
                   });
    emit(workspace.normalized, base, workspace, out);
    while (at < text.size()) {
      const size_t end = encode_word(text, at, base, workspace, out);
      if (end == 0) break;
      at = end;
    }
  }
}

std::string SentencePieceModel::decode_piece(int32_t id, bool at_start, bool prefix,
                                             bool& took_space) const {
  const Proto::Piece& piece = this->piece(id);
  took_space = false;
  if (piece.kind == Proto::kControl) return "";
  if (piece.kind == Proto::kUnknown) return proto_.unknown_surface;
  std::string_view text = piece.text;
  const bool squeeze = proto_.remove_extra_whitespaces;
  if (at_start && ((prefix && proto_.add_dummy_prefix) || squeeze) &&
      text.starts_with(kSpaceMark)) {
    text.remove_prefix(kSpaceMark.size());
    took_space = !squeeze;
  }
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t mark = std::min(text.find(kSpaceMark, at), text.size());
    out += text.substr(at, mark - at);
    if (mark < text.size()) out += ' ';
    at = mark + kSpaceMark.size();
  }
  return out;
}

std::string SentencePieceModel::piece_bytes(int32_t id) const {
  if (piece(id).kind == Proto::kByte) {
    return std::string(1, static_cast<char>(token_byte(piece(id).text)));
  }
  bool took_space = false;
  return decode_piece(id, false, false, took_space);
}

void SentencePieceModel::decode(const std::vector<int32_t>& ids, bool prefix,
                                std::string& out) const {
  const size_t start = out.size();
  bool at_start = true;
  bool took_space = false;
  std::string bytes;
  const auto flush = [&] {
    for (std::string_view rest = bytes; !rest.empty();) {
      const size_t good = find_invalid_utf8(rest).value_or(rest.size());
      out += rest.substr(0, good);
      rest.remove_prefix(good);
      if (rest.empty()) break;
      out += "\uFFFD";  // one for every byte that is no text
      rest.remove_prefix(1);
    }
    bytes.clear();
  };
  for (const int32_t id : ids) {
    if (piece(id).kind == Proto::kByte) {
      bytes += static_cast<char>(token_byte(piece(id).text));
      continue;
    }
    flush();
    if (took_space || out.size() > start) at_start = false;
    out += decode_piece(id, at_start, prefix, took_space);
  }
  flush();
}

int32_t SentencePieceModel::piece_to_id(std::string_view piece) const {
  const auto found = ids_.find(piece);
  return found == ids_.end() ? -1 : found->second;
}

int32_t SentencePieceModel::control_id(const std::string& name) const {
  const int32_t id = piece_to_id(name);
  return id >= 0 && piece(id).kind == Proto::kControl ? id : -1;
}

std::string SentencePieceModel::type_name() const {
  switch (proto_.type) {
    case Proto::kBpe:
      return "bpe";
    case Proto::kWord:
      return "word";
    case Proto::kChar:
      return "char";
    default:
      return "unigram";
  }
}

}  // namespace relata::text
