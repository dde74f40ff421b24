#include "relata/data/schema.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "relata/base/fields.h"

namespace relata::data {
namespace {

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

Result<RelationType> relation_type_from_json(const Json& value, const std::string& where) {
  if (!value.is_object()) {
    return input_error(where + ": not an object", "write {\"id\": ..., \"description\": ...}");
  }
  RelationType type;
  Fields fields(value, where);
  fields.get("id", type.id);
  fields.get("name", type.name);
  fields.get("description", type.description);
  fields.get("head_types", type.head_types);
  fields.get("tail_types", type.tail_types);
  fields.get("inverse", type.inverse);
  fields.get("symmetric", type.symmetric);
  fields.get("negative", type.negative);
  RELATA_CHECK(fields.finish());
  if (type.id.empty()) {
    return input_error(where + ": no id", "give each relation type the label that the data uses");
  }
  if (type.name.empty()) type.name = type.id;
  return type;
}

bool is_negative_name(const std::string& id) {
  return id == "unknown" || id == "no_relation" || id == "NA" || id == "Other";
}

}  // namespace

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

Result<Schema> read_schema(const std::string& path) {
  RELATA_TRY(const Json value, read_json(path));
  return schema_from_json(value, path);
}

Result<Schema> schema_from_json(const Json& value, const std::string& where) {
  if (!value.is_object()) {
    return input_error(where + ": not an object",
                       "a schema is {\"entity_types\": [...], \"relation_types\": [...]}");
  }
  Schema schema;
  Json types = Json::array();
  Fields fields(value, where);
  fields.get("entity_types", schema.entity_types);
  fields.get("relation_types", types);
  RELATA_CHECK(fields.finish());
  if (!types.is_array()) {
    return input_error(where + ": relation_types is not a list",
                       "write \"relation_types\": [{\"id\": ...}, ...]");
  }
  for (size_t i = 0; i < types.size(); ++i) {
    RELATA_TRY(RelationType type, relation_type_from_json(types[i], where + ": relation_types[" +
                                                                        std::to_string(i) + "]"));
    schema.relation_types.push_back(std::move(type));
  }
  return schema;
}

Json schema_to_json(const Schema& schema) {
  Json types = Json::array();
  for (const RelationType& type : schema.relation_types) {
    Json& item = types.emplace_back(Json{{"id", type.id}, {"name", type.name}});
    item["description"] = type.description;
    if (!type.head_types.empty()) item["head_types"] = type.head_types;
    if (!type.tail_types.empty()) item["tail_types"] = type.tail_types;
    if (!type.inverse.empty()) item["inverse"] = type.inverse;
    if (type.symmetric) item["symmetric"] = true;
    if (type.negative) item["negative"] = true;
  }
  return {{"entity_types", schema.entity_types}, {"relation_types", std::move(types)}};
}

std::vector<std::string> validate_schema(const Schema& schema) {
  std::vector<std::string> problems;
  std::set<std::string> entity_types;
  for (const std::string& type : schema.entity_types) {
    if (type.empty()) problems.push_back("an entity type is empty");
    if (!entity_types.insert(type).second) {
      problems.push_back("the entity type \"" + type + "\" is listed twice");
    }
  }
  std::unordered_map<std::string, const RelationType*> types;
  for (const RelationType& type : schema.relation_types) {
    if (!types.emplace(type.id, &type).second) {
      problems.push_back("the relation type \"" + type.id + "\" is listed twice");
    }
  }
  if (schema.relation_types.empty()) problems.push_back("there are no relation types");
  for (const RelationType& type : schema.relation_types) {
    const std::string name = "the relation type \"" + type.id + "\"";
    if (!type.inverse.empty()) {
      const auto inverse = types.find(type.inverse);
      if (inverse == types.end()) {
        problems.push_back(name + " has the unknown inverse \"" + type.inverse + "\"");
      } else if (inverse->second->inverse != type.id) {
        problems.push_back(name + " has the inverse \"" + type.inverse +
                           "\", which does not name it as its own inverse");
      }
      if (type.symmetric && type.inverse != type.id) {
        problems.push_back(name + " is symmetric and has another inverse");
      }
    }
    for (const auto* list : {&type.head_types, &type.tail_types}) {
      for (const std::string& entity_type : *list) {
        if (!entity_types.contains(entity_type)) {
          problems.push_back(name + " names the unknown entity type \"" + entity_type + "\"");
        }
      }
    }
    if (type.description.empty()) problems.push_back("warning: " + name + " has no description");
  }
  return problems;
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
  schema.entity_types = entity_types.by_frequency();
  for (const std::string& id : relation_types.by_frequency()) {
    RelationType type;
    type.id = id;
    type.name = id;
    type.negative = is_negative_name(id);
    schema.relation_types.push_back(std::move(type));
  }
  return schema;
}

}  // namespace relata::data
