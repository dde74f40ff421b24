// Filters on sequences and mappings.
#include <algorithm>

#include "jinja_interpreter.h"
#include "jinja_operators.h"
#include "jinja_text.h"
#include "relata/text/utf8.h"

namespace relata::text::jinja {
namespace {

using Given = std::vector<const Value*>;

bool flag(const Value* value) { return value != nullptr && truth(*value); }

Value lowered(const Value& value) {
  return value.is(Kind::kText) ? Value::text(lower(value.as_text())) : value;
}

// What sort, unique, min and max look at: the value, or one of its attributes, without case.
class Key {
 public:
  Key(Interpreter& in, const Value* attribute, const Value* case_sensitive)
      : in_(in), attribute_(attribute), case_sensitive_(flag(case_sensitive)) {}
  Value operator()(const Value& item) const {
    Value key = attribute_ == nullptr || attribute_->is(Kind::kNone)
                    ? item
                    : attribute_path(in_, item, *attribute_);
    return case_sensitive_ ? key : lowered(key);
  }

 private:
  Interpreter& in_;
  const Value* attribute_;
  bool case_sensitive_;
};

using Keyed = std::vector<std::pair<Value, Value>>;  // key, item

// Merges stably without std::sort, whose behaviour is undefined for the order that NaN gives.
void merge_sort(Keyed& items, size_t begin, size_t end, bool reverse, Budget& budget) {
  if (end - begin < 2) return;
  const size_t middle = begin + (end - begin) / 2;
  merge_sort(items, begin, middle, reverse, budget);
  merge_sort(items, middle, end, reverse, budget);
  Keyed merged;
  merged.reserve(end - begin);
  size_t left = begin;
  size_t right = middle;
  while (left < middle && right < end) {
    const int order = reverse ? compare(items[left].first, items[right].first, "<", budget)
                              : compare(items[right].first, items[left].first, "<", budget);
    merged.push_back(std::move(order == -1 ? items[right++] : items[left++]));
  }
  while (left < middle) merged.push_back(std::move(items[left++]));
  while (right < end) merged.push_back(std::move(items[right++]));
  std::move(merged.begin(), merged.end(), items.begin() + static_cast<ptrdiff_t>(begin));
}

std::vector<Value> sorted(Keyed items, bool reverse, Budget& budget) {
  merge_sort(items, 0, items.size(), reverse, budget);
  std::vector<Value> out;
  out.reserve(items.size());
  for (auto& item : items) out.push_back(std::move(item.second));
  return out;
}

Value sort_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "sort", {"reverse", "case_sensitive", "attribute"}, 0);
  std::vector<Value> paths;
  if (given[2] != nullptr && given[2]->is(Kind::kText)) {
    for (std::string& path : split(given[2]->as_text(), ",", -1, false)) {
      paths.push_back(Value::text(std::move(path)));
    }
  } else {
    paths.push_back(given[2] != nullptr ? *given[2] : Value::none());
  }
  Keyed items;
  for (const Value& item : elements(value, in.budget())) {
    std::vector<Value> keys;
    keys.reserve(paths.size());
    for (const Value& path : paths) keys.push_back(Key(in, &path, given[1])(item));
    items.emplace_back(make_list(std::move(keys), in.budget()), item);
  }
  return make_list(sorted(std::move(items), flag(given[0]), in.budget()), in.budget());
}

Value dictsort_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "dictsort", {"case_sensitive", "by", "reverse"}, 0);
  if (value.is(Kind::kUndefined)) throw Failure(value.why_undefined());
  if (!value.is(Kind::kDict)) throw Failure("dictsort needs a mapping");
  const std::string by =
      given[1] != nullptr && given[1]->is(Kind::kText) ? given[1]->as_text() : "key";
  if (by != "key" && by != "value") throw Failure("dictsort: sort by \"key\" or \"value\"");
  Keyed items;
  for (const auto& [key, item] : value.dict().items()) {
    const Value& field = by == "key" ? key : item;
    items.emplace_back(flag(given[0]) ? field : lowered(field),
                       make_tuple({key, item}, in.budget()));
  }
  return make_list(sorted(std::move(items), flag(given[2]), in.budget()), in.budget());
}

Value unique_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "unique", {"case_sensitive", "attribute"}, 0);
  const Key key(in, given[1], given[0]);
  Dict seen;
  std::vector<Value> out;
  for (const Value& item : elements(value, in.budget())) {
    const Value found = key(item);
    if (seen.find(found, in.budget()) != nullptr) continue;
    seen.set(found, Value::none(), in.budget());
    out.push_back(item);
  }
  return make_generator(std::move(out), in.budget());
}

