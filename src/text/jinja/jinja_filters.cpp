// Filters on texts and numbers; those on sequences are in jinja_sequence_filters.cpp.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "jinja_interpreter.h"
#include "jinja_operators.h"
#include "jinja_text.h"
#include "relata/text/utf8.h"

namespace relata::text::jinja {
namespace {

using Given = std::vector<const Value*>;

bool flag(const Value* value) { return value != nullptr && truth(*value); }

Value trim_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "trim", {"chars"}, 0);
  const std::string text = to_text(value, in.budget());
  const bool has_chars = given[0] != nullptr && !given[0]->is(Kind::kNone);
  const std::string chars = has_chars ? to_text(*given[0], in.budget()) : "";
  in.budget().spend_search(text.size(), chars.size());
  return Value::text(std::string(strip(text, Side::kBoth, has_chars ? &chars : nullptr)),
                     value.is_markup());
}

template <std::string (*mapping)(std::string_view)>
Value case_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "filter", {}, 0);
  const std::string text = to_text(value, in.budget());
  in.budget().spend_bytes(4 * text.size());
  return Value::text(mapping(text), value.is_markup());
}

Value replace_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "replace", {"old", "new", "count"}, 2);
  const bool limited = given[2] != nullptr && !given[2]->is(Kind::kNone);
  return Value::text(replaced(to_text(value, in.budget()), to_text(*given[0], in.budget()),
                              to_text(*given[1], in.budget()),
                              limited ? to_index(*given[2], "count") : -1, in.budget()));
}

Value string_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "string", {}, 0);
  return value.is(Kind::kText) ? value : Value::text(to_text(value, in.budget()));
}

Value safe_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "safe", {}, 0);
  return Value::text(to_text(value, in.budget()), true);
}

Value escape_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "escape", {}, 0);
  if (value.is_markup()) return value;
  const std::string text = to_text(value, in.budget());
  in.budget().spend_bytes(5 * text.size());
  return Value::text(escape_html(text), true);
}

Value force_escape_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "forceescape", {}, 0);
  const std::string text = to_text(value, in.budget());
  in.budget().spend_bytes(5 * text.size());
  return Value::text(escape_html(text), true);
}

Value indent_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "indent", {"width", "first", "blank"}, 0);
  if (!value.is(Kind::kText)) throw Failure("indent needs a text, not '" + type_name(value) + "'");
  std::string margin(4, ' ');
  if (given[0] != nullptr && given[0]->is(Kind::kText)) {
    margin = given[0]->as_text();
  } else if (given[0] != nullptr) {
    const int64_t width = std::max<int64_t>(to_index(*given[0], "width"), 0);
    in.budget().spend(static_cast<size_t>(width));
    margin.assign(static_cast<size_t>(width), ' ');
  }
  in.budget().spend(count_lines(value.as_text()));
  const std::vector<std::string> lines = split_lines(value.as_text() + "\n", false);
  in.budget().spend(lines.size() * (1 + margin.size() / 16));
  in.budget().spend_bytes(value.as_text().size());
  std::string out = flag(given[1]) ? margin : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += "\n";
    if (i > 0 && (flag(given[2]) || !lines[i].empty())) out += margin;
    out += lines[i];
  }
  return Value::text(std::move(out), value.is_markup());
}

Value truncate_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "truncate", {"length", "killwords", "end", "leeway"}, 0);
  if (!value.is(Kind::kText)) throw Failure("truncate needs a text, not " + type_name(value));
  const int64_t wanted = given[0] != nullptr ? to_index(*given[0], "length") : 255;
  const std::string end = given[2] != nullptr ? to_text(*given[2], in.budget()) : "...";
  const bool has_leeway = given[3] != nullptr && !given[3]->is(Kind::kNone);
  const int64_t leeway = has_leeway ? to_index(*given[3], "leeway") : 5;
  const auto end_size = static_cast<int64_t>(count_code_points(end));
  if (wanted < end_size || leeway < 0) throw Failure("truncate: the length is too small");
  const std::string& text = value.as_text();
  in.budget().spend_bytes(text.size());
  if (length(value) - leeway <= wanted) return value;
  std::string kept = text.substr(0, byte_of(text, wanted - end_size));
  if (!flag(given[1])) {
    const size_t space = kept.rfind(' ');
    if (space != std::string::npos) kept.resize(space);
  }
  return Value::text(kept + end);
}

