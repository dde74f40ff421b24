// Writing YAML, and settings that overrule those of a file.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "clean.h"
#include "json_text.h"
#include "relata/base/json.h"
#include "relata/base/trim.h"

namespace relata {
namespace {

using internal::is_digit;
using internal::is_one_of;
using internal::plain_scalar;

// YAML 1.2, 7.4.2: a key without "?" has at most 1024 characters.
constexpr size_t kLongestPlainKey = 1024;

bool plain_is_safe(const std::string& text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || text.size() > 200 || text.back() == ' ') return false;
  if (!letter(text[0]) && !is_digit(text[0]) && text[0] != '_' && text[0] != '/') return false;
  for (const char c : text) {
    if (!letter(c) && !is_digit(c) &&
        std::string_view("_-./+ ").find(c) == std::string_view::npos) {
      return false;
    }
  }
  // YAML 1.1 readers take these for booleans.
  std::string lower = text;
  for (char& c : lower) c = letter(c) ? static_cast<char>(c | 0x20) : c;
  if (is_one_of(lower, std::array<std::string_view, 6>{"y", "n", "yes", "no", "on", "off"})) {
    return false;
  }
  const auto typed = plain_scalar(text);
  return typed.ok() && typed->is_string();
}

std::string yaml_scalar(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (plain_is_safe(text)) return text;
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    const auto number = value.get<double>();
    if (std::isnan(number)) return ".nan";
    return number < 0 ? "-.inf" : ".inf";
  }
  return value.dump();
}

void append_yaml(const Json& value, size_t indent, std::string& out);

// What follows "key:" or "-".
void append_yaml_child(const Json& value, size_t indent, std::string& out) {
  if (!value.is_structured() || value.empty()) {
    out += ' ';
    out += yaml_scalar(value);
    out += '\n';
  } else {
    out += '\n';
    append_yaml(value, indent, out);
  }
}

void append_yaml(const Json& value, size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  if (value.is_array()) {
    for (const Json& item : value) {
      out += margin + "-";
      append_yaml_child(item, indent + 2, out);
    }
    return;
  }
  for (const auto& [key, member] : value.items()) {
    const std::string name = yaml_scalar(Json(key));
    const bool is_long = name.size() > kLongestPlainKey;
    out += margin + (is_long ? "? " + name + "\n" + margin : name) + ":";
    append_yaml_child(member, indent + 2, out);
  }
}

}  // namespace

std::string to_yaml(const Json& value) {
  if (!value.is_structured() || value.empty()) return yaml_scalar(value) + "\n";
  std::string out;
  append_yaml(value, 0, out);
  return out;
}

Status apply_override(Json& value, const std::string& assignment) {
  const std::string shown = "'" + internal::clean_text(assignment, 100) + "'";
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    return usage_error(shown + ": key=value wanted", "for example learning_rate=1e-4");
  }
  const std::string_view left = trimmed(std::string_view(assignment).substr(0, equals));
  const std::string_view right = trimmed(std::string_view(assignment).substr(equals + 1));
  std::vector<std::string> path;
  for (size_t begin = 0; begin <= left.size();) {
    const size_t end = std::min(left.find('.', begin), left.size());
    if (end == begin) return usage_error(shown + ": a part of the key is empty");
    path.emplace_back(left.substr(begin, end - begin));
    begin = end + 1;
  }
  // Only what cannot be a plain word is YAML: "note=a: b # c" is a string for people.
  const bool is_yaml =
      !right.empty() && std::string_view("[{\"'").find(right[0]) != std::string_view::npos;
  auto parsed = is_yaml ? parse_yaml(right, shown) : plain_scalar(right);
  if (!parsed) {
    return usage_error(is_yaml ? parsed.error().message : shown + ": " + parsed.error().message);
  }
  const Json* node = &value;
  std::string seen;
  for (const std::string& part : path) {
    if (!node->is_object() && !node->is_null()) {
      return usage_error(shown + ": " + (seen.empty() ? "the value" : "'" + seen + "'") +
                         " has no named fields");
    }
    seen += (seen.empty() ? "" : ".") + part;
    const auto it = node->is_object() ? node->find(part) : node->end();
    if (it == node->end()) break;
    node = &*it;
  }
  Json* target = &value;
  for (const std::string& part : path) target = &(*target)[part];
  *target = std::move(parsed).value();
  return {};
}

}  // namespace relata