template <bool largest>
Value extreme_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "min", {"case_sensitive", "attribute"}, 0);
  const Key key(in, given[1], given[0]);
  const std::vector<Value> items = elements(value, in.budget());
  if (items.empty()) return Value::undefined("no aggregated item, the sequence was empty");
  size_t best = 0;
  Value best_key = key(items[0]);
  for (size_t i = 1; i < items.size(); ++i) {
    Value candidate = key(items[i]);
    const int order = compare(candidate, best_key, largest ? ">" : "<", in.budget());
    if (order != (largest ? 1 : -1)) continue;
    best = i;
    best_key = std::move(candidate);
  }
  return items[best];
}

Value sum_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "sum", {"attribute", "start"}, 0);
  Value out = given[1] != nullptr ? *given[1] : Value::integer(0);
  if (out.is(Kind::kText)) throw Failure("sum() cannot sum strings; use join");
  const bool by_attribute = given[0] != nullptr && !given[0]->is(Kind::kNone);
  for (const Value& item : elements(value, in.budget())) {
    const Value term = by_attribute ? attribute_path(in, item, *given[0]) : item;
    out = binary("+", out, term, in.budget());
  }
  return out;
}

Value join_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "join", {"d", "attribute"}, 0);
  const std::string between = given[0] != nullptr ? to_text(*given[0], in.budget()) : "";
  const bool by_attribute = given[1] != nullptr && !given[1]->is(Kind::kNone);
  std::string out;
  bool first = true;
  for (const Value& item : elements(value, in.budget())) {
    if (!first) out += between;
    first = false;
    in.budget().spend(1 + between.size() / 16);
    out += to_text(by_attribute ? attribute_path(in, item, *given[1]) : item, in.budget());
  }
  return Value::text(std::move(out));
}

Value length_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "length", {}, 0);
  if (value.is(Kind::kText)) in.budget().spend_bytes(value.as_text().size());
  return Value::integer(length(value));
}

Value list_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "list", {}, 0);
  return make_list(elements(value, in.budget()), in.budget());
}

Value first_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "first", {}, 0);
  if (value.is(Kind::kSequence) && value.sequence().kind == SequenceKind::kGenerator) {
    Sequence& generator = value.sequence();
    if (generator.next < generator.items.size()) return generator.items[generator.next++];
    return Value::undefined("no first item, the sequence was empty");
  }
  const std::vector<Value> items = elements(value, in.budget());
  return items.empty() ? Value::undefined("no first item, the sequence was empty") : items[0];
}

Value last_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "last", {}, 0);
  if (value.is(Kind::kSequence) && value.sequence().kind == SequenceKind::kGenerator) {
    throw Failure("'generator' object is not reversible", "turn it into a list first: |list");
  }
  const std::vector<Value> items = elements(value, in.budget());
  return items.empty() ? Value::undefined("no last item, the sequence was empty") : items.back();
}

Value reverse_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "reverse", {}, 0);
  std::vector<Value> items = elements(value, in.budget());
  std::reverse(items.begin(), items.end());
  if (!value.is(Kind::kText)) return make_generator(std::move(items), in.budget());
  std::string out;
  for (const Value& item : items) out += item.as_text();
  return Value::text(std::move(out), value.is_markup());
}

Value items_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  bind(arguments, "items", {}, 0);
  std::vector<Value> out;
  if (value.is(Kind::kUndefined)) return make_generator({}, in.budget());
  if (!value.is(Kind::kDict)) throw Failure("can only get item pairs from a mapping");
  for (const auto& [key, item] : value.dict().items()) {
    out.push_back(make_tuple({key, item}, in.budget()));
  }
  return make_generator(std::move(out), in.budget());
}

Value batch_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "batch", {"linecount", "fill_with"}, 1);
  const int64_t size = to_index(*given[0], "linecount");
  std::vector<Value> rows;
  std::vector<Value> row;
  for (const Value& item : elements(value, in.budget())) {
    if (static_cast<int64_t>(row.size()) == size) {
      rows.push_back(make_list(std::exchange(row, {}), in.budget()));
    }
    row.push_back(item);
  }
  if (!row.empty()) {
    const bool fills = given[1] != nullptr && !given[1]->is(Kind::kNone);
    while (fills && static_cast<int64_t>(row.size()) < size) {
      in.budget().spend(1);
      row.push_back(*given[1]);
    }
    rows.push_back(make_list(std::move(row), in.budget()));
  }
  return make_generator(std::move(rows), in.budget());
}

