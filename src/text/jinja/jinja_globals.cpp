// The functions that every template may call.
#include <array>

#include "jinja_interpreter.h"
#include "jinja_operators.h"
#include "relata/text/utf8.h"

namespace relata::text::jinja {
namespace {

constexpr int64_t kMaxRange = 100'000;  // as in Jinja's sandbox

Value range_function(Interpreter& in, const Arguments& arguments) {
  const auto given = bind(arguments, "range", {"start", "stop", "step"}, 1);
  int64_t begin = 0;
  int64_t end = to_index(*given[0], "range");
  if (given[1] != nullptr) {
    begin = end;
    end = to_index(*given[1], "range");
  }
  const int64_t step = given[2] != nullptr ? to_index(*given[2], "range") : 1;
  if (step == 0) throw Failure("range: the step cannot be zero");
  std::vector<Value> items;
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    if (static_cast<int64_t>(items.size()) >= kMaxRange) {
      throw Failure("a range has more than " + std::to_string(kMaxRange) + " items");
    }
    in.budget().spend(1);
    items.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  Sequence out{SequenceKind::kRange, std::move(items)};
  out.shown = "range(" + std::to_string(begin) + ", " + std::to_string(end) +
              (step == 1 ? "" : ", " + std::to_string(step)) + ")";
  return make_sequence(std::move(out), in.budget());
}

// The pairs that dict() and namespace() are made of.
Dict pairs(Interpreter& in, const Arguments& arguments, const std::string& function) {
  if (arguments.positional.size() > 1) throw Failure(function + "() takes one value at most");
  Dict out;
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is(Kind::kDict)) {
      for (const auto& [key, value] : source.dict().items()) out.set(key, value, in.budget());
    } else {
      for (const Value& pair : elements(source, in.budget())) {
        const std::vector<Value> parts = elements(pair, in.budget());
        if (parts.size() != 2) throw Failure(function + "() needs pairs");
        out.set(parts[0], parts[1], in.budget());
      }
    }
  }
  for (const auto& [name, value] : arguments.named) {
    out.set(Value::text(name), value, in.budget());
  }
  return out;
}

Value dict_function(Interpreter& in, const Arguments& arguments) {
  return make_dict(pairs(in, arguments, "dict"));
}

Value namespace_function(Interpreter& in, const Arguments& arguments) {
  auto out = in.make_namespace();
  const Dict given = pairs(in, arguments, "namespace");
  for (const auto& [key, value] : given.items()) {
    if (!key.is(Kind::kText)) throw Failure("a namespace's names must be texts");
    out->set(key.as_text(), value, in.budget());
  }
  return Value::object(std::move(out));
}

Value raise_exception_function(Interpreter& in, const Arguments& arguments) {
  const auto given = bind(arguments, "raise_exception", {"message"}, 1);
  throw Failure("the template refuses this chat: " + to_text(*given[0], in.budget()));
}

Value strftime_function(Interpreter& in, const Arguments& arguments) {
  const auto given = bind(arguments, "strftime_now", {"format"}, 1);
  if (!given[0]->is(Kind::kText)) throw Failure("strftime_now needs a format");
  const std::string& format = given[0]->as_text();
  if (format.empty()) return Value::text("");
  if (format.size() > 200) throw Failure("strftime_now: a format of more than 200 bytes");
  std::array<char, 4096> out{};
  const size_t size = std::strftime(out.data(), out.size(), format.c_str(), &in.now());
  return Value::text(replace_invalid_utf8({out.data(), size}));
}

}  // namespace

void add_globals(Scope& scope, Budget& budget) {
  using Native = Value (*)(Interpreter&, const Arguments&);
  static constexpr std::array<std::pair<const char*, Native>, 5> kFunctions = {
      {{"range", range_function},
       {"dict", dict_function},
       {"namespace", namespace_function},
       {"raise_exception", raise_exception_function},
       {"strftime_now", strftime_function}}};
  for (const auto& [name, function] : kFunctions) {
    scope.set(name, Value::object(std::make_shared<Function>(function)), budget);
  }
}

}  // namespace relata::text::jinja
