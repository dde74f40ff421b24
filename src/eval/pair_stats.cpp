#include "pair_stats.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

namespace relata::eval {

const std::vector<PairMetric>& pair_metrics() {
  static const std::vector<PairMetric> metrics = {
      {"pair-micro", Averaging::kMicro, false},    {"pair-macro", Averaging::kMacro, false},
      {"pair-micro-all", Averaging::kMicro, true}, {"pair-macro-all", Averaging::kMacro, true},
      {"crellm", Averaging::kPerExample, true},
  };
  return metrics;
}

Result<PairMetric> find_pair_metric(const std::string& name) {
  std::string names;
  for (const PairMetric& metric : pair_metrics()) {
    if (metric.name == name) return metric;
    names += (names.empty() ? "" : ", ") + metric.name;
  }
  return usage_error("unknown pair metric '" + name + "'", "use one of: " + names);
}

std::string pair_metric_definition(const PairMetric& metric, const std::string& negative) {
  std::string scope = "every label counts";
  if (!negative.empty()) {
    scope = "'" + negative + "' counts as " +
            (metric.keeps_negative ? "an ordinary label" : "no answer");
  }
  switch (metric.averaging) {
    case Averaging::kMicro:
      return "Precision, recall and F1 of all (pair, label) answers counted together; " + scope +
             ".";
    case Averaging::kMacro:
      return "Precision, recall and F1 of each label, averaged over the labels that occur in "
             "gold; " +
             scope + ".";
    case Averaging::kPerExample:
      return "Precision, recall and F1 of each pair's label set, averaged over the pairs; two "
             "empty sets agree fully; " +
             scope + ".";
  }
  return "";
}

Fractions fractions(const Counts& counts) {
  return {counts.precision(), counts.recall(), counts.f1()};
}

std::vector<std::string> distinct_labels(const std::vector<std::string>& labels) {
  std::vector<std::string> distinct = labels;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  if (!distinct.empty() && distinct.front().empty()) distinct.erase(distinct.begin());
  return distinct;
}

std::vector<int> OutcomeTable::label_numbers(const std::vector<std::string>& labels) {
  std::vector<int> numbers;
  for (const std::string& label : distinct_labels(labels)) {
    if (!metric_.keeps_negative && label == negative_) continue;
    numbers.push_back(numbers_.try_emplace(label, static_cast<int>(numbers_.size())).first->second);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

int OutcomeTable::add(const PairItem& item) {
  auto key = std::make_pair(label_numbers(item.gold), label_numbers(item.predicted));
  const auto [place, fresh] = known_.try_emplace(std::move(key), static_cast<int>(size()));
  if (!fresh) return place->second;
  Outcome outcome;
  outcome.gold = place->first.first;
  outcome.predicted = place->first.second;
  std::set_intersection(outcome.gold.begin(), outcome.gold.end(), outcome.predicted.begin(),
                        outcome.predicted.end(), std::back_inserter(outcome.correct));
  if (outcome.gold.empty() && outcome.predicted.empty()) {
    outcome.own = {1, 1, 1};
  } else {
    outcome.own = fractions(
        {std::ssize(outcome.correct), std::ssize(outcome.predicted), std::ssize(outcome.gold)});
  }
  outcomes_.push_back(std::move(outcome));
  return place->second;
}

Fractions OutcomeTable::score(const std::vector<int64_t>& counts) const {
  switch (metric_.averaging) {
    case Averaging::kMicro:
      return micro(counts);
    case Averaging::kMacro:
      return macro(counts);
    case Averaging::kPerExample:
      return per_example(counts);
  }
  return {};
}

Fractions OutcomeTable::micro(const std::vector<int64_t>& counts) const {
  Counts total;
  for (size_t o = 0; o < outcomes_.size(); ++o) {
    total.correct += counts[o] * std::ssize(outcomes_[o].correct);
    total.predicted += counts[o] * std::ssize(outcomes_[o].predicted);
    total.gold += counts[o] * std::ssize(outcomes_[o].gold);
  }
  return fractions(total);
}

Fractions OutcomeTable::macro(const std::vector<int64_t>& counts) const {
  std::vector<Counts> labels(numbers_.size());
  for (size_t o = 0; o < outcomes_.size(); ++o) {
    if (counts[o] == 0) continue;
    for (int label : outcomes_[o].gold) labels[label].gold += counts[o];
    for (int label : outcomes_[o].predicted) labels[label].predicted += counts[o];
    for (int label : outcomes_[o].correct) labels[label].correct += counts[o];
  }
  Fractions mean;
  int in_gold = 0;
  for (const Counts& label : labels) {
    if (label.gold == 0) continue;
    ++in_gold;
    mean.precision += label.precision();
    mean.recall += label.recall();
    mean.f1 += label.f1();
  }
  if (in_gold == 0) return {};
  return {mean.precision / in_gold, mean.recall / in_gold, mean.f1 / in_gold};
}

Fractions OutcomeTable::per_example(const std::vector<int64_t>& counts) const {
  Fractions mean;
  int64_t items = 0;
  for (size_t o = 0; o < outcomes_.size(); ++o) {
    const auto weight = static_cast<double>(counts[o]);
    mean.precision += weight * outcomes_[o].own.precision;
    mean.recall += weight * outcomes_[o].own.recall;
    mean.f1 += weight * outcomes_[o].own.f1;
    items += counts[o];
  }
  if (items == 0) return {};
  const auto n = static_cast<double>(items);
  return {mean.precision / n, mean.recall / n, mean.f1 / n};
}

OutcomeTable::Floor OutcomeTable::floor(const std::vector<int64_t>& counts) const {
  std::vector<int64_t> support(numbers_.size(), 0);
  std::vector<double> example_f1(numbers_.size(), 0);
  int64_t items = 0, empty = 0, total = 0;
  for (size_t o = 0; o < outcomes_.size(); ++o) {
    const std::vector<int>& gold = outcomes_[o].gold;
    items += counts[o];
    if (gold.empty()) empty += counts[o];
    for (int label : gold) {
      support[label] += counts[o];
      total += counts[o];
      example_f1[label] +=
          static_cast<double>(counts[o]) * 2 / static_cast<double>(1 + gold.size());
    }
  }
  const auto in_gold =
      std::count_if(support.begin(), support.end(), [](int64_t count) { return count > 0; });
  Floor best;
  if (metric_.averaging == Averaging::kPerExample && items > 0) {
    best.f1 = static_cast<double>(empty) / static_cast<double>(items);
  }
  for (const auto& [label, number] : numbers_) {
    if (support[number] == 0) continue;
    double f1 = 0;
    switch (metric_.averaging) {
      case Averaging::kMicro:
        f1 = fractions({support[number], items, total}).f1;
        break;
      case Averaging::kMacro:
        f1 = fractions({support[number], items, support[number]}).f1 / static_cast<double>(in_gold);
        break;
      case Averaging::kPerExample:
        f1 = example_f1[number] / static_cast<double>(items);
        break;
    }
    if (f1 > best.f1) best = {f1, label};
  }
  return best;
}

uint64_t Random::next() {
  state_ += 0x9E3779B97F4A7C15ULL;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

size_t Random::below(size_t bound) { return static_cast<size_t>(((next() >> 32) * bound) >> 32); }

int64_t Random::fair_coins(int64_t coins) {
  int64_t heads = 0;
  for (; coins >= 64; coins -= 64) heads += std::popcount(next());
  if (coins > 0) heads += std::popcount(next() >> (64 - coins));
  return heads;
}

std::pair<double, double> percentile_interval(std::vector<double> values) {
  if (values.empty()) return {0, 0};
  std::sort(values.begin(), values.end());
  auto point = [&](double fraction) {
    const double place = fraction * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, values.size() - 1);
    return std::lerp(values[below], values[above], place - std::floor(place));
  };
  return {point(0.025), point(0.975)};
}

}  // namespace relata::eval