Value slice_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Given given = bind(arguments, "slice", {"slices", "fill_with"}, 1);
  const int64_t slices = to_index(*given[0], "slices");
  if (slices == 0) throw Failure("slice: division by zero");
  const std::vector<Value> items = elements(value, in.budget());
  const auto size = static_cast<int64_t>(items.size());
  std::vector<Value> out;
  int64_t begin = 0;
  for (int64_t i = 0; i < slices; ++i) {
    const bool has_extra = i < size % slices;
    const int64_t end = begin + size / slices + (has_extra ? 1 : 0);
    std::vector<Value> part(items.begin() + begin, items.begin() + end);
    const bool fills = given[1] != nullptr && !given[1]->is(Kind::kNone) && !has_extra;
    if (fills) part.push_back(*given[1]);
    out.push_back(make_list(std::move(part), in.budget()));
    begin = end;
  }
  return make_generator(std::move(out), in.budget());
}

Value map_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  std::vector<Value> out;
  if (!truth(value)) return make_generator({}, in.budget());
  if (arguments.positional.empty()) {
    const Given given = bind(arguments, "map", {"attribute", "default"}, 1);
    const bool has_default = given[1] != nullptr && !given[1]->is(Kind::kNone);
    for (const Value& item : elements(value, in.budget())) {
      out.push_back(attribute_path(in, item, *given[0], has_default ? given[1] : nullptr));
    }
    return make_generator(std::move(out), in.budget());
  }
  if (!arguments.positional[0].is(Kind::kText)) throw Failure("map needs a filter's name");
  const std::string& name = arguments.positional[0].as_text();
  const Arguments rest{{arguments.positional.begin() + 1, arguments.positional.end()},
                       arguments.named};
  for (const Value& item : elements(value, in.budget())) {
    out.push_back(in.filter(name, item, rest));
  }
  return make_generator(std::move(out), in.budget());
}

template <bool by_attribute, bool wanted>
Value select_filter(Interpreter& in, const Value& value, const Arguments& arguments) {
  if (!truth(value)) return make_generator({}, in.budget());
  constexpr size_t kOffset = by_attribute ? 1 : 0;
  const auto& given = arguments.positional;
  if (by_attribute && given.empty()) throw Failure("missing parameter for attribute name");
  const bool has_test = given.size() > kOffset;
  if (has_test && !given[kOffset].is(Kind::kText)) throw Failure("select needs a test's name");
  Arguments rest;
  if (has_test) {
    rest = {{given.begin() + kOffset + 1, given.end()}, arguments.named};
  }
  std::vector<Value> out;
  for (const Value& item : elements(value, in.budget())) {
    const Value looked_at = by_attribute ? attribute_path(in, item, given[0]) : item;
    const bool holds =
        has_test ? in.test(given[kOffset].as_text(), looked_at, rest) : truth(looked_at);
    if (holds == wanted) out.push_back(item);
  }
  return make_generator(std::move(out), in.budget());
}

}  // namespace

Value attribute_path(Interpreter& interpreter, const Value& value, const Value& path,
                     const Value* fallback) {
  auto step = [&](const Value& holder, const Value& key) {
    Value out = interpreter.item(holder, key);
    return fallback != nullptr && out.is(Kind::kUndefined) ? *fallback : out;
  };
  if (path.is(Kind::kNone)) return value;
  if (!path.is(Kind::kText)) return step(value, path);
  Value out = value;
  interpreter.budget().spend_bytes(path.as_text().size());
  for (const std::string& part : split(path.as_text(), ".", -1, false)) {
    interpreter.budget().spend(1);
    const bool is_index =
        !part.empty() && part.size() < 18 &&
        std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    out = step(out, is_index ? Value::integer(std::stoll(part)) : Value::text(part));
  }
  return out;
}

const std::vector<NamedFilter>& sequence_filters() {
  static const std::vector<NamedFilter> kFilters = {
      {"batch", batch_filter},
      {"count", length_filter},
      {"dictsort", dictsort_filter},
      {"first", first_filter},
      {"items", items_filter},
      {"join", join_filter},
      {"last", last_filter},
      {"length", length_filter},
      {"list", list_filter},
      {"map", map_filter},
      {"max", extreme_filter<true>},
      {"min", extreme_filter<false>},
      {"reject", select_filter<false, false>},
      {"rejectattr", select_filter<true, false>},
      {"reverse", reverse_filter},
      {"select", select_filter<false, true>},
      {"selectattr", select_filter<true, true>},
      {"slice", slice_filter},
      {"sort", sort_filter},
      {"sum", sum_filter},
      {"unique", unique_filter},
  };
  return kFilters;
}

}  // namespace relata::text::jinja
