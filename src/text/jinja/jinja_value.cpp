#include "jinja_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "jinja_text.h"
#include "relata/text/utf8.h"

namespace relata::text::jinja {
namespace {

constexpr int kMaxDepth = 200;
constexpr size_t kContainerSteps = 4;  // an empty one takes some hundred bytes

// Two keys are the same to Python when these are: 1, 1.0 and True are one key.
std::string hash_key(const Value& key, Budget& budget) {
  budget.spend(1);
  switch (key.kind()) {
    case Kind::kUndefined:
      return "u";
    case Kind::kNone:
      return "n";
    case Kind::kBool:
    case Kind::kInteger:
      return "i" + std::to_string(key.as_integer());
    case Kind::kFloat: {
      const double number = key.as_double();
      if (std::trunc(number) == number && std::abs(number) < 9e18) {
        return "i" + std::to_string(static_cast<int64_t>(number));
      }
      return "f" + float_repr(number);
    }
    case Kind::kText:
      budget.spend_bytes(key.as_text().size());
      return "s" + key.as_text();
    case Kind::kSequence: {
      if (key.sequence().kind != SequenceKind::kTuple) break;
      std::string out = "(";
      for (const Value& item : key.sequence().items) {
        const std::string part = hash_key(item, budget);
        out += std::to_string(part.size()) + ":" + part;
      }
      return out;
    }
    case Kind::kDict:
      break;
    case Kind::kObject:
      return "o" + std::to_string(reinterpret_cast<uintptr_t>(key.identity()));
  }
  throw Failure("unhashable type: '" + type_name(key) + "'");
}

[[noreturn]] void too_deep() {
  throw Failure("values nested more than " + std::to_string(kMaxDepth) + " deep");
}

std::string join_reprs(const std::vector<Value>& items, Budget& budget) {
  std::string out;
  for (const Value& item : items) {
    if (!out.empty()) out += ", ";
    out += to_repr(item, budget);
  }
  return out;
}

std::string sequence_repr(const Sequence& sequence, Budget& budget) {
  switch (sequence.kind) {
    case SequenceKind::kList:
      return "[" + join_reprs(sequence.items, budget) + "]";
    case SequenceKind::kTuple:
      return "(" + join_reprs(sequence.items, budget) + (sequence.items.size() == 1 ? ",)" : ")");
    default:
      if (!sequence.shown.empty()) return sequence.shown;
      throw Failure("a lazy sequence has no text of its own", "turn it into a list: |list");
  }
}

}  // namespace

void Budget::spend(size_t steps) {
  if (steps > static_cast<size_t>(left_)) {
    left_ = 0;
    throw Failure("the template does too much work", "check its loops; a step limit ended it");
  }
  left_ -= static_cast<int64_t>(steps);
}

void Budget::spend_search(size_t text, size_t pattern) {
  const auto cost = static_cast<double>(text) * (1.0 / 16 + static_cast<double>(pattern) / 1024);
  spend(static_cast<size_t>(std::min(cost, 1e15)));
}

Value Value::undefined(std::string why) {
  return Value(Storage(Undefined{std::make_shared<const std::string>(std::move(why))}));
}

Value Value::text(std::string value, bool markup) {
  return Value(Storage(std::make_shared<const Text>(Text{std::move(value), markup})));
}

bool Value::is_number() const { return is(Kind::kBool) || is(Kind::kInteger) || is(Kind::kFloat); }

std::string Value::why_undefined() const {
  const auto& why = std::get<Undefined>(storage_).why;
  return why ? *why : "the value is undefined";
}

int64_t Value::as_integer() const {
  return is(Kind::kBool) ? (as_bool() ? 1 : 0) : std::get<int64_t>(storage_);
}

double Value::as_double() const {
  return is(Kind::kFloat) ? std::get<double>(storage_) : static_cast<double>(as_integer());
}

const std::string& Value::as_text() const {
  return std::get<std::shared_ptr<const Text>>(storage_)->text;
}

bool Value::is_markup() const {
  const auto* text = std::get_if<std::shared_ptr<const Text>>(&storage_);
  return text != nullptr && (*text)->markup;
}

const void* Value::identity() const {
  if (is(Kind::kSequence)) return &sequence();
  if (is(Kind::kDict)) return &dict();
  if (is(Kind::kObject)) return &object();
  return nullptr;
}

void Dict::set(const Value& key, Value value, Budget& budget) {
  std::string hash = hash_key(key, budget);
  budget.spend(2);
  depth_ = std::max({depth_, 1 + depth_of(value), 1 + depth_of(key)});
  if (depth_ > kMaxDepth) too_deep();
  const auto [place, added] = index_.emplace(std::move(hash), items_.size());
  if (added) {
    items_.emplace_back(key, std::move(value));
  } else {
    items_[place->second].second = std::move(value);
  }
}

const Value* Dict::find(const Value& key, Budget& budget) const {
  const auto found = index_.find(hash_key(key, budget));
  return found == index_.end() ? nullptr : &items_[found->second].second;
}

const Value* Dict::find(std::string_view key) const {
  const auto found = index_.find("s" + std::string(key));
  return found == index_.end() ? nullptr : &items_[found->second].second;
}

Value Object::attribute(const std::string& name) {
  return Value::undefined("'" + type() + " object' has no attribute '" + name + "'");
}

Value Object::call(Interpreter&, const Arguments&) {
  throw Failure("'" + type() + "' object is not callable");
}

int depth_of(const Value& value) {
  if (value.is(Kind::kSequence)) return value.sequence().depth;
  if (value.is(Kind::kDict)) return value.dict().depth();
  if (value.is(Kind::kObject)) return value.object().depth();
  return 0;
}

Value make_sequence(Sequence sequence, Budget& budget) {
  budget.spend(kContainerSteps + sequence.items.size());
  sequence.depth = 1;
  for (const Value& item : sequence.items) {
    sequence.depth = std::max(sequence.depth, 1 + depth_of(item));
  }
  if (sequence.depth > kMaxDepth) too_deep();
  return Value(Value::Storage(std::make_shared<Sequence>(std::move(sequence))));
}

Value make_list(std::vector<Value> items, Budget& budget) {
  return make_sequence({SequenceKind::kList, std::move(items)}, budget);
}
Value make_tuple(std::vector<Value> items, Budget& budget) {
  return make_sequence({SequenceKind::kTuple, std::move(items)}, budget);
}
Value make_generator(std::vector<Value> items, Budget& budget) {
  return make_sequence({SequenceKind::kGenerator, std::move(items)}, budget);
}

Value make_dict(Dict dict) {
  return Value(Value::Storage(std::make_shared<const Dict>(std::move(dict))));
}

Value from_json(const Json& json, Budget& budget, int depth) {
  if (depth >= kMaxDepth) too_deep();
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::integer(json.get<int64_t>());
    case Json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        throw Failure("the integer " + std::to_string(number) + " does not fit 64 bits");
      }
      return Value::integer(static_cast<int64_t>(number));
    }
    case Json::value_t::number_float:
      return Value::number(json.get<double>());
    case Json::value_t::string: {
      const auto& text = json.get_ref<const std::string&>();
      budget.spend_bytes(text.size());
      return Value::text(text);
    }
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(from_json(item, budget, depth + 1));
      return make_list(std::move(items), budget);
    }
    case Json::value_t::object: {
      Dict dict;
      for (const auto& [key, item] : json.items()) {
        dict.set(Value::text(key), from_json(item, budget, depth + 1), budget);
      }
      return make_dict(std::move(dict));
    }
    default:
      return Value::none();
  }
}

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char digits[64];
  const auto scientific =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific);
  const std::string_view shown(digits, static_cast<size_t>(scientific.ptr - digits));
  const size_t e = shown.find('e');
  int exponent = 0;
  const char* first = shown.data() + e + (shown[e + 1] == '+' ? 2 : 1);
  std::from_chars(first, shown.data() + shown.size(), exponent);
  if (exponent < -4 || exponent >= 16) return std::string(shown);
  char plain[64];
  const auto fixed = std::to_chars(plain, plain + sizeof plain, value, std::chars_format::fixed);
  std::string out(plain, static_cast<size_t>(fixed.ptr - plain));
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

