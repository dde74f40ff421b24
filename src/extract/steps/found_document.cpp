#include "found_document.h"

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>
#include <set>

#include "end_types.h"
#include "relata/text/sentences.h"

namespace relata::extract {
namespace {

using data::Document;
using data::Entity;
using text::ByteRange;

bool is_inside(const ByteRange& inner, const ByteRange& outer) {
  return inner.begin >= outer.begin && inner.end <= outer.end && !(inner == outer);
}

// The types that the relations of an entity leave it.
class TypesByRelations {
 public:
  explicit TypesByRelations(const data::Schema& schema) {
    for (const data::EntityType& type : schema.entity_types) all_.push_back(type.id);
  }
  void add(const std::string& name, const std::vector<std::string>& types) {
    if (types.empty()) return;
    const auto [place, fresh] = types_.emplace(name, types);
    if (fresh) return;
    std::erase_if(place->second, [&](const std::string& type) {
      return std::find(types.begin(), types.end(), type) == types.end();
    });
  }
  // The only one, or the likeliest of them; "" where that is not known.
  std::string of(const std::string& name, NamesInText* names) const {
    const auto found = types_.find(name);
    if (found != types_.end() && found->second.size() == 1) return found->second[0];
    if (names == nullptr || (found != types_.end() && found->second.empty())) return "";
    return names->type_of(name, found == types_.end() ? all_ : found->second);
  }

 private:
  std::map<std::string, std::vector<std::string>> types_;
  std::vector<std::string> all_;  // the schema's
};

std::vector<Entity> named_entities(const Document& document, const data::Schema& schema,
                                   const std::vector<ScoredFact>& facts, NamesInText* known) {
  TypesByRelations types(schema);
  std::set<std::string> names;
  for (const ScoredFact& found : facts) {
    const auto& type = schema.relation_types[static_cast<size_t>(found.fact.relation)];
    types.add(found.fact.head, type.head_types);
    types.add(found.fact.tail, type.tail_types);
    names.insert({found.fact.head, found.fact.tail});
  }
  std::vector<Entity> out;
  for (const std::string& name : names) {
    Entity entity;
    entity.text = name;
    entity.type = types.of(name, known);
    entity.mentions = data::find_mentions(document.text, name);
    out.push_back(std::move(entity));
  }
  drop_inner_mentions(out);
  std::stable_sort(out.begin(), out.end(), [](const Entity& a, const Entity& b) {
    const auto place = [](const Entity& entity) {
      return entity.mentions.empty() ? ByteRange{} : entity.mentions.front();
    };
    return std::pair(place(a).begin, place(a).end) < std::pair(place(b).begin, place(b).end);
  });
  for (size_t i = 0; i < out.size(); ++i) out[i].id = "e" + std::to_string(i);
  return out;
}

// Entities of one name were asked about as one: facts are about the first that the types allow.
int entity_named(const Document& document, const std::vector<std::string>& names,
                 const std::string& name, const std::vector<std::string>& types) {
  int first = -1;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] != name) continue;
    if (allows_type(types, document.entities[i].type)) return static_cast<int>(i);
    if (first < 0) first = static_cast<int>(i);
  }
  return first;
}

// The sentence of each mention, or -1.
std::vector<int> sentences_of(const Entity& entity, const std::vector<ByteRange>& sentences) {
  std::vector<int> out;
  for (const ByteRange& mention : entity.mentions) {
    const auto after =
        std::upper_bound(sentences.begin(), sentences.end(), mention.begin,
                         [](size_t at, const ByteRange& sentence) { return at < sentence.begin; });
    const bool found = after != sentences.begin() && mention.begin < std::prev(after)->end;
    out.push_back(found ? static_cast<int>(after - sentences.begin()) - 1 : -1);
  }
  return out;
}

std::vector<ByteRange> evidence_of(const Entity& head, const Entity& tail,
                                   const std::vector<ByteRange>& sentences) {
  const std::vector<int> heads = sentences_of(head, sentences);
  const std::vector<int> tails = sentences_of(tail, sentences);
  std::set<int> chosen;
  for (const int sentence : heads) {
    if (sentence >= 0 && std::find(tails.begin(), tails.end(), sentence) != tails.end()) {
      chosen.insert(sentence);
    }
  }
  if (chosen.empty()) {
    size_t least = SIZE_MAX;
    for (size_t h = 0; h < heads.size(); ++h) {
      for (size_t t = 0; t < tails.size(); ++t) {
        const size_t a = head.mentions[h].begin;
        const size_t b = tail.mentions[t].begin;
        const size_t distance = a < b ? b - a : a - b;
        if (heads[h] < 0 || tails[t] < 0 || distance >= least) continue;
        least = distance;
        chosen = {heads[h], tails[t]};
      }
    }
  }
  std::vector<ByteRange> out;
  for (const int sentence : chosen) out.push_back(sentences[static_cast<size_t>(sentence)]);
  return out;
}

}  // namespace

