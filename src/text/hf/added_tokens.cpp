#include "added_tokens.h"

#include <algorithm>

#include "unicode/unicode_sets.h"

namespace relata::text {
namespace {

bool word_touches(std::string_view text, size_t begin, size_t end) {
  return (begin > 0 && is_word(code_point_at(text, code_point_start(text, begin)).value)) ||
         (end < text.size() && is_word(code_point_at(text, end).value));
}

size_t skip_space_back(std::string_view text, size_t offset, size_t limit) {
  while (offset > limit) {
    const size_t before = code_point_start(text, offset);
    if (!is_space(code_point_at(text, before).value)) break;
    offset = before;
  }
  return offset;
}

size_t skip_space(std::string_view text, size_t offset) {
  while (offset < text.size()) {
    const CodePoint point = code_point_at(text, offset);
    if (!is_space(point.value)) break;
    offset += point.length;
  }
  return offset;
}

}  // namespace

Result<AddedToken> read_added_token(const Node& node, int64_t default_id,
                                    const std::string& where) {
  JsonReader reader(node, where);
  AddedToken token;
  token.content = reader.string("content", "");
  token.special = reader.boolean("special", false);
  token.normalized = reader.boolean("normalized", !token.special);
  token.lstrip = reader.boolean("lstrip", false);
  token.rstrip = reader.boolean("rstrip", false);
  token.single_word = reader.boolean("single_word", false);
  const int64_t id = reader.integer("id", default_id);
  if (token.content.empty()) reader.fail("an added token needs a \"content\"");
  if (token.content.size() > kLongestToken) reader.fail("an added token is too long");
  if (id < 0 || id >= kIdLimit) reader.fail("an added token's id is out of range");
  RELATA_CHECK(reader.status());
  token.id = static_cast<int32_t>(id);
  return token;
}

void AddedTokenMatcher::add(const AddedToken& token, std::string_view searched) {
  if (searched.empty()) return;
  size_t state = 0;
  for (const char c : searched) {
    const auto byte = static_cast<uint8_t>(c);
    const auto [edge, added] = states_[state].next.try_emplace(byte, states_.size());
    state = edge->second;
    if (added) states_.emplace_back();
  }
  starts_[static_cast<uint8_t>(searched.front())] = true;
  size_t& there = states_[state].token;
  // Of two that normalisation makes equal, Hugging Face takes one by chance; here the special one
  // goes first, then the earlier.
  if (there == kNone || (token.special && !tokens_[there].special)) there = tokens_.size();
  tokens_.push_back(token);
}

AddedTokenMatcher::Longest AddedTokenMatcher::longest_at(std::string_view text,
                                                         size_t offset) const {
  Longest best;
  size_t state = 0;
  for (size_t i = offset; i < text.size(); ++i) {
    const auto edge = states_[state].next.find(static_cast<uint8_t>(text[i]));
    if (edge == states_[state].next.end()) break;
    state = edge->second;
    if (states_[state].token != kNone) best = {i + 1 - offset, states_[state].token};
  }
  return best;
}

void AddedTokenMatcher::find(std::string_view text, std::vector<Match>& matches) const {
  matches.clear();
  if (tokens_.empty()) return;
  // The end of the last match, white space included, of which a token may be made once more.
  size_t taken = 0;
  for (size_t i = 0; i < text.size();) {
    const Longest best = starts_[static_cast<uint8_t>(text[i])] ? longest_at(text, i) : Longest{};
    if (best.token == kNone) {
      ++i;
      continue;
    }
    const AddedToken& token = tokens_[best.token];
    ByteRange range = {i, i + best.length};
    i = range.end;
    if (token.single_word && word_touches(text, range.begin, range.end)) continue;
    if (token.rstrip) range.end = skip_space(text, range.end);
    if (token.lstrip) {
      range.begin = std::max(skip_space_back(text, range.begin, taken), std::min(taken, range.end));
    }
    taken = range.end;
    matches.push_back({range, token.id});
  }
}

}  // namespace relata::text
