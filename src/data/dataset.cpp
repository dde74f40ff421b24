// The questions that a pair data set asks, and what a data set holds.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "pair_rows.h"
#include "relata/data/formats.h"
#include "relata/data/schema.h"

namespace relata::data {
namespace {

Json counts_by_frequency(const std::unordered_map<std::string, size_t>& counts) {
  std::vector<std::pair<std::string, size_t>> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  Json table = Json::object();
  for (const auto& [name, count] : sorted) table[name] = count;
  return table;
}

Json length_summary(std::vector<size_t> lengths) {
  if (lengths.empty()) return nullptr;
  std::sort(lengths.begin(), lengths.end());
  double sum = 0;
  for (const size_t length : lengths) sum += static_cast<double>(length);
  return {{"min", lengths.front()},
          {"mean", sum / static_cast<double>(lengths.size())},
          {"median", lengths[lengths.size() / 2]},
          {"p95", lengths[(lengths.size() - 1) * 95 / 100]},
          {"max", lengths.back()}};
}

}  // namespace

std::vector<PairQuery> pair_queries(const std::vector<Document>& documents) {
  std::vector<PairQuery> queries;
  for (size_t i = 0; i < documents.size(); ++i) {
    std::map<std::pair<int, int>, size_t> index;
    const auto query = [&](int head, int tail) -> PairQuery& {
      const auto [found, is_new] = index.try_emplace({head, tail}, queries.size());
      if (is_new) queries.push_back({static_cast<int>(i), head, tail, {}});
      return queries[found->second];
    };
    for (const Relation& relation : documents[i].relations) {
      query(relation.head, relation.tail).labels.push_back(relation.type);
    }
    for (const auto& [head, tail] : meta_pairs(documents[i])) query(head, tail);
  }
  return queries;
}

Json dataset_stats(const Dataset& dataset) {
  size_t entities = 0;
  size_t mentions = 0;
  size_t relations = 0;
  size_t without_relations = 0;
  std::vector<size_t> lengths;
  std::unordered_set<std::string_view> texts;
  std::unordered_map<std::string, size_t> entity_types;
  std::unordered_map<std::string, size_t> relation_types;
  for (const Document& document : dataset.documents) {
    entities += document.entities.size();
    relations += document.relations.size();
    without_relations += document.relations.empty();
    lengths.push_back(text::count_code_points(document.text));
    texts.insert(document.text);
    for (const Entity& entity : document.entities) {
      mentions += entity.mentions.size();
      if (!entity.type.empty()) ++entity_types[entity.type];
    }
    for (const Relation& relation : document.relations) ++relation_types[relation.type];
  }
  const auto queries = pair_queries(dataset.documents);
  const auto several = std::count_if(queries.begin(), queries.end(),
                                     [](const auto& query) { return query.labels.size() > 1; });
  Json stats;
  stats["format"] = dataset.format;
  stats["documents"] = dataset.documents.size();
  stats["distinct_texts"] = texts.size();
  stats["documents_without_relations"] = without_relations;
  stats["entities"] = entities;
  stats["mentions"] = mentions;
  stats["relations"] = relations;
  stats["pairs"] = queries.size();
  stats["pairs_with_several_relations"] = several;
  stats["skipped"] = dataset.skipped.size();
  stats["code_points"] = length_summary(std::move(lengths));
  stats["entity_types"] = counts_by_frequency(entity_types);
  stats["relation_types"] = counts_by_frequency(relation_types);
  return stats;
}

}  // namespace relata::data
