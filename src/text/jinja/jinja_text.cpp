#include "jinja_text.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "relata/text/utf8.h"
#include "unicode/unicode_sets.h"

namespace relata::text::jinja {
namespace {

char32_t decode(std::string_view text, size_t offset) {
  UChar32 c = 0;
  auto i = static_cast<int64_t>(offset);
  U8_NEXT_OR_FFFD(text.data(), i, static_cast<int64_t>(text.size()), c);
  return static_cast<char32_t>(c);
}

enum class Case { kUpper, kLower, kTitle };

// Full case mapping without a language: one character may become several.
std::string mapped(std::string_view text, Case wanted) {
  icu::UnicodeString unicode = icu::UnicodeString::fromUTF8(
      icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
  switch (wanted) {
    case Case::kUpper:
      unicode.toUpper(icu::Locale::getRoot());
      break;
    case Case::kLower:
      unicode.toLower(icu::Locale::getRoot());
      break;
    case Case::kTitle:
      unicode.toTitle(nullptr, icu::Locale::getRoot(),
                      U_TITLECASE_NO_BREAK_ADJUSTMENT | U_TITLECASE_WHOLE_STRING);
      break;
  }
  std::string out;
  unicode.toUTF8String(out);
  return out;
}

bool is_cased(char32_t c) { return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASED); }

bool is_upper(char32_t c) { return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_UPPERCASE); }
bool is_lower(char32_t c) { return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_LOWERCASE); }

constexpr char32_t kCapitalSigma = 0x3A3;

// Whether the sigma at `at` ends a word, which gives it another small letter.
bool is_final_sigma(std::string_view text, size_t at) {
  auto ignorable = [](char32_t c) {
    return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASE_IGNORABLE);
  };
  size_t before = at;
  while (before > 0 && ignorable(decode(text, code_point_start(text, before)))) {
    before = code_point_start(text, before);
  }
  if (before == 0 || !is_cased(decode(text, code_point_start(text, before)))) return false;
  size_t after = at + code_point_length(text, at);
  while (after < text.size() && ignorable(decode(text, after))) {
    after += code_point_length(text, after);
  }
  return after >= text.size() || !is_cased(decode(text, after));
}

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  switch (u_charType(static_cast<UChar32>(c))) {
    case U_UNASSIGNED:
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:
    case U_SURROGATE:
    case U_PRIVATE_USE_CHAR:
    case U_SPACE_SEPARATOR:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR:
      return false;
    default:
      return true;
  }
}

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool has_class(char32_t c, Class wanted) {
  const auto point = static_cast<UChar32>(c);
  const int numeric = u_getIntPropertyValue(point, UCHAR_NUMERIC_TYPE);
  switch (wanted) {
    case Class::kAlpha:
      return (U_GET_GC_MASK(point) & U_GC_L_MASK) != 0;
    case Class::kDecimal:
      return numeric == U_NT_DECIMAL;
    case Class::kDigit:
      return numeric == U_NT_DECIMAL || numeric == U_NT_DIGIT;
    case Class::kNumeric:
      return numeric != U_NT_NONE;
    case Class::kAlnum:
      return has_class(c, Class::kAlpha) || numeric != U_NT_NONE;
    case Class::kSpace:
      return is_space(c);
    case Class::kUpper:
    case Class::kLower:
      return false;
  }
  return false;
}

void append_hex(std::string& out, char32_t c, int digits) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kDigits[(c >> shift) & 0xF];
}

}  // namespace

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

std::string_view strip(std::string_view text, Side side, const std::string* chars) {
  const std::u32string set = chars != nullptr ? to_code_points(*chars) : std::u32string();
  auto goes = [&](char32_t c) {
    return chars == nullptr ? is_space(c) : set.find(c) != std::u32string::npos;
  };
  size_t begin = 0;
  size_t end = text.size();
  if (side != Side::kRight) {
    while (begin < end && goes(decode(text, begin))) begin += code_point_length(text, begin);
  }
  if (side != Side::kLeft) {
    while (end > begin && goes(decode(text, code_point_start(text, end)))) {
      end = code_point_start(text, end);
    }
  }
  return text.substr(begin, end - begin);
}

