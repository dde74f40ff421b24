// What may be extracted: entity types, relation types and event types, as a JSON file that users
// edit. The format is described in docs/schemas.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json.h"
#include "relata/data/document.h"

namespace relata::data {

struct EntityType {
  std::string id;    // the label in the data: "PER"
  std::string name;  // for people; defaults to id
  std::string description;
};

// A sentence that states the relation; head and tail are as the text spells them.
struct RelationExample {
  std::string text;
  std::string head;
  std::string tail;
};

struct RelationType {
  std::string id;    // the label in the data: "拥有", "P177"
  std::string name;  // for people; defaults to id
  std::string description;
  std::vector<std::string> head_types;  // ids of entity types; empty: any
  std::vector<std::string> tail_types;
  std::string inverse;  // id of the inverse relation, or ""
  // Id of a relation that holds from tail to head wherever this one holds, but not the other way
  // round ("child" of "father"), or "".
  std::string implies_inverse = {};
  bool symmetric = false;
  bool negative = false;  // states that no relation of the schema holds (unknown, no_relation)
  std::optional<RelationExample> example = {};

  // Ids of what holds from tail to head wherever this holds: by symmetry, as inverse, or implied.
  std::vector<std::string> turned_round() const;
};

struct EventRole {
  std::string id;    // unique in its event type: "Attacker"
  std::string name;  // for people; defaults to id
  std::string description;
  std::vector<std::string> types;  // ids of entity types; empty: any
};

struct EventType {
  std::string id;    // the label in the data: "Conflict.Attack"
  std::string name;  // for people; defaults to id
  std::string description;
  std::vector<EventRole> roles;
};

struct Schema {
  std::string description;  // one line: what the schema is for
  std::vector<EntityType> entity_types;
  std::vector<RelationType> relation_types;
  std::vector<EventType> event_types;

  int find(std::string_view relation_id) const;  // index of the relation type, or -1
  int negative() const;                          // index of the first negative type, or -1
  // Whether a relation of this type states that none holds: as its type says, or by its name
  // (is_negative_name()) where the schema has no such type.
  bool is_negative(std::string_view relation_id) const;
};

// Refuses unknown keys (with the nearest known one), wrong types and types without an id; the
// first problem is the error. Does not check what validate_schema() checks.
Result<Schema> read_schema(const std::string& path);
Result<Schema> schema_from_json(const Json& value, const std::string& where);
// Reading what was written gives the same schema. An entity type or role that has only an id is
// written as a plain string.
Json schema_to_json(const Schema& schema);

// A warning leaves the schema usable.
struct SchemaProblem {
  std::string place;    // `relation_types[3] "P17"`
  std::string message;  // `the inverse "P99" is not a relation type`
  bool is_warning = false;
};

// All problems of a schema. Errors: ids and names that occur twice, unknown inverses and types,
// inverses that are not mutual or implied by each other, marks that contradict each other, an
// example without its head or tail. Warnings: missing descriptions and examples, inverses whose
// types do not fit.
std::vector<SchemaProblem> validate_schema(const Schema& schema);

// A schema as far as it can be read, and everything that is wrong with it: what read_schema()
// refuses, then what validate_schema() finds. An error when the file is not JSON at all.
struct CheckedSchema {
  Schema schema;
  std::vector<SchemaProblem> problems;
};
Result<CheckedSchema> check_schema(const std::string& path);

// The file that `name` stands for: "-" or an existing file itself, the schema.json inside a folder
// (of an extractor), or <shipped_folder>/<name>.json, in this order. An error names the nearest
// shipped schema.
Result<std::string> find_schema_file(const std::string& name, const std::string& shipped_folder);
// The names that find_schema_file() knows, sorted; none when there is no such folder.
std::vector<std::string> shipped_schemas(const std::string& shipped_folder);

// Whether data sets call by this name that no relation holds: unknown, no_relation, NA, Other, NR,
// None.
bool is_negative_name(std::string_view relation_id);

// The types that occur, in order of frequency; those with such a name become negative. Event types
// get the roles of their arguments.
Schema infer_schema(const std::vector<Document>& documents);

}  // namespace relata::data
