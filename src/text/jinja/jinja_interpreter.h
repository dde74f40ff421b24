// Runs a parsed template.
#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jinja_ast.h"

namespace relata::text::jinja {

struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string, Value>> names;

  // Names are looked through one by one: few in any honest template, and paid for in others.
  const Value* find(const std::string& name, Budget& budget) const;  // here or outside
  void set(const std::string& name, Value value, Budget& budget);    // here
};
using ScopePtr = std::shared_ptr<Scope>;

// A C++ function as a value: a method of a value, a global, a part of `loop`.
class Function : public Object {
 public:
  using Body = std::function<Value(Interpreter&, const Arguments&)>;
  // `depth`: of the values that the body holds.
  explicit Function(Body body, int depth = 0) : body_(std::move(body)), depth_(depth) {}
  std::string type() const override { return "function"; }
  int depth() const override { return depth_; }
  Value call(Interpreter& interpreter, const Arguments& arguments) override {
    return body_(interpreter, arguments);
  }

 private:
  Body body_;
  int depth_;
};

// The one value that changes: {% set ns.x = 1 %}.
class Namespace : public Object {
 public:
  std::string type() const override { return "namespace"; }
  bool callable() const override { return false; }
  Value attribute(const std::string& name) override;
  void set(const std::string& name, Value value, Budget& budget);
  void clear() { names_.clear(); }

 private:
  std::unordered_map<std::string, Value> names_;
};

class Macro : public Object {
 public:
  Macro(const MacroDefinition& definition, ScopePtr scope)
      : definition_(definition), scope_(std::move(scope)) {}
  std::string type() const override { return "macro"; }
  Value attribute(const std::string& name) override;
  Value call(Interpreter& interpreter, const Arguments& arguments) override;
  const MacroDefinition& definition() const { return definition_; }
  const ScopePtr& scope() const { return scope_; }

 private:
  const MacroDefinition& definition_;
  ScopePtr scope_;
};

class Interpreter {
 public:
  Interpreter(const Program& program, const std::tm& now);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  JinjaOutput render(const Json& variables);  // once

  size_t at() const { return at_; }  // where in the source the work is
  Budget& budget() { return budget_; }
  const std::tm& now() const { return now_; }

  Value call(const Value& callee, const Arguments& arguments);
  Value call_macro(const Macro& macro, const Arguments& arguments);
  Value filter(const std::string& name, const Value& value, const Arguments& arguments);
  bool test(const std::string& name, const Value& value, const Arguments& arguments);
  Value attribute(const Value& object, const std::string& name);
  Value item(const Value& object, const Value& key);
  std::shared_ptr<Namespace> make_namespace();
  // `cut` takes apart a value that may hold itself; it runs when the rendering ends.
  void at_end(std::function<void()> cut) { at_end_.push_back(std::move(cut)); }
  // Whether `item` passes the condition of a `for`.
  bool passes(const Stmt& loop, const ScopePtr& outer, const Value& item);

 private:
  enum class Flow { kNormal, kBreak, kContinue };
  class Buffer;  // catches what is printed

  // Statements (jinja_interpreter.cpp).
  Flow execute(const Block& block);
  Flow execute(const Stmt& stmt);
  Flow execute_if(const Stmt& stmt);
  Flow execute_for(const Stmt& stmt);
  void execute_macro(const Stmt& stmt);
  void execute_call(const Stmt& stmt);
  Flow execute_set_block(const Stmt& stmt);
  Flow execute_filter_block(const Stmt& stmt);
  void execute_generation(const Stmt& stmt);
  Flow execute_with(const Stmt& stmt);
  Flow execute_inside(const Block& block, ScopePtr scope);
  std::string captured(const Block& block, ScopePtr scope, Flow& flow);
  void bind_parameters(const MacroDefinition& macro, const Arguments& arguments,
                       const ScopePtr& scope);
  void assign(const Target& target, const Value& value);
  void write(std::string_view text);
  Value make_macro(const MacroDefinition& definition);

  // Expressions (jinja_evaluate.cpp).
  Value evaluate(const Expr& expr);
  Value evaluate_name(const Expr& expr);
  Value evaluate_sequence(const Expr& expr);
  Value evaluate_dict(const Expr& expr);
  Value evaluate_slice(const Expr& expr);
  Value evaluate_call(const Expr& expr);
  Value evaluate_filter(const Expr& expr, const Value* input);
  Value evaluate_test(const Expr& expr);
  Value evaluate_compare(const Expr& expr);
  Value evaluate_concat(const Expr& expr);
  Value evaluate_operator(const Expr& expr);
  Value evaluate_condition(const Expr& expr);
  Arguments evaluate_arguments(const CallArguments& arguments);

  const Program& program_;
  std::tm now_;
  Budget budget_;
  size_t at_ = 0;
  int level_ = 0;
  ScopePtr scope_;
  std::string* out_ = nullptr;
  JinjaOutput output_;
  std::vector<std::function<void()>> at_end_;
};

// Bounds the nesting of evaluation, and so the C++ stack.
class Depth {
 public:
  explicit Depth(int& level) : level_(level) {
    constexpr int kMaxLevels = 500;
    if (level_ >= kMaxLevels) throw Failure("macros or expressions nested too deeply");
    ++level_;
  }
  ~Depth() { --level_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  int& level_;
};

// Names that every template knows.
void add_globals(Scope& scope, Budget& budget);

// Whether values of this kind have the method, and its call. Methods that would change the value
// are not there, as in Transformers' sandbox.
enum class MethodAccess { kNone, kAllowed, kChangesValue };
MethodAccess method_access(const Value& value, const std::string& name);
Value call_method(Interpreter& interpreter, const Value& value, const std::string& name,
                  const Arguments& arguments);

using FilterFunction = Value (*)(Interpreter&, const Value&, const Arguments&);
using NamedFilter = std::pair<const char*, FilterFunction>;
FilterFunction find_filter(const std::string& name);  // nullptr: none
std::vector<std::string> filter_names();
const std::vector<NamedFilter>& sequence_filters();

using TestFunction = bool (*)(Interpreter&, const Value&, const Arguments&);
TestFunction find_test(const std::string& name);  // nullptr: none
std::vector<std::string> test_names();

// a.b.c or a number, as `map(attribute=...)` and its like take it; steps that are not there give
// undefined, or `fallback` when there is one.
Value attribute_path(Interpreter& interpreter, const Value& value, const Value& path,
                     const Value* fallback = nullptr);

}  // namespace relata::text::jinja
