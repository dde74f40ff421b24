// A read-only view of JSON that keeps every value's place in the text, so that readers can name the
// field that is wrong, and that copies nothing but strings with escapes. base/json.h is for values
// that are made, changed or kept. docs/decisions/0002 says why there are two.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json.h"

namespace relata {

enum class JsonType : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

struct JsonNode {
  const char* data = nullptr;  // a string's characters, unescaped, or a number's text
  size_t offset = 0;           // in the parsed text
  uint32_t size = 0;           // bytes of `data`, array elements, or object members
  uint32_t next = 1;           // nodes of the value, itself included
  JsonType type = JsonType::kNull;
  bool truth = false;
};

// A value inside the last parse() of a JsonParser; absent when a lookup found nothing.
class JsonView {
 public:
  JsonView() = default;
  explicit JsonView(const JsonNode* node) : node_(node) {}

  explicit operator bool() const { return node_ != nullptr; }
  bool is_null() const { return is(JsonType::kNull); }
  bool is_bool() const { return is(JsonType::kBool); }
  bool is_number() const { return is(JsonType::kNumber); }
  bool is_string() const { return is(JsonType::kString); }
  bool is_array() const { return is(JsonType::kArray); }
  bool is_object() const { return is(JsonType::kObject); }

  bool truth() const { return node_->truth; }
  std::string_view string() const { return {node_->data, node_->size}; }  // or a number's text
  std::optional<int64_t> integer() const;      // none: no number, a fraction, or too large
  double number() const;                       // of a number; infinite where it is too large
  size_t size() const { return node_->size; }  // array elements or object members
  size_t offset() const { return node_->offset; }

  // The last member of that name, as in Python; absent if there is none or this is no object.
  JsonView find(std::string_view key) const;
  // The element at `index`, which must be below size(). Cost: O(index).
  JsonView at(size_t index) const;

  // Array elements.
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = JsonView;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = JsonView;
    Iterator(const JsonNode* node, size_t left) : node_(node), left_(left) {}
    JsonView operator*() const { return JsonView(node_); }
    Iterator& operator++() {
      node_ += node_->next;
      --left_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    const JsonNode* node_;
    size_t left_;
  };
  Iterator begin() const { return {node_ + 1, is_array() ? node_->size : 0}; }
  Iterator end() const { return {nullptr, 0}; }

  // Calls visit(key, value) for every member of an object, in file order; never for other values.
  template <class Visit>
  void each_member(Visit&& visit) const {
    if (!is_object()) return;
    const JsonNode* node = node_ + 1;
    for (uint32_t i = 0; i < node_->size; ++i) {
      const JsonNode* value = node + 1;
      visit(JsonView(node).string(), JsonView(value));
      node = value + value->next;
    }
  }

  // A copy that outlives the parser. A number too large for a double becomes its text, a string:
  // written as JSON again, infinity would be null.
  Json to_json() const;
  // How to reach `inner` from here: "labels[3].h"; "" for this value itself.
  std::string path_to(JsonView inner) const;

 private:
  bool is(JsonType type) const { return node_ && node_->type == type; }
  const JsonNode* node_ = nullptr;
};

struct JsonProblem {
  size_t offset = 0;  // in the text, where reading stopped
  std::string what;   // "a string is not closed"
};

// Keeps its memory between parses, which is what makes reading record by record quick.
class JsonParser {
 public:
  static constexpr size_t kMostValues = size_t{1} << 25;  // 1 GiB of nodes

  explicit JsonParser(size_t most_values = kMostValues) : most_values_(most_values) {}

  // Reads the value that begins at or after `begin`, past white space. On success root() is the
  // value and end() is the offset behind it; both live until the next parse, as long as `text`.
  // RFC 8259; nesting is limited to 256 levels, a value to 4 GiB and to `most_values` values inside
  // it. UTF-8 is not checked: text without escapes comes out as it is.
  std::optional<JsonProblem> parse(std::string_view text, size_t begin);
  JsonView root() const { return JsonView(nodes_.data()); }
  size_t end() const { return end_; }

 private:
  // The functions below take the place to read from and return the place behind what they read.
  using Place = const char*;
  struct Failure {};  // thrown inside parse() only
  [[noreturn]] void fail(Place place, const char* what);
  Place skip_space(Place at) const;
  JsonNode& add(JsonType type, Place at, Place data, size_t size);
  void grow(Place at);
  size_t used() const { return static_cast<size_t>(next_node_ - nodes_.data()); }
  size_t open(JsonType type, Place at);  // the number of the new node
  void close(size_t node, size_t count);
  Place read_value(Place at, int depth);
  Place read_rare_value(Place at, int depth);
  Place read_array(Place at, int depth);
  Place read_object(Place at, int depth);
  Place read_string(Place at);
  Place read_long_string(Place at);
  Place read_escaped(Place begin, Place plain_end);
  char32_t read_hex(Place at);
  Place read_number(Place at);
  Place read_rare_number(Place at);
  Place read_word(Place at, std::string_view word, JsonType type, bool truth);
  char* allocate(size_t size);

  size_t most_values_;
  Place text_ = nullptr;
  Place text_end_ = nullptr;
  size_t end_ = 0;
  std::vector<JsonNode> nodes_;
  JsonNode* next_node_ = nullptr;  // those before it belong to the value
  JsonNode* end_of_nodes_ = nullptr;
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t block_left_ = 0;
  char* block_at_ = nullptr;
  std::string scratch_;
  JsonProblem problem_;
};

// What to add to the message of a problem at `offset` where a character stands that is hard to see
// or to tell from others (a byte order mark, a no-break space): ", but \"\ufeff\""; else "".
std::string odd_character_note(std::string_view text, size_t offset);

// The offset behind the JSON value at `begin`, by its brackets alone; npos if they do not close.
// A string ends at a line break, so that a lost quote spoils one line only.
size_t skip_json_value(std::string_view text, size_t begin);

}  // namespace relata
