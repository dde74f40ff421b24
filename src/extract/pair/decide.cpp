#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <stdexcept>

#include "relata/extract/pair.h"

namespace relata::extract {
namespace {

void check_size(const data::Schema& schema, const std::vector<double>& posterior) {
  if (posterior.empty() || posterior.size() != schema.relation_types.size()) {
    throw std::logic_error("a posterior over " + std::to_string(posterior.size()) +
                           " labels for a schema of " +
                           std::to_string(schema.relation_types.size()));
  }
}

size_t best_label(const std::vector<double>& posterior) {
  return static_cast<size_t>(std::max_element(posterior.begin(), posterior.end()) -
                             posterior.begin());
}

constexpr int kThresholds = 20;  // 0.05, 0.10 ... 1.00
constexpr int kOneLabel = 19;    // the last: nothing stands beside the best
constexpr int kBiases = 25;      // -3.00, -2.75 ... 3.00
constexpr int kDefaultThreshold = 9;
constexpr int kDefaultBias = 12;

double threshold_at(int index) { return (index + 1) / 20.0; }
double bias_at(int index) { return (index - kDefaultBias) / 4.0; }

// 0 .. count - 1, the nearest to `center` first: the first of equals is the nearest to the default.
std::vector<int> from_center(int count, int center) {
  std::vector<int> out(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) out[static_cast<size_t>(i)] = i;
  std::stable_sort(out.begin(), out.end(),
                   [&](int a, int b) { return std::abs(a - center) < std::abs(b - center); });
  return out;
}

// How many relations are predicted, and how many of them are right, per threshold.
struct Counts {
  std::array<int64_t, kThresholds> predicted{};
  std::array<int64_t, kThresholds> correct{};
  void add_from_zero_to(int last, bool right) {
    for (int i = 0; i <= last; ++i) {
      predicted[static_cast<size_t>(i)] += 1;
      correct[static_cast<size_t>(i)] += right ? 1 : 0;
    }
  }
};

// The same choice as decide(), for all thresholds at once.
void count_choice(const data::Schema& schema, const std::vector<double>& posterior,
                  const std::vector<bool>& gold, Counts& counts) {
  const size_t best = best_label(posterior);
  if (schema.relation_types[best].negative) return;
  for (size_t label = 0; label < posterior.size(); ++label) {
    if (schema.relation_types[label].negative) continue;
    int last = -1;
    if (label == best) {
      last = kThresholds - 1;
    } else {
      while (last + 1 < kThresholds && posterior[label] >= threshold_at(last + 1)) ++last;
    }
    counts.add_from_zero_to(last, gold[label]);
  }
}

double f1_of(int64_t correct, int64_t predicted, int64_t gold) {
  return predicted + gold == 0
             ? 0.0
             : 2.0 * static_cast<double>(correct) / static_cast<double>(predicted + gold);
}

}  // namespace

std::vector<double> bias_posterior(const data::Schema& schema, std::vector<double> posterior,
                                   double negative_bias) {
  check_size(schema, posterior);
  if (negative_bias == 0.0) return posterior;
  double sum = 0.0;
  // The larger side keeps its size, so that no bias overflows.
  const double negative_factor = std::exp(std::min(negative_bias, 0.0));
  const double other_factor = std::exp(std::min(-negative_bias, 0.0));
  std::vector<double> biased = posterior;
  for (size_t i = 0; i < biased.size(); ++i) {
    biased[i] *= schema.relation_types[i].negative ? negative_factor : other_factor;
    sum += biased[i];
  }
  if (sum <= 0.0) return posterior;
  for (double& value : biased) value /= sum;
  return biased;
}

PairPrediction decide(const data::Schema& schema, std::vector<double> posterior, double threshold) {
  check_size(schema, posterior);
  const size_t best = best_label(posterior);
  std::vector<size_t> chosen = {best};
  if (!schema.relation_types[best].negative) {
    for (size_t i = 0; i < posterior.size(); ++i) {
      // "No relation" beside a relation would contradict it.
      if (i == best || schema.relation_types[i].negative || posterior[i] < threshold) continue;
      chosen.push_back(i);
    }
    std::stable_sort(chosen.begin() + 1, chosen.end(),
                     [&](size_t a, size_t b) { return posterior[a] > posterior[b]; });
  }
  PairPrediction out;
  for (const size_t i : chosen) {
    out.labels.push_back(schema.relation_types[i].id);
    out.scores.push_back(posterior[i]);
  }
  out.posterior = std::move(posterior);
  return out;
}

std::vector<double> vote_posterior(const data::Schema& schema,
                                   const std::vector<Demonstration>& neighbours,
                                   const std::vector<bool>& allowed) {
  std::vector<double> out(schema.relation_types.size(), 0.0);
  const int negative = schema.negative();
  double sum = 0.0;
  for (const Demonstration& neighbour : neighbours) {
    std::vector<int> labels;
    for (const std::string& label : neighbour.labels) labels.push_back(schema.find(label));
    if (labels.empty()) labels.push_back(negative);
    std::erase_if(labels, [&](int label) {
      return label < 0 || (!allowed.empty() && !allowed[static_cast<size_t>(label)]);
    });
    for (const int label : labels) {
      const double weight = neighbour.score / static_cast<double>(labels.size());
      out[static_cast<size_t>(label)] += weight;
      sum += weight;
    }
  }
  if (sum > 0) {
    for (double& value : out) value /= sum;
  } else if (negative >= 0) {
    out[static_cast<size_t>(negative)] = 1.0;
  } else {
    const auto count =
        allowed.empty() ? std::ssize(out) : std::count(allowed.begin(), allowed.end(), true);
    for (size_t i = 0; i < out.size(); ++i) {
      if (allowed.empty() || allowed[i]) out[i] = 1.0 / static_cast<double>(count);
    }
  }
  return out;
}

TunedDecision tune_decision(const data::Schema& schema,
                            const std::vector<std::vector<double>>& posteriors,
                            const std::vector<std::vector<std::string>>& gold) {
  if (posteriors.size() != gold.size()) {
    throw std::logic_error(std::to_string(posteriors.size()) + " posteriors for " +
                           std::to_string(gold.size()) + " gold answers");
  }
  int64_t gold_count = 0;
  std::vector<std::vector<bool>> gold_labels;
  gold_labels.reserve(gold.size());
  for (const std::vector<std::string>& labels : gold) {
    std::vector<bool>& row = gold_labels.emplace_back(schema.relation_types.size(), false);
    for (const std::string& label : std::set<std::string>(labels.begin(), labels.end())) {
      if (schema.is_negative(label)) continue;
      const int index = schema.find(label);
      // A label outside the schema cannot be predicted, but missing it counts.
      ++gold_count;
      if (index >= 0) row[static_cast<size_t>(index)] = true;
    }
  }
  TunedDecision best;
  best.f1 = -1.0;
  // Where gold has one label a pair, so have answers: who reads them may take no more, as the
  // scorers of such data do not.
  const bool one_label =
      !gold.empty() &&
      std::all_of(gold.begin(), gold.end(), [](const auto& labels) { return labels.size() <= 1; });
  const std::vector<int> thresholds =
      one_label ? std::vector<int>{kOneLabel} : from_center(kOneLabel, kDefaultThreshold);
  for (const int bias : from_center(kBiases, kDefaultBias)) {
    Counts counts;
    for (size_t i = 0; i < posteriors.size(); ++i) {
      if (posteriors[i].empty()) continue;
      count_choice(schema, bias_posterior(schema, posteriors[i], bias_at(bias)), gold_labels[i],
                   counts);
    }
    for (const int threshold : thresholds) {
      const auto at = static_cast<size_t>(threshold);
      const double f1 = f1_of(counts.correct[at], counts.predicted[at], gold_count);
      if (f1 > best.f1) best = {threshold_at(threshold), bias_at(bias), f1};
    }
  }
  return best;
}

}  // namespace relata::extract
