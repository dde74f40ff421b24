// The methods of texts, dicts, lists and tuples that templates may call.
#include <algorithm>
#include <array>

#include "jinja_interpreter.h"
#include "jinja_operators.h"
#include "jinja_text.h"
#include "relata/text/utf8.h"

namespace relata::text::jinja {
namespace {

using Method = Value (*)(Interpreter&, const Value&, const Arguments&);
using NamedMethod = std::pair<const char*, Method>;

const std::string& text_argument(const Value& value, const std::string& method) {
  if (value.is(Kind::kUndefined)) throw Failure(value.why_undefined());
  if (!value.is(Kind::kText)) {
    throw Failure(method + "() argument must be str, not " + type_name(value));
  }
  return value.as_text();
}

bool is_given(const Value* value) { return value != nullptr && !value->is(Kind::kNone); }

Value plain(const Value& self, std::string text) {
  return Value::text(std::move(text), self.is_markup());
}

template <Side side>
Value strip_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "strip", {"chars"}, 0);
  const std::string* chars = is_given(given[0]) ? &text_argument(*given[0], "strip") : nullptr;
  in.budget().spend_search(self.as_text().size(), chars != nullptr ? chars->size() : 0);
  return plain(self, std::string(strip(self.as_text(), side, chars)));
}

template <bool from_right>
Value split_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "split", {"sep", "maxsplit"}, 0);
  const int64_t limit = given[1] != nullptr ? to_index(*given[1], "maxsplit") : -1;
  const std::string& text = self.as_text();
  std::vector<std::string> parts;
  if (is_given(given[0])) {
    const std::string& separator = text_argument(*given[0], "split");
    if (separator.empty()) throw Failure("empty separator");
    in.budget().spend_search(text.size(), separator.size());
    in.budget().spend(count_of(text, separator));
    parts = split(text, separator, limit, from_right);
  } else {
    in.budget().spend_bytes(text.size());
    in.budget().spend(count_words(text));
    parts = split_words(text, limit, from_right);
  }
  std::vector<Value> out;
  out.reserve(parts.size());
  for (std::string& part : parts) out.push_back(plain(self, std::move(part)));
  return make_list(std::move(out), in.budget());
}

Value split_lines_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "splitlines", {"keepends"}, 0);
  in.budget().spend_bytes(self.as_text().size());
  in.budget().spend(count_lines(self.as_text()));
  std::vector<Value> out;
  for (std::string& line : split_lines(self.as_text(), given[0] != nullptr && truth(*given[0]))) {
    out.push_back(plain(self, std::move(line)));
  }
  return make_list(std::move(out), in.budget());
}

template <bool from_right>
Value partition_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "partition", {"sep"}, 1);
  const std::string& separator = text_argument(*given[0], "partition");
  const std::string& text = self.as_text();
  if (separator.empty()) throw Failure("empty separator");
  in.budget().spend_search(text.size(), separator.size());
  const size_t at = from_right ? text.rfind(separator) : text.find(separator);
  std::vector<Value> out;
  if (at == std::string::npos) {
    out = {plain(self, ""), plain(self, "")};
    out.insert(from_right ? out.end() : out.begin(), self);
  } else {
    out = {plain(self, text.substr(0, at)), plain(self, separator),
           plain(self, text.substr(at + separator.size()))};
  }
  return make_tuple(std::move(out), in.budget());
}

// text[start:end] by characters, for the methods that take such a range after `first`.
std::string_view searched_part(const std::string& text, const Value* start, const Value* end,
                               size_t* skipped_characters = nullptr) {
  const auto size = static_cast<int64_t>(count_code_points(text));
  auto place = [&](const Value* value, int64_t otherwise) {
    if (!is_given(value)) return otherwise;
    const int64_t index = to_index(*value, "a slice's bound");
    return std::clamp<int64_t>(index < 0 ? index + size : index, 0, size);
  };
  const int64_t from = place(start, 0);
  const int64_t to = place(end, size);
  if (skipped_characters != nullptr) *skipped_characters = static_cast<size_t>(from);
  if (from > to) return std::string_view(text).substr(0, 0);
  const size_t begin = byte_of(text, from);
  const std::string_view rest = std::string_view(text).substr(begin);
  return rest.substr(0, byte_of(rest, to - from));
}

template <bool at_end>
Value affix_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const char* name = at_end ? "endswith" : "startswith";
  const auto given = bind(arguments, name, {"prefix", "start", "end"}, 1);
  in.budget().spend_bytes(self.as_text().size());
  const std::string_view part = searched_part(self.as_text(), given[1], given[2]);
  auto matches = [&](const Value& affix) {
    const std::string& text = text_argument(affix, name);
    return at_end ? part.ends_with(text) : part.starts_with(text);
  };
  const Value& affix = *given[0];
  if (affix.is(Kind::kSequence) && affix.sequence().kind == SequenceKind::kTuple) {
    const auto& choices = affix.sequence().items;
    in.budget().spend(choices.size());
    return Value::boolean(std::any_of(choices.begin(), choices.end(), matches));
  }
  return Value::boolean(matches(affix));
}

