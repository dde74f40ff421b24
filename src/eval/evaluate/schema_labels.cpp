#include "evaluate/schema_labels.h"

#include <fmt/format.h>

#include <utility>

#include "alignment.h"
#include "relata/base/fields.h"
#include "relata/data/type_ids.h"

namespace relata::eval {
namespace {

using data::Document;
using data::ids_of;
using data::type_with_id;

}  // namespace

LabelKinds label_kinds(const Metric& metric) {
  const bool all = metric.name == "ruie";
  LabelKinds kinds;
  kinds.entities = all || metric.name == "ner-span" || metric.name == "re-strict";
  kinds.events = all || metric.name == "ed" || metric.name == "eae";
  kinds.roles = all || metric.name == "eae";
  return kinds;
}

SchemaLabels::SchemaLabels(const data::Schema& schema, std::string path, const LabelKinds& kinds)
    : schema_(schema), path_(std::move(path)), kinds_(kinds) {}

Error SchemaLabels::unknown(const std::string& what, std::string_view label,
                            const std::vector<std::string>& known) const {
  const auto nearest = nearest_name(label, known);
  return input_error(fmt::format("{} is not in the schema {}", what, path_),
                     (nearest ? fmt::format("did you mean '{}'? ", *nearest) : std::string()) +
                         "add it to the schema, or leave --schema out");
}

bool SchemaLabels::has_relation(std::string_view label) const {
  return schema_.relation_types.empty() || schema_.find(label) >= 0;
}

Error SchemaLabels::unknown_relation(const std::string& place, std::string_view label) const {
  return unknown(fmt::format("{}: label '{}'", place, label), label,
                 ids_of(schema_.relation_types));
}

bool SchemaLabels::knows_entity(const data::Entity& entity) const {
  return !kinds_.entities || schema_.entity_types.empty() || entity.type.empty() ||
         type_with_id(schema_.entity_types, entity.type) != nullptr;
}

bool SchemaLabels::knows_event(const data::Event& event) const {
  return !kinds_.events || schema_.event_types.empty() || event.type.empty() ||
         type_with_id(schema_.event_types, event.type) != nullptr;
}

const data::EventType* SchemaLabels::type_with_roles(const data::Event& event) const {
  if (!kinds_.roles) return nullptr;
  const data::EventType* type = type_with_id(schema_.event_types, event.type);
  return type == nullptr || type->roles.empty() ? nullptr : type;
}

Status SchemaLabels::check(const Document& document, const std::string& place) const {
  for (const data::Relation& relation : document.relations) {
    if (!has_relation(relation.type)) return unknown_relation(place, relation.type);
  }
  for (const data::Entity& entity : document.entities) {
    if (knows_entity(entity)) continue;
    return unknown(fmt::format("{}: entity type '{}'", place, entity.type), entity.type,
                   ids_of(schema_.entity_types));
  }
  for (const data::Event& event : document.events) {
    if (!knows_event(event)) {
      return unknown(fmt::format("{}: event type '{}'", place, event.type), event.type,
                     ids_of(schema_.event_types));
    }
    const data::EventType* type = type_with_roles(event);
    if (type == nullptr) continue;
    for (const data::Argument& argument : event.arguments) {
      if (type_with_id(type->roles, argument.role) != nullptr) continue;
      return unknown(
          fmt::format("{}: role '{}' of event type '{}'", place, argument.role, event.type),
          argument.role, ids_of(type->roles));
    }
  }
  return {};
}

Status SchemaLabels::check(const std::vector<Document>& documents, const std::string& file) const {
  for (size_t d = 0; d < documents.size(); ++d) {
    RELATA_CHECK(check(documents[d],
                       fmt::format("{}: document '{}'", file, document_name(documents[d], d))));
  }
  return {};
}

size_t SchemaLabels::drop_entities(Document& document) const {
  std::vector<data::Entity> kept;
  std::vector<int> place_of;  // of each entity before, -1 where it goes
  for (data::Entity& entity : document.entities) {
    const bool stays = knows_entity(entity);
    place_of.push_back(stays ? static_cast<int>(kept.size()) : -1);
    if (stays) kept.push_back(std::move(entity));
  }
  const size_t dropped = place_of.size() - kept.size();
  document.entities = std::move(kept);
  if (dropped == 0) return 0;
  for (data::Relation& relation : document.relations) {
    relation.head = place_of[relation.head], relation.tail = place_of[relation.tail];
  }
  std::erase_if(document.relations, [](const data::Relation& relation) {
    return relation.head < 0 || relation.tail < 0;
  });
  for (data::Event& event : document.events) {
    std::erase_if(event.arguments, [&](const data::Argument& argument) {
      return argument.entity >= 0 && place_of[argument.entity] < 0;
    });
    for (data::Argument& argument : event.arguments) {
      if (argument.entity >= 0) argument.entity = place_of[argument.entity];
    }
  }
  return dropped;
}

size_t SchemaLabels::drop_events(Document& document) const {
  size_t dropped =
      std::erase_if(document.events, [&](const data::Event& event) { return !knows_event(event); });
  for (data::Event& event : document.events) {
    const data::EventType* type = type_with_roles(event);
    if (type == nullptr) continue;
    dropped += std::erase_if(event.arguments, [&](const data::Argument& argument) {
      return type_with_id(type->roles, argument.role) == nullptr;
    });
  }
  return dropped;
}

size_t SchemaLabels::drop_unknown(std::vector<Document>& documents) const {
  size_t dropped = 0;
  for (Document& document : documents) {
    dropped += std::erase_if(document.relations, [&](const data::Relation& relation) {
      return !has_relation(relation.type);
    });
    dropped += drop_entities(document) + drop_events(document);
  }
  return dropped;
}

}  // namespace relata::eval
