#include "relata/base/json_view.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "clean.h"
#include "relata/base/utf8.h"

namespace relata {
namespace {

constexpr int kDeepest = 256;  // objects and lists in one another
constexpr size_t kBlock = size_t{64} * 1024;
constexpr size_t kLargest = std::numeric_limits<uint32_t>::max();

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_special(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' '; }

constexpr std::ptrdiff_t kWindow = 16;

// A bit for each special character of a window.
inline uint32_t special_in(const char* window) {
#ifdef __SSE2__
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(window));
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(' ' - 1)), bytes);
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  return static_cast<uint32_t>(
      _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, slash))));
#else
  uint32_t special = 0;
  for (int i = 0; i < kWindow; ++i) special |= uint32_t{is_special(window[i])} << i;
  return special;
#endif
}

// The first quote, backslash or control character from `at` on, or `end`.
const char* end_of_plain(const char* at, const char* end) {
  for (; end - at >= kWindow; at += kWindow) {
    if (const uint32_t special = special_in(at); special != 0) {
      return at + std::countr_zero(special);
    }
  }
  return std::find_if(at, end, is_special);
}

// None: a fraction, or out of the type's range.
template <class Integer>
std::optional<Integer> whole_number(std::string_view text) {
  Integer value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int64_t> JsonView::integer() const {
  if (!is_number()) return std::nullopt;
  return whole_number<int64_t>(string());
}

double JsonView::number() const {
  double value = 0;
  const char* end = node_->data + node_->size;
  if (std::from_chars(node_->data, end, value).ec == std::errc::result_out_of_range) {
    return std::strtod(std::string(node_->data, end).c_str(), nullptr);  // infinity or zero
  }
  return value;
}

JsonView JsonView::find(std::string_view key) const {
  JsonView found;
  if (!is_object()) return found;
  each_member([&](std::string_view name, JsonView value) {
    if (name == key) found = value;
  });
  return found;
}

JsonView JsonView::at(size_t index) const {
  const JsonNode* node = node_ + 1;
  for (; index > 0; --index) node += node->next;
  return JsonView(node);
}

Json JsonView::to_json() const {
  switch (node_->type) {
    case JsonType::kNull:
      return nullptr;
    case JsonType::kBool:
      return node_->truth;
    case JsonType::kNumber:
      // Unsigned where it can be, as the other parser has them.
      if (const auto whole = whole_number<uint64_t>(string())) return *whole;
      if (const auto whole = integer()) return *whole;
      if (std::isfinite(number())) return number();
      return std::string(string());
    case JsonType::kString:
      return std::string(string());
    case JsonType::kArray: {
      Json list = Json::array();
      for (const JsonView item : *this) list.push_back(item.to_json());
      return list;
    }
    case JsonType::kObject: {
      Json object = Json::object();
      each_member([&](std::string_view key, JsonView value) {
        object[std::string(key)] = value.to_json();
      });
      return object;
    }
  }
  return nullptr;
}

std::string JsonView::path_to(JsonView inner) const {
  std::string path;
  JsonView at = *this;
  const auto holds = [&](JsonView value) {
    return value.node_ <= inner.node_ && inner.node_ < value.node_ + value.node_->next;
  };
  while (at.node_ != inner.node_) {
    JsonView child;
    std::string step;
    size_t index = 0;
    for (const JsonView item : at) {
      if (holds(item)) {
        child = item;
        step = "[" + std::to_string(index) + "]";
        break;
      }
      ++index;
    }
    at.each_member([&](std::string_view key, JsonView value) {
      if (!holds(value)) return;
      child = value;
      step = (path.empty() ? "" : ".") + std::string(key);
    });
    if (!child) break;
    path += step;
    at = child;
  }
  return path;
}

std::optional<JsonProblem> JsonParser::parse(std::string_view text, size_t begin) {
  text_ = text.data();
  text_end_ = text_ + text.size();
  next_node_ = nodes_.data();
  end_of_nodes_ = next_node_ + nodes_.size();
  if (!blocks_.empty()) {
    blocks_.resize(1);
    block_at_ = blocks_.front().get();
    block_left_ = kBlock;
  }
  try {
    end_ = static_cast<size_t>(read_value(text_ + std::min(begin, text.size()), 0) - text_);
  } catch (const Failure&) {
    return problem_;
  }
  return std::nullopt;
}

// What is rare stands apart: the functions that call it then need fewer registers.
[[gnu::noinline, gnu::cold]] void JsonParser::fail(Place place, const char* what) {
  const std::string_view text(text_, static_cast<size_t>(text_end_ - text_));
  const auto offset = static_cast<size_t>(place - text_);
  problem_ = {offset, what + odd_character_note(text, offset)};
  throw Failure();
}

[[gnu::noinline, gnu::cold]] void JsonParser::grow(Place at) {
  const size_t have = nodes_.size();
  if (have >= most_values_) {
    fail(at, "one record has more values than relata takes (33 million)");
  }
  nodes_.resize(std::min(std::max<size_t>(256, 2 * have), most_values_));
  next_node_ = nodes_.data() + have;
  end_of_nodes_ = nodes_.data() + nodes_.size();
}

inline JsonNode& JsonParser::add(JsonType type, Place at, Place data, size_t size) {
  if (next_node_ == end_of_nodes_) grow(at);
  JsonNode& node = *next_node_++;
  node.data = data;
  node.offset = static_cast<size_t>(at - text_);
  node.size = static_cast<uint32_t>(size);
  node.next = 1;
  node.type = type;
  return node;
}

inline size_t JsonParser::open(JsonType type, Place at) {
  add(type, at, nullptr, 0);
  return used() - 1;
}

inline void JsonParser::close(size_t node, size_t count) {
  nodes_[node].size = static_cast<uint32_t>(count);
  nodes_[node].next = static_cast<uint32_t>(used() - node);
}

inline JsonParser::Place JsonParser::skip_space(Place at) const {
  while (at != text_end_ && static_cast<unsigned char>(*at) <= ' ' && is_space(*at)) ++at;
  return at;
}

[[gnu::always_inline]] inline JsonParser::Place JsonParser::read_string(Place at) {
  if (text_end_ - at > kWindow) {
    const int size = std::countr_zero(special_in(at + 1));
    if (size < kWindow && at[1 + size] == '"') {
      add(JsonType::kString, at, at + 1, static_cast<size_t>(size));
      return at + size + 2;
    }
  }
  return read_long_string(at);
}

inline JsonParser::Place JsonParser::read_number(Place at) {
  Place end = at + 1;
  while (end != text_end_ && is_digit(*end)) ++end;
  const bool whole = end != text_end_ && *end != '.' && (*end | 0x20) != 'e';
  if (!whole || *at == '0' || static_cast<size_t>(end - at) > kLargest) return read_rare_number(at);
  add(JsonType::kNumber, at, at, static_cast<size_t>(end - at));
  return end;
}

[[gnu::always_inline]] inline JsonParser::Place JsonParser::read_value(Place at, int depth) {
  at = skip_space(at);
  if (at != text_end_ && *at == '"') return read_string(at);
  if (at != text_end_ && is_digit(*at)) return read_number(at);
  return read_rare_value(at, depth);
}

JsonParser::Place JsonParser::read_rare_value(Place at, int depth) {
  if (at == text_end_) fail(at, "the text ends where a value should begin");
  switch (*at) {
    case '{':
    case '[':
      if (depth == kDeepest) fail(at, "the values are nested too deeply");
      return *at == '{' ? read_object(at, depth) : read_array(at, depth);
    case 't':
      return read_word(at, "true", JsonType::kBool, true);
    case 'f':
      return read_word(at, "false", JsonType::kBool, false);
    case 'n':
      return read_word(at, "null", JsonType::kNull, false);
    default:
      return read_rare_number(at);
  }
}

JsonParser::Place JsonParser::read_array(Place at, int depth) {
  const size_t node = open(JsonType::kArray, at);
  size_t count = 0;
  at = skip_space(at + 1);
  if (at != text_end_ && *at == ']') {
    close(node, 0);
    return at + 1;
  }
  while (true) {
    at = skip_space(read_value(at, depth + 1));
    ++count;
    if (at == text_end_) fail(at, "a list is not closed");
    if (*at == ']') break;
    if (*at != ',') fail(at, "a comma or ] is missing");
    ++at;
  }
  close(node, count);
  return at + 1;
}

JsonParser::Place JsonParser::read_object(Place at, int depth) {
  const size_t node = open(JsonType::kObject, at);
  size_t count = 0;
  at = skip_space(at + 1);
  if (at != text_end_ && *at == '}') {
    close(node, 0);
    return at + 1;
  }
  while (true) {
    at = skip_space(at);
    if (at == text_end_) fail(at, "an object is not closed");
    if (*at != '"') fail(at, "a name in quotes is missing");
    at = skip_space(read_string(at));
    if (at == text_end_) fail(at, "an object is not closed");
    if (*at != ':') fail(at, "a colon is missing");
    at = skip_space(read_value(at + 1, depth + 1));
    ++count;
    if (at == text_end_) fail(at, "an object is not closed");
    if (*at == '}') break;
    if (*at != ',') fail(at, "a comma or } is missing");
    ++at;
  }
  close(node, count);
  return at + 1;
}

[[gnu::noinline]] JsonParser::Place JsonParser::read_long_string(Place at) {
  const Place end = end_of_plain(at + 1, text_end_);
  if (end == text_end_) fail(at, "a string is not closed");
  const auto size = static_cast<size_t>(end - at - 1);
  if (size > kLargest) fail(at, "the string is too long");
  if (*end == '\\') return read_escaped(at, end);
  if (*end != '"') fail(end, "a string has a bare control character or line break");
  add(JsonType::kString, at, at + 1, size);
  return end + 1;
}

char32_t JsonParser::read_hex(Place at) {
  uint32_t value = 0;
  if (text_end_ - at < 4 || std::from_chars(at, at + 4, value, 16).ptr != at + 4) {
    fail(at, "\\u is not followed by four hexadecimal digits");
  }
  return value;
}

JsonParser::Place JsonParser::read_escaped(Place begin, Place at) {
  scratch_.assign(begin + 1, at);
  while (true) {
    if (at == text_end_) fail(begin, "a string is not closed");
    if (*at == '"') break;
    if (*at != '\\') fail(at, "a string has a bare control character or line break");
    if (text_end_ - at < 2) fail(begin, "a string is not closed");
    constexpr std::string_view kLetters = "\"\\/bfnrtu";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const size_t which = kLetters.find(at[1]);
    if (which == std::string_view::npos) fail(at, "an unknown escape in a string");
    if (which < kMeanings.size()) {
      scratch_.push_back(kMeanings[which]);
      at += 2;
    } else {
      const Place escape = at;
      char32_t code = read_hex(at + 2);
      at += 6;
      if (code >= 0xD800 && code < 0xDC00 && text_end_ - at >= 2 && at[0] == '\\' && at[1] == 'u') {
        const char32_t low = read_hex(at + 2);
        if (low >= 0xDC00 && low < 0xE000) {
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
          at += 6;
        }
      }
      if (code >= 0xD800 && code < 0xE000) fail(escape, "half a surrogate pair");
      append_utf8(scratch_, code);
    }
    const Place plain = end_of_plain(at, text_end_);
    scratch_.append(at, plain);
    at = plain;
  }
  if (scratch_.size() > kLargest) fail(begin, "the string is too long");
  char* copy = allocate(scratch_.size());
  std::copy(scratch_.begin(), scratch_.end(), copy);
  add(JsonType::kString, begin, copy, scratch_.size());
  return at + 1;
}

JsonParser::Place JsonParser::read_rare_number(Place at) {
  const Place begin = at;
  const auto skip_digits = [&] {
    const Place first = at;
    while (at != text_end_ && is_digit(*at)) ++at;
    return at != first;
  };
  if (at != text_end_ && *at == '-') ++at;
  const bool zero = at != text_end_ && *at == '0';
  const Place whole = at;
  if (!skip_digits()) fail(begin, "no JSON value");
  if (zero && at - whole > 1) fail(begin, "a number begins with 0");
  if (at != text_end_ && *at == '.') {
    ++at;
    if (!skip_digits()) fail(begin, "a number ends in its point");
  }
  if (at != text_end_ && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != text_end_ && (*at == '+' || *at == '-')) ++at;
    if (!skip_digits()) fail(begin, "a number's exponent is missing");
  }
  if (static_cast<size_t>(at - begin) > kLargest) fail(begin, "the number is too long");
  add(JsonType::kNumber, begin, begin, static_cast<size_t>(at - begin));
  return at;
}

