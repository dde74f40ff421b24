// What may be extracted: entity types and relation types, as a JSON file that users edit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json.h"
#include "relata/data/document.h"

namespace relata::data {

struct RelationType {
  std::string id;    // the label in the data: "拥有", "P177"
  std::string name;  // for people; defaults to id
  std::string description;
  std::vector<std::string> head_types;  // empty: any
  std::vector<std::string> tail_types;
  std::string inverse;  // id of the inverse relation, or ""
  bool symmetric = false;
  bool negative = false;  // states that no relation of the schema holds (unknown, no_relation)
};

struct Schema {
  std::vector<std::string> entity_types;
  std::vector<RelationType> relation_types;

  int find(std::string_view relation_id) const;  // index, or -1
  int negative() const;                          // index of the first negative type, or -1
};

Result<Schema> read_schema(const std::string& path);
Result<Schema> schema_from_json(const Json& value, const std::string& where);
Json schema_to_json(const Schema& schema);
// All problems found: duplicate ids, unknown inverses or types, missing descriptions (as warnings).
std::vector<std::string> validate_schema(const Schema& schema);
// The types that occur, in order of frequency; unknown, no_relation, NA and Other become negative.
Schema infer_schema(const std::vector<Document>& documents);

}  // namespace relata::data