size_t count_of(std::string_view text, std::string_view part) {
  size_t out = 0;
  for (size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++out;
  }
  return out;
}

size_t count_words(std::string_view text) {
  size_t out = 0;
  bool inside = false;
  for (size_t i = 0; i < text.size(); i += code_point_length(text, i)) {
    const bool in_word = !is_space(decode(text, i));
    out += in_word && !inside ? 1 : 0;
    inside = in_word;
  }
  return out;
}

size_t count_lines(std::string_view text) {
  size_t out = 1;
  for (size_t i = 0; i < text.size(); i += code_point_length(text, i)) {
    out += is_line_break(decode(text, i)) ? 1 : 0;
  }
  return out;
}

std::vector<std::string> split_words(std::string_view text, int64_t limit, bool from_right) {
  std::vector<std::string> out;
  const Side near = from_right ? Side::kRight : Side::kLeft;
  std::string_view rest = strip(text, near);
  while (!rest.empty()) {
    if (limit >= 0 && static_cast<int64_t>(out.size()) == limit) {
      out.emplace_back(rest);  // Python keeps the far end's whitespace
      break;
    }
    size_t begin = 0;
    size_t end = rest.size();
    if (from_right) {
      begin = end;
      while (begin > 0 && !is_space(decode(rest, code_point_start(rest, begin)))) {
        begin = code_point_start(rest, begin);
      }
      out.emplace_back(rest.substr(begin));
      rest = strip(rest.substr(0, begin), near);
    } else {
      end = 0;
      while (end < rest.size() && !is_space(decode(rest, end))) end += code_point_length(rest, end);
      out.emplace_back(rest.substr(0, end));
      rest = strip(rest.substr(end), near);
    }
  }
  if (from_right) std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string> split(std::string_view text, std::string_view separator, int64_t limit,
                               bool from_right) {
  std::vector<std::string> out;
  while (limit < 0 || static_cast<int64_t>(out.size()) < limit) {
    const size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    const size_t after = at + separator.size();
    out.emplace_back(from_right ? text.substr(after) : text.substr(0, at));
    text = from_right ? text.substr(0, at) : text.substr(after);
  }
  out.emplace_back(text);
  if (from_right) std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> out;
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = decode(text, i);
    const size_t end_of_line = i;
    i += code_point_length(text, i);
    if (!is_line_break(c)) continue;
    if (c == '\r' && i < text.size() && text[i] == '\n') ++i;
    out.emplace_back(text.substr(begin, (keep_ends ? i : end_of_line) - begin));
    begin = i;
  }
  if (begin < text.size()) out.emplace_back(text.substr(begin));
  return out;
}

std::string replace_all(std::string_view text, std::string_view old, std::string_view with,
                        int64_t limit) {
  std::string out;
  size_t i = 0;
  if (old.empty()) {
    for (; limit != 0; --limit) {
      out += with;
      if (i >= text.size()) return out;
      const size_t size = code_point_length(text, i);
      out += text.substr(i, size);
      i += size;
    }
    return out.append(text.substr(i));
  }
  for (; limit != 0; --limit) {
    const size_t at = text.find(old, i);
    if (at == std::string_view::npos) break;
    out += text.substr(i, at - i);
    out += with;
    i = at + old.size();
  }
  return out.append(text.substr(i));
}

std::string upper(std::string_view text) { return mapped(text, Case::kUpper); }
std::string lower(std::string_view text) { return mapped(text, Case::kLower); }

std::string title(std::string_view text) {
  std::string out;
  bool inside = false;  // after a letter that has case
  for (size_t i = 0; i < text.size();) {
    const size_t size = code_point_length(text, i);
    const std::string_view one = text.substr(i, size);
    const char32_t c = decode(text, i);
    if (!inside) {
      out += mapped(one, Case::kTitle);
    } else if (c == kCapitalSigma) {
      append_utf8(out, is_final_sigma(text, i) ? 0x3C2 : 0x3C3);
    } else {
      out += lower(one);
    }
    inside = is_cased(c);
    i += size;
  }
  return out;
}