JsonParser::Place JsonParser::read_word(Place at, std::string_view word, JsonType type,
                                        bool truth) {
  const std::string_view left(at, static_cast<size_t>(text_end_ - at));
  if (!left.starts_with(word)) fail(at, "no JSON value");
  add(type, at, nullptr, 0).truth = truth;
  return at + word.size();
}

char* JsonParser::allocate(size_t size) {
  if (size > kBlock) {
    // Never first: the first block is the one that is kept.
    if (blocks_.empty()) allocate(1);
    blocks_.push_back(std::make_unique<char[]>(size));
    return blocks_.back().get();
  }
  if (block_left_ < size || !block_at_) {
    blocks_.push_back(std::make_unique<char[]>(kBlock));
    block_at_ = blocks_.back().get();
    block_left_ = kBlock;
  }
  char* place = block_at_;
  block_at_ += size;
  block_left_ -= size;
  return place;
}

std::string odd_character_note(std::string_view text, size_t offset) {
  if (offset >= text.size() || is_space(text[offset])) return "";
  if (text[offset] > ' ' && text[offset] <= '~') return "";
  const size_t size = std::max<size_t>(internal::utf8_sequence(text, offset), 1);
  return ", but \"" + internal::clean_text(text.substr(offset, size)) + "\"";
}

size_t skip_json_value(std::string_view text, size_t begin) {
  size_t open = 0;
  for (size_t at = begin; at < text.size(); ++at) {
    switch (text[at]) {
      case '"':
        for (++at; at < text.size() && text[at] != '"' && text[at] != '\n'; ++at) {
          at += text[at] == '\\';
        }
        break;
      case '[':
      case '{':
        ++open;
        break;
      case ']':
      case '}':
        if (open <= 1) return open == 1 ? at + 1 : at;
        --open;
        break;
      case ',':
        if (open == 0) return at;
        break;
      default:
        break;
    }
  }
  return std::string_view::npos;
}

}  // namespace relata