std::string to_text(const Value& value, Budget& budget) {
  if (value.is(Kind::kUndefined)) return "";
  if (value.is(Kind::kText)) {
    budget.spend_bytes(value.as_text().size());
    return value.as_text();
  }
  return to_repr(value, budget);
}

std::string to_repr(const Value& value, Budget& budget) {
  budget.spend(1);
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return value.as_bool() ? "True" : "False";
    case Kind::kInteger:
      return std::to_string(value.as_integer());
    case Kind::kFloat:
      return float_repr(value.as_double());
    case Kind::kText:
      budget.spend_bytes(value.as_text().size());
      return (value.is_markup() ? "Markup(" : "") + jinja::quoted(value.as_text()) +
             (value.is_markup() ? ")" : "");
    case Kind::kSequence: {
      std::string out = sequence_repr(value.sequence(), budget);
      budget.spend_bytes(out.size());
      return out;
    }
    case Kind::kDict: {
      std::string out = "{";
      for (const auto& [key, item] : value.dict().items()) {
        if (out.size() > 1) out += ", ";
        out += to_repr(key, budget);
        out += ": ";
        out += to_repr(item, budget);
      }
      budget.spend_bytes(out.size());
      return out + "}";
    }
    case Kind::kObject:
      throw Failure("a " + value.object().type() + " has no text of its own");
  }
  return "";
}

bool truth(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return value.as_bool();
    case Kind::kInteger:
      return value.as_integer() != 0;
    case Kind::kFloat:
      return value.as_double() != 0.0;
    case Kind::kText:
      return !value.as_text().empty();
    case Kind::kSequence:
      // Python cannot know whether a generator will yield anything, and takes it for true.
      return value.sequence().kind == SequenceKind::kGenerator || !value.sequence().items.empty();
    case Kind::kDict:
      return !value.dict().items().empty();
    case Kind::kObject:
      return true;
  }
  return false;
}

std::string type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInteger:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kText:
      return value.is_markup() ? "Markup" : "str";
    case Kind::kSequence: {
      static constexpr const char* kNames[] = {"list", "tuple", "range", "view", "generator"};
      return kNames[static_cast<int>(value.sequence().kind)];
    }
    case Kind::kDict:
      return "dict";
    case Kind::kObject:
      return value.object().type();
  }
  return "";
}

}  // namespace relata::text::jinja