Value center_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "center", {"width"}, 0);
  const Value text = Value::text(to_text(value, in.budget()), value.is_markup());
  return call_method(in, text, "center",
                     {{given[0] != nullptr ? *given[0] : Value::integer(80)}, {}});
}

Value format_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    throw Failure("format takes positional or named arguments, not both");
  }
  const std::string format = to_text(value, in.budget());
  if (arguments.named.empty()) {
    return Value::text(
        format_percent(format, make_tuple(arguments.positional, in.budget()), in.budget()));
  }
  Dict named;
  for (const auto& [name, argument] : arguments.named) {
    named.set(Value::text(name), argument, in.budget());
  }
  return Value::text(format_percent(format, make_dict(std::move(named)), in.budget()));
}

Value word_count_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "wordcount", {}, 0);
  const std::string text = to_text(value, in.budget());
  int64_t words = 0;
  bool inside = false;
  in.budget().spend_bytes(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t size = code_point_length(text, i);
    const std::string_view one = std::string_view(text).substr(i, size);
    const bool is_word = one == "_" || all_of(one, Class::kAlnum);
    words += is_word && !inside ? 1 : 0;
    inside = is_word;
    i += size;
  }
  return Value::integer(words);
}

std::string without_underscores(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto is_alnum = [&](size_t at) {
      return at < text.size() &&
             ((text[at] >= '0' && text[at] <= '9') || (text[at] >= 'a' && text[at] <= 'z') ||
              (text[at] >= 'A' && text[at] <= 'Z'));
    };
    if (text[i] == '_' && i > 0 && is_alnum(i - 1) && is_alnum(i + 1)) continue;
    out += text[i];
  }
  return out;
}

// Python's int(text, base), or nothing.
std::optional<int64_t> parse_integer(const std::string& source, int base) {
  std::string text = without_underscores(strip(source, Side::kBoth));
  const bool negative = text.starts_with("-");
  if (negative || text.starts_with("+")) text.erase(0, 1);
  if (text.size() > 2 && text[0] == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    const int named = letter == 'x' ? 16 : (letter == 'o' ? 8 : (letter == 'b' ? 2 : 0));
    if (named != 0 && (base == named || base == 0)) {
      text.erase(0, 2);
      base = named;
    }
  }
  if (base == 0) base = 10;
  if (text.empty() || text[0] == '-' || text[0] == '+') return std::nullopt;
  if (negative) text.insert(0, "-");
  int64_t out = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (result.ptr != text.data() + text.size() || result.ec == std::errc::invalid_argument) {
    return std::nullopt;
  }
  if (result.ec != std::errc()) throw Failure("an integer does not fit 64 bits");
  return out;
}

// Python's float(text), or nothing.
std::optional<double> parse_float(const std::string& source) {
  std::string text = without_underscores(strip(source, Side::kBoth));
  const bool negative = text.starts_with("-");
  if (negative || text.starts_with("+")) text.erase(0, 1);
  if (text.empty() || text[0] == '-' || text[0] == '+') return std::nullopt;
  double out = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  if (result.ptr != text.data() + text.size() || result.ec == std::errc::invalid_argument) {
    return std::nullopt;
  }
  if (result.ec != std::errc()) {
    // Too large or too small for a double; from_chars does not say which.
    const size_t e = text.find_first_of("eE");
    const bool small = e != std::string::npos ? text.find('-', e) != std::string::npos
                                              : text.starts_with("0") || text.starts_with(".");
    out = small ? 0.0 : HUGE_VAL;
  }
  return negative ? -out : out;
}

