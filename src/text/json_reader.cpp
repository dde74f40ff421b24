#include "json_reader.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "relata/text/utf8.h"

namespace relata::text {

Result<Node> parse_node(std::string_view text, const std::string& where) {
  try {
    return Node::parse(text.begin(), text.end());
  } catch (const Node::exception& problem) {
    std::string reason = problem.what();
    // "[json.exception.parse_error.101] parse error at line ...": the tag helps nobody.
    if (const size_t tag = reason.find("] "); tag != std::string::npos) reason.erase(0, tag + 2);
    return input_error(where + ": not valid JSON: " + replace_invalid_utf8(reason),
                       "the file may be cut off or a Git LFS pointer; fetch it again");
  }
}

JsonReader::JsonReader(const Node& object, std::string where)
    : object_(object), where_(std::move(where)) {
  if (!object_.is_object()) fail("an object is wanted");
}

const Node* JsonReader::find(const char* key) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::string JsonReader::string(const char* key, const std::string& fallback) {
  const Node* node = find(key);
  if (node == nullptr) return fallback;
  if (node->is_string()) return node->get<std::string>();
  wrong_type(key, "a string");
  return fallback;
}

std::optional<bool> JsonReader::optional_boolean(const char* key) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->is_boolean()) return node->get<bool>();
  wrong_type(key, "true or false");
  return std::nullopt;
}

bool JsonReader::boolean(const char* key, bool fallback) {
  return optional_boolean(key).value_or(fallback);
}

int64_t JsonReader::integer(const char* key, int64_t fallback) {
  const Node* node = find(key);
  if (node == nullptr) return fallback;
  const bool fits = !node->is_number_unsigned() ||
                    node->get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()};
  if (node->is_number_integer() && fits) return node->get<int64_t>();
  wrong_type(key, "an integer");
  return fallback;
}

const Node& JsonReader::object(const char* key) {
  static const Node kEmpty = Node::object();
  const Node* node = find(key);
  if (node == nullptr) return kEmpty;
  if (node->is_object()) return *node;
  wrong_type(key, "an object");
  return kEmpty;
}

const Node& JsonReader::array(const char* key) {
  static const Node kEmpty = Node::array();
  const Node* node = find(key);
  if (node == nullptr) return kEmpty;
  if (node->is_array()) return *node;
  wrong_type(key, "an array");
  return kEmpty;
}

void JsonReader::wrong_type(const char* key, const char* wanted) {
  fail(fmt::format("\"{}\" must be {}", key, wanted));
}

void JsonReader::fail(const std::string& problem) {
  if (!error_) error_ = input_error(where_ + ": " + problem);
}

Status JsonReader::status() const { return error_ ? Status(*error_) : Status(); }

}  // namespace relata::text
