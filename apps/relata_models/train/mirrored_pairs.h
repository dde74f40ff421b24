// Pairs turned round, (tail, head), with what the schema says to hold from there (augment_inverse).
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "relata/data/formats.h"
#include "relata/data/schema.h"

namespace relata::app {

// `documents` and `schema` must outlive it.
class MirroredPairs {
 public:
  MirroredPairs(const std::vector<data::Document>& documents, const data::Schema& schema);

  // The labels from the query's tail to its head; none where the schema knows none, or where the
  // data state that pair of the same text themselves: a data set that asks in both directions would
  // show every such pair twice, and where it says otherwise, contradict itself.
  //
  // A negative label stays itself where every relation of the schema can be turned round: one that
  // held from tail to head would else show from head to tail.
  std::vector<std::string> labels(const data::PairQuery& query) const;

 private:
  using Pair = std::tuple<std::string_view, std::string_view, std::string_view>;
  Pair named(const data::PairQuery& query, bool turned) const;

  const std::vector<data::Document>& documents_;
  const data::Schema& schema_;
  bool all_turn_ = true;
  std::set<Pair> stated_;  // text, head, tail
};

}  // namespace relata::app
