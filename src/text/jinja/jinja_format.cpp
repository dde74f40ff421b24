#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "jinja_operators.h"
#include "jinja_text.h"
#include "relata/text/utf8.h"

namespace relata::text::jinja {
namespace {

constexpr int64_t kMaxWidth = 10'000;

struct Conversion {
  bool left = false, zero = false, plus = false, space = false, hash = false;
  int64_t width = 0;
  int64_t precision = -1;
  char type = 's';
};

int64_t read_count(const std::string& format, size_t& i) {
  int64_t out = 0;
  while (i < format.size() && format[i] >= '0' && format[i] <= '9') {
    out = out * 10 + (format[i++] - '0');
    if (out > kMaxWidth) throw Failure("a format's width is larger than 10000");
  }
  return out;
}

Conversion read_conversion(const std::string& format, size_t& i) {
  Conversion out;
  for (; i < format.size(); ++i) {
    const char c = format[i];
    if (c == '-') {
      out.left = true;
    } else if (c == '0') {
      out.zero = true;
    } else if (c == '+') {
      out.plus = true;
    } else if (c == ' ') {
      out.space = true;
    } else if (c == '#') {
      out.hash = true;
    } else {
      break;
    }
  }
  out.width = read_count(format, i);
  if (i < format.size() && format[i] == '.') {
    ++i;
    out.precision = read_count(format, i);
  }
  if (i >= format.size()) throw Failure("incomplete format");
  out.type = format[i++];
  return out;
}

std::string number_text(const Conversion& conversion, const Value& value) {
  const char type = conversion.type;
  if (!value.is_number()) {
    throw Failure(std::string("%") + type + " format: a number is required, not '" +
                  type_name(value) + "'");
  }
  std::array<char, 400> buffer{};
  const bool integral = type == 'd' || type == 'i' || type == 'u';
  if (integral || type == 'x' || type == 'X' || type == 'o') {
    if (value.is(Kind::kFloat) && !integral) {
      throw Failure(std::string("%") + type + " format: an integer is required, not float");
    }
    const double number = value.as_double();
    if (value.is(Kind::kFloat) && !(std::abs(number) < 9e18)) {
      throw Failure("an integer result does not fit 64 bits");
    }
    const int64_t whole =
        value.is(Kind::kFloat) ? static_cast<int64_t>(number) : value.as_integer();
    const uint64_t magnitude =
        whole < 0 ? ~static_cast<uint64_t>(whole) + 1 : static_cast<uint64_t>(whole);
    const int base = integral ? 10 : (type == 'o' ? 8 : 16);
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude, base);
    std::string digits(buffer.data(), end.ptr);
    if (type == 'X')
      std::transform(digits.begin(), digits.end(), digits.begin(),
                     [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
    const auto wanted = static_cast<size_t>(std::max<int64_t>(conversion.precision, 0));
    if (digits.size() < wanted) digits.insert(0, wanted - digits.size(), '0');
    if (conversion.hash && !integral) digits.insert(0, std::string("0") + type);
    return (whole < 0 ? "-" : "") + digits;
  }
  const double number = value.as_double();
  if (!std::isfinite(number)) return float_repr(number);
  const int precision =
      static_cast<int>(conversion.precision < 0 ? 6 : std::min<int64_t>(conversion.precision, 60));
  const std::string pattern = std::string("%.*") + type;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int size = std::snprintf(buffer.data(), buffer.size(), pattern.c_str(), precision, number);
#pragma GCC diagnostic pop
  return {buffer.data(), static_cast<size_t>(size)};
}

std::string padded(const Conversion& conversion, std::string text, bool is_number) {
  if (is_number && text[0] != '-') {
    if (conversion.plus) {
      text.insert(0, "+");
    } else if (conversion.space) {
      text.insert(0, " ");
    }
  }
  const auto size = static_cast<int64_t>(count_code_points(text));
  if (size >= conversion.width) return text;
  const auto missing = static_cast<size_t>(conversion.width - size);
  if (conversion.left) return text + std::string(missing, ' ');
  if (is_number && conversion.zero) {
    size_t sign = text.find_first_not_of("+- ");
    if (conversion.hash && text.substr(sign).starts_with("0x")) sign += 2;
    return text.insert(sign, missing, '0');
  }
  return std::string(missing, ' ') + text;
}

std::string converted(const Conversion& conversion, const Value& value, Budget& budget) {
  switch (conversion.type) {
    case 's':
    case 'r': {
      std::string text = conversion.type == 's' ? to_text(value, budget) : to_repr(value, budget);
      if (conversion.precision >= 0) text.resize(byte_of(text, conversion.precision));
      return padded(conversion, std::move(text), false);
    }
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
    case 'f':
    case 'F':
    case 'e':
    case 'E':
    case 'g':
    case 'G':
      return padded(conversion, number_text(conversion, value), true);
    default:
      throw Failure(std::string("unsupported format character '") + conversion.type + "'");
  }
}

// Hands out the values of a format one after the other.
class FormatValues {
 public:
  explicit FormatValues(const Value& values)
      : values_(values),
        is_tuple_(values.is(Kind::kSequence) && values.sequence().kind == SequenceKind::kTuple) {}

  const Value& next() {
    if (!is_tuple_ && used_ == 0) {
      ++used_;
      return values_;
    }
    if (!is_tuple_ || used_ >= values_.sequence().items.size()) {
      throw Failure("not enough arguments for format string");
    }
    return values_.sequence().items[used_++];
  }
  const Value& named(const std::string& name) {
    if (!values_.is(Kind::kDict)) throw Failure("format requires a mapping");
    const Value* found = values_.dict().find(name);
    if (found == nullptr) throw Failure("the format names '" + name + "', which is not given");
    used_by_name_ = true;
    return *found;
  }
  void finish() const {
    const bool all = is_tuple_ ? used_ == values_.sequence().items.size()
                               : used_ > 0 || used_by_name_ || !is_single();
    if (!all) throw Failure("not all arguments converted during string formatting");
  }

 private:
  // Python lets a list or dict go unused.
  bool is_single() const { return !values_.is(Kind::kDict) && !values_.is(Kind::kSequence); }
  const Value& values_;
  bool is_tuple_;
  bool used_by_name_ = false;
  size_t used_ = 0;
};

}  // namespace

std::string format_percent(const std::string& format, const Value& values, Budget& budget) {
  std::string out;
  FormatValues source(values);
  for (size_t i = 0; i < format.size();) {
    if (format[i] != '%') {
      out += format[i++];
      continue;
    }
    if (++i >= format.size()) throw Failure("incomplete format");
    if (format[i] == '%') {
      out += '%';
      ++i;
      continue;
    }
    const Value* named = nullptr;
    if (format[i] == '(') {
      const size_t end = format.find(')', i);
      if (end == std::string::npos) throw Failure("incomplete format key");
      named = &source.named(format.substr(i + 1, end - i - 1));
      i = end + 1;
    }
    const Conversion conversion = read_conversion(format, i);
    budget.spend_bytes(static_cast<size_t>(conversion.width) +
                       static_cast<size_t>(std::max<int64_t>(conversion.precision, 0)) + 16);
    out += converted(conversion, named != nullptr ? *named : source.next(), budget);
  }
  source.finish();
  budget.spend_bytes(out.size());
  return out;
}

std::string format_braces(const std::string& format, const Arguments& arguments, Budget& budget) {
  std::string out;
  size_t next = 0;
  for (size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
      out += c;
      ++i;
      continue;
    }
    if (c == '}') throw Failure("single '}' in a format");
    if (c != '{') {
      out += c;
      continue;
    }
    const size_t end = format.find('}', i);
    if (end == std::string::npos) throw Failure("single '{' in a format");
    const std::string field = format.substr(i + 1, end - i - 1);
    i = end;
    const Value* value = nullptr;
    if (field.find_first_of(".[!:{") != std::string::npos) {
      throw Failure("the format field {" + field + "} is not supported",
                    "only {}, {0} and {name} are");
    }
    size_t index = next;
    const bool is_index =
        std::all_of(field.begin(), field.end(), [](char d) { return d >= '0' && d <= '9'; });
    if (field.empty()) {
      ++next;
    } else if (is_index) {
      const auto result = std::from_chars(field.data(), field.data() + field.size(), index);
      if (result.ec != std::errc()) index = arguments.positional.size();
    }
    if (is_index) {
      if (index < arguments.positional.size()) value = &arguments.positional[index];
    } else {
      for (const auto& [name, given] : arguments.named) {
        if (name == field) value = &given;
      }
    }
    if (value == nullptr) throw Failure("the format field {" + field + "} is not given");
    out += to_text(*value, budget);
  }
  budget.spend_bytes(out.size());
  return out;
}

}  // namespace relata::text::jinja
