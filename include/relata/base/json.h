// JSON values keep the order of their keys, so that a file read and written again stays readable.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "relata/base/result.h"

namespace relata {

using Json = nlohmann::ordered_json;

// `where` begins the error message: "config.json:3:17: expected ':' ..." (line and column added).
Result<Json> parse_json(std::string_view text, const std::string& where);
Result<Json> read_json(const std::string& path);
// One line of a file, which `where` names with its number: only the column is added.
Result<Json> parse_json_line(std::string_view line, const std::string& where);

// Atomic; indented by `indent` spaces (-1: one line), non-ASCII unescaped, final newline.
Status write_json(const std::string& path, const Json& value, int indent = 2);

// A YAML file as JSON (null, bool, int, float, string; 1e-4 is a number). Duplicate keys are
// errors. YAML is how relata is configured, so what is wrong with it is wrong usage.
Result<Json> parse_yaml(std::string_view text, const std::string& where);
Result<Json> read_yaml(const std::string& path);
std::string to_yaml(const Json& value);

// "a.b=3": sets value["a"]["b"] to the YAML scalar or flow value on the right.
Status apply_override(Json& value, const std::string& assignment);

}  // namespace relata