std::optional<int64_t> truncated(double number) {
  if (!std::isfinite(number)) return std::nullopt;
  if (std::abs(number) >= 9.2e18) throw Failure("an integer does not fit 64 bits");
  return static_cast<int64_t>(number);
}

Value int_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "int", {"default", "base"}, 0);
  const int64_t base = given[1] != nullptr ? to_index(*given[1], "base") : 10;
  if (base != 0 && (base < 2 || base > 36)) throw Failure("int: the base must be 0 or 2 to 36");
  std::optional<int64_t> out;
  if (value.is(Kind::kText)) {
    in.budget().spend_bytes(value.as_text().size());
    out = parse_integer(value.as_text(), static_cast<int>(base));
    if (!out) {
      if (const auto number = parse_float(value.as_text())) out = truncated(*number);
    }
  } else if (value.is(Kind::kFloat)) {
    out = truncated(value.as_double());
  } else if (value.is_number()) {
    out = value.as_integer();
  } else if (value.is(Kind::kUndefined)) {
    throw Failure(value.why_undefined());
  }
  if (out) return Value::integer(*out);
  return given[0] != nullptr ? *given[0] : Value::integer(0);
}

Value float_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "float", {"default"}, 0);
  if (value.is_number()) return Value::number(value.as_double());
  if (value.is(Kind::kUndefined)) throw Failure(value.why_undefined());
  if (value.is(Kind::kText)) {
    in.budget().spend_bytes(value.as_text().size());
    if (const auto number = parse_float(value.as_text())) return Value::number(*number);
  }
  return given[0] != nullptr ? *given[0] : Value::number(0.0);
}

Value abs_filter(Interpreter&, const Value& value, const Arguments& arguments) {
  bind(arguments, "abs", {}, 0);
  if (value.is(Kind::kFloat)) return Value::number(std::abs(value.as_double()));
  if (value.is_number() && value.as_integer() >= 0) return Value::integer(value.as_integer());
  return negate(value);
}

// Halves go to the even neighbour, as the decimal digits of the double say.
double round_decimal(double number, int64_t precision) {
  if (!std::isfinite(number) || precision > 300) return number;
  if (precision < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-std::max<int64_t>(precision, -400)));
    return std::isfinite(unit) ? std::nearbyint(number / unit) * unit : 0.0 * number;
  }
  char digits[700];
  const int size =
      std::snprintf(digits, sizeof digits, "%.*f", static_cast<int>(precision), number);
  double out = 0;
  std::from_chars(digits, digits + size, out);
  return out;
}

// Python's round() of an integer to a power of ten, halves to the even neighbour.
int64_t round_integer(int64_t number, int64_t zeros) {
  if (zeros > 19) return 0;
  __extension__ using Wide = __int128;
  Wide unit = 1;
  for (int64_t i = 0; i < zeros; ++i) unit *= 10;
  const Wide size = number < 0 ? -Wide{number} : Wide{number};
  Wide units = size / unit;
  const Wide twice = 2 * (size % unit);
  if (twice > unit || (twice == unit && units % 2 == 1)) ++units;
  const Wide rounded = number < 0 ? -units * unit : units * unit;
  const auto out = static_cast<int64_t>(rounded);
  if (out != rounded) throw Failure("an integer result does not fit 64 bits");
  return out;
}

Value round_filter(Interpreter&, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "round", {"precision", "method"}, 0);
  const int64_t precision = given[0] != nullptr ? to_index(*given[0], "precision") : 0;
  const std::string method =
      given[1] != nullptr && given[1]->is(Kind::kText) ? given[1]->as_text() : "common";
  if (method != "common" && method != "ceil" && method != "floor") {
    throw Failure("round: the method must be common, ceil or floor");
  }
  if (value.is(Kind::kUndefined)) throw Failure(value.why_undefined());
  if (!value.is_number()) throw Failure("round needs a number, not '" + type_name(value) + "'");
  if (method == "common") {
    if (value.is(Kind::kFloat)) return Value::number(round_decimal(value.as_double(), precision));
    const int64_t zeros = precision < 0 ? -std::max<int64_t>(precision, -400) : 0;
    return Value::integer(round_integer(value.as_integer(), zeros));
  }
  const double unit = std::pow(10.0, static_cast<double>(precision));
  const double scaled = value.as_double() * unit;
  return Value::number((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit);
}

