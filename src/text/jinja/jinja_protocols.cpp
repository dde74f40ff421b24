// Comparing, iterating and calling, by Python's protocols.
#include <algorithm>
#include <cmath>

#include "jinja_value.h"
#include "relata/text/utf8.h"

namespace relata::text::jinja {
namespace {

bool equal_items(const std::vector<Value>& a, const std::vector<Value>& b, Budget& budget) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!equal(a[i], b[i], budget)) return false;
  }
  return true;
}

bool equal_dicts(const Dict& a, const Dict& b, Budget& budget) {
  if (a.items().size() != b.items().size()) return false;
  for (const auto& [key, value] : a.items()) {
    const Value* other = b.find(key, budget);
    if (other == nullptr || !equal(value, *other, budget)) return false;
  }
  return true;
}

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

}  // namespace

bool equal(const Value& a, const Value& b, Budget& budget) {
  budget.spend(1);
  if (a.is_number() && b.is_number()) {
    if (a.is(Kind::kFloat) || b.is(Kind::kFloat)) return a.as_double() == b.as_double();
    return a.as_integer() == b.as_integer();
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kText:
      budget.spend_bytes(std::min(a.as_text().size(), b.as_text().size()));
      return a.as_text() == b.as_text();
    case Kind::kSequence: {
      const Sequence& left = a.sequence();
      const Sequence& right = b.sequence();
      if (&left == &right) return true;
      const bool lazy = left.kind == SequenceKind::kGenerator || left.kind == SequenceKind::kView;
      return left.kind == right.kind && !lazy && equal_items(left.items, right.items, budget);
    }
    case Kind::kDict:
      return &a.dict() == &b.dict() || equal_dicts(a.dict(), b.dict(), budget);
    case Kind::kObject:
      return a.identity() == b.identity();
    default:
      return true;  // undefined and none equal their kind
  }
}

int compare(const Value& a, const Value& b, const char* symbol, Budget& budget) {
  budget.spend(1);
  for (const Value* side : {&a, &b}) {
    if (side->is(Kind::kUndefined)) throw Failure(side->why_undefined());
  }
  if (a.is_number() && b.is_number()) {
    if (!a.is(Kind::kFloat) && !b.is(Kind::kFloat)) return order(a.as_integer(), b.as_integer());
    if (std::isnan(a.as_double()) || std::isnan(b.as_double())) return 2;
    return order(a.as_double(), b.as_double());
  }
  if (a.is(Kind::kText) && b.is(Kind::kText)) {
    budget.spend_bytes(std::min(a.as_text().size(), b.as_text().size()));
    return order(a.as_text(), b.as_text());
  }
  if (a.is(Kind::kSequence) && b.is(Kind::kSequence)) {
    const Sequence& left = a.sequence();
    const Sequence& right = b.sequence();
    if (left.kind == right.kind && left.kind <= SequenceKind::kTuple) {
      for (size_t i = 0; i < std::min(left.items.size(), right.items.size()); ++i) {
        if (equal(left.items[i], right.items[i], budget)) continue;
        return compare(left.items[i], right.items[i], symbol, budget);
      }
      return order(left.items.size(), right.items.size());
    }
  }
  throw Failure(std::string("'") + symbol + "' not supported between instances of '" +
                type_name(a) + "' and '" + type_name(b) + "'");
}

bool contains(const Value& container, const Value& item, Budget& budget) {
  if (container.is(Kind::kText)) {
    if (!item.is(Kind::kText)) {
      throw Failure("'in <string>' requires string as left operand, not " + type_name(item));
    }
    budget.spend_search(container.as_text().size(), item.as_text().size());
    return container.as_text().find(item.as_text()) != std::string::npos;
  }
  if (container.is(Kind::kDict)) return container.dict().find(item, budget) != nullptr;
  if (!is_iterable(container)) {
    throw Failure("argument of type '" + type_name(container) + "' is not iterable");
  }
  for (const Value& element : elements(container, budget)) {
    if (equal(element, item, budget)) return true;
  }
  return false;
}

std::vector<Value> elements(const Value& value, Budget& budget) {
  std::vector<Value> out;
  switch (value.kind()) {
    case Kind::kUndefined:
      return out;
    case Kind::kText: {
      const std::string& text = value.as_text();
      budget.spend(text.size());
      for (size_t i = 0; i < text.size();) {
        const size_t size = code_point_length(text, i);
        out.push_back(Value::text(text.substr(i, size), value.is_markup()));
        i += size;
      }
      return out;
    }
    case Kind::kSequence: {
      Sequence& sequence = value.sequence();
      budget.spend(sequence.items.size());
      if (sequence.kind != SequenceKind::kGenerator) return sequence.items;
      out.assign(sequence.items.begin() + static_cast<ptrdiff_t>(sequence.next),
                 sequence.items.end());
      sequence.next = sequence.items.size();
      return out;
    }
    case Kind::kDict:
      budget.spend(value.dict().items().size());
      for (const auto& item : value.dict().items()) out.push_back(item.first);
      return out;
    default:
      throw Failure("'" + type_name(value) + "' object is not iterable");
  }
}

bool is_iterable(const Value& value) {
  return value.is(Kind::kUndefined) || value.is(Kind::kText) || value.is(Kind::kSequence) ||
         value.is(Kind::kDict);
}

bool has_length(const Value& value) {
  if (value.is(Kind::kSequence)) return value.sequence().kind != SequenceKind::kGenerator;
  return is_iterable(value);
}

int64_t length(const Value& value) {
  if (!has_length(value)) throw Failure("object of type '" + type_name(value) + "' has no len()");
  switch (value.kind()) {
    case Kind::kText:
      return static_cast<int64_t>(count_code_points(value.as_text()));
    case Kind::kSequence:
      return static_cast<int64_t>(value.sequence().items.size());
    case Kind::kDict:
      return static_cast<int64_t>(value.dict().items().size());
    default:
      return 0;
  }
}

std::vector<const Value*> bind(const Arguments& arguments, const std::string& function,
                               std::initializer_list<const char*> parameters, size_t required) {
  const std::vector<std::string> names(parameters.begin(), parameters.end());
  std::vector<const Value*> out(names.size(), nullptr);
  if (arguments.positional.size() > names.size()) {
    throw Failure(function + "() takes " + std::to_string(names.size()) + " arguments, " +
                  std::to_string(arguments.positional.size()) + " given");
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) out[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) throw Failure(function + "() has no argument '" + name + "'");
    const Value*& place = out[static_cast<size_t>(found - names.begin())];
    if (place != nullptr) throw Failure(function + "() got '" + name + "' twice");
    place = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (out[i] == nullptr) throw Failure(function + "() needs the argument '" + names[i] + "'");
  }
  return out;
}

}  // namespace relata::text::jinja
