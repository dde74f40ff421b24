#include "answer_schema.h"

#include <algorithm>
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

// What of a field's rules names texts to leave out, a schema can say of choices only.
std::vector<std::string> choices_of(const AnswerField& field) {
  std::vector<std::string> out = field.choices;
  std::erase_if(out, [&](const std::string& choice) {
    return std::find(field.never.begin(), field.never.end(), choice) != field.never.end();
  });
  return out;
}

Json field_schema(const AnswerField& field) {
  Json schema = {{"type", "string"}};
  if (field.kind == AnswerField::Kind::Choice) schema["enum"] = choices_of(field);
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

Json item_schema(const std::vector<AnswerField>& fields) {
  if (fields.size() == 1) return field_schema(fields.front());
  Json properties = Json::object();
  for (size_t i = 0; i < fields.size(); ++i) {
    properties[key_of(fields[i], i)] = field_schema(fields[i]);
  }
  return object_schema(std::move(properties));
}

// The first field that choices behind it depend on.
std::optional<size_t> deciding_field(const std::vector<AnswerField>& fields) {
  std::optional<size_t> first;
  for (const AnswerField& field : fields) {
    if (field.behind.empty()) continue;
    const size_t other = field.behind.begin()->first;
    first = first ? std::min(*first, other) : other;
  }
  return first;
}

// The fields where the deciding one has this value.
std::vector<AnswerField> fields_behind(std::vector<AnswerField> fields, size_t deciding,
                                       const std::string& value) {
  for (AnswerField& field : fields) {
    const auto lists = field.behind.find(deciding);
    if (lists == field.behind.end()) continue;
    const auto list = lists->second.find(value);
    if (list == lists->second.end()) continue;
    std::erase_if(field.choices, [&](const std::string& choice) {
      return std::find(list->second.begin(), list->second.end(), choice) == list->second.end();
    });
  }
  fields[deciding].choices = {value};
  return fields;
}

bool has_no_choice(const AnswerField& field) {
  return field.kind == AnswerField::Kind::Choice && choices_of(field).empty();
}

bool differ_in(size_t deciding, const std::vector<AnswerField>& a,
               const std::vector<AnswerField>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (i != deciding && a[i].choices != b[i].choices) return true;
  }
  return false;
}

// Items by the values of the field that decides what may stand behind it: those that leave the same
// choices are one kind. None where nothing decides, or the schema would become too long for servers
// (OpenAI's takes a thousand names).
std::vector<std::vector<AnswerField>> kinds_of_items(const std::vector<AnswerField>& fields) {
  constexpr size_t kMostNames = 1000;
  std::vector<std::vector<AnswerField>> kinds;
  const auto deciding = deciding_field(fields);
  if (!deciding || fields[*deciding].kind != AnswerField::Kind::Choice) return kinds;
  for (const std::string& value : choices_of(fields[*deciding])) {
    std::vector<AnswerField> kind = fields_behind(fields, *deciding, value);
    if (std::any_of(kind.begin(), kind.end(), has_no_choice)) continue;
    const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const auto& other) {
      return !differ_in(*deciding, other, kind);
    });
    if (known == kinds.end()) {
      kinds.push_back(std::move(kind));
    } else {
      (*known)[*deciding].choices.push_back(value);
    }
  }
  size_t names = 0;
  for (const auto& kind : kinds) {
    for (const AnswerField& field : kind) names += field.choices.size();
  }
  return names > kMostNames ? std::vector<std::vector<AnswerField>>{} : kinds;
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

// Where the items of an answer end that are whole.
std::vector<size_t> item_ends(std::string_view text) {
  constexpr int kItemDepth = 2;  // within the object and its list
  int depth = 0;
  bool in_string = false;
  std::vector<size_t> ends;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c != '"') continue;
      in_string = false;
      if (depth == kItemDepth) ends.push_back(i + 1);
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
      if (depth == kItemDepth) ends.push_back(i + 1);
    }
  }
  return ends;
}

// The end of the object that begins at `begin`; of the text, where it was cut off.
size_t object_end(std::string_view text, size_t begin) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (!in_string) {
      depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
      if (depth == 0) return i + 1;
    } else if (c == '\\') {
      ++i;
    }
  }
  return text.size();
}

std::optional<JsonAnswer> read_object(const AnswerShape& shape, std::string_view text) {
  auto json = parse_json(text, "answer");
  const bool cut_off = !json.ok();
  std::vector<size_t> ends = item_ends(text);
  if (cut_off) {
    if (ends.empty()) return std::nullopt;
    json = parse_json(std::string(text.substr(0, ends.back())) + "]}", "answer");
  }
  if (!json.ok() || !json->is_object()) return std::nullopt;
  const Json items = json->value(kItems, Json());
  if (!items.is_array()) return std::nullopt;
  JsonAnswer out;
  if (items.empty()) {
    out.text = shape.nothing;
    return out;
  }
  const std::vector<const AnswerField*> fields = fields_of(shape);
  for (const Json& item : items) {
    const auto values = values_of(fields, item);
    if (!values) return std::nullopt;
    out.parts.push_back((out.parts.empty() ? "" : shape.separator) + written(shape, *values));
    out.text += out.parts.back();
  }
  if (cut_off) out.text += shape.separator;
  if (ends.size() == out.parts.size()) out.ends = std::move(ends);  // else there are other lists
  return out;
}

}  // namespace

Json answer_schema(const AnswerShape& shape) {
  std::vector<AnswerField> fields;
  for (const AnswerField* field : fields_of(shape)) fields.push_back(*field);
  const std::vector<std::vector<AnswerField>> kinds = kinds_of_items(fields);
  Json item = item_schema(kinds.empty() ? fields : kinds.front());
  if (kinds.size() > 1) {
    Json any = Json::array();
    for (const std::vector<AnswerField>& kind : kinds) any.push_back(item_schema(kind));
    item = {{"anyOf", std::move(any)}};
  }
  Json list = {{"type", "array"}, {"items", std::move(item)}};
  if (shape.nothing.empty()) list["minItems"] = 1;
  if (shape.max_items > 0) list["maxItems"] = shape.max_items;
  Json properties = Json::object();
  properties[kItems] = std::move(list);
  return object_schema(std::move(properties));
}

std::optional<JsonAnswer> answer_of_json(const AnswerShape& shape, std::string_view text) {
  constexpr int kMostTries = 32;
  std::optional<JsonAnswer> out;
  size_t begin = text.find('{');
  for (int i = 0; i < kMostTries && begin != std::string_view::npos; ++i) {
    const size_t end = object_end(text, begin);
    auto answer = read_object(shape, text.substr(begin, end - begin));
    if (answer) {
      for (size_t& place : answer->ends) place += begin;
      out = std::move(answer);
    }
    begin = text.find('{', answer ? end : begin + 1);
  }
  return out;
}

}  // namespace relata::generate
