// The questions that a pair data set asks.
#include <algorithm>
#include <array>
#include <map>
#include <set>

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

std::vector<PairQuery> pair_queries_by_row(const std::vector<Document>& documents) {
  std::vector<PairQuery> queries = pair_queries(documents, PairChoice::kAll);
  std::map<std::array<int, 3>, size_t> first_rows;
  std::set<size_t> distinct_rows;
  for (size_t i = 0; i < documents.size(); ++i) {
    std::vector<std::pair<int, int>> asked;
    for (const Relation& relation : documents[i].relations) {
      asked.emplace_back(relation.head, relation.tail);
    }
    const auto pairs = meta_pairs(documents[i]);
    asked.insert(asked.end(), pairs.begin(), pairs.end());
    const std::vector<size_t> rows = meta_rows(documents[i], pairs.size());
    if (rows.size() != asked.size()) return queries;
    for (size_t k = 0; k < rows.size(); ++k) {
      // Rows of several files joined into one say nothing about its order.
      if (!distinct_rows.insert(rows[k]).second) return queries;
      const auto [head, tail] = asked[k];
      const auto [found, is_new] =
          first_rows.try_emplace({static_cast<int>(i), head, tail}, rows[k]);
      if (!is_new) found->second = std::min(found->second, rows[k]);
    }
  }
  const auto row_of = [&](const PairQuery& query) {
    return first_rows.at({query.document, query.head, query.tail});
  };
  std::sort(queries.begin(), queries.end(),
            [&](const PairQuery& a, const PairQuery& b) { return row_of(a) < row_of(b); });
  return queries;
}

}  // namespace relata::data
