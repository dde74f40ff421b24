#include "jinja_interpreter.h"

#include <algorithm>

#include "jinja_lexer.h"

namespace relata::text::jinja {
namespace {

constexpr size_t kNamesPerStep = 16;  // and scopes

// `loop`. Items that a condition leaves out are looked for when they are needed, not before: the
// condition may depend on what the body has set.
class Loop : public Object {
 public:
  Loop(Interpreter& interpreter, const Stmt& stmt, ScopePtr outer, std::vector<Value> items)
      : interpreter_(interpreter), stmt_(stmt), outer_(std::move(outer)), items_(std::move(items)) {
    size_ = static_cast<int64_t>(items_.size());
    for (const Value& item : items_) depth_ = std::max(depth_, 1 + depth_of(item));
  }
  int depth() const override { return depth_; }

  std::string type() const override { return "loop"; }
  bool callable() const override { return false; }

  bool advance() {
    std::optional<Value> next = after_ ? std::move(after_) : pull();
    after_.reset();
    if (!next) return false;
    ++index_;
    before_ = std::move(current_);
    current_ = std::move(*next);
    return true;
  }
  const Value& current() const { return current_; }
  // Lets go of the scope around it: a loop may be kept in a namespace, and a scope keep a loop.
  void finish() {
    items_.clear();
    position_ = 0;
    outer_.reset();
  }

  Value attribute(const std::string& name) override {
    if (name == "index") return Value::integer(index_ + 1);
    if (name == "index0") return Value::integer(index_);
    if (name == "first") return Value::boolean(index_ == 0);
    if (name == "last") return Value::boolean(peek() == nullptr);
    if (name == "length") return Value::integer(count());
    if (name == "revindex") return Value::integer(count() - index_);
    if (name == "revindex0") return Value::integer(count() - index_ - 1);
    if (name == "depth") return Value::integer(1);
    if (name == "depth0") return Value::integer(0);
    if (name == "previtem") {
      return index_ == 0 ? Value::undefined("there is no previous item") : before_;
    }
    if (name == "nextitem") {
      const Value* next = peek();
      return next == nullptr ? Value::undefined("there is no next item") : *next;
    }
    if (name == "cycle") return cycle();
    if (name == "changed") return changed();
    return Object::attribute(name);
  }

 private:
  std::optional<Value> pull() {
    while (position_ < items_.size()) {
      Value item = items_[position_++];
      if (!stmt_.condition || count_ || interpreter_.passes(stmt_, outer_, item)) return item;
    }
    return std::nullopt;
  }

  const Value* peek() {
    if (!after_) after_ = pull();
    return after_ ? &*after_ : nullptr;
  }

  // All items that pass, which a condition must be asked for now.
  int64_t count() {
    if (!stmt_.condition) return size_;
    if (!count_) {
      std::vector<Value> rest;
      if (after_) rest.push_back(std::move(*after_));
      after_.reset();
      while (std::optional<Value> item = pull()) rest.push_back(std::move(*item));
      count_ = index_ + 1 + static_cast<int64_t>(rest.size());
      items_ = std::move(rest);
      position_ = 0;
    }
    return *count_;
  }

  Value cycle() {
    const int64_t index = index_;
    return Value::object(
        std::make_shared<Function>([index](Interpreter&, const Arguments& arguments) {
          const auto& choices = arguments.positional;
          if (choices.empty()) throw Failure("no items for cycling given");
          return choices[static_cast<size_t>(index) % choices.size()];
        }));
  }

  Value changed() {
    if (!changed_) {
      changed_ = std::make_shared<std::optional<Value>>();
      interpreter_.at_end([state = changed_] { state->reset(); });
    }
    return Value::object(std::make_shared<Function>(
        [state = changed_](Interpreter& interpreter, const Arguments& arguments) {
          Value now = make_tuple(arguments.positional, interpreter.budget());
          if (*state && equal(**state, now, interpreter.budget())) return Value::boolean(false);
          *state = std::move(now);
          return Value::boolean(true);
        }));
  }

