// Reads an untrusted JSON object field by field; the first problem found is kept for status().
//
// The vocabularies are objects of 150,000 keys: they need a JSON type whose look-up is not linear,
// so relata::Json, which keeps the order of keys, is not used here.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "relata/base/result.h"

namespace relata::text {

using Node = nlohmann::json;

Result<Node> parse_node(std::string_view text, const std::string& where);

class JsonReader {
 public:
  JsonReader(const Node& object, std::string where);  // `object` is borrowed

  // The fallback when the field is missing or null.
  std::string string(const char* key, const std::string& fallback);
  bool boolean(const char* key, bool fallback);
  std::optional<bool> optional_boolean(const char* key);
  int64_t integer(const char* key, int64_t fallback);
  // An empty value of the kind when the field is missing or null.
  const Node& object(const char* key);
  const Node& array(const char* key);
  const Node* find(const char* key) const;  // null when missing or null

  void fail(const std::string& problem);
  const std::string& where() const { return where_; }
  Status status() const;

 private:
  void wrong_type(const char* key, const char* wanted);
  const Node& object_;
  std::string where_;
  std::optional<Error> error_;
};

}  // namespace relata::text
