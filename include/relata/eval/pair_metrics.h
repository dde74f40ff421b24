// Scores of the pair task. A pair's answer is a set of labels; the negative label (unknown,
// no_relation, ...) counts as "nothing" in the micro and macro scores.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/data/formats.h"
#include "relata/data/schema.h"
#include "relata/eval/tally.h"

namespace relata::eval {

struct PairItem {
  std::string id;                 // for reports and patches
  std::string context;            // sentence, head and tail, for reports
  std::vector<std::string> gold;  // duplicates are dropped
  std::vector<std::string> predicted;
  std::vector<double> scores;  // of the predicted labels; may be empty
  int reverse = -1;            // index of the item that asks about (tail, head), or -1
  int distance = -1;           // between head and tail in DistanceUnit's unit, or -1
};

// Metrics of any label set: pair-micro, pair-macro (both without the negative label),
// pair-micro-all, pair-macro-all (with it as an ordinary label), crellm.
std::vector<std::string> pair_metric_names();
// Those, and the data sets' own: tacred, retacred, semeval, rag4re, chinese-nre. Further views of a
// metric are in Score::parts.
Result<Score> score_pairs(const std::string& metric, const std::vector<PairItem>& items,
                          const EvalOptions& options);
std::map<std::string, Counts> per_label_counts(const std::vector<PairItem>& items);
Result<Comparison> compare_pairs(const std::string& metric, const std::vector<PairItem>& a,
                                 const std::vector<PairItem>& b, const EvalOptions& options);

// One item per gold query, in the order of the gold file's rows, without answers; its id is the
// document's, and "id/e0-e1" where a document has several queries.
std::vector<PairItem> gold_pairs(const std::vector<data::Document>& gold);
// Aligns predicted documents with gold ones by id (or by position when no ids match) and pairs by
// mentions (or text). Missing predictions count as empty; unmatched ones are an error naming them.
Result<std::vector<PairItem>> align_pairs(const std::vector<data::Document>& gold,
                                          const std::vector<data::Document>& predicted);
// One label a line (several joined by a tab), or a JSON list of strings, in the gold queries'
// order.
Result<std::vector<PairItem>> align_labels(const std::vector<data::Document>& gold,
                                           const std::vector<std::vector<std::string>>& labels);

}  // namespace relata::eval
