#include "relata/eval/pair_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "pair_stats.h"

namespace relata::eval {
namespace {

constexpr int kRandomisations = 10000;
constexpr double kTie = 1e-12;

double ratio(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::vector<int64_t> tally(const std::vector<int>& outcomes, size_t kinds) {
  std::vector<int64_t> counts(kinds, 0);
  for (int outcome : outcomes) ++counts[outcome];
  return counts;
}

Status check_same_gold(const std::vector<PairItem>& a, const std::vector<PairItem>& b) {
  const char* hint = "compare predictions of the same gold file";
  if (a.size() != b.size()) {
    return input_error(
        fmt::format("the systems answer {} and {} pairs, not the same ones", a.size(), b.size()),
        hint);
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].id == b[i].id && distinct_labels(a[i].gold) == distinct_labels(b[i].gold)) continue;
    return input_error(fmt::format("pair {} ('{}' and '{}') differs in id or gold labels", i + 1,
                                   a[i].id, b[i].id),
                       hint);
  }
  return {};
}

// The share of random exchanges between the systems that differ at least as much as they do.
double randomisation_p_value(const OutcomeTable& table, const std::vector<int>& a,
                             const std::vector<int>& b, double observed, Random& random) {
  std::map<std::pair<int, int>, int64_t> differing;
  std::vector<int64_t> shared(table.size(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) {
      ++shared[a[i]];
    } else {
      ++differing[{a[i], b[i]}];
    }
  }
  if (differing.empty()) return 1;
  int64_t extreme = 0;
  for (int round = 0; round < kRandomisations; ++round) {
    std::vector<int64_t> left = shared, right = shared;
    for (const auto& [outcomes, count] : differing) {
      const int64_t exchanged = random.fair_coins(count);
      left[outcomes.first] += count - exchanged;
      left[outcomes.second] += exchanged;
      right[outcomes.first] += exchanged;
      right[outcomes.second] += count - exchanged;
    }
    const double difference = table.score(left).f1 - table.score(right).f1;
    if (std::abs(difference) >= std::abs(observed) - kTie) ++extreme;
  }
  return ratio(extreme + 1, kRandomisations + 1);
}

}  // namespace

double Counts::precision() const { return ratio(correct, predicted); }
double Counts::recall() const { return ratio(correct, gold); }
double Counts::f1() const { return ratio(2 * correct, predicted + gold); }

std::vector<std::string> pair_metric_names() {
  std::vector<std::string> names;
  for (const PairMetric& metric : pair_metrics()) names.push_back(metric.name);
  return names;
}

Result<Score> score_pairs(const std::string& metric, const std::vector<PairItem>& items,
                          const EvalOptions& options) {
  RELATA_TRY(const PairMetric kind, find_pair_metric(metric));
  if (items.empty()) {
    return input_error("no pairs to score", "the gold file has no relation and no listed pair");
  }
  OutcomeTable table(kind, options.negative);
  std::vector<int> outcomes;
  outcomes.reserve(items.size());
  for (const PairItem& item : items) outcomes.push_back(table.add(item));
  const std::vector<int64_t> counts = tally(outcomes, table.size());

  Score score;
  score.metric = metric;
  score.definition = pair_metric_definition(kind, options.negative);
  const Fractions result = table.score(counts);
  score.precision = result.precision;
  score.recall = result.recall;
  score.f1 = result.f1;
  const OutcomeTable::Floor floor = table.floor(counts);
  score.floor = floor.f1;
  score.floor_answer = floor.answer;

  Random random(options.seed);
  std::vector<double> resampled;
  std::vector<int64_t> drawn(table.size());
  for (int round = 0; round < options.bootstrap; ++round) {
    drawn.assign(drawn.size(), 0);
    for (size_t i = 0; i < outcomes.size(); ++i) ++drawn[outcomes[random.below(outcomes.size())]];
    resampled.push_back(table.score(drawn).f1);
  }
  std::tie(score.ci_low, score.ci_high) = percentile_interval(std::move(resampled));
  return score;
}

std::map<std::string, Counts> per_label_counts(const std::vector<PairItem>& items) {
  std::map<std::string, Counts> counts;
  for (const PairItem& item : items) {
    const std::vector<std::string> gold = distinct_labels(item.gold);
    for (const std::string& label : gold) ++counts[label].gold;
    for (const std::string& label : distinct_labels(item.predicted)) {
      Counts& label_counts = counts[label];
      ++label_counts.predicted;
      if (std::binary_search(gold.begin(), gold.end(), label)) ++label_counts.correct;
    }
  }
  return counts;
}

Result<Comparison> compare_pairs(const std::string& metric, const std::vector<PairItem>& a,
                                 const std::vector<PairItem>& b, const EvalOptions& options) {
  RELATA_TRY(const PairMetric kind, find_pair_metric(metric));
  RELATA_CHECK(check_same_gold(a, b));
  if (a.empty()) {
    return input_error("no pairs to compare", "the gold file has no relation and no listed pair");
  }
  OutcomeTable table(kind, options.negative);
  std::vector<int> of_a, of_b;
  for (size_t i = 0; i < a.size(); ++i) {
    of_a.push_back(table.add(a[i]));
    of_b.push_back(table.add(b[i]));
  }
  Comparison comparison;
  comparison.difference =
      table.score(tally(of_a, table.size())).f1 - table.score(tally(of_b, table.size())).f1;

  Random random(options.seed);
  std::vector<double> resampled;
  for (int round = 0; round < options.bootstrap; ++round) {
    std::vector<int64_t> drawn_a(table.size(), 0), drawn_b(table.size(), 0);
    for (size_t i = 0; i < a.size(); ++i) {
      const size_t item = random.below(a.size());
      ++drawn_a[of_a[item]];
      ++drawn_b[of_b[item]];
    }
    resampled.push_back(table.score(drawn_a).f1 - table.score(drawn_b).f1);
  }
  std::tie(comparison.ci_low, comparison.ci_high) = percentile_interval(std::move(resampled));
  comparison.p_value = randomisation_p_value(table, of_a, of_b, comparison.difference, random);
  return comparison;
}

}  // namespace relata::eval
