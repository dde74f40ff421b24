#include "jinja_lexer.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "jinja_text.h"
#include "relata/text/utf8.h"

namespace relata::text::jinja {
namespace {

constexpr std::array<std::string_view, 6> kLongOperators = {"//", "**", "==", "!=", ">=", "<="};
constexpr std::string_view kShortOperators = "+-*/%~[](){}<>=.:|,;";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_digit_in_base(char c, int base) {
  if (is_digit(c)) return c - '0' < base;
  const char letter = static_cast<char>(c | 0x20);
  return base == 16 && letter >= 'a' && letter <= 'f';
}

char32_t code_point_at(std::string_view text, size_t i) {
  return to_code_points(text.substr(i, code_point_length(text, i)))[0];
}

bool begins_name(char32_t c) {
  return c == '_' || u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_XID_START);
}
bool continues_name(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_XID_CONTINUE);
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (i_ < source_.size()) read_data();
    add(TokenKind::kEnd, source_.size());
    return std::move(tokens_);
  }

 private:
  [[noreturn]] static void fail(size_t at, const std::string& message) {
    throw SyntaxFailure(at, message);
  }

  void add(TokenKind kind, size_t at, std::string text = "") {
    tokens_.push_back({kind, at, std::move(text)});
  }

  bool has(std::string_view text) const { return source_.substr(i_).starts_with(text); }

  void skip_space() {
    while (i_ < source_.size() && is_space(code_point_at(source_, i_))) {
      i_ += code_point_length(source_, i_);
    }
  }

  // Everything up to the next tag, then the tag.
  void read_data() {
    size_t tag = i_;
    for (;; ++tag) {
      tag = source_.find('{', tag);
      if (tag == std::string_view::npos || tag + 1 >= source_.size()) {
        add(TokenKind::kData, i_, std::string(source_.substr(i_)));
        i_ = source_.size();
        return;
      }
      const char next = source_[tag + 1];
      if (next == '%' || next == '{' || next == '#') break;
    }
    const char type = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    add_data(i_, tag, sign, type != '{');
    i_ = tag + 2 + (sign == '-' || sign == '+' ? 1 : 0);
    if (type == '#') {
      read_comment(tag);
    } else if (type == '{') {
      add(TokenKind::kPrintBegin, tag);
      read_tag(tag, '}');
    } else if (!read_raw(tag)) {
      add(TokenKind::kBlockBegin, tag);
      read_tag(tag, '%');
    }
  }

  // The text before a tag, less the whitespace that the tag takes away.
  void add_data(size_t begin, size_t end, char sign, bool strips_line) {
    std::string_view text = source_.substr(begin, end - begin);
    if (sign == '-') {
      text = strip(text, Side::kRight);
    } else if (sign != '+' && strips_line) {
      const size_t newline = text.rfind('\n');
      const bool line_begins =
          newline != std::string_view::npos || begin == 0 || source_[begin - 1] == '\n';
      const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      if (line_begins && strip(text.substr(line), Side::kLeft).empty()) text = text.substr(0, line);
    }
    if (!text.empty()) add(TokenKind::kData, begin, std::string(text));
  }

  // After "%}" or "#}" (at i_, with its sign) has been seen: what follows it and goes with it.
  bool read_end(char type, bool trims_newline) {
    const char sign = has("-") || (has("+") && trims_newline) ? source_[i_] : '\0';
    const size_t at = i_ + (sign == '\0' ? 0 : 1);
    if (at + 1 >= source_.size() || source_[at] != type || source_[at + 1] != '}') return false;
    i_ = at + 2;
    if (sign == '-') {
      skip_space();
    } else if (sign == '\0' && trims_newline && has("\n")) {
      ++i_;
    }
    return true;
  }

  void read_comment(size_t tag) {
    for (; i_ < source_.size(); ++i_) {
      if (read_end('#', true)) return;
    }
    fail(tag, "the comment is not closed");
  }

  // "{% raw %}" up to "{% endraw %}", verbatim.
  bool read_raw(size_t tag) {
    const size_t start = i_;
    skip_space();
    if (has("raw")) {
      i_ += 3;
      skip_space();
      if (read_end('%', false)) {
        read_raw_body(tag);
        return true;
      }
    }
    i_ = start;
    return false;
  }

  void read_raw_body(size_t tag) {
    const size_t begin = i_;
    for (size_t end = source_.find("{%", i_); end != std::string_view::npos;
         end = source_.find("{%", end + 1)) {
      i_ = end + 2;
      const char sign = has("-") || has("+") ? source_[i_++] : '\0';
      skip_space();
      if (!has("endraw")) continue;
      i_ += 6;
      skip_space();
      if (!read_end('%', true)) continue;
      add_data(begin, end, sign, true);
      return;
    }
    fail(tag, "the raw block is not closed");
  }

  // The inside of "{{" or "{%", and its end.
  void read_tag(size_t tag, char type) {
    std::string open;  // brackets
    for (;;) {
      skip_space();
      if (i_ >= source_.size()) fail(tag, "the tag is not closed");
      const size_t at = i_;
      if (open.empty() && read_end(type, type == '%')) {
        add(type == '%' ? TokenKind::kBlockEnd : TokenKind::kPrintEnd, at);
        return;
      }
      const char c = source_[i_];
      if (is_digit(c)) {
        read_number();
      } else if (c == '"' || c == '\'') {
        read_string();
      } else if (begins_name(code_point_at(source_, i_))) {
        while (i_ < source_.size() && continues_name(code_point_at(source_, i_))) {
          i_ += code_point_length(source_, i_);
        }
        add(TokenKind::kName, at, std::string(source_.substr(at, i_ - at)));
      } else {
        read_operator(open);
      }
    }
  }

  void read_operator(std::string& open) {
    const size_t at = i_;
    size_t size = 0;
    for (const std::string_view symbol : kLongOperators) {
      if (has(symbol)) size = 2;
    }
    const char c = source_[i_];
    if (size == 0 && kShortOperators.find(c) != std::string_view::npos) size = 1;
    if (size == 0) {
      const size_t bytes = code_point_length(source_, i_);
      fail(at, "unexpected character " + quoted(source_.substr(i_, bytes)));
    }
    if (c == '(' || c == '[' || c == '{') {
      open += c == '(' ? ')' : (c == '[' ? ']' : '}');
    } else if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) fail(at, std::string("unexpected '") + c + "'");
      open.pop_back();
    }
    i_ += size;
    add(TokenKind::kOperator, at, std::string(source_.substr(at, size)));
  }

  // Digits of `base` with single underscores between them; returns them without.
  std::string digits(int base) {
    std::string out;
    while (i_ < source_.size()) {
      const bool underscore = source_[i_] == '_' && i_ + 1 < source_.size();
      const size_t at = underscore ? i_ + 1 : i_;
      if (!is_digit_in_base(source_[at], base)) break;
      out += source_[at];
      i_ = at + 1;
    }
    return out;
  }

  void read_number() {
    const size_t at = i_;
    const bool after_dot = at > 0 && source_[at - 1] == '.';
    int base = 10;
    if (source_[i_] == '0' && i_ + 1 < source_.size()) {
      const char letter = static_cast<char>(source_[i_ + 1] | 0x20);
      base = letter == 'x' ? 16 : (letter == 'o' ? 8 : (letter == 'b' ? 2 : 10));
    }
    if (base != 10) i_ += 2;
    std::string text = digits(base);
    if (base == 10 && !after_dot && read_fraction(text)) {
      Token token{TokenKind::kFloat, at, ""};
      const auto result = std::from_chars(text.data(), text.data() + text.size(), token.number);
      if (result.ec != std::errc()) fail(at, "number out of range");
      tokens_.push_back(std::move(token));
      return;
    }
    const bool zeros = text.find_first_not_of('0') == std::string::npos;
    if (text.empty() || (base == 10 && text[0] == '0' && !zeros)) fail(at, "malformed number");
    Token token{TokenKind::kInteger, at, ""};
    const auto result =
        std::from_chars(text.data(), text.data() + text.size(), token.integer, base);
    if (result.ec != std::errc()) fail(at, "the integer does not fit 64 bits");
    tokens_.push_back(std::move(token));
  }

  // ".5", "e-3" or both; false, and nothing read, when there is neither.
  bool read_fraction(std::string& text) {
    bool found = false;
    auto digit_at = [&](size_t at) { return at < source_.size() && is_digit(source_[at]); };
    if (has(".") && digit_at(i_ + 1)) {
      ++i_;
      text += "." + digits(10);
      found = true;
    }
    if (has("e") || has("E")) {
      const size_t sign =
          i_ + 1 < source_.size() && (source_[i_ + 1] == '-' || source_[i_ + 1] == '+') ? 1 : 0;
      if (digit_at(i_ + 1 + sign)) {
        text += "e";
        if (sign == 1) text += source_[i_ + 1];
        i_ += 1 + sign;
        text += digits(10);
        found = true;
      }
    }
    return found;
  }

  void read_string() {
    const size_t at = i_;
    const char quote = source_[i_++];
    std::string out;
    while (i_ < source_.size() && source_[i_] != quote) {
      if (source_[i_] == '\\') {
        read_escape(out);
      } else {
        out += source_[i_++];
      }
    }
    if (i_ >= source_.size()) fail(at, "the string is not closed");
    ++i_;
    add(TokenKind::kString, at, std::move(out));
  }

  // Python's escapes; an unknown one stays as it is written.
  void read_escape(std::string& out) {
    const size_t at = i_++;
    if (i_ >= source_.size()) return;
    const char c = source_[i_++];
    static constexpr std::string_view kNames = "abfnrtv\\'\"";
    static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
    const size_t simple = kNames.find(c);
    if (simple != std::string_view::npos) {
      out += kMeanings[simple];
    } else if (c == '\n') {
      return;
    } else if (c == 'x' || c == 'u' || c == 'U') {
      append_code_point(out, at, c == 'x' ? 2 : (c == 'u' ? 4 : 8), 16);
    } else if (c >= '0' && c <= '7') {
      --i_;
      size_t count = 0;
      while (count < 3 && i_ + count < source_.size() && is_digit_in_base(source_[i_ + count], 8)) {
        ++count;
      }
      append_code_point(out, at, count, 8);
    } else if (c == 'N') {
      fail(at, "named characters (\\N{...}) are not supported; write \\uXXXX");
    } else {
      out += '\\';
      --i_;
      const size_t size = code_point_length(source_, i_);
      out += source_.substr(i_, size);
      i_ += size;
    }
  }

  void append_code_point(std::string& out, size_t at, size_t digits, int base) {
    uint32_t code = 0;
    const std::string_view text = source_.substr(i_, digits);
    const auto result = std::from_chars(text.data(), text.data() + text.size(), code, base);
    const bool whole = text.size() == digits && result.ptr == text.data() + text.size();
    if (!whole || result.ec != std::errc()) fail(at, "malformed escape in a string");
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
      fail(at, "the escape is no Unicode character");
    }
    append_utf8(out, code);
    i_ += digits;
  }

  std::string_view source_;
  size_t i_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::string normalize_source(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace relata::text::jinja
