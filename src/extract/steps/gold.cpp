#include "gold.h"

#include <algorithm>
#include <map>
#include <set>

#include "relata/base/trim.h"

namespace relata::extract {
namespace {

using data::Document;
using data::Entity;

// Where each name first stands, to order by.
using Places = std::map<std::string, size_t>;

void collect_entities(const Document& document, Gold& gold, Places& places) {
  std::vector<std::pair<size_t, NamedEntity>> found;
  for (const Entity& entity : document.entities) {
    std::string name = canonical_name(document, entity);
    if (name.empty()) continue;
    const size_t place = document.text.find(name);
    if (!places.emplace(name, place).second) continue;
    found.push_back({place, {std::move(name), entity.type}});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [place, entity] : found) gold.entities.push_back(std::move(entity));
}

void add_canonical(const Document& document, const data::Relation& relation, int type,
                   std::vector<Binding>& facts, Gold& gold) {
  const std::string head =
      canonical_name(document, document.entities.at(static_cast<size_t>(relation.head)));
  const std::string tail =
      canonical_name(document, document.entities.at(static_cast<size_t>(relation.tail)));
  if (head.empty() || tail.empty() || head == tail) {
    ++gold.ungrounded;
    return;
  }
  facts.push_back({type, head, tail});
}

// An answer has a name on one line.
std::vector<std::string> names_on_one_line(const Document& document, int entity) {
  std::vector<std::string> names =
      data::surface_names(document, document.entities.at(static_cast<size_t>(entity)));
  std::erase_if(names,
                [](const std::string& name) { return name.find('\n') != std::string::npos; });
  return names;
}

void add_all_names(const Document& document, const data::Relation& relation, int type,
                   std::vector<Binding>& facts, Gold& gold) {
  const std::vector<std::string> heads = names_on_one_line(document, relation.head);
  const std::vector<std::string> tails = names_on_one_line(document, relation.tail);
  if (heads.empty() || tails.empty()) ++gold.ungrounded;
  for (const std::string& head : heads) {
    for (const std::string& tail : tails) facts.push_back({type, head, tail});
  }
}

}  // namespace

std::string canonical_name(const Document& document, const Entity& entity) {
  for (const text::ByteRange& mention : entity.mentions) {
    const std::string_view name =
        trimmed(std::string_view(document.text).substr(mention.begin, mention.end - mention.begin));
    if (!name.empty() && name.find('\n') == std::string_view::npos) return std::string(name);
  }
  return "";
}

Result<Gold> gold_of(const Document& document, const data::Schema& schema,
                     RowOptions::Naming naming) {
  Gold gold;
  Places places;
  collect_entities(document, gold, places);
  std::vector<Binding> facts;
  for (const data::Relation& relation : document.relations) {
    const int type = schema.find(relation.type);
    if (type < 0) {
      return input_error("document \"" + document.id + "\": relation \"" + relation.type +
                             "\" is not in the schema",
                         "add it to the schema file, or leave the schema out to infer one");
    }
    if (schema.relation_types[static_cast<size_t>(type)].negative) continue;
    if (naming == RowOptions::Naming::Canonical) {
      add_canonical(document, relation, type, facts, gold);
    } else {
      add_all_names(document, relation, type, facts, gold);
    }
  }
  if (naming == RowOptions::Naming::Canonical) {
    std::stable_sort(facts.begin(), facts.end(), [&](const Binding& a, const Binding& b) {
      return std::tuple(a.relation, places[a.head], places[a.tail]) <
             std::tuple(b.relation, places[b.head], places[b.tail]);
    });
  }
  std::set<Binding> seen;
  for (Binding& fact : facts) {
    if (seen.insert(fact).second) gold.facts.push_back(std::move(fact));
  }
  return gold;
}

}  // namespace relata::extract
