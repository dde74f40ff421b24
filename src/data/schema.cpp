#include "relata/data/schema.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "relata/base/fields.h"
#include "relata/base/file.h"

namespace relata::data {
namespace {

namespace fs = std::filesystem;

// Names in order of frequency, equally frequent ones in order of appearance.
class NameCounts {
 public:
  void add(const std::string& name) {
    const auto [found, is_new] = index_.try_emplace(name, counts_.size());
    if (is_new) counts_.emplace_back(name, 0);
    ++counts_[found->second].second;
  }
  std::vector<std::string> by_frequency() {
    std::stable_sort(counts_.begin(), counts_.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    std::vector<std::string> names;
    for (const auto& [name, count] : counts_) names.push_back(name);
    return names;
  }

 private:
  std::vector<std::pair<std::string, size_t>> counts_;
  std::unordered_map<std::string, size_t> index_;
};

// Reads everything that can be read and collects what is wrong; places are inside the file.
class SchemaReader {
 public:
  Schema read(const Json& value);
  const std::vector<Error>& errors() const { return errors_; }

 private:
  // `read_item(item, place)` for every item of a list; a string stands for a list with commas.
  template <class ReadItem>
  void for_each(const Json& list, const std::string& place, const ReadItem& read_item);
  // An item that may be a plain string, its id; false for anything but that and an object.
  template <class Type>
  bool read_plain(const Json& value, const std::string& place, Type& type);
  template <class Type>
  void read_names(Fields& fields, Type& type);
  bool take(Fields& fields);  // false after a failure
  void finish(Fields& fields, const std::string& place, const std::string& id);
  void fail(std::string message, std::string hint);

  EntityType entity_type(const Json& value, const std::string& place);
  RelationType relation_type(const Json& value, const std::string& place);
  EventType event_type(const Json& value, const std::string& place);
  EventRole event_role(const Json& value, const std::string& place);
  RelationExample example(const Json& value, const std::string& place);