std::string title_words(std::string_view text) {
  auto separates = [&](size_t i) {
    const char32_t c = decode(text, i);
    return c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || is_space(c);
  };
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && !separates(end)) end += code_point_length(text, end);
    if (end > i) {
      const size_t first = code_point_length(text, i);
      out += upper(text.substr(i, first));
      out += lower(text.substr(i + first, end - i - first));
    }
    i = end;
    if (i < text.size()) {
      const size_t size = code_point_length(text, i);
      out += text.substr(i, size);
      i += size;
    }
  }
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return "";
  const size_t first = code_point_length(text, 0);
  // Lower-casing the whole tells the rest what stands before it.
  const std::string all = lower(text);
  const std::string head = lower(text.substr(0, first));
  return mapped(text.substr(0, first), Case::kTitle) +
         (all.starts_with(head) ? all.substr(head.size()) : lower(text.substr(first)));
}

std::string swapcase(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t size = code_point_length(text, i);
    const char32_t c = decode(text, i);
    const std::string_view one = text.substr(i, size);
    out += is_upper(c) ? lower(one) : (is_lower(c) ? upper(one) : std::string(one));
    i += size;
  }
  return out;
}

bool all_of(std::string_view text, Class wanted) {
  if (wanted == Class::kUpper || wanted == Class::kLower) {
    bool any = false;
    for (size_t i = 0; i < text.size(); i += code_point_length(text, i)) {
      const char32_t c = decode(text, i);
      const bool title_case = u_charType(static_cast<UChar32>(c)) == U_TITLECASE_LETTER;
      const bool good = wanted == Class::kUpper ? is_upper(c) : is_lower(c);
      const bool bad = wanted == Class::kUpper ? is_lower(c) : is_upper(c);
      if (bad || title_case) return false;
      any = any || good;
    }
    return any;
  }
  for (size_t i = 0; i < text.size(); i += code_point_length(text, i)) {
    if (!has_class(decode(text, i), wanted)) return false;
  }
  return !text.empty();
}

std::string quoted(std::string_view text) {
  const bool single = text.find('\'') != std::string_view::npos;
  const bool twofold = text.find('"') != std::string_view::npos;
  const char quote = single && !twofold ? '"' : '\'';
  std::string out(1, quote);
  for (size_t i = 0; i < text.size();) {
    const size_t size = code_point_length(text, i);
    const char32_t c = decode(text, i);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : (c == '\r' ? "\\r" : "\\t");
    } else if (is_printable(c)) {
      out += text.substr(i, size);
    } else {
      const int digits = c < 0x100 ? 2 : (c < 0x10000 ? 4 : 8);
      out += digits == 2 ? "\\x" : (digits == 4 ? "\\u" : "\\U");
      append_hex(out, c, digits);
    }
    i += size;
  }
  return out + quote;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

size_t byte_of(std::string_view text, int64_t index) {
  size_t offset = 0;
  for (; index > 0 && offset < text.size(); --index) offset += code_point_length(text, offset);
  return offset;
}

std::vector<int64_t> slice_indices(const SliceBounds& bounds, int64_t size) {
  const bool forward = bounds.step > 0;
  auto place = [&](int64_t index) {
    if (index < 0) index = index < -size ? -1 : index + size;
    return std::clamp<int64_t>(index, forward ? 0 : -1, forward ? size : size - 1);
  };
  const int64_t begin = bounds.has_begin ? place(bounds.begin) : (forward ? 0 : size - 1);
  const int64_t end = bounds.has_end ? place(bounds.end) : (forward ? size : -1);
  std::vector<int64_t> out;
  if (forward) {
    for (int64_t i = begin; i < end;) {
      out.push_back(i);
      if (bounds.step >= end - i) break;
      i += bounds.step;
    }
  } else {
    for (int64_t i = begin; i > end;) {
      out.push_back(i);
      if (bounds.step <= end - i) break;
      i += bounds.step;
    }
  }
  return out;
}

}  // namespace relata::text::jinja
