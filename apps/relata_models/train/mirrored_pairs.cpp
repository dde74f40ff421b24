#include "train/mirrored_pairs.h"

#include <algorithm>

namespace relata::app {
namespace {

void add_new(std::vector<std::string>& labels, const std::string& label) {
  if (std::find(labels.begin(), labels.end(), label) == labels.end()) labels.push_back(label);
}

}  // namespace

MirroredPairs::MirroredPairs(const std::vector<data::Document>& documents,
                             const data::Schema& schema)
    : documents_(documents), schema_(schema) {
  all_turn_ =
      std::all_of(schema.relation_types.begin(), schema.relation_types.end(),
                  [](const auto& type) { return type.negative || !type.turned_round().empty(); });
  for (const data::PairQuery& query : data::pair_queries(documents)) {
    if (!query.labels.empty()) stated_.insert(named(query, false));
  }
}

MirroredPairs::Pair MirroredPairs::named(const data::PairQuery& query, bool turned) const {
  const data::Document& document = documents_[static_cast<size_t>(query.document)];
  const std::string& head = document.entities[static_cast<size_t>(query.head)].text;
  const std::string& tail = document.entities[static_cast<size_t>(query.tail)].text;
  return turned ? Pair(document.text, tail, head) : Pair(document.text, head, tail);
}

std::vector<std::string> MirroredPairs::labels(const data::PairQuery& query) const {
  std::vector<std::string> out;
  if (query.head == query.tail || stated_.contains(named(query, true))) return out;
  for (const std::string& label : query.labels) {
    const int index = schema_.find(label);
    if (index < 0) continue;
    const data::RelationType& type = schema_.relation_types[static_cast<size_t>(index)];
    if (type.negative && all_turn_) add_new(out, label);
    for (const std::string& turned : type.turned_round()) add_new(out, turned);
  }
  return out;
}

}  // namespace relata::app
