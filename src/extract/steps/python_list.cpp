#include "python_list.h"

#include <algorithm>

#include "relata/base/hex.h"
#include "relata/text/utf8.h"

namespace relata::extract {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool is_quote(char c) { return c == '\'' || c == '"'; }

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return kBlanks.find(c) != std::string_view::npos; });
  return text;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<std::vector<std::string>> run() {
    std::vector<std::string> out;
    if (!take('[')) return std::nullopt;
    while (!take(']')) {
      if (!out.empty() && !take(',')) return std::nullopt;
      if (!out.empty() && take(']')) break;
      auto value = read_string();
      if (!value) return std::nullopt;
      out.push_back(std::move(*value));
    }
    skip_blanks();
    if (at_ < text_.size()) return std::nullopt;
    return out;
  }

 private:
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size()); }

  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::optional<std::string> read_string() {
    skip_blanks();
    if (at_ == text_.size() || !is_quote(text_[at_])) return std::nullopt;
    const char quote = text_[at_++];
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] != '\\') {
        out += text_[at_++];
      } else if (!read_escape(out)) {
        return std::nullopt;
      }
    }
    if (at_++ == text_.size() || text::find_invalid_utf8(out)) return std::nullopt;
    return out;
  }

  bool read_escape(std::string& out) {
    if (++at_ == text_.size()) return false;
    const char c = text_[at_++];
    constexpr std::string_view kLetters = "nrtabfv\\'\"";
    constexpr std::string_view kMeanings = "\n\r\t\a\b\f\v\\'\"";
    if (const size_t known = kLetters.find(c); known != std::string_view::npos) {
      out += kMeanings[known];
      return true;
    }
    if (c == 'x') return read_code(2, 16, out);
    if (c == 'u') return read_code(4, 16, out);
    if (c == 'U') return read_code(8, 16, out);
    if (c >= '0' && c <= '7') {
      --at_;
      const size_t end = std::min(text_.find_first_not_of("01234567", at_), text_.size());
      return read_code(std::min<size_t>(end - at_, 3), 8, out);
    }
    (out += '\\') += c;  // Python keeps what it does not know
    return true;
  }

  bool read_code(size_t digits, int base, std::string& out) {
    if (text_.size() - at_ < digits) return false;
    uint32_t code = 0;
    for (size_t i = 0; i < digits; ++i) {
      const int digit = hex_digit(text_[at_++]);
      if (digit < 0 || digit >= base) return false;
      code = code * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    text::append_utf8(out, static_cast<char32_t>(code));
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

bool is_python_list(const std::vector<TemplatePart>& item) {
  if (item.size() < 3 || item.size() % 2 == 0) return false;
  for (size_t i = 0; i < item.size(); ++i) {
    if (item[i].placeholder != (i % 2 == 1)) return false;
    if (item[i].placeholder) continue;
    const std::string text = without_blanks(item[i].text);
    const bool first = i == 0;
    const bool last = i + 1 == item.size();
    const bool good =
        first  ? text.size() == 2 && text[0] == '[' && is_quote(text[1])
        : last ? text.size() == 2 && is_quote(text[0]) && text[1] == ']'
               : text.size() == 3 && is_quote(text[0]) && text[1] == ',' && is_quote(text[2]);
    if (!good) return false;
  }
  return true;
}

std::optional<std::vector<std::string>> read_python_list(std::string_view text) {
  return Reader(text).run();
}

}  // namespace relata::extract
