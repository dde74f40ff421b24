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

namespace relata::eval {

struct PairItem {
  std::string id;                 // for reports
  std::string context;            // sentence, head and tail, for reports
  std::vector<std::string> gold;  // duplicates are dropped
  std::vector<std::string> predicted;
  std::vector<double> scores;  // of the predicted labels; may be empty
  int reverse = -1;            // index of the item that asks about (tail, head), or -1
};

struct Counts {
  int64_t correct = 0, predicted = 0, gold = 0;
  double precision() const;  // 0 when undefined
  double recall() const;
  double f1() const;
};

struct Score {
  std::string metric;      // name as in --metric
  std::string definition;  // one sentence
  double precision = 0, recall = 0, f1 = 0;
  double ci_low = 0, ci_high = 0;  // 95 % percentile bootstrap over items, of f1
  double floor = 0;                // f1 of the best constant answer
  std::string floor_answer;        // which label that is
};

struct EvalOptions {
  std::string negative;  // the schema's negative label, "" for none
  int bootstrap = 1000;  // resamples; 0 for no interval
  uint64_t seed = 0;
};

// Names: pair-micro, pair-macro (both without the negative label), pair-micro-all, pair-macro-all
// (with it as an ordinary label), crellm (per-example precision, recall and F1, averaged).
std::vector<std::string> pair_metric_names();
Result<Score> score_pairs(const std::string& metric, const std::vector<PairItem>& items,
                          const EvalOptions& options);
std::map<std::string, Counts> per_label_counts(const std::vector<PairItem>& items);

// Aligns predicted documents with gold ones by id (or by position when no ids match) and pairs by
// mentions (or text). Missing predictions count as empty; unmatched ones are an error naming them.
Result<std::vector<PairItem>> align_pairs(const std::vector<data::Document>& gold,
                                          const std::vector<data::Document>& predicted);
// One label a line (several joined by a tab), or a JSON list of strings, in the gold queries'
// order.
Result<std::vector<PairItem>> align_labels(const std::vector<data::Document>& gold,
                                           const std::vector<std::vector<std::string>>& labels);
Result<std::vector<std::vector<std::string>>> parse_label_list(const std::string& content,
                                                               const std::string& where);

// Paired comparison of two systems on the same items: the F1 difference (a - b), its bootstrap
// interval and the two-sided p-value of approximate randomisation.
struct Comparison {
  double difference = 0, ci_low = 0, ci_high = 0, p_value = 1;
};
Result<Comparison> compare_pairs(const std::string& metric, const std::vector<PairItem>& a,
                                 const std::vector<PairItem>& b, const EvalOptions& options);

}  // namespace relata::eval
