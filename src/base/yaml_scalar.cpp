// The types of YAML's unquoted scalars.
#include <charconv>
#include <cstdint>
#include <limits>

#include "clean.h"
#include "json_text.h"

namespace relata::internal {
namespace {

size_t skip_digits(std::string_view text, size_t i) {
  while (i < text.size() && is_digit(text[i])) ++i;
  return i;
}

enum class NumberKind { kNone, kInteger, kFloat };

// [-+]?[0-9]+ or [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
NumberKind number_kind(std::string_view text) {
  size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const size_t whole = skip_digits(text, i) - i;
  i += whole;
  if (whole > 0 && i == text.size()) return NumberKind::kInteger;
  size_t fraction = 0;
  if (i < text.size() && text[i] == '.') {
    ++i;
    fraction = skip_digits(text, i) - i;
    i += fraction;
  }
  if (whole + fraction == 0) return NumberKind::kNone;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    const size_t end = skip_digits(text, i);
    if (end == i) return NumberKind::kNone;
    i = end;
  }
  return i == text.size() ? NumberKind::kFloat : NumberKind::kNone;
}

template <class T>
bool read_number(std::string_view text, T& out, int base = 10) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

}  // namespace

Result<Json> plain_scalar(std::string_view text) {
  using Words3 = std::array<std::string_view, 3>;
  if (text.empty() || text == "~" || is_one_of(text, Words3{"null", "Null", "NULL"})) {
    return Json(nullptr);
  }
  if (is_one_of(text, Words3{"true", "True", "TRUE"})) return Json(true);
  if (is_one_of(text, Words3{"false", "False", "FALSE"})) return Json(false);
  if (is_one_of(text, Words3{".nan", ".NaN", ".NAN"})) {
    return Json(std::numeric_limits<double>::quiet_NaN());
  }
  const bool is_signed = text[0] == '-' || text[0] == '+';
  if (is_one_of(text.substr(is_signed ? 1 : 0), Words3{".inf", ".Inf", ".INF"})) {
    const double infinity = std::numeric_limits<double>::infinity();
    return Json(text[0] == '-' ? -infinity : infinity);
  }
  const Error range = input_error("number out of range: " + clean_text(text, 60));
  const bool octal = text.starts_with("0o") && text.size() > 2 &&
                     text.find_first_not_of("01234567", 2) == std::string_view::npos;
  const bool hexadecimal =
      text.starts_with("0x") && text.size() > 2 &&
      text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
  if (octal || hexadecimal) {
    uint64_t number = 0;
    if (!read_number(text.substr(2), number, octal ? 8 : 16)) return range;
    return Json(number);
  }
  const NumberKind kind = number_kind(text);
  if (kind == NumberKind::kNone) return Json(std::string(text));
  const std::string_view digits = text[0] == '+' ? text.substr(1) : text;
  if (kind == NumberKind::kInteger) {
    int64_t number = 0;
    if (read_number(digits, number)) return Json(number);
    uint64_t large = 0;
    if (read_number(digits, large)) return Json(large);
  }
  double number = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (result.ec != std::errc()) return range;
  return Json(number);
}

}  // namespace relata::internal
