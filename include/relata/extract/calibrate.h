// Probabilities that mean what they say: fitted on facts found in documents whose gold is known.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/data/document.h"
#include "relata/data/schema.h"

namespace relata::extract {

// A prediction with the probability it was given. Those of one document are not independent: they
// have one `group`.
struct ScoredOutcome {
  double score = 0.0;
  bool correct = false;
  int group = 0;
};

// The predicted facts, each right if gold has one of its relation between entities that have its
// ends among their names; documents are found by id. `gold_facts`, if given, gets how many there
// are. A fact without a score is left out; what `schema` calls negative is no fact.
std::vector<ScoredOutcome> fact_outcomes(const std::vector<data::Document>& gold,
                                         const std::vector<data::Document>& predicted,
                                         const data::Schema& schema, int64_t* gold_facts = nullptr);

// A monotone map of scores. Never changes which of two facts is the more probable, but it may make
// them equal.
struct Calibration {
  std::string method = "none";  // none, temperature, isotonic
  // temperature: logit(p') = logit(p) / temperature + offset.
  double temperature = 1.0;
  double offset = 0.0;
  // isotonic: straight lines between (scores[i], probabilities[i]), ascending; flat outside.
  std::vector<double> scores;
  std::vector<double> probabilities;
  double threshold = 0.0;  // of calibrated scores: facts below are not worth showing

  double apply(double score) const;
};

// The least cross-entropy (Platt 1999, with his smoothed targets, so that separable data have an
// answer). Error: fewer than two predictions, or only right or only wrong ones.
Result<Calibration> fit_temperature(const std::vector<ScoredOutcome>& outcomes);
// The least squares among monotone maps, by pooling adjacent violators.
Result<Calibration> fit_isotonic(const std::vector<ScoredOutcome>& outcomes);
Result<Calibration> fit_calibration(const std::string& method,
                                    const std::vector<ScoredOutcome>& outcomes);
// The outcomes with the scores that extraction gives them.
std::vector<ScoredOutcome> calibrated(const Calibration& calibration,
                                      std::vector<ScoredOutcome> outcomes);

// The outcomes with calibrated scores, each group's by a map that was fitted without its fold of
// the groups: what the error on new documents will be like.
Result<std::vector<ScoredOutcome>> cross_calibrated(const std::string& method,
                                                    const std::vector<ScoredOutcome>& outcomes,
                                                    int folds = 5);

struct ReliabilityBin {
  double low = 0.0, high = 0.0;  // scores in [low, high); 1 belongs to the last bin
  int64_t count = 0;
  double score = 0.0;     // mean
  double accuracy = 0.0;  // share of right ones
};
std::vector<ReliabilityBin> reliability_bins(const std::vector<ScoredOutcome>& outcomes,
                                             int bins = 10);
// Expected calibration error: the mean of |accuracy - score| over the bins, by their counts.
double expected_calibration_error(const std::vector<ScoredOutcome>& outcomes, int bins = 10);

// What keeping the predictions from `threshold` on gives.
struct ThresholdChoice {
  double threshold = 0.0;
  double precision = 0.0, recall = 0.0, f1 = 0.0;
  int64_t kept = 0;
};
// Of this threshold.
ThresholdChoice threshold_outcome(const std::vector<ScoredOutcome>& outcomes, int64_t gold_facts,
                                  double threshold);
ThresholdChoice best_f1_threshold(const std::vector<ScoredOutcome>& outcomes, int64_t gold_facts);
// The threshold with the highest recall among those with at least this precision, if any.
std::optional<ThresholdChoice> precision_threshold(const std::vector<ScoredOutcome>& outcomes,
                                                   int64_t gold_facts, double precision);

// The file calibration.json of an extractor.
Json calibration_to_json(const Calibration& calibration);
Result<Calibration> calibration_from_json(const Json& json, const std::string& where);
// What a page or a figure draws: the bins and the error before and after.
Json reliability_to_json(const std::vector<ScoredOutcome>& before,
                         const std::vector<ScoredOutcome>& after);
// The figure, as an SVG page of its own: of each bin the share of right ones above the mean score,
// on the diagonal where scores mean what they say; larger dots stand for more facts.
std::string reliability_svg(const std::vector<ScoredOutcome>& before,
                            const std::vector<ScoredOutcome>& after);

}  // namespace relata::extract