Value default_filter(Interpreter&, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "default", {"default_value", "boolean"}, 0);
  const bool replaces = value.is(Kind::kUndefined) || (flag(given[1]) && !truth(value));
  if (!replaces) return value;
  return given[0] != nullptr ? *given[0] : Value::text("");
}

Value attr_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "attr", {"name"}, 1);
  if (!given[0]->is(Kind::kText)) throw Failure("attr needs the attribute's name");
  // Unlike a dot, this does not look into dicts.
  if (value.is(Kind::kDict) && method_access(value, given[0]->as_text()) == MethodAccess::kNone) {
    return Value::undefined("dict object has no attribute '" + given[0]->as_text() + "'");
  }
  return in.attribute(value, given[0]->as_text());
}

JsonStyle json_style(const Given& given, Budget& budget) {
  JsonStyle style;
  style.ensure_ascii = flag(given[0]);
  style.sort_keys = flag(given[3]);
  if (given[1] != nullptr && !given[1]->is(Kind::kNone)) {
    style.indented = true;
    style.item_separator = ",";
    if (given[1]->is(Kind::kText)) {
      style.indent = given[1]->as_text();
    } else {
      const int64_t width = std::max<int64_t>(to_index(*given[1], "indent"), 0);
      budget.spend(static_cast<size_t>(width));
      style.indent.assign(static_cast<size_t>(width), ' ');
    }
  }
  if (given[2] != nullptr && !given[2]->is(Kind::kNone)) {
    const std::vector<Value> parts = elements(*given[2], budget);
    if (parts.size() != 2 || !parts[0].is(Kind::kText) || !parts[1].is(Kind::kText)) {
      throw Failure("tojson: separators must be two texts");
    }
    style.item_separator = parts[0].as_text();
    style.key_separator = parts[1].as_text();
  }
  return style;
}

Value tojson_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given =
      bind(arguments, "tojson", {"ensure_ascii", "indent", "separators", "sort_keys"}, 0);
  return Value::text(to_json(value, json_style(given, in.budget()), in.budget()));
}

const std::vector<NamedFilter>& value_filters() {
  static const std::vector<NamedFilter> kFilters = {
      {"abs", abs_filter},
      {"attr", attr_filter},
      {"capitalize", case_filter<capitalize>},
      {"center", center_filter},
      {"d", default_filter},
      {"default", default_filter},
      {"e", escape_filter},
      {"escape", escape_filter},
      {"float", float_filter},
      {"forceescape", force_escape_filter},
      {"format", format_filter},
      {"indent", indent_filter},
      {"int", int_filter},
      {"lower", case_filter<lower>},
      {"replace", replace_filter},
      {"round", round_filter},
      {"safe", safe_filter},
      {"string", string_filter},
      {"title", case_filter<title_words>},
      {"tojson", tojson_filter},
      {"trim", trim_filter},
      {"truncate", truncate_filter},
      {"upper", case_filter<upper>},
      {"wordcount", word_count_filter},
  };
  return kFilters;
}

}  // namespace

FilterFunction find_filter(const std::string& name) {
  for (const auto* table : {&value_filters(), &sequence_filters()}) {
    for (const auto& [known, function] : *table) {
      if (name == known) return function;
    }
  }
  return nullptr;
}

std::vector<std::string> filter_names() {
  std::vector<std::string> out;
  for (const auto* table : {&value_filters(), &sequence_filters()}) {
    for (const auto& item : *table) out.emplace_back(item.first);
  }
  return out;
}

}  // namespace relata::text::jinja
