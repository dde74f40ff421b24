// What the metrics of whole documents find, and those that compare places in the text.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "relata/data/document.h"
#include "relata/eval/report.h"
#include "relata/eval/tally.h"

namespace relata::eval {

struct DocumentScores {
  std::vector<Tally> tallies;  // the metric's own first, then its parts; one item a document
  std::vector<Floor> floors;   // of each tally
  std::vector<CountTable> tables;
  std::vector<ErrorRow> errors;
};
// The first tally's score with the others as its parts.
Score score_of(const DocumentScores& scores, const EvalOptions& options);

struct SpanOptions {
  NegativeLabels negative;                      // relations of these types state nothing
  std::map<std::string, std::string> inverses;  // for the kinds of errors
};
// ner-span, re-strict, re-boundary, ed, eae. Facts are sets: repeated ones count once. An entity of
// several mentions is found when one of them is. A gold entity without a mention and a predicted
// document with another text are errors. Cost: the facts, and the pairs of gold and wrong facts
// that stand near each other.
Result<DocumentScores> score_spans(const std::string& metric,
                                   const std::vector<data::Document>& gold,
                                   const std::vector<data::Document>& predicted,
                                   const SpanOptions& options);

}  // namespace relata::eval
