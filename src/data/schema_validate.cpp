#include <algorithm>
#include <set>
#include <unordered_map>

#include "relata/base/fields.h"
#include "relata/data/schema.h"
#include "relata/data/type_ids.h"

namespace relata::data {
namespace {

std::string in_quotes(const std::string& text) { return "\"" + text + "\""; }

std::string did_you_mean(const std::string& id, const std::vector<std::string>& known) {
  const auto nearest = nearest_name(id, known);
  return nearest ? "; did you mean " + in_quotes(*nearest) + "?" : "";
}

class Validator {
 public:
  explicit Validator(const Schema& schema)
      : schema_(schema),
        entity_ids_(ids_of(schema.entity_types)),
        relation_ids_(ids_of(schema.relation_types)) {}

  std::vector<SchemaProblem> run() {
    if (schema_.entity_types.empty() && schema_.relation_types.empty() &&
        schema_.event_types.empty()) {
      place_ = "schema";
      error("there are no entity, relation or event types");
    }
    check_list(schema_.entity_types, "entity_types", [](const EntityType&) {});
    check_relation_names();
    check_list(schema_.relation_types, "relation_types",
               [this](const RelationType& type) { check_relation(type); });
    check_list(schema_.event_types, "event_types",
               [this](const EventType& type) { check_roles(type); });
    return std::move(problems_);
  }

 private:
  void error(std::string message) { problems_.push_back({place_, std::move(message), false}); }
  void warn(std::string message) { problems_.push_back({place_, std::move(message), true}); }

  // What every list of types wants: an id of its own and a description. Items without an id were
  // refused by the reader.
  template <class Type, class Check>
  void check_list(const std::vector<Type>& types, const std::string& list, const Check& check) {
    std::set<std::string> seen;
    for (size_t i = 0; i < types.size(); ++i) {
      const Type& type = types[i];
      if (type.id.empty()) continue;
      place_ = list + "[" + std::to_string(i) + "] " + in_quotes(type.id);
      if (!seen.insert(type.id).second) error("this id is listed twice");
      if (type.description.empty()) warn("no description");
      check(type);
    }
  }

  // Answers of a model are names, so two relations of one name could not be told apart.
  void check_relation_names() {
    std::unordered_map<std::string, std::string> owners;
    for (size_t i = 0; i < schema_.relation_types.size(); ++i) {
      const RelationType& type = schema_.relation_types[i];
      if (type.id.empty() || type.name.empty()) continue;
      const auto [owner, is_new] = owners.emplace(type.name, type.id);
      if (is_new || owner->second == type.id) continue;
      place_ = "relation_types[" + std::to_string(i) + "] " + in_quotes(type.id);
      error("the name " + in_quotes(type.name) + " is that of " + in_quotes(owner->second) +
            " as well");
    }
  }

  void check_relation(const RelationType& type) {
    check_types(type.head_types, "head_types");
    check_types(type.tail_types, "tail_types");
    if (type.negative && !type.turned_round().empty()) {
      error("a negative type is neither symmetric nor has it an inverse");
    }
    if (!type.inverse.empty()) check_inverse(type);
    if (!type.implies_inverse.empty()) check_implied(type);
    if (type.symmetric && !can_be_same(type.head_types, type.tail_types)) {
      warn("it is symmetric, but head_types and tail_types have nothing in common");
    }
    check_example(type);
  }

  void check_inverse(const RelationType& type) {
    if (type.inverse == type.id) {
      if (!type.symmetric) error("it is its own inverse: write \"symmetric\": true instead");
      return;
    }
    if (type.symmetric) {
      error("it is symmetric and has another inverse, " + in_quotes(type.inverse));
    }
    const RelationType* inverse = find_inverse(type.inverse, "inverse");
    if (inverse == nullptr) return;
    if (inverse->inverse != type.id) {
      error("the inverse " + in_quotes(type.inverse) + " does not name it as its own inverse");
    } else {
      check_turned_types(type, *inverse, "inverse");
    }
  }

  void check_implied(const RelationType& type) {
    if (type.implies_inverse == type.id) {
      error("it implies itself turned round: write \"symmetric\": true instead");
      return;
    }
    if (type.implies_inverse == type.inverse) {
      error("inverse and implies_inverse both name " + in_quotes(type.inverse) +
            ": leave implies_inverse out");
      return;
    }
    const RelationType* implied = find_inverse(type.implies_inverse, "implied inverse");
    if (implied == nullptr) return;
    if (implied->negative) {
      error("the implied inverse " + in_quotes(implied->id) + " is a negative type");
    } else if (implied->implies_inverse == type.id) {
      error("it and " + in_quotes(implied->id) +
            " imply each other: write \"inverse\" in both instead");
    } else {
      check_turned_types(type, *implied, "implied inverse");
    }
  }

  // Null, and an error, where there is none.
  const RelationType* find_inverse(const std::string& id, const std::string& what) {
    const int index = schema_.find(id);
    if (index >= 0) return &schema_.relation_types[static_cast<size_t>(index)];
    error("the " + what + " " + in_quotes(id) + " is not a relation type" +
          did_you_mean(id, relation_ids_));
    return nullptr;
  }

  void check_turned_types(const RelationType& type, const RelationType& inverse,
                          const std::string& what) {
    if (can_be_same(type.head_types, inverse.tail_types) &&
        can_be_same(type.tail_types, inverse.head_types)) {
      return;
    }
    warn("head_types and tail_types do not fit those of the " + what + " " + in_quotes(inverse.id) +
         " turned round");
  }

  void check_example(const RelationType& type) {
    if (!type.example) {
      if (!type.negative) warn("no example");
      return;
    }
    const RelationExample& example = *type.example;
    if (example.text.empty()) error("the example has no text");
    for (const auto& [side, mention] :
         {std::pair{"head", &example.head}, {"tail", &example.tail}}) {
      if (mention->empty()) {
        error(std::string("the example has no ") + side);
      } else if (example.text.find(*mention) == std::string::npos) {
        error(std::string("the example's ") + side + " " + in_quotes(*mention) +
              " does not occur in its text");
      }
    }
  }

  void check_roles(const EventType& type) {
    const std::string event_place = place_;
    std::set<std::string> seen;
    for (size_t i = 0; i < type.roles.size(); ++i) {
      const EventRole& role = type.roles[i];
      if (role.id.empty()) continue;
      place_ = event_place + ".roles[" + std::to_string(i) + "] " + in_quotes(role.id);
      if (!seen.insert(role.id).second) error("this role is listed twice");
      if (role.description.empty()) warn("no description");
      check_types(role.types, "types");
    }
  }

  void check_types(const std::vector<std::string>& types, const std::string& key) {
    std::set<std::string> seen;
    for (const std::string& type : types) {
      if (std::find(entity_ids_.begin(), entity_ids_.end(), type) == entity_ids_.end()) {
        error(key + " names the unknown entity type " + in_quotes(type) +
              did_you_mean(type, entity_ids_));
      } else if (!seen.insert(type).second) {
        error(key + " names " + in_quotes(type) + " twice");
      }
    }
  }

  // No type lists mean any type.
  static bool can_be_same(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    return a.empty() || b.empty() || std::any_of(a.begin(), a.end(), [&](const auto& type) {
             return std::find(b.begin(), b.end(), type) != b.end();
           });
  }

  const Schema& schema_;
  const std::vector<std::string> entity_ids_;
  const std::vector<std::string> relation_ids_;
  std::string place_;
  std::vector<SchemaProblem> problems_;
};

}  // namespace

std::vector<SchemaProblem> validate_schema(const Schema& schema) { return Validator(schema).run(); }

}  // namespace relata::data