template <bool from_right, bool must_be_there>
Value find_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "find", {"sub", "start", "end"}, 1);
  const std::string& wanted = text_argument(*given[0], "find");
  in.budget().spend_search(self.as_text().size(), wanted.size());
  size_t skipped = 0;
  const std::string_view part = searched_part(self.as_text(), given[1], given[2], &skipped);
  const size_t at = from_right ? part.rfind(wanted) : part.find(wanted);
  const bool reaches = skipped <= count_code_points(self.as_text());
  if (at == std::string_view::npos || !reaches) {
    if (must_be_there) throw Failure("substring not found");
    return Value::integer(-1);
  }
  return Value::integer(static_cast<int64_t>(skipped + count_code_points(part.substr(0, at))));
}

Value count_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "count", {"sub", "start", "end"}, 1);
  const std::string& wanted = text_argument(*given[0], "count");
  in.budget().spend_search(self.as_text().size(), wanted.size());
  const std::string_view part = searched_part(self.as_text(), given[1], given[2]);
  if (wanted.empty()) return Value::integer(static_cast<int64_t>(count_code_points(part)) + 1);
  return Value::integer(static_cast<int64_t>(count_of(part, wanted)));
}

Value replace_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "replace", {"old", "new", "count"}, 2);
  const std::string& old = text_argument(*given[0], "replace");
  std::string with = text_argument(*given[1], "replace");
  if (self.is_markup() && !given[1]->is_markup()) with = escape_html(with);
  const int64_t limit = given[2] != nullptr ? to_index(*given[2], "count") : -1;
  return plain(self, replaced(self.as_text(), old, with, limit, in.budget()));
}

Value join_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "join", {"iterable"}, 1);
  std::string out;
  bool first = true;
  for (const Value& item : elements(*given[0], in.budget())) {
    if (!first) out += self.as_text();
    first = false;
    const std::string& part = text_argument(item, "join");
    in.budget().spend_bytes(part.size() + self.as_text().size());
    out += self.is_markup() && !item.is_markup() ? escape_html(part) : part;
  }
  return plain(self, std::move(out));
}

template <std::string (*mapping)(std::string_view)>
Value case_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  bind(arguments, "method", {}, 0);
  in.budget().spend_bytes(self.as_text().size() * 4);
  return plain(self, mapping(self.as_text()));
}

template <Class wanted>
Value class_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  bind(arguments, "method", {}, 0);
  in.budget().spend_bytes(self.as_text().size());
  return Value::boolean(all_of(self.as_text(), wanted));
}

template <bool at_end>
Value remove_affix_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, at_end ? "removesuffix" : "removeprefix", {"affix"}, 1);
  const std::string& affix = text_argument(*given[0], "remove");
  std::string text = self.as_text();
  in.budget().spend_bytes(text.size());
  if (at_end && text.ends_with(affix)) {
    text.resize(text.size() - affix.size());
  } else if (!at_end && text.starts_with(affix)) {
    text.erase(0, affix.size());
  }
  return plain(self, std::move(text));
}

enum class Align { kLeft, kRight, kCenter };

template <Align align>
Value pad_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "justify", {"width", "fillchar"}, 1);
  const int64_t width = to_index(*given[0], "width");
  const std::string fill = given[1] != nullptr ? text_argument(*given[1], "justify") : " ";
  if (count_code_points(fill) != 1) throw Failure("the fill must be one character");
  const std::string& text = self.as_text();
  in.budget().spend_bytes(text.size());
  const int64_t missing = width - std::min(width, length(self));
  in.budget().spend(static_cast<size_t>(missing) / 4);
  int64_t left = align == Align::kLeft ? 0 : missing;
  if (align == Align::kCenter) left = missing / 2 + (missing & width & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (int64_t i = left; i < missing; ++i) out += fill;
  return plain(self, std::move(out));
}

Value zfill_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "zfill", {"width"}, 1);
  const int64_t width = to_index(*given[0], "width");
  std::string text = self.as_text();
  const int64_t missing = width - std::min(width, length(self));
  in.budget().spend_bytes(text.size() + static_cast<size_t>(missing));
  const bool is_signed = !text.empty() && (text[0] == '-' || text[0] == '+');
  text.insert(is_signed ? 1 : 0, static_cast<size_t>(missing), '0');
  return plain(self, std::move(text));
}

Value format_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  return plain(self, format_braces(self.as_text(), arguments, in.budget()));
}