void drop_inner_mentions(std::vector<Entity>& entities) {
  std::vector<ByteRange> all;
  for (const Entity& entity : entities) {
    all.insert(all.end(), entity.mentions.begin(), entity.mentions.end());
  }
  for (Entity& entity : entities) {
    std::vector<ByteRange> own;
    for (const ByteRange& mention : entity.mentions) {
      const bool inner = std::any_of(all.begin(), all.end(), [&](const ByteRange& other) {
        return is_inside(mention, other);
      });
      if (!inner) own.push_back(mention);
    }
    if (!own.empty()) entity.mentions = std::move(own);
  }
}

Document found_document(const Document& document, const data::Schema& schema,
                        const std::vector<ScoredFact>& facts, const FoundForm& form) {
  Document out = document;
  out.relations.clear();
  if (!form.given) {
    out.entities = named_entities(document, schema, facts, form.names);
    out.events.clear();  // their arguments count entities that are gone
  }
  std::vector<std::string> names;
  for (const Entity& entity : out.entities) {
    names.push_back(form.given ? canonical_name(out, entity) : entity.text);
  }
  const std::vector<ByteRange> sentences =
      out.sentences.empty() ? text::split_sentences(out.text) : out.sentences;
  for (const ScoredFact& found : facts) {
    const auto& type = schema.relation_types[static_cast<size_t>(found.fact.relation)];
    data::Relation relation;
    relation.head = entity_named(out, names, found.fact.head, type.head_types);
    relation.tail = entity_named(out, names, found.fact.tail, type.tail_types);
    if (relation.head < 0 || relation.tail < 0) continue;
    relation.type = type.id;
    if (form.scored) relation.score = found.score;
    relation.evidence = evidence_of(out.entities[static_cast<size_t>(relation.head)],
                                    out.entities[static_cast<size_t>(relation.tail)], sentences);
    out.relations.push_back(std::move(relation));
  }
  return out;
}

void add_derived(Document& document, const data::Schema& schema) {
  std::map<std::tuple<int, std::string, int>, size_t> places;
  std::deque<size_t> open;  // what follows from these is still to be looked at
  for (size_t i = 0; i < document.relations.size(); ++i) {
    const data::Relation& relation = document.relations[i];
    places[{relation.head, relation.type, relation.tail}] = i;
    open.push_back(i);
  }
  Json derived = Json::array();
  for (; !open.empty(); open.pop_front()) {
    const data::Relation relation = document.relations[open.front()];
    const int index = schema.find(relation.type);
    if (index < 0) continue;
    const data::RelationType& type = schema.relation_types[static_cast<size_t>(index)];
    for (const std::string& other : type.turned_round()) {
      const auto [place, fresh] = places.emplace(std::tuple(relation.tail, other, relation.head),
                                                 document.relations.size());
      if (!fresh) {
        // It holds where this does: it is at least as probable.
        data::Relation& known = document.relations[place->second];
        if (!relation.score || !known.score || *known.score >= *relation.score) continue;
        known.score = relation.score;
        open.push_back(place->second);
        continue;
      }
      data::Relation mirror = relation;
      std::swap(mirror.head, mirror.tail);
      mirror.type = other;
      derived.push_back(document.relations.size());
      open.push_back(document.relations.size());
      document.relations.push_back(std::move(mirror));
    }
  }
  if (derived.empty()) return;
  if (!document.meta.is_object()) document.meta = Json::object();
  document.meta["derived"] = std::move(derived);
}

void sort_by_score(Document& document) {
  std::vector<size_t> order(document.relations.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return document.relations[a].score.value_or(0.0) > document.relations[b].score.value_or(0.0);
  });
  std::vector<data::Relation> sorted;
  std::vector<size_t> places(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    places[order[i]] = i;
    sorted.push_back(std::move(document.relations[order[i]]));
  }
  document.relations = std::move(sorted);
  if (!document.meta.is_object() || !document.meta.contains("derived")) return;
  std::vector<size_t> derived;
  for (const Json& index : document.meta["derived"]) derived.push_back(places[index.get<size_t>()]);
  std::sort(derived.begin(), derived.end());
  document.meta["derived"] = derived;
}

}  // namespace relata::extract
