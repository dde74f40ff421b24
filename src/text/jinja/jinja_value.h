// Values of the Jinja interpreter: Python's types as far as chat templates meet them.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "relata/base/json.h"

namespace relata::text::jinja {

// Thrown inside the interpreter; JinjaTemplate makes an Error of it. Users never see it.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, std::string hint = "")
      : std::runtime_error(message), hint_(std::move(hint)) {}
  const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

// What a rendering may still cost. Bounds time and memory alike, since whatever is made is paid.
class Budget {
 public:
  explicit Budget(int64_t steps) : left_(steps) {}
  void spend(size_t steps);
  void spend_bytes(size_t bytes) { spend(bytes / 16); }
  // Looking for `pattern` bytes in `text` bytes; the worst case has to fit too.
  void spend_search(size_t text, size_t pattern);

 private:
  int64_t left_;
};

enum class Kind { kUndefined, kNone, kBool, kInteger, kFloat, kText, kSequence, kDict, kObject };

struct Text;
struct Sequence;
class Dict;
class Object;

// Cheap to copy; containers are shared and, except for namespaces, never change.
class Value {
 public:
  struct Undefined {
    std::shared_ptr<const std::string> why;
  };
  struct None {};

  Value() = default;  // undefined
  static Value undefined(std::string why);
  static Value none() { return Value(Storage(None())); }
  static Value boolean(bool value) { return Value(Storage(value)); }
  static Value integer(int64_t value) { return Value(Storage(value)); }
  static Value number(double value) { return Value(Storage(value)); }
  static Value text(std::string value, bool markup = false);
  static Value object(std::shared_ptr<Object> value) { return Value(Storage(std::move(value))); }

  Kind kind() const { return static_cast<Kind>(storage_.index()); }
  bool is(Kind wanted) const { return kind() == wanted; }
  bool is_number() const;  // bool, integer or float

  // Each requires the kind it names.
  std::string why_undefined() const;
  bool as_bool() const { return std::get<bool>(storage_); }
  int64_t as_integer() const;  // bool or integer
  double as_double() const;    // bool, integer or float
  const std::string& as_text() const;
  bool is_markup() const;  // text that `safe` or `escape` has marked
  Sequence& sequence() const { return *std::get<std::shared_ptr<Sequence>>(storage_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(storage_); }
  Object& object() const { return *std::get<std::shared_ptr<Object>>(storage_); }
  const void* identity() const;  // of a container or object; nullptr for scalars

 private:
  friend Value make_sequence(Sequence sequence, Budget& budget);
  friend Value make_dict(Dict dict);
  using Storage =
      std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const Text>,
                   std::shared_ptr<Sequence>, std::shared_ptr<const Dict>, std::shared_ptr<Object>>;
  explicit Value(Storage storage) : storage_(std::move(storage)) {}
  Storage storage_;
};

struct Text {
  std::string text;
  bool markup = false;
};

enum class SequenceKind { kList, kTuple, kRange, kView, kGenerator };

struct Sequence {
  SequenceKind kind = SequenceKind::kList;
  std::vector<Value> items;
  size_t next = 0;         // generator: the first item that nobody has taken yet
  int depth = 0;           // levels of containers; make_sequence() sets it
  std::string shown = {};  // a range's text; "" when it has none
};

// Keeps insertion order, as Python's.
class Dict {
 public:
  void set(const Value& key, Value value, Budget& budget);
  const Value* find(const Value& key, Budget& budget) const;  // unhashable keys fail
  const Value* find(std::string_view key) const;
  const std::vector<std::pair<Value, Value>>& items() const { return items_; }
  int depth() const { return depth_; }

 private:
  std::vector<std::pair<Value, Value>> items_;
  std::unordered_map<std::string, size_t> index_;  // by hash_key()
  int depth_ = 1;
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Interpreter;

// Everything callable, and what has attributes of its own: macros, methods, namespaces, `loop`.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string type() const = 0;  // for messages: "macro"
  virtual Value attribute(const std::string& name);
  virtual int depth() const { return 0; }  // levels of values that it holds
  virtual bool callable() const { return true; }
  virtual Value call(Interpreter& interpreter, const Arguments& arguments);
};

int depth_of(const Value& value);  // levels of containers; what makes one bounds them
Value make_sequence(Sequence sequence, Budget& budget);
Value make_list(std::vector<Value> items, Budget& budget);
Value make_tuple(std::vector<Value> items, Budget& budget);
Value make_generator(std::vector<Value> items, Budget& budget);
Value make_dict(Dict dict);
Value from_json(const Json& json, Budget& budget, int depth = 0);

// Python's str(), repr(), bool(), type().__name__.
std::string to_text(const Value& value, Budget& budget);
std::string to_repr(const Value& value, Budget& budget);
std::string float_repr(double value);
bool truth(const Value& value);
std::string type_name(const Value& value);

bool equal(const Value& a, const Value& b, Budget& budget);
// -1, 0, 1, or 2 when a NaN takes part; fails for types that Python does not order. `symbol` is for
// the message.
int compare(const Value& a, const Value& b, const char* symbol, Budget& budget);
bool contains(const Value& container, const Value& item, Budget& budget);

// The items of an iterable; takes them out of a generator. Fails for what cannot be iterated.
std::vector<Value> elements(const Value& value, Budget& budget);
bool is_iterable(const Value& value);
// Python's len(); fails for what has none.
int64_t length(const Value& value);
bool has_length(const Value& value);

// Python's json.dumps.
struct JsonStyle {
  bool ensure_ascii = false;
  bool indented = false;
  std::string indent;  // of one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
std::string to_json(const Value& value, const JsonStyle& style, Budget& budget);

// Arguments by parameter name, as Python binds them; nullptr for what was not given. Fails for too
// many, unknown, repeated or missing ones.
std::vector<const Value*> bind(const Arguments& arguments, const std::string& function,
                               std::initializer_list<const char*> parameters, size_t required);

}  // namespace relata::text::jinja