  std::vector<Error> errors_;
};

void SchemaReader::fail(std::string message, std::string hint) {
  if (hint.empty()) hint = "docs/schemas.md describes the format";
  errors_.push_back(input_error(std::move(message), std::move(hint)));
}

template <class ReadItem>
void SchemaReader::for_each(const Json& list, const std::string& place, const ReadItem& read_item) {
  if (list.is_null()) return;
  if (!list.is_array()) {
    return fail(place + ": not a list", "write \"" + place.substr(place.rfind('.') + 1) +
                                            "\": [{\"id\": ..., \"description\": ...}, ...]");
  }
  for (size_t i = 0; i < list.size(); ++i) {
    read_item(list[i], place + "[" + std::to_string(i) + "]");
  }
}

template <class Type>
bool SchemaReader::read_plain(const Json& value, const std::string& place, Type& type) {
  if (value.is_object()) return true;
  if (value.is_string()) {
    type.id = type.name = value.get<std::string>();
    if (type.id.empty()) fail(place + ": no id", "give each type the label that the data uses");
  } else {
    fail(place + ": not an object", "write {\"id\": ..., \"description\": ...}");
  }
  return false;
}

template <class Type>
void SchemaReader::read_names(Fields& fields, Type& type) {
  fields.get("id", type.id);
  fields.get("name", type.name);
  fields.get("description", type.description);
  if (type.name.empty()) type.name = type.id;
}

bool SchemaReader::take(Fields& fields) {
  const Status status = fields.finish();
  if (!status.ok()) fail(status.error().message, status.error().hint);
  return status.ok();
}

void SchemaReader::finish(Fields& fields, const std::string& place, const std::string& id) {
  if (take(fields) && id.empty())
    fail(place + ": no id", "give each type the label that the data uses");
}

EntityType SchemaReader::entity_type(const Json& value, const std::string& place) {
  EntityType type;
  if (!read_plain(value, place, type)) return type;
  Fields fields(value, place);
  read_names(fields, type);
  finish(fields, place, type.id);
  return type;
}

RelationExample SchemaReader::example(const Json& value, const std::string& place) {
  RelationExample example;
  Fields fields(value, place);
  fields.get("text", example.text);
  fields.get("head", example.head);
  fields.get("tail", example.tail);
  take(fields);
  return example;
}

RelationType SchemaReader::relation_type(const Json& value, const std::string& place) {
  RelationType type;
  if (!value.is_object()) {
    fail(place + ": not an object", "write {\"id\": ..., \"description\": ...}");
    return type;
  }
  Json shown;
  Fields fields(value, place);
  read_names(fields, type);
  fields.get("head_types", type.head_types);
  fields.get("tail_types", type.tail_types);
  fields.get("inverse", type.inverse);
  fields.get("implies_inverse", type.implies_inverse);
  fields.get("symmetric", type.symmetric);
  fields.get("negative", type.negative);
  fields.get("example", shown);
  finish(fields, place, type.id);
  if (!shown.is_null()) type.example = example(shown, place + ".example");
  return type;
}

EventRole SchemaReader::event_role(const Json& value, const std::string& place) {
  EventRole role;
  if (!read_plain(value, place, role)) return role;
  Fields fields(value, place);
  read_names(fields, role);
  fields.get("types", role.types);
  finish(fields, place, role.id);
  return role;
}

EventType SchemaReader::event_type(const Json& value, const std::string& place) {
  EventType type;
  if (!read_plain(value, place, type)) return type;
  Json roles;
  Fields fields(value, place);
  read_names(fields, type);
  fields.get("roles", roles);
  finish(fields, place, type.id);
  for_each(roles, place + ".roles", [&](const Json& item, const std::string& where) {
    type.roles.push_back(event_role(item, where));
  });
  return type;
}

Schema SchemaReader::read(const Json& value) {
  Schema schema;
  if (!value.is_object()) {
    fail("not an object", "a schema is {\"entity_types\": [...], \"relation_types\": [...]}");
    return schema;
  }
  Json entities, relations, events;
  std::vector<std::string> plain_entities;
  // Several names in one string are read as elsewhere: "PER, ORG".
  const bool in_one = value.contains("entity_types") && value["entity_types"].is_string();
  Fields fields(value, "schema");
  fields.get("description", schema.description);
  if (in_one) {
    fields.get("entity_types", plain_entities);
  } else {
    fields.get("entity_types", entities);
  }
  fields.get("relation_types", relations);
  fields.get("event_types", events);
  take(fields);
  for (std::string& id : plain_entities) schema.entity_types.push_back({id, id, ""});
  for_each(entities, "entity_types", [&](const Json& item, const std::string& place) {
    schema.entity_types.push_back(entity_type(item, place));
  });
  for_each(relations, "relation_types", [&](const Json& item, const std::string& place) {
    schema.relation_types.push_back(relation_type(item, place));
  });
  for_each(events, "event_types", [&](const Json& item, const std::string& place) {
    schema.event_types.push_back(event_type(item, place));
  });
  return schema;
}

template <class Type>
Json named_to_json(const Type& type) {
  Json item = {{"id", type.id}, {"name", type.name}};
  if (!type.description.empty()) item["description"] = type.description;
  return item;
}

template <class Type>
bool has_only_an_id(const Type& type) {
  return (type.name.empty() || type.name == type.id) && type.description.empty();
}

Json relation_to_json(const RelationType& type) {
  Json item = {{"id", type.id}, {"name", type.name}, {"description", type.description}};
  if (!type.head_types.empty()) item["head_types"] = type.head_types;
  if (!type.tail_types.empty()) item["tail_types"] = type.tail_types;
  if (!type.inverse.empty()) item["inverse"] = type.inverse;
  if (!type.implies_inverse.empty()) item["implies_inverse"] = type.implies_inverse;
  if (type.symmetric) item["symmetric"] = true;
  if (type.negative) item["negative"] = true;
  if (type.example) {
    item["example"] = {
        {"text", type.example->text}, {"head", type.example->head}, {"tail", type.example->tail}};
  }
  return item;
}

Json event_to_json(const EventType& type) {
  Json item = named_to_json(type);
  Json roles = Json::array();
  for (const EventRole& role : type.roles) {
    if (has_only_an_id(role) && role.types.empty()) {
      roles.push_back(role.id);
      continue;
    }
    Json& added = roles.emplace_back(named_to_json(role));
    if (!role.types.empty()) added["types"] = role.types;
  }
  if (!roles.empty()) item["roles"] = std::move(roles);
  return item;
}

std::vector<EventType> infer_event_types(const std::vector<Document>& documents) {
  NameCounts types;
  std::unordered_map<std::string, NameCounts> roles;
  for (const Document& document : documents) {
    for (const Event& event : document.events) {
      if (event.type.empty()) continue;
      types.add(event.type);
      for (const Argument& argument : event.arguments) roles[event.type].add(argument.role);
    }
  }
  std::vector<EventType> out;
  for (const std::string& id : types.by_frequency()) {
    EventType& type = out.emplace_back(EventType{id, id, "", {}});
    for (const std::string& role : roles[id].by_frequency()) {
      type.roles.push_back({role, role, "", {}});
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> RelationType::turned_round() const {
  std::vector<std::string> out;
  const std::string& mutual = symmetric ? id : inverse;
  if (!mutual.empty()) out.push_back(mutual);
  if (!implies_inverse.empty()) out.push_back(implies_inverse);
  return out;
}

int Schema::find(std::string_view relation_id) const {
  const auto found = std::find_if(relation_types.begin(), relation_types.end(),
                                  [&](const auto& type) { return type.id == relation_id; });
  return found == relation_types.end() ? -1 : static_cast<int>(found - relation_types.begin());
}

int Schema::negative() const {
  const auto found = std::find_if(relation_types.begin(), relation_types.end(),
                                  [](const auto& type) { return type.negative; });
  return found == relation_types.end() ? -1 : static_cast<int>(found - relation_types.begin());
}

bool Schema::is_negative(std::string_view relation_id) const {
  const int type = find(relation_id);
  return type < 0 ? is_negative_name(relation_id)
                  : relation_types[static_cast<size_t>(type)].negative;
}

Result<Schema> read_schema(const std::string& path) {
  RELATA_TRY(const Json value, read_json(path));
  return schema_from_json(value, path);
}

Result<Schema> schema_from_json(const Json& value, const std::string& where) {
  SchemaReader reader;
  Schema schema = reader.read(value);
  if (reader.errors().empty()) return schema;
  Error error = reader.errors().front();
  error.message = where + ": " + error.message;
  return error;
}

Result<CheckedSchema> check_schema(const std::string& path) {
  RELATA_TRY(const Json value, read_json(path));
  CheckedSchema out;
  SchemaReader reader;
  out.schema = reader.read(value);
  for (const Error& error : reader.errors()) {
    const size_t colon = error.message.find(": ");
    const bool placed = colon != std::string::npos;
    out.problems.push_back({placed ? error.message.substr(0, colon) : "schema",
                            placed ? error.message.substr(colon + 2) : error.message, false});
    if (!error.hint.empty()) out.problems.back().message += "; " + error.hint;
  }
  for (SchemaProblem& problem : validate_schema(out.schema)) {
    out.problems.push_back(std::move(problem));
  }
  return out;
}

Json schema_to_json(const Schema& schema) {
  Json out = Json::object();
  if (!schema.description.empty()) out["description"] = schema.description;
  Json& entities = out["entity_types"] = Json::array();
  for (const EntityType& type : schema.entity_types) {
    entities.push_back(has_only_an_id(type) ? Json(type.id) : named_to_json(type));
  }
  Json& relations = out["relation_types"] = Json::array();
  for (const RelationType& type : schema.relation_types) {
    relations.push_back(relation_to_json(type));
  }
  if (schema.event_types.empty()) return out;
  Json& events = out["event_types"] = Json::array();
  for (const EventType& type : schema.event_types) events.push_back(event_to_json(type));
  return out;
}

std::vector<std::string> shipped_schemas(const std::string& shipped_folder) {
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator entry(shipped_folder, code), end; !code && entry != end;
       entry.increment(code)) {
    if (entry->path().extension() == ".json") names.push_back(entry->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> find_schema_file(const std::string& name, const std::string& shipped_folder) {
  std::error_code code;
  if (name == "-" || fs::is_regular_file(name, code)) return name;
  if (file_exists(name + "/schema.json")) return name + "/schema.json";
  const std::vector<std::string> shipped = shipped_schemas(shipped_folder);
  if (std::find(shipped.begin(), shipped.end(), name) != shipped.end()) {
    return shipped_folder + "/" + name + ".json";
  }
  if (file_exists(name) && !fs::is_directory(name, code)) return name;  // a pipe or device
  const auto nearest = nearest_name(name, shipped);
  return usage_error(
      name + ": no schema file, no folder with a schema.json, and no schema that came with relata",
      nearest ? "did you mean '" + *nearest + "'?" : "`relata schema list` shows what came along");
}

bool is_negative_name(std::string_view relation_id) {
  for (const char* name : {"unknown", "no_relation", "NA", "Other", "NR", "None"}) {
    if (relation_id == name) return true;
  }
  return false;
}

Schema infer_schema(const std::vector<Document>& documents) {
  NameCounts entity_types;
  NameCounts relation_types;
  for (const Document& document : documents) {
    for (const Entity& entity : document.entities) {
      if (!entity.type.empty()) entity_types.add(entity.type);
    }
    for (const Relation& relation : document.relations) relation_types.add(relation.type);
  }
  Schema schema;
  for (const std::string& id : entity_types.by_frequency()) {
    schema.entity_types.push_back({id, id, ""});
  }
  for (const std::string& id : relation_types.by_frequency()) {
    RelationType type;
    type.id = id;
    type.name = id;
    type.negative = is_negative_name(id);
    schema.relation_types.push_back(std::move(type));
  }
  schema.event_types = infer_event_types(documents);
  return schema;
}

}  // namespace relata::data
