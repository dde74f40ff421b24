// How each pair metric counts an item.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "relata/eval/pair_metrics.h"

namespace relata::eval {

std::vector<std::string> distinct_labels(const std::vector<std::string>& labels);  // sorted, no ""
std::vector<std::string> positive_labels(const std::vector<std::string>& labels,
                                         const NegativeLabels& negative);  // the same without these

// One score of a metric: how it averages, and what an item with `gold` and `predicted` labels adds.
struct PairPart {
  Tally::Rules rules;
  std::function<std::vector<ClassCounts>(Tally&, const PairItem&)> count;
};

// The metric's own score first. Answers that the metric cannot count (several labels where it takes
// one, labels it does not know) are errors.
Result<std::vector<PairPart>> pair_parts(const std::string& metric,
                                         const std::vector<PairItem>& items,
                                         const EvalOptions& options);

Tally tally_pairs(const PairPart& part, const std::vector<PairItem>& items);
// The best F1 that one and the same answer to every item reaches.
Floor best_constant(const PairPart& part, const std::vector<PairItem>& items);

// What a data set's own scorer leaves out: the labels that the schema or gold states, where they
// state none `own` and what goes by such a name.
NegativeLabels official_negatives(const NegativeLabels& negative, const char* own);

// The answer with the highest score, else the first; "" without an answer.
std::string best_label(const PairItem& item);

}  // namespace relata::eval
