#include "json_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "relata/text/utf8.h"

namespace relata::eval {
namespace {

constexpr int kDeepest = 200;
constexpr int64_t kLargest = 2147483647;

bool is_ascii(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080ULL;
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    if ((word & kHighBits) != 0) return false;
  }
  for (; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0x80) != 0) return false;
  }
  return true;
}

// The first quote, backslash or control character from `at` on, eight bytes at a time: a byte of
// the difference has its high bit set where the byte was zero, or below a space.
const char* plain_end(const char* at, const char* end) {
  constexpr uint64_t kOnes = 0x0101010101010101ULL, kHigh = 0x8080808080808080ULL;
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, at, 8);
      const uint64_t quote = word ^ (kOnes * '"'), slash = word ^ (kOnes * '\\');
      const uint64_t special = (((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash) |
                                ((word - kOnes * ' ') & ~word)) &
                               kHigh;
      if (special != 0) return at + std::countr_zero(special) / 8;
    }
  }
  while (at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= ' ') ++at;
  return at;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

JsonCursor::JsonCursor(std::string_view text, std::string where, std::deque<std::string>& decoded)
    : where_(std::move(where)), decoded_(decoded) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  begin_ = at_ = text.data();
  end_ = text.data() + text.size();
  if (is_ascii(text)) return;
  if (const auto bad = text::find_invalid_utf8(text)) {
    at_ = begin_ + *bad;
    fail("invalid UTF-8");
  }
}

void JsonCursor::fail(const std::string& problem) {
  if (!problem_) {
    const auto line = 1 + std::count(begin_, at_, '\n');
    const char* start = at_;
    while (start != begin_ && start[-1] != '\n') --start;
    problem_ = input_error(fmt::format("{}:{}:{}: {}", where_, line, at_ - start + 1, problem),
                           "check that the file is complete and in the format that was meant");
  }
  at_ = end_;
}

Status JsonCursor::status() {
  if (!problem_ && !at_end()) fail("the file goes on behind its value");
  if (problem_) return *problem_;
  return {};
}

bool JsonCursor::open(char bracket, const char* wanted) {
  space();
  if (problem_) return false;
  if (at_ == end_ || *at_ != bracket) {
    fail(fmt::format("{} wanted", wanted));
    return false;
  }
  ++at_;
  if (++depth_ > kDeepest) {
    fail("lists and objects are nested too deep");
    return false;
  }
  return true;
}

bool JsonCursor::find_next(char close, bool first) {
  if (problem_) return false;
  space();
  if (at_ != end_ && *at_ == close) {
    ++at_, --depth_;
    return false;
  }
  if (!first) {
    if (at_ == end_ || *at_ != ',') {
      fail(fmt::format("',' or '{}' wanted", close));
      return false;
    }
    ++at_;
    space();
  }
  if (at_ == end_) {
    fail("the file ends inside a value");
    return false;
  }
  return true;
}

const char* JsonCursor::end_of_string() {
  has_escape_ = false;
  const char* at = at_;
  while (true) {
    at = plain_end(at, end_);
    if (at == end_ || *at != '\\') break;
    has_escape_ = true;
    at = end_ - at > 2 ? at + 2 : end_;
  }
  if (at == end_ || *at != '"') {
    at_ = at;
    fail(at == end_ ? "the file ends inside a string" : "a control character in a string");
    return nullptr;
  }
  return at;
}

std::string_view JsonCursor::string() {
  space();
  if (problem_) return {};
  if (at_ == end_ || *at_ != '"') {
    fail("a string wanted");
    return {};
  }
  ++at_;
  const char* end = end_of_string();
  if (end == nullptr) return {};
  std::string_view raw(at_, static_cast<size_t>(end - at_));
  if (has_escape_) {
    raw = decode(end);
    if (problem_) return {};
  }
  at_ = end + 1;
  return raw;
}

std::optional<char32_t> JsonCursor::code_unit(const char*& at, const char* end) const {
  if (end - at < 4) return std::nullopt;
  char32_t unit = 0;
  for (int i = 0; i < 4; ++i, ++at) {
    const int digit = hex_value(*at);
    if (digit < 0) return std::nullopt;
    unit = unit * 16 + static_cast<char32_t>(digit);
  }
  return unit;
}

std::string_view JsonCursor::decode(const char* end) {
  static constexpr std::string_view kEscapes = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  std::string out;
  for (const char* at = at_; at < end;) {
    if (*at != '\\') {
      out += *at++;
      continue;
    }
    const char* escape = at++;
    const size_t simple = kEscapes.find(*at);
    if (simple != std::string_view::npos) {
      out += kMeanings[simple];
      ++at;
      continue;
    }
    std::optional<char32_t> unit;
    if (*at == 'u') unit = code_unit(++at, end);
    if (unit && *unit >= 0xD800 && *unit < 0xDC00 && end - at >= 6 && at[0] == '\\' &&
        at[1] == 'u') {
      at += 2;
      const auto low = code_unit(at, end);
      const bool pair = low && *low >= 0xDC00 && *low < 0xE000;
      unit =
          pair ? std::optional(0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00)) : std::nullopt;
    }
    if (!unit || (*unit >= 0xD800 && *unit < 0xE000)) {
      at_ = escape;
      fail("a broken escape in a string");
      return {};
    }
    text::append_utf8(out, *unit);
  }
  return decoded_.emplace_back(std::move(out));
}

int JsonCursor::integer() {
  space();
  int64_t value = 0;
  const char* start = at_;
  while (at_ != end_ && is_digit(*at_) && value <= kLargest) value = value * 10 + (*at_++ - '0');
  const bool more = at_ != end_ && (*at_ == '.' || *at_ == 'e' || *at_ == 'E' || is_digit(*at_));
  if (at_ == start || value > kLargest || more) {
    at_ = start;
    fail("a whole number from 0 on wanted");
    return 0;
  }
  return static_cast<int>(value);
}

bool JsonCursor::skip_number() {
  const char* start = at_;
  if (at_ != end_ && *at_ == '-') ++at_;
  auto digits = [&] {
    const char* first = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != first;
  };
  bool good = digits();
  if (good && at_ != end_ && *at_ == '.') ++at_, good = digits();
  if (good && at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    good = digits();
  }
  if (!good) at_ = start;
  return good;
}

bool JsonCursor::skip_word(std::string_view word) {
  if (std::string_view(at_, static_cast<size_t>(end_ - at_)).substr(0, word.size()) != word) {
    return false;
  }
  at_ += word.size();
  return true;
}

void JsonCursor::skip() {
  space();
  if (problem_) return;
  if (at_ == end_) return fail("the file ends where a value is wanted");
  switch (*at_) {
    case '"': {
      ++at_;
      const char* end = end_of_string();
      if (end != nullptr) at_ = end + 1;
      return;
    }
    case '[':
      return array([&] { skip(); });
    case '{':
      return object([&](std::string_view) { skip(); });
    case 't':
      if (skip_word("true")) return;
      break;
    case 'f':
      if (skip_word("false")) return;
      break;
    case 'n':
      if (skip_word("null")) return;
      break;
    default:
      if (skip_number()) return;
  }
  fail("a value wanted");
}

}  // namespace relata::eval
