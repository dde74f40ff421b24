// The questions that a pair data set asks.
#include <map>

#include "formats/tables/pair_rows.h"
#include "relata/data/formats.h"

namespace relata::data {
std::vector<PairQuery> pair_queries(const std::vector<Document>& documents, PairChoice choice) {
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
  if (choice == PairChoice::kAll) return queries;
  std::erase_if(queries, [&](const PairQuery& query) {
    const std::vector<Entity>& entities = documents[query.document].entities;
    return entities.at(query.head).text.empty() || entities.at(query.tail).text.empty();
  });
  return queries;
}

}  // namespace relata::data
