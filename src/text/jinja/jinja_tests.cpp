// What may follow `is`, and be named in select() and its like.
#include <algorithm>

#include "jinja_interpreter.h"
#include "jinja_operators.h"
#include "jinja_text.h"

namespace relata::text::jinja {
namespace {

using NamedTest = std::pair<const char*, TestFunction>;

void none_wanted(const Arguments& arguments) { bind(arguments, "the test", {}, 0); }

const Value& one_wanted(const Arguments& arguments) {
  return *bind(arguments, "the test", {"other"}, 1)[0];
}

template <Kind kind>
bool is_kind(Interpreter&, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return value.is(kind);
}

bool is_defined(Interpreter&, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return !value.is(Kind::kUndefined);
}

template <bool wanted>
bool is_literal(Interpreter&, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return value.is(Kind::kBool) && value.as_bool() == wanted;
}

bool is_number(Interpreter&, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return value.is_number();
}

bool is_sequence(Interpreter&, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return has_length(value) &&
         !(value.is(Kind::kSequence) && value.sequence().kind == SequenceKind::kView);
}

bool is_iterable_test(Interpreter&, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return is_iterable(value);
}

bool is_callable(Interpreter&, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  // Jinja's undefined has a __call__, which raises.
  return value.is(Kind::kUndefined) || (value.is(Kind::kObject) && value.object().callable());
}

bool is_escaped(Interpreter&, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return value.is_markup();
}

template <Class wanted>
bool is_class(Interpreter& in, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return all_of(to_text(value, in.budget()), wanted);
}

bool divides(Interpreter& in, const Value& value, int64_t divisor, int64_t remainder) {
  const Value left = binary("%", value, Value::integer(divisor), in.budget());
  return left.is_number() && left.as_double() == static_cast<double>(remainder);
}

bool is_odd(Interpreter& in, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return divides(in, value, 2, 1);
}
bool is_even(Interpreter& in, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return divides(in, value, 2, 0);
}
bool is_divisible(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Value left = binary("%", value, one_wanted(arguments), in.budget());
  return left.is_number() && left.as_double() == 0.0;
}

template <bool wanted>
bool is_equal(Interpreter& in, const Value& value, const Arguments& arguments) {
  return equal(value, one_wanted(arguments), in.budget()) == wanted;
}

enum class Order { kLess, kLessEqual, kGreater, kGreaterEqual };

template <Order wanted>
bool is_ordered(Interpreter& in, const Value& value, const Arguments& arguments) {
  static constexpr const char* kSymbols[] = {"<", "<=", ">", ">="};
  const int order =
      compare(value, one_wanted(arguments), kSymbols[static_cast<int>(wanted)], in.budget());
  if (order == 2) return false;
  if (wanted == Order::kLess) return order < 0;
  if (wanted == Order::kLessEqual) return order <= 0;
  return wanted == Order::kGreater ? order > 0 : order >= 0;
}

bool is_in(Interpreter& in, const Value& value, const Arguments& arguments) {
  return contains(one_wanted(arguments), value, in.budget());
}

bool is_same(Interpreter& in, const Value& value, const Arguments& arguments) {
  const Value& other = one_wanted(arguments);
  if (value.kind() != other.kind()) return false;
  if (value.identity() != nullptr) return value.identity() == other.identity();
  return equal(value, other, in.budget());
}

bool is_filter(Interpreter&, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return value.is(Kind::kText) && find_filter(value.as_text()) != nullptr;
}

bool is_test(Interpreter&, const Value& value, const Arguments& arguments) {
  none_wanted(arguments);
  return value.is(Kind::kText) && find_test(value.as_text()) != nullptr;
}

const std::vector<NamedTest>& tests() {
  static const std::vector<NamedTest> kTable = {
      {"boolean", is_kind<Kind::kBool>},
      {"callable", is_callable},
      {"defined", is_defined},
      {"divisibleby", is_divisible},
      {"eq", is_equal<true>},
      {"equalto", is_equal<true>},
      {"==", is_equal<true>},
      {"escaped", is_escaped},
      {"even", is_even},
      {"false", is_literal<false>},
      {"filter", is_filter},
      {"float", is_kind<Kind::kFloat>},
      {"ge", is_ordered<Order::kGreaterEqual>},
      {">=", is_ordered<Order::kGreaterEqual>},
      {"greaterthan", is_ordered<Order::kGreater>},
      {"gt", is_ordered<Order::kGreater>},
      {">", is_ordered<Order::kGreater>},
      {"in", is_in},
      {"integer", is_kind<Kind::kInteger>},
      {"iterable", is_iterable_test},
      {"le", is_ordered<Order::kLessEqual>},
      {"<=", is_ordered<Order::kLessEqual>},
      {"lessthan", is_ordered<Order::kLess>},
      {"lt", is_ordered<Order::kLess>},
      {"<", is_ordered<Order::kLess>},
      {"lower", is_class<Class::kLower>},
      {"mapping", is_kind<Kind::kDict>},
      {"ne", is_equal<false>},
      {"!=", is_equal<false>},
      {"none", is_kind<Kind::kNone>},
      {"number", is_number},
      {"odd", is_odd},
      {"sameas", is_same},
      {"sequence", is_sequence},
      {"string", is_kind<Kind::kText>},
      {"test", is_test},
      {"true", is_literal<true>},
      {"undefined", is_kind<Kind::kUndefined>},
      {"upper", is_class<Class::kUpper>},
  };
  return kTable;
}

}  // namespace

TestFunction find_test(const std::string& name) {
  for (const auto& [known, function] : tests()) {
    if (name == known) return function;
  }
  return nullptr;
}

std::vector<std::string> test_names() {
  std::vector<std::string> out;
  for (const auto& item : tests()) out.emplace_back(item.first);
  return out;
}

}  // namespace relata::text::jinja
