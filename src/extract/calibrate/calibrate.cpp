#include "relata/extract/calibrate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace relata::extract {
namespace {

// Scores are products of probabilities in floating point: 0 and 1 have no logit.
constexpr double kLeastScore = 1e-9;

double logit(double score) {
  const double inside = std::clamp(score, kLeastScore, 1.0 - kLeastScore);
  return std::log(inside) - std::log1p(-inside);
}

double sigmoid(double x) {
  return x >= 0 ? 1.0 / (1.0 + std::exp(-x)) : std::exp(x) / (1.0 + std::exp(x));
}

Status check_outcomes(const std::vector<ScoredOutcome>& outcomes) {
  const auto right =
      std::count_if(outcomes.begin(), outcomes.end(), [](const auto& one) { return one.correct; });
  const auto all = static_cast<int64_t>(outcomes.size());
  for (const ScoredOutcome& one : outcomes) {
    if (one.score >= 0.0 && one.score <= 1.0) continue;
    return input_error("a score of " + std::to_string(one.score) + " is no probability",
                       "extract again");
  }
  if (all >= 2 && right > 0 && right < all) return {};
  return input_error(
      "nothing to calibrate on: " + std::to_string(right) + " right of " + std::to_string(all) +
          " scored predictions",
      "calibrate on more documents, so that some of what is found is right and some wrong");
}

// logit(p') = slope * logit(p) + offset by Newton's method with step halving.
class PlattFit {
 public:
  explicit PlattFit(const std::vector<ScoredOutcome>& outcomes) {
    double right = 0;
    for (const ScoredOutcome& one : outcomes) right += one.correct ? 1 : 0;
    const double wrong = static_cast<double>(outcomes.size()) - right;
    for (const ScoredOutcome& one : outcomes) {
      x_.push_back(logit(one.score));
      target_.push_back(one.correct ? (right + 1) / (right + 2) : 1 / (wrong + 2));
    }
  }

  // The slope must be positive for the order to be kept. Where the best one is not, scores say
  // nothing: they get a tiny one, and the offset that is best with it. (The loss is convex, so the
  // best of all positive slopes is then the least.)
  std::pair<double, double> run() const {
    constexpr double kLeastSlope = 1e-3;
    const auto best = descend(1.0, 0.0, false);
    return best.first >= kLeastSlope ? best : descend(kLeastSlope, 0.0, true);
  }

 private:
  std::pair<double, double> descend(double slope, double offset, bool keep_slope) const {
    double best = loss(slope, offset);
    for (int iteration = 0; iteration < 100; ++iteration) {
      const auto [step_slope, step_offset] = newton_step(slope, offset, keep_slope);
      double scale = 1.0;
      double next = best;
      for (; scale > 1e-10; scale /= 2) {
        next = loss(slope - scale * step_slope, offset - scale * step_offset);
        if (next < best) break;
      }
      if (!(next < best)) break;
      slope -= scale * step_slope;
      offset -= scale * step_offset;
      const bool converged = best - next < 1e-12 * std::abs(best);
      best = next;
      if (converged) break;
    }
    return {slope, offset};
  }

  double loss(double slope, double offset) const {
    double sum = 0;
    for (size_t i = 0; i < x_.size(); ++i) {
      const double z = slope * x_[i] + offset;
      // log(1 + e^z) - target z
      sum += std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))) - target_[i] * z;
    }
    return sum;
  }

  std::pair<double, double> newton_step(double slope, double offset, bool keep_slope) const {
    double g1 = 0, g2 = 0, h11 = 1e-12, h12 = 0, h22 = 1e-12;
    for (size_t i = 0; i < x_.size(); ++i) {
      const double p = sigmoid(slope * x_[i] + offset);
      const double weight = p * (1 - p);
      g1 += (p - target_[i]) * x_[i];
      g2 += p - target_[i];
      h11 += weight * x_[i] * x_[i];
      h12 += weight * x_[i];
      h22 += weight;
    }
    if (keep_slope) return {0.0, g2 / h22};
    const double determinant = h11 * h22 - h12 * h12;
    if (!(determinant > 0)) return {g1 / h11, g2 / h22};
    return {(h22 * g1 - h12 * g2) / determinant, (h11 * g2 - h12 * g1) / determinant};
  }

  std::vector<double> x_;
  std::vector<double> target_;
};

// Predictions of equal or pooled scores.
struct Pool {
  double first = 0.0, last = 0.0;  // scores
  double right = 0.0, count = 0.0;
  double mean() const { return right / count; }
};

}  // namespace

double Calibration::apply(double score) const {
  if (method == "temperature") return sigmoid(logit(score) / temperature + offset);
  if (method != "isotonic" || scores.empty()) return score;
  const auto above = std::upper_bound(scores.begin(), scores.end(), score);
  if (above == scores.begin()) return probabilities.front();
  if (above == scores.end()) return probabilities.back();
  const auto i = static_cast<size_t>(above - scores.begin());
  const double share = (score - scores[i - 1]) / (scores[i] - scores[i - 1]);
  return probabilities[i - 1] + share * (probabilities[i] - probabilities[i - 1]);
}