const std::vector<NamedMethod>& text_methods() {
  static const std::vector<NamedMethod> kMethods = {
      {"strip", strip_method<Side::kBoth>},
      {"lstrip", strip_method<Side::kLeft>},
      {"rstrip", strip_method<Side::kRight>},
      {"split", split_method<false>},
      {"rsplit", split_method<true>},
      {"splitlines", split_lines_method},
      {"partition", partition_method<false>},
      {"rpartition", partition_method<true>},
      {"startswith", affix_method<false>},
      {"endswith", affix_method<true>},
      {"find", find_method<false, false>},
      {"rfind", find_method<true, false>},
      {"index", find_method<false, true>},
      {"rindex", find_method<true, true>},
      {"count", count_method},
      {"replace", replace_method},
      {"join", join_method},
      {"format", format_method},
      {"upper", case_method<upper>},
      {"lower", case_method<lower>},
      {"title", case_method<title>},
      {"capitalize", case_method<capitalize>},
      {"swapcase", case_method<swapcase>},
      {"isalpha", class_method<Class::kAlpha>},
      {"isdigit", class_method<Class::kDigit>},
      {"isdecimal", class_method<Class::kDecimal>},
      {"isnumeric", class_method<Class::kNumeric>},
      {"isalnum", class_method<Class::kAlnum>},
      {"isspace", class_method<Class::kSpace>},
      {"isupper", class_method<Class::kUpper>},
      {"islower", class_method<Class::kLower>},
      {"removeprefix", remove_affix_method<false>},
      {"removesuffix", remove_affix_method<true>},
      {"ljust", pad_method<Align::kLeft>},
      {"rjust", pad_method<Align::kRight>},
      {"center", pad_method<Align::kCenter>},
      {"zfill", zfill_method},
  };
  return kMethods;
}

Value get_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "get", {"key", "default"}, 1);
  if (const Value* found = self.dict().find(*given[0], in.budget())) return *found;
  return given[1] != nullptr ? *given[1] : Value::none();
}

template <bool with_keys, bool with_values>
Value view_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  bind(arguments, "items", {}, 0);
  std::vector<Value> out;
  for (const auto& [key, value] : self.dict().items()) {
    if (with_keys && with_values) {
      out.push_back(make_tuple({key, value}, in.budget()));
    } else {
      out.push_back(with_keys ? key : value);
    }
  }
  return make_sequence({SequenceKind::kView, std::move(out)}, in.budget());
}

Value copy_method(Interpreter&, const Value& self, const Arguments& arguments) {
  bind(arguments, "copy", {}, 0);
  return self;  // nothing can change either
}

const std::vector<NamedMethod>& dict_methods() {
  static const std::vector<NamedMethod> kMethods = {
      {"get", get_method},
      {"items", view_method<true, true>},
      {"keys", view_method<true, false>},
      {"values", view_method<false, true>},
      {"copy", copy_method},
  };
  return kMethods;
}

Value list_index_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "index", {"value"}, 1);
  const auto& items = self.sequence().items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (equal(items[i], *given[0], in.budget())) return Value::integer(static_cast<int64_t>(i));
  }
  throw Failure("the value is not in the list");
}

Value list_count_method(Interpreter& in, const Value& self, const Arguments& arguments) {
  const auto given = bind(arguments, "count", {"value"}, 1);
  int64_t out = 0;
  for (const Value& item : self.sequence().items) {
    out += equal(item, *given[0], in.budget()) ? 1 : 0;
  }
  return Value::integer(out);
}

const std::vector<NamedMethod>& list_methods() {
  static const std::vector<NamedMethod> kMethods = {
      {"index", list_index_method}, {"count", list_count_method}, {"copy", copy_method}};
  return kMethods;
}

const std::vector<NamedMethod>* methods_of(const Value& value) {
  if (value.is(Kind::kText)) return &text_methods();
  if (value.is(Kind::kDict)) return &dict_methods();
  const bool is_list = value.is(Kind::kSequence) && value.sequence().kind <= SequenceKind::kRange;
  return is_list ? &list_methods() : nullptr;
}

Method find_method_of(const Value& value, const std::string& name) {
  const auto* methods = methods_of(value);
  if (methods == nullptr) return nullptr;
  const auto found = std::find_if(methods->begin(), methods->end(),
                                  [&](const NamedMethod& item) { return name == item.first; });
  return found == methods->end() ? nullptr : found->second;
}

}  // namespace

MethodAccess method_access(const Value& value, const std::string& name) {
  if (find_method_of(value, name) != nullptr) return MethodAccess::kAllowed;
  static constexpr std::array kOfDicts = {"clear", "pop", "popitem", "setdefault", "update"};
  static constexpr std::array kOfLists = {"append", "clear",  "pop",  "reverse",
                                          "insert", "extend", "sort", "remove"};
  auto is_one_of = [&](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const bool is_list = value.is(Kind::kSequence) && value.sequence().kind == SequenceKind::kList;
  const bool changes =
      (value.is(Kind::kDict) && is_one_of(kOfDicts)) || (is_list && is_one_of(kOfLists));
  return changes ? MethodAccess::kChangesValue : MethodAccess::kNone;
}

Value call_method(Interpreter& interpreter, const Value& value, const std::string& name,
                  const Arguments& arguments) {
  const Method method = find_method_of(value, name);
  if (method == nullptr) throw Failure("no method '" + name + "'");
  return method(interpreter, value, arguments);
}

}  // namespace relata::text::jinja
