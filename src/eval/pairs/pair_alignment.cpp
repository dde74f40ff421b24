#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "alignment.h"
#include "distance.h"
#include "entity_index.h"
#include "relata/eval/labels.h"
#include "relata/eval/pair_metrics.h"

namespace relata::eval {
namespace {

using data::Document;
using data::Entity;

// How surely two entities are the same one; 0 when they are not.
int likeness(const Entity& gold, const Entity& predicted, bool same_text) {
  if (!same_text || gold.mentions.empty() || predicted.mentions.empty()) {
    return gold.text == predicted.text ? 1 : 0;
  }
  if (gold.mentions == predicted.mentions) return 3;
  for (const data::ByteRange& mention : predicted.mentions) {
    if (std::find(gold.mentions.begin(), gold.mentions.end(), mention) != gold.mentions.end()) {
      return 2;
    }
  }
  return 0;
}

// Finds which gold query a predicted pair of one document answers.
class PairFinder {
 public:
  PairFinder(const Document& gold, const Document& predicted,
             const std::vector<const data::PairQuery*>& queries) {
    const bool same_text = gold.text == predicted.text;
    const EntityIndex index(gold);
    for (const Entity& entity : predicted.entities) {
      std::vector<Candidate>& row = candidates_.emplace_back();
      for (const int number : index.candidates(entity)) {
        const Entity& candidate = gold.entities[number];
        const int level = likeness(candidate, entity, same_text);
        // The id only decides between candidates that are alike: a pair of equal names, say.
        if (level > 0) row.push_back({number, 2 * level + (candidate.id == entity.id ? 1 : 0)});
      }
    }
    for (size_t q = 0; q < queries.size(); ++q) {
      queries_.try_emplace({queries[q]->head, queries[q]->tail}, static_cast<int>(q));
    }
  }

  // Index into the queries, or -1.
  int find(int head, int tail) const {
    int best = -1, best_likeness = 0;
    for (const Candidate& of_head : candidates_[head]) {
      for (const Candidate& of_tail : candidates_[tail]) {
        const int own = of_head.likeness + of_tail.likeness;
        if (own < best_likeness) continue;
        const auto query = queries_.find({of_head.entity, of_tail.entity});
        if (query == queries_.end()) continue;
        if (own == best_likeness && query->second > best) continue;  // the earlier of equals
        best_likeness = own;
        best = query->second;
      }
    }
    return best;
  }

 private:
  struct Candidate {
    int entity, likeness;
  };
  std::vector<std::vector<Candidate>> candidates_;  // of each predicted entity
  std::map<std::pair<int, int>, int> queries_;      // by gold entities
};

void add_prediction(const data::Relation& relation, PairItem& item) {
  const auto known = std::find(item.predicted.begin(), item.predicted.end(), relation.type);
  if (known == item.predicted.end()) {
    // `scores` stays as long as `predicted` or is abandoned at the first label without one.
    const bool complete = item.scores.size() == item.predicted.size();
    item.predicted.push_back(relation.type);
    if (complete && relation.score) item.scores.push_back(*relation.score);
    return;
  }
  const auto index = static_cast<size_t>(known - item.predicted.begin());
  if (relation.score && index < item.scores.size()) {
    item.scores[index] = std::max(item.scores[index], *relation.score);
  }
}

std::vector<PairItem> gold_items(const std::vector<Document>& gold,
                                 const std::vector<data::PairQuery>& queries) {
  std::map<int, int> per_document;
  std::map<std::array<int, 3>, int> places;
  for (size_t i = 0; i < queries.size(); ++i) {
    const data::PairQuery& query = queries[i];
    ++per_document[query.document];
    places[{query.document, query.head, query.tail}] = static_cast<int>(i);
  }
  const DistanceUnit unit = distance_unit(gold);
  std::vector<PairItem> items;
  items.reserve(queries.size());
  for (const data::PairQuery& query : queries) {
    const Document& document = gold[query.document];
    const Entity& head = document.entities[query.head];
    const Entity& tail = document.entities[query.tail];
    PairItem item;
    item.distance = distance_between(document.text, head.mentions, tail.mentions, unit);
    item.id = document_name(document, query.document);
    if (per_document[query.document] > 1) item.id += "/" + head.id + "-" + tail.id;
    item.context = document.text + "\n" + head.text + " → " + tail.text;
    item.gold = query.labels;
    const auto reverse = places.find({query.document, query.tail, query.head});
    if (reverse != places.end() && query.head != query.tail) item.reverse = reverse->second;
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace

Result<std::vector<PairItem>> align_pairs(const std::vector<Document>& gold,
                                          const std::vector<Document>& predicted) {
  RELATA_TRY(const std::vector<int> places, match_documents(gold, predicted));
  const std::vector<data::PairQuery> queries = data::pair_queries_by_row(gold);
  std::vector<PairItem> items = gold_items(gold, queries);
  std::vector<std::vector<const data::PairQuery*>> of_document(gold.size());
  for (const data::PairQuery& query : queries) of_document[query.document].push_back(&query);

  std::vector<std::string> strangers;
  for (size_t i = 0; i < predicted.size(); ++i) {
    const std::vector<const data::PairQuery*>& asked = of_document[places[i]];
    const PairFinder finder(gold[places[i]], predicted[i], asked);
    for (const data::Relation& relation : predicted[i].relations) {
      const int found = finder.find(relation.head, relation.tail);
      if (found >= 0) {
        add_prediction(relation, items[asked[found] - queries.data()]);
        continue;
      }
      strangers.push_back(document_name(predicted[i], i) + ": " +
                          predicted[i].entities[relation.head].text + " → " +
                          predicted[i].entities[relation.tail].text);
    }
  }
  if (!strangers.empty()) {
    return input_error("predicted pairs that gold does not ask about: " + name_some(strangers),
                       "these metrics score given pairs; score free extraction with re-strict");
  }
  for (PairItem& item : items) {
    if (item.scores.size() != item.predicted.size()) item.scores.clear();
  }
  return items;
}

std::vector<PairItem> gold_pairs(const std::vector<Document>& gold) {
  return gold_items(gold, data::pair_queries_by_row(gold));
}

Result<std::vector<PairItem>> align_labels(const std::vector<Document>& gold,
                                           const std::vector<std::vector<std::string>>& labels) {
  std::vector<PairItem> items = gold_pairs(gold);
  RELATA_CHECK(answer_in_order(items, labels));
  return items;
}

}  // namespace relata::eval
