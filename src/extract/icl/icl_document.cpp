#include "icl_document.h"

#include <algorithm>

#include "end_types.h"
#include "steps/found_document.h"
#include "steps/gold.h"

namespace relata::extract {
namespace {

using data::Document;
using data::Entity;
using text::ByteRange;

void number_entities(Document& document) {
  for (size_t i = 0; i < document.entities.size(); ++i) {
    document.entities[i].id = "e" + std::to_string(i);
  }
}

// The one type that a relation leaves its end, or "".
std::string only_type(const std::vector<std::string>& types) {
  return types.size() == 1 ? types[0] : "";
}

// An entity of that name, rather one of a type that the relation takes; a new one where there is
// none. -1: the name is that of one of the first `typed` entities, whose type forbids it.
int entity_of(Document& document, size_t typed, const std::string& name,
              const std::vector<std::string>& types) {
  int best = -1;
  for (size_t i = 0; i < document.entities.size(); ++i) {
    const Entity& entity = document.entities[i];
    if (entity.text != name && canonical_name(document, entity) != name) continue;
    if (allows_type(types, entity.type)) return static_cast<int>(i);
    if (best < 0) best = static_cast<int>(i);
  }
  if (best >= 0) return static_cast<size_t>(best) < typed ? -1 : best;
  Entity entity;
  entity.text = name;
  entity.type = only_type(types);
  entity.mentions = data::find_mentions(document.text, name);
  document.entities.push_back(std::move(entity));
  number_entities(document);
  return static_cast<int>(document.entities.size()) - 1;
}

ByteRange nearest_place(const Document& document, const std::string& name, size_t to) {
  ByteRange best{};
  size_t least = SIZE_MAX;
  for (const ByteRange& place : data::find_mentions(document.text, name)) {
    const size_t distance = place.begin < to ? to - place.begin : place.begin - to;
    if (distance >= least) continue;
    least = distance;
    best = place;
  }
  return best;
}

int entity_at(const Document& document, const ByteRange& place) {
  for (size_t i = 0; i < document.entities.size(); ++i) {
    const auto& mentions = document.entities[i].mentions;
    if (std::find(mentions.begin(), mentions.end(), place) != mentions.end()) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

}  // namespace

bool IclPlan::asks(IclTask task) const {
  return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
}

bool IclPlan::between_given(const Document& document) const {
  return use_entities && !asks(IclTask::kNer) && !document.entities.empty();
}

Document cleared(const Document& document, const IclPlan& plan) {
  Document out = document;
  const bool finds_names =
      plan.asks(IclTask::kNer) || (plan.asks(IclTask::kRe) && !plan.between_given(document));
  if (finds_names) {
    out.entities.clear();
    out.relations.clear();
    for (data::Event& event : out.events) {
      for (data::Argument& argument : event.arguments) argument.entity = -1;
    }
  }
  if (plan.asks(IclTask::kRe)) out.relations.clear();
  if (plan.asks(IclTask::kEd)) out.events.clear();
  if (plan.asks(IclTask::kEae)) {
    for (data::Event& event : out.events) event.arguments.clear();
  }
  return out;
}

void add_entities(const std::vector<IclLabel>& labels, const std::vector<ScoredItem>& items,
                  Document& document) {
  for (const ScoredItem& found : items) {
    Entity entity;
    entity.text = found.item.span;
    entity.type = labels.at(static_cast<size_t>(found.item.label)).id;
    entity.mentions = data::find_mentions(document.text, found.item.span);
    document.entities.push_back(std::move(entity));
  }
  drop_inner_mentions(document.entities);
  number_entities(document);
}

void add_relations(const data::Schema& schema, const std::vector<IclLabel>& labels,
                   const std::vector<ScoredItem>& items, double min_score, Document& document) {
  const size_t typed = document.entities.size();
  for (const ScoredItem& found : items) {
    if (found.score && *found.score < min_score) continue;
    const std::string& id = labels.at(static_cast<size_t>(found.item.label)).id;
    const auto& type = schema.relation_types.at(static_cast<size_t>(schema.find(id)));
    data::Relation relation;
    relation.head = entity_of(document, typed, found.item.span, type.head_types);
    relation.tail = entity_of(document, typed, found.item.tail, type.tail_types);
    if (relation.head < 0 || relation.tail < 0 || relation.head == relation.tail) continue;
    relation.type = id;
    relation.score = found.score;
    document.relations.push_back(std::move(relation));
  }
  sort_by_score(document);
}

void add_events(const std::vector<IclLabel>& labels, const std::vector<ScoredItem>& items,
                Document& document) {
  for (const ScoredItem& found : items) {
    data::Event event;
    event.id = "ev" + std::to_string(document.events.size());
    event.type = labels.at(static_cast<size_t>(found.item.label)).id;
    const auto places = data::find_mentions(document.text, found.item.span);
    if (!places.empty()) event.trigger = places.front();
    document.events.push_back(std::move(event));
  }
}

void add_arguments(const std::vector<IclLabel>& labels, const std::vector<ScoredItem>& items,
                   int event, Document& document) {
  data::Event& target = document.events.at(static_cast<size_t>(event));
  for (const ScoredItem& found : items) {
    data::Argument argument;
    argument.role = labels.at(static_cast<size_t>(found.item.label)).id;
    argument.range = nearest_place(document, found.item.span, target.trigger.begin);
    argument.entity = entity_at(document, argument.range);
    target.arguments.push_back(std::move(argument));
  }
}

}  // namespace relata::extract