  Interpreter& interpreter_;
  const Stmt& stmt_;
  ScopePtr outer_;
  std::vector<Value> items_;
  int64_t size_ = 0;
  int depth_ = 1;
  size_t position_ = 0;
  int64_t index_ = -1;
  Value before_;
  Value current_;
  std::optional<Value> after_;
  std::optional<int64_t> count_;
  std::shared_ptr<std::optional<Value>> changed_;  // what changed() saw last
};

}  // namespace

class Interpreter::Buffer {
 public:
  Buffer(Interpreter& interpreter, std::string& text)
      : interpreter_(interpreter), before_(std::exchange(interpreter.out_, &text)) {}
  ~Buffer() { interpreter_.out_ = before_; }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

 private:
  Interpreter& interpreter_;
  std::string* before_;
};

const Value* Scope::find(const std::string& name, Budget& budget) const {
  size_t looked_at = 0;
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
    looked_at += 1 + scope->names.size();
    if (looked_at >= kNamesPerStep) {
      budget.spend(looked_at / kNamesPerStep);
      looked_at %= kNamesPerStep;
    }
    for (const auto& [known, value] : scope->names) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(const std::string& name, Value value, Budget& budget) {
  budget.spend(names.size() / kNamesPerStep);
  for (auto& [known, old] : names) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  names.emplace_back(name, std::move(value));
}

Value Namespace::attribute(const std::string& name) {
  const auto found = names_.find(name);
  return found == names_.end() ? Object::attribute(name) : found->second;
}

void Namespace::set(const std::string& name, Value value, Budget& budget) {
  if (name.starts_with("_")) {
    throw Failure("a namespace holds no name with a leading underscore: '" + name + "'");
  }
  budget.spend_bytes(name.size());
  names_[name] = std::move(value);
}

Value Macro::attribute(const std::string& name) {
  if (name == "name") return Value::text(definition_.name);
  return Object::attribute(name);
}

Value Macro::call(Interpreter& interpreter, const Arguments& arguments) {
  return interpreter.call_macro(*this, arguments);
}

Interpreter::Interpreter(const Program& program, const std::tm& now)
    : program_(program), now_(now), budget_(program.limits.steps) {}

Interpreter::~Interpreter() {
  for (const auto& cut : at_end_) cut();
}

JinjaOutput Interpreter::render(const Json& variables) {
  if (!variables.is_object()) throw Failure("the variables must be a JSON object");
  auto globals = std::make_shared<Scope>();
  add_globals(*globals, budget_);
  auto context = std::make_shared<Scope>();
  context->parent = std::move(globals);
  for (const auto& [name, value] : variables.items()) {
    context->set(name, from_json(value, budget_), budget_);
  }
  scope_ = std::make_shared<Scope>();
  scope_->parent = std::move(context);
  out_ = &output_.text;
  execute(program_.body);
  return std::move(output_);
}

void Interpreter::write(std::string_view text) {
  budget_.spend_bytes(text.size());
  if (out_->size() + text.size() > program_.limits.output_bytes) {
    throw Failure("the output is larger than " + std::to_string(program_.limits.output_bytes) +
                  " bytes");
  }
  *out_ += text;
}

Interpreter::Flow Interpreter::execute(const Block& block) {
  for (const auto& stmt : block) {
    const Flow flow = execute(*stmt);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute(const Stmt& stmt) {
  const Depth depth(level_);
  budget_.spend(1);
  at_ = stmt.at;
  switch (stmt.kind) {
    case StmtKind::kText:
      write(stmt.text);
      return Flow::kNormal;
    case StmtKind::kPrint:
      write(to_text(evaluate(*stmt.expr), budget_));
      return Flow::kNormal;
    case StmtKind::kIf:
      return execute_if(stmt);
    case StmtKind::kFor:
      return execute_for(stmt);
    case StmtKind::kSet:
      assign(stmt.target, evaluate(*stmt.expr));
      return Flow::kNormal;
    case StmtKind::kSetBlock:
      return execute_set_block(stmt);
    case StmtKind::kMacro:
      execute_macro(stmt);
      return Flow::kNormal;
    case StmtKind::kCall:
      execute_call(stmt);
      return Flow::kNormal;
    case StmtKind::kFilter:
      return execute_filter_block(stmt);
    case StmtKind::kGeneration:
      execute_generation(stmt);
      return Flow::kNormal;
    case StmtKind::kWith:
      return execute_with(stmt);
    case StmtKind::kBreak:
      return Flow::kBreak;
    case StmtKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute_if(const Stmt& stmt) {
  for (const auto& [condition, body] : stmt.branches) {
    if (!condition || truth(evaluate(*condition))) return execute(body);
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute_inside(const Block& block, ScopePtr scope) {
  const ScopePtr outer = std::exchange(scope_, std::move(scope));
  const Flow flow = execute(block);
  scope_ = outer;
  return flow;
}

Interpreter::Flow Interpreter::execute_for(const Stmt& stmt) {
  const ScopePtr outer = scope_;
  auto loop = std::make_shared<Loop>(*this, stmt, outer, elements(evaluate(*stmt.expr), budget_));
  bool untouched = true;  // as Jinja sees it: no body has run to its end
  while (loop->advance()) {
    budget_.spend(1);
    scope_ = std::make_shared<Scope>();
    scope_->parent = outer;
    at_ = stmt.target.at;
    assign(stmt.target, loop->current());
    scope_->set("loop", Value::object(loop), budget_);
    const Flow flow = execute(stmt.body);
    scope_ = outer;
    if (flow == Flow::kBreak) break;
    if (flow == Flow::kNormal) untouched = false;
  }
  loop->finish();
  if (!untouched || stmt.otherwise.empty()) return Flow::kNormal;
  auto scope = std::make_shared<Scope>();
  scope->parent = outer;
  return execute_inside(stmt.otherwise, std::move(scope));
}

bool Interpreter::passes(const Stmt& loop, const ScopePtr& outer, const Value& item) {
  budget_.spend(1);
  auto scope = std::make_shared<Scope>();
  scope->parent = outer;
  const ScopePtr before = std::exchange(scope_, std::move(scope));
  assign(loop.target, item);
  const bool out = truth(evaluate(*loop.condition));
  scope_ = before;
  return out;
}

std::string Interpreter::captured(const Block& block, ScopePtr scope, Flow& flow) {
  std::string text;
  const Buffer buffer(*this, text);
  flow = execute_inside(block, std::move(scope));
  return text;
}

Interpreter::Flow Interpreter::execute_set_block(const Stmt& stmt) {
  auto scope = std::make_shared<Scope>();
  scope->parent = scope_;
  Flow flow = Flow::kNormal;
  Value value = Value::text(captured(stmt.body, std::move(scope), flow));
  if (flow != Flow::kNormal) return flow;
  if (stmt.expr) value = evaluate_filter(*stmt.expr, &value);
  at_ = stmt.at;
  assign(stmt.target, value);
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::execute_filter_block(const Stmt& stmt) {
  auto scope = std::make_shared<Scope>();
  scope->parent = scope_;
  Flow flow = Flow::kNormal;
  const Value value = Value::text(captured(stmt.body, std::move(scope), flow));
  if (flow == Flow::kNormal) write(to_text(evaluate_filter(*stmt.expr, &value), budget_));
  return flow;
}

void Interpreter::execute_generation(const Stmt& stmt) {
  auto scope = std::make_shared<Scope>();
  scope->parent = scope_;
  const bool outermost = out_ == &output_.text;
  const size_t begin = out_->size();
  execute_inside(stmt.body, std::move(scope));
  if (outermost) output_.generated.push_back({begin, out_->size()});
}

Interpreter::Flow Interpreter::execute_with(const Stmt& stmt) {
  auto scope = std::make_shared<Scope>();
  scope->parent = scope_;
  std::vector<Value> values;  // all are evaluated outside
  values.reserve(stmt.assignments.size());
  for (const auto& assignment : stmt.assignments) values.push_back(evaluate(*assignment.second));
  const ScopePtr outer = std::exchange(scope_, scope);
  for (size_t i = 0; i < values.size(); ++i) assign(stmt.assignments[i].first, values[i]);
  scope_ = outer;
  return execute_inside(stmt.body, std::move(scope));
}

Value Interpreter::make_macro(const MacroDefinition& definition) {
  at_end([scope = scope_] { scope->names.clear(); });  // it will hold what holds it
  return Value::object(std::make_shared<Macro>(definition, scope_));
}

void Interpreter::execute_macro(const Stmt& stmt) {
  scope_->set(stmt.macro->name, make_macro(*stmt.macro), budget_);
}

void Interpreter::execute_call(const Stmt& stmt) {
  const Value callee = evaluate(*stmt.expr->parts[0]);
  Arguments arguments = evaluate_arguments(stmt.expr->arguments);
  arguments.named.emplace_back("caller", make_macro(*stmt.macro));
  at_ = stmt.at;
  write(to_text(call(callee, arguments), budget_));
}

Value Interpreter::call_macro(const Macro& macro, const Arguments& arguments) {
  const Depth depth(level_);
  budget_.spend(1);
  const size_t at = at_;
  auto scope = std::make_shared<Scope>();
  scope->parent = macro.scope();
  bind_parameters(macro.definition(), arguments, scope);
  Flow flow = Flow::kNormal;
  std::string text = captured(macro.definition().body, std::move(scope), flow);
  at_ = at;
  return Value::text(std::move(text));
}

void Interpreter::bind_parameters(const MacroDefinition& macro, const Arguments& arguments,
                                  const ScopePtr& scope) {
  const size_t count = macro.parameters.size();
  const std::string title = "macro '" + macro.name + "'";
  std::vector<std::optional<Value>> given(count);
  std::vector<Value> rest;
  for (size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < count) {
      given[i] = arguments.positional[i];
    } else {
      rest.push_back(arguments.positional[i]);
    }
  }
  if (!rest.empty() && !macro.uses_varargs) {
    throw Failure(title + " takes not more than " + std::to_string(count) + " arguments");
  }
  Dict named;
  Value caller = Value::undefined("no caller defined");
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(macro.parameters.begin(), macro.parameters.end(), name);
    const auto i = static_cast<size_t>(found - macro.parameters.begin());
    if (i < count && !given[i]) {
      given[i] = value;
    } else if (name == "caller" && macro.uses_caller) {
      caller = value;
    } else if (macro.uses_kwargs && i == count) {
      named.set(Value::text(name), value, budget_);
    } else {
      throw Failure(title + " takes no keyword argument '" + name + "'");
    }
  }
  const ScopePtr outer = std::exchange(scope_, scope);
  const size_t first_default = count - macro.defaults.size();
  for (size_t i = 0; i < count; ++i) {
    const std::string& name = macro.parameters[i];
    if (given[i]) {
      scope->set(name, *given[i], budget_);
    } else if (i >= first_default) {
      scope->set(name, evaluate(*macro.defaults[i - first_default]), budget_);
    } else {
      scope->set(name, Value::undefined("parameter '" + name + "' was not provided"), budget_);
    }
  }
  if (macro.uses_varargs) scope->set("varargs", make_tuple(std::move(rest), budget_), budget_);
  if (macro.uses_kwargs) scope->set("kwargs", make_dict(std::move(named)), budget_);
  if (macro.uses_caller) scope->set("caller", std::move(caller), budget_);
  scope_ = outer;
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (target.is_tuple) {
    at_ = target.at;
    if (!is_iterable(value)) {
      throw Failure("cannot unpack '" + type_name(value) + "'");
    }
    const std::vector<Value> items = elements(value, budget_);
    if (items.size() != target.parts.size()) {
      throw Failure("cannot unpack " + std::to_string(items.size()) + " values into " +
                    std::to_string(target.parts.size()));
    }
    for (size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i]);
    return;
  }
  if (target.attribute.empty()) {
    scope_->set(target.name, value, budget_);
    return;
  }
  at_ = target.at;
  const Value* holder = scope_->find(target.name, budget_);
  auto* space = holder != nullptr && holder->is(Kind::kObject)
                    ? dynamic_cast<Namespace*>(&holder->object())
                    : nullptr;
  if (space == nullptr) {
    throw Failure("cannot assign an attribute of '" + target.name + "': it is no namespace");
  }
  space->set(target.attribute, value, budget_);
}

std::shared_ptr<Namespace> Interpreter::make_namespace() {
  auto out = std::make_shared<Namespace>();
  at_end([out] { out->clear(); });  // it may come to hold itself
  return out;
}

}  // namespace relata::text::jinja