Result<Calibration> fit_temperature(const std::vector<ScoredOutcome>& outcomes) {
  RELATA_CHECK(check_outcomes(outcomes));
  const auto [slope, offset] = PlattFit(outcomes).run();
  Calibration out;
  out.method = "temperature";
  out.temperature = 1.0 / slope;
  out.offset = offset;
  return out;
}

Result<Calibration> fit_isotonic(const std::vector<ScoredOutcome>& outcomes) {
  RELATA_CHECK(check_outcomes(outcomes));
  std::map<double, Pool> by_score;
  for (const ScoredOutcome& one : outcomes) {
    Pool& pool = by_score[one.score];
    pool.first = pool.last = one.score;
    pool.right += one.correct ? 1 : 0;
    pool.count += 1;
  }
  std::vector<Pool> pools;
  for (const auto& [score, pool] : by_score) {
    pools.push_back(pool);
    while (pools.size() > 1 && pools[pools.size() - 2].mean() >= pools.back().mean()) {
      Pool& before = pools[pools.size() - 2];
      before.last = pools.back().last;
      before.right += pools.back().right;
      before.count += pools.back().count;
      pools.pop_back();
    }
  }
  Calibration out;
  out.method = "isotonic";
  for (const Pool& pool : pools) {
    out.scores.push_back(pool.first);
    out.probabilities.push_back(pool.mean());
    if (pool.last == pool.first) continue;
    out.scores.push_back(pool.last);
    out.probabilities.push_back(pool.mean());
  }
  return out;
}

Result<Calibration> fit_calibration(const std::string& method,
                                    const std::vector<ScoredOutcome>& outcomes) {
  if (method == "temperature") return fit_temperature(outcomes);
  if (method == "isotonic") return fit_isotonic(outcomes);
  return usage_error("unknown calibration \"" + method + "\"", "one of temperature, isotonic");
}

std::vector<ScoredOutcome> calibrated(const Calibration& calibration,
                                      std::vector<ScoredOutcome> outcomes) {
  for (ScoredOutcome& one : outcomes) one.score = calibration.apply(one.score);
  return outcomes;
}

Result<std::vector<ScoredOutcome>> cross_calibrated(const std::string& method,
                                                    const std::vector<ScoredOutcome>& outcomes,
                                                    int folds) {
  std::set<int> groups;
  for (const ScoredOutcome& one : outcomes) groups.insert(one.group);
  std::map<int, int> fold_of;
  for (const int group : groups) {
    fold_of[group] = static_cast<int>(fold_of.size()) % std::max(folds, 2);
  }
  std::vector<ScoredOutcome> out = outcomes;
  for (int fold = 0; fold < std::max(folds, 2); ++fold) {
    std::vector<ScoredOutcome> others;
    for (const ScoredOutcome& one : outcomes) {
      if (fold_of[one.group] != fold) others.push_back(one);
    }
    if (others.size() == outcomes.size()) continue;
    const Result<Calibration> fitted = fit_calibration(method, others);
    if (!fitted.ok()) {
      return input_error(
          "too few documents: without a part of them there is " + fitted.error().message,
          fitted.error().hint);
    }
    const Calibration& calibration = *fitted;
    for (ScoredOutcome& one : out) {
      if (fold_of[one.group] == fold) one.score = calibration.apply(one.score);
    }
  }
  return out;
}

std::vector<ReliabilityBin> reliability_bins(const std::vector<ScoredOutcome>& outcomes, int bins) {
  const int count = std::max(bins, 1);
  std::vector<ReliabilityBin> out(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    out[static_cast<size_t>(i)].low = static_cast<double>(i) / count;
    out[static_cast<size_t>(i)].high = static_cast<double>(i + 1) / count;
  }
  for (const ScoredOutcome& one : outcomes) {
    const int bin = std::clamp(static_cast<int>(one.score * count), 0, count - 1);
    ReliabilityBin& into = out[static_cast<size_t>(bin)];
    ++into.count;
    into.score += one.score;
    into.accuracy += one.correct ? 1 : 0;
  }
  for (ReliabilityBin& bin : out) {
    if (bin.count == 0) continue;
    bin.score /= static_cast<double>(bin.count);
    bin.accuracy /= static_cast<double>(bin.count);
  }
  return out;
}

double expected_calibration_error(const std::vector<ScoredOutcome>& outcomes, int bins) {
  if (outcomes.empty()) return 0.0;
  double sum = 0;
  for (const ReliabilityBin& bin : reliability_bins(outcomes, bins)) {
    sum += static_cast<double>(bin.count) * std::abs(bin.accuracy - bin.score);
  }
  return sum / static_cast<double>(outcomes.size());
}

}  // namespace relata::extract
