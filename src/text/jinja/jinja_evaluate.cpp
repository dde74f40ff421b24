#include <algorithm>

#include "jinja_interpreter.h"
#include "jinja_operators.h"
#include "relata/base/fields.h"

namespace relata::text::jinja {
namespace {

[[noreturn]] void unknown(const std::string& what, const std::string& name,
                          const std::vector<std::string>& known) {
  const auto nearest = nearest_name(name, known);
  throw Failure("unknown " + what + " '" + name + "'",
                nearest ? "did you mean '" + *nearest + "'?"
                        : "docs/chat-templates.md lists the " + what + "s");
}

std::string object_name(const Value& value) {
  return value.is(Kind::kNone) ? "'None'" : "'" + type_name(value) + " object'";
}

bool holds(const std::string& symbol, const Value& left, const Value& right, Budget& budget) {
  if (symbol == "==") return equal(left, right, budget);
  if (symbol == "!=") return !equal(left, right, budget);
  if (symbol == "in") return contains(right, left, budget);
  if (symbol == "not in") return !contains(right, left, budget);
  const int order = compare(left, right, symbol.c_str(), budget);
  if (order == 2) return false;
  if (symbol == "<") return order < 0;
  if (symbol == "<=") return order <= 0;
  if (symbol == ">") return order > 0;
  return order >= 0;
}

}  // namespace

Value Interpreter::evaluate(const Expr& expr) {
  const Depth depth(level_);
  budget_.spend(1);
  switch (expr.kind) {
    case ExprKind::kConstant:
      return expr.value;
    case ExprKind::kName:
      return evaluate_name(expr);
    case ExprKind::kList:
    case ExprKind::kTuple:
      return evaluate_sequence(expr);
    case ExprKind::kDict:
      return evaluate_dict(expr);
    case ExprKind::kAttribute: {
      const Value object = evaluate(*expr.parts[0]);
      at_ = expr.at;
      return attribute(object, expr.name);
    }
    case ExprKind::kItem: {
      const Value object = evaluate(*expr.parts[0]);
      const Value key = evaluate(*expr.parts[1]);
      at_ = expr.at;
      return item(object, key);
    }
    case ExprKind::kSlice:
      return evaluate_slice(expr);
    case ExprKind::kCall:
      return evaluate_call(expr);
    case ExprKind::kFilter:
      return evaluate_filter(expr, nullptr);
    case ExprKind::kTest:
      return evaluate_test(expr);
    case ExprKind::kCompare:
      return evaluate_compare(expr);
    case ExprKind::kConcat:
      return evaluate_concat(expr);
    case ExprKind::kBinary:
    case ExprKind::kUnary:
      return evaluate_operator(expr);
    case ExprKind::kConditional:
    case ExprKind::kAnd:
    case ExprKind::kOr:
    case ExprKind::kNot:
      return evaluate_condition(expr);
  }
  return Value();
}

Value Interpreter::evaluate_name(const Expr& expr) {
  const Value* found = scope_->find(expr.name, budget_);
  return found != nullptr ? *found : Value::undefined("'" + expr.name + "' is undefined");
}

Value Interpreter::evaluate_sequence(const Expr& expr) {
  std::vector<Value> items;
  items.reserve(expr.parts.size());
  for (const ExprPtr& part : expr.parts) items.push_back(evaluate(*part));
  at_ = expr.at;
  return expr.kind == ExprKind::kList ? make_list(std::move(items), budget_)
                                      : make_tuple(std::move(items), budget_);
}

Value Interpreter::evaluate_dict(const Expr& expr) {
  Dict dict;
  for (size_t i = 0; i + 1 < expr.parts.size(); i += 2) {
    const Value key = evaluate(*expr.parts[i]);
    Value value = evaluate(*expr.parts[i + 1]);
    at_ = expr.at;
    dict.set(key, std::move(value), budget_);
  }
  return make_dict(std::move(dict));
}

Value Interpreter::evaluate_slice(const Expr& expr) {
  const Value object = evaluate(*expr.parts[0]);
  std::vector<Value> bounds;
  for (size_t i = 1; i < 4; ++i) {
    bounds.push_back(expr.parts[i] ? evaluate(*expr.parts[i]) : Value::none());
  }
  at_ = expr.at;
  return slice(object, &bounds[0], &bounds[1], &bounds[2], budget_);
}

Arguments Interpreter::evaluate_arguments(const CallArguments& arguments) {
  Arguments out;
  for (const ExprPtr& part : arguments.positional) out.positional.push_back(evaluate(*part));
  for (const auto& [name, part] : arguments.named) out.named.emplace_back(name, evaluate(*part));
  if (arguments.star) {
    const std::vector<Value> more = elements(evaluate(*arguments.star), budget_);
    out.positional.insert(out.positional.end(), more.begin(), more.end());
  }
  if (arguments.double_star) {
    const Value more = evaluate(*arguments.double_star);
    if (!more.is(Kind::kDict)) throw Failure("the value after ** must be a mapping");
    for (const auto& [key, value] : more.dict().items()) {
      budget_.spend(1);
      if (!key.is(Kind::kText)) throw Failure("keywords must be strings");
      out.named.emplace_back(key.as_text(), value);
    }
  }
  return out;
}

Value Interpreter::evaluate_call(const Expr& expr) {
  const Value callee = evaluate(*expr.parts[0]);
  const Arguments arguments = evaluate_arguments(expr.arguments);
  at_ = expr.at;
  return call(callee, arguments);
}

Value Interpreter::evaluate_filter(const Expr& expr, const Value* input) {
  // The innermost filter of a filter block has no operand: it gets the block's text.
  Value value;
  if (!expr.parts[0]) {
    value = *input;
  } else {
    const bool passes_on = expr.parts[0]->kind == ExprKind::kFilter && input != nullptr;
    value = passes_on ? evaluate_filter(*expr.parts[0], input) : evaluate(*expr.parts[0]);
  }
  const Arguments arguments = evaluate_arguments(expr.arguments);
  at_ = expr.at;
  return filter(expr.name, value, arguments);
}

Value Interpreter::evaluate_test(const Expr& expr) {
  const Value value = evaluate(*expr.parts[0]);
  const Arguments arguments = evaluate_arguments(expr.arguments);
  at_ = expr.at;
  return Value::boolean(test(expr.name, value, arguments));
}

Value Interpreter::evaluate_compare(const Expr& expr) {
  Value left = evaluate(*expr.parts[0]);
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    Value right = evaluate(*expr.parts[i + 1]);
    at_ = expr.at;
    if (!holds(expr.operators[i], left, right, budget_)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::evaluate_concat(const Expr& expr) {
  std::string out;
  for (const ExprPtr& part : expr.parts) {
    const Value value = evaluate(*part);
    at_ = expr.at;
    out += to_text(value, budget_);
    budget_.spend_bytes(out.size());
  }
  return Value::text(std::move(out));
}

Value Interpreter::evaluate_operator(const Expr& expr) {
  const Value left = evaluate(*expr.parts[0]);
  if (expr.kind == ExprKind::kUnary) {
    at_ = expr.at;
    if (expr.name == "-") return negate(left);
    return negate(negate(left));
  }
  const Value right = evaluate(*expr.parts[1]);
  at_ = expr.at;
  return binary(expr.name, left, right, budget_);
}

Value Interpreter::evaluate_condition(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNot:
      return Value::boolean(!truth(evaluate(*expr.parts[0])));
    case ExprKind::kConditional:
      if (truth(evaluate(*expr.parts[1]))) return evaluate(*expr.parts[0]);
      if (expr.parts[2]) return evaluate(*expr.parts[2]);
      return Value::undefined("the condition is false and there is no 'else'");
    default: {
      Value left = evaluate(*expr.parts[0]);
      const bool decided = truth(left) == (expr.kind == ExprKind::kOr);
      return decided ? left : evaluate(*expr.parts[1]);
    }
  }
}

Value Interpreter::call(const Value& callee, const Arguments& arguments) {
  if (callee.is(Kind::kUndefined)) throw Failure(callee.why_undefined());
  if (!callee.is(Kind::kObject) || !callee.object().callable()) {
    throw Failure("'" + type_name(callee) + "' object is not callable");
  }
  return callee.object().call(*this, arguments);
}

Value Interpreter::filter(const std::string& name, const Value& value, const Arguments& arguments) {
  const FilterFunction function = find_filter(name);
  if (function == nullptr) unknown("filter", name, filter_names());
  budget_.spend(1);
  return function(*this, value, arguments);
}

bool Interpreter::test(const std::string& name, const Value& value, const Arguments& arguments) {
  const TestFunction function = find_test(name);
  if (function == nullptr) unknown("test", name, test_names());
  budget_.spend(1);
  return function(*this, value, arguments);
}

Value Interpreter::attribute(const Value& object, const std::string& name) {
  if (object.is(Kind::kUndefined)) throw Failure(object.why_undefined());
  if (object.is(Kind::kObject)) return object.object().attribute(name);
  switch (method_access(object, name)) {
    case MethodAccess::kAllowed:
      return Value::object(std::make_shared<Function>(
          [object, name](Interpreter& interpreter, const Arguments& arguments) {
            return call_method(interpreter, object, name, arguments);
          },
          1 + depth_of(object)));
    case MethodAccess::kChangesValue:
      return Value::undefined("access to attribute '" + name + "' of '" + type_name(object) +
                              "' object is unsafe: it would change the value");
    case MethodAccess::kNone:
      break;
  }
  if (object.is(Kind::kDict)) {
    if (const Value* found = object.dict().find(name)) return *found;
  }
  return Value::undefined(object_name(object) + " has no attribute '" + name + "'");
}

Value Interpreter::item(const Value& object, const Value& key) {
  if (object.is(Kind::kUndefined)) throw Failure(object.why_undefined());
  if (object.is(Kind::kDict)) {
    const bool hashable = !key.is(Kind::kDict) &&
                          !(key.is(Kind::kSequence) && key.sequence().kind != SequenceKind::kTuple);
    if (hashable) {
      if (const Value* found = object.dict().find(key, budget_)) return *found;
    }
  } else if (object.is(Kind::kText) || object.is(Kind::kSequence)) {
    if (key.is(Kind::kInteger) || key.is(Kind::kBool)) {
      if (object.is(Kind::kText)) budget_.spend_bytes(object.as_text().size());
      return element(object, key.as_integer());
    }
  }
  if (key.is(Kind::kText)) {
    budget_.spend_bytes(key.as_text().size());
    return attribute(object, key.as_text());
  }
  return Value::undefined(object_name(object) + " has no such element");
}

}  // namespace relata::text::jinja
