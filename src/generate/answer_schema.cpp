#include "answer_schema.h"

#include <vector>

namespace relata::generate {
namespace {

constexpr const char* kItems = "items";

std::vector<const AnswerField*> fields_of(const AnswerShape& shape) {
  std::vector<const AnswerField*> fields;
  for (const AnswerField& field : shape.item) {
    if (field.kind != AnswerField::Kind::Literal) fields.push_back(&field);
  }
  return fields;
}

std::string key_of(const AnswerField& field, size_t index) {
  return field.name.empty() ? "field" + std::to_string(index + 1) : field.name;
}

Json field_schema(const AnswerField& field) {
  Json schema = {{"type", "string"}};
  if (field.kind == AnswerField::Kind::Choice) schema["enum"] = field.choices;
  return schema;
}

// Objects as servers that call themselves strict want them: all keys required, no others.
Json object_schema(Json properties) {
  Json required = Json::array();
  for (const auto& [key, value] : properties.items()) required.push_back(key);
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

std::optional<std::vector<std::string>> values_of(const std::vector<const AnswerField*>& fields,
                                                  const Json& item) {
  std::vector<std::string> values;
  for (size_t i = 0; i < fields.size(); ++i) {
    const Json value = fields.size() == 1 ? item
                       : item.is_object() ? item.value(key_of(*fields[i], i), Json())
                                          : Json();
    if (!value.is_string()) return std::nullopt;
    values.push_back(value.get<std::string>());
  }
  return values;
}

std::string written(const AnswerShape& shape, const std::vector<std::string>& values) {
  std::string out;
  auto value = values.begin();
  for (const AnswerField& field : shape.item) {
    out += field.kind == AnswerField::Kind::Literal ? field.text : *value++;
  }
  return out;
}

// What stands before an answer was cut off, up to its last whole item, closed; nothing where there
// is no such item.
std::optional<std::string> closed_after_last_item(std::string_view text) {
  constexpr int kItemDepth = 2;  // within the object and its list
  int depth = 0;
  bool in_string = false;
  size_t whole = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c != '"') continue;
      in_string = false;
      if (depth == kItemDepth) whole = i + 1;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
      if (depth == kItemDepth) whole = i + 1;
    }
  }
  if (whole == 0) return std::nullopt;
  return std::string(text.substr(0, whole)) + "]}";
}

}  // namespace

Json answer_schema(const AnswerShape& shape) {
  const std::vector<const AnswerField*> fields = fields_of(shape);
  Json item;
  if (fields.size() == 1) {
    item = field_schema(*fields.front());
  } else {
    Json properties = Json::object();
    for (size_t i = 0; i < fields.size(); ++i) {
      properties[key_of(*fields[i], i)] = field_schema(*fields[i]);
    }
    item = object_schema(std::move(properties));
  }
  Json list = {{"type", "array"}, {"items", std::move(item)}};
  if (shape.nothing.empty()) list["minItems"] = 1;
  if (shape.max_items > 0) list["maxItems"] = shape.max_items;
  Json properties = Json::object();
  properties[kItems] = std::move(list);
  return object_schema(std::move(properties));
}

std::optional<std::string> answer_of_json(const AnswerShape& shape, std::string_view text) {
  auto json = parse_json(text, "answer");
  const bool cut_off = !json.ok();
  if (cut_off) {
    const auto closed = closed_after_last_item(text);
    if (!closed) return std::nullopt;
    json = parse_json(*closed, "answer");
  }
  if (!json.ok() || !json->is_object()) return std::nullopt;
  const Json items = json->value(kItems, Json());
  if (!items.is_array()) return std::nullopt;
  if (items.empty()) return shape.nothing;
  const std::vector<const AnswerField*> fields = fields_of(shape);
  std::string out;
  for (const Json& item : items) {
    const auto values = values_of(fields, item);
    if (!values) return std::nullopt;
    if (!out.empty()) out += shape.separator;
    out += written(shape, *values);
  }
  if (cut_off) out += shape.separator;
  return out;
}

}  // namespace relata::generate
