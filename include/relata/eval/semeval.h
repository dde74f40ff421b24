// SemEval-2010 Task 8 (Hendrickx et al. 2010): the labels and the official scorer's text.
#pragma once

#include <string>
#include <vector>

#include "relata/eval/pair_metrics.h"

namespace relata::eval {

// "Cause-Effect(e1,e2)", ..., "Other"
const std::vector<std::string>& semeval_labels();
// The label without its direction.
std::string semeval_relation(const std::string& label);

// What semeval2010_task8_scorer-v1.2.pl prints: three views with confusion matrices. Items without
// an answer are skipped examples. Items need one gold label and at most one answer, of
// semeval_labels(); a key without a relation, or no answer at all, has no scores and is an error.
Result<std::string> semeval_scorer_text(const std::vector<PairItem>& items);

}  // namespace relata::eval
