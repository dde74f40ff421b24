#include "relata/eval/tally.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <tuple>

#include "random.h"
#include "relata/base/parallel.h"

namespace relata::eval {
namespace {

constexpr int kRandomisations = 10000;
constexpr double kTie = 1e-12;

double ratio(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

template <class Counts>
void add_to(CountSums& sum, const Counts& part, int64_t times = 1) {
  sum.correct += times * part.correct;
  sum.predicted += times * part.predicted;
  sum.found += times * part.found;
  sum.gold += times * part.gold;
}

Fractions fractions_of(const CountSums& counts, double precision_without_answers) {
  Fractions result;
  result.precision =
      counts.predicted == 0 ? precision_without_answers : ratio(counts.correct, counts.predicted);
  result.recall = ratio(counts.found, counts.gold);
  if (counts.correct == counts.found) {
    result.f1 = ratio(2 * counts.correct, counts.predicted + counts.gold);
  } else if (result.precision + result.recall > 0) {
    result.f1 = 2 * result.precision * result.recall / (result.precision + result.recall);
  }
  return result;
}

uint64_t hash_of(std::span<const ClassCounts> item) {
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15ULL;
  uint64_t hash = item.size();
  for (const ClassCounts& counts : item) {
    uint64_t cell = static_cast<uint64_t>(counts.label);
    for (const int count : {counts.correct, counts.predicted, counts.found, counts.gold}) {
      cell = std::rotl(cell, 13) ^ static_cast<uint64_t>(count);
    }
    hash = (hash ^ cell) * kFactor;
    hash ^= hash >> 32;
  }
  return hash;
}

// Both systems' outcomes under one numbering of labels and outcomes.
struct Joint {
  Tally tally;
  std::vector<int> of_a, of_b;
};

Joint join(const Tally& a, const Tally& b) {
  Joint joint = {Tally(a.rules()), {}, {}};
  joint.tally.append(a);
  joint.tally.append(b);
  const std::vector<int>& all = joint.tally.items();
  const auto middle = all.begin() + static_cast<long>(a.items().size());
  joint.of_a.assign(all.begin(), middle);
  joint.of_b.assign(middle, all.end());
  return joint;
}

std::vector<int64_t> weights_of(const std::vector<int>& outcomes, size_t kinds) {
  std::vector<int64_t> weights(kinds, 0);
  for (const int outcome : outcomes) ++weights[outcome];
  return weights;
}

// The share of random exchanges between the systems that differ at least as much as they do.
double randomisation_p_value(const Joint& joint, double observed, Random& random) {
  std::map<std::pair<int, int>, int64_t> differing;
  std::vector<int64_t> shared(joint.tally.outcomes(), 0);
  for (size_t i = 0; i < joint.of_a.size(); ++i) {
    if (joint.of_a[i] == joint.of_b[i]) {
      ++shared[joint.of_a[i]];
    } else {
      ++differing[{joint.of_a[i], joint.of_b[i]}];
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
    const double difference = joint.tally.fractions(left).f1 - joint.tally.fractions(right).f1;
    if (std::abs(difference) >= std::abs(observed) - kTie) ++extreme;
  }
  return ratio(extreme + 1, kRandomisations + 1);
}

}  // namespace

double Counts::precision() const { return ratio(correct, predicted); }
double Counts::recall() const { return ratio(correct, gold); }
double Counts::f1() const { return ratio(2 * correct, predicted + gold); }

int Tally::label(const std::string& name) {
  const auto [place, fresh] = numbers_.try_emplace(name, static_cast<int>(labels_.size()));
  if (fresh) labels_.push_back(name);
  return place->second;
}

void Tally::add(std::span<ClassCounts> item, int64_t times) {
  std::sort(item.begin(), item.end(),
            [](const ClassCounts& a, const ClassCounts& b) { return a.label < b.label; });
  size_t kept = 0;
  for (size_t i = 1; i < item.size(); ++i) {
    if (item[i].label == item[kept].label) {
      item[kept].correct += item[i].correct;
      item[kept].predicted += item[i].predicted;
      item[kept].found += item[i].found;
      item[kept].gold += item[i].gold;
    } else {
      item[++kept] = item[i];
    }
  }
  if (!item.empty()) item = item.first(kept + 1);
  items_.insert(items_.end(), times, outcome_number(item));
}

void Tally::append(const Tally& other) {
  std::vector<int> labels, numbers(other.outcomes(), -1);
  for (const std::string& name : other.labels_) labels.push_back(label(name));
  std::vector<ClassCounts> item;
  for (const int outcome : other.items_) {
    if (numbers[outcome] < 0) {
      const auto cells = other.outcome(outcome);
      item.assign(cells.begin(), cells.end());
      for (ClassCounts& counts : item) counts.label = labels[counts.label];
      add(std::span(item), 1);
      numbers[outcome] = items_.back();
    } else {
      items_.push_back(numbers[outcome]);
    }
  }
}

int Tally::outcome_number(std::span<const ClassCounts> item) {
  const auto [number, fresh] = slots_.add(hash_of(item), [&](uint32_t candidate) {
    return std::ranges::equal(outcome(candidate), item);
  });
  if (fresh) {
    CountSums total;
    for (const ClassCounts& counts : item) add_to(total, counts);
    totals_.push_back(total);
    cells_.insert(cells_.end(), item.begin(), item.end());
    begins_.push_back(cells_.size());
  }
  return static_cast<int>(number);
}

std::vector<int64_t> Tally::weights() const { return weights_of(items_, outcomes()); }
Fractions Tally::fractions() const { return fractions(weights()); }

Fractions Tally::fractions(const std::vector<int64_t>& weights) const {
  switch (rules_.averaging) {
    case Averaging::kMicro:
      return micro(weights);
    case Averaging::kMacro:
    case Averaging::kMacroAnswered:
      return macro(weights);
    case Averaging::kPerExample:
      return per_example(weights);
  }
  return {};
}

Fractions Tally::micro(const std::vector<int64_t>& weights) const {
  CountSums total;
  for (size_t o = 0; o < totals_.size(); ++o) add_to(total, totals_[o], weights[o]);
  return fractions_of(total, rules_.precision_without_answers);
}

Fractions Tally::macro(const std::vector<int64_t>& weights) const {
  std::vector<CountSums> classes(labels_.size());
  for (size_t o = 0; o < outcomes(); ++o) {
    if (weights[o] == 0) continue;
    for (const ClassCounts& counts : outcome(o)) {
      add_to(classes[counts.label], counts, weights[o]);
    }
  }
  Fractions mean;
  const bool answers_count = rules_.averaging == Averaging::kMacroAnswered;
  int counted = 0;
  for (const CountSums& counts : classes) {
    if (counts.gold == 0 && (!answers_count || counts.predicted == 0)) continue;
    ++counted;
    const Fractions own = fractions_of(counts, rules_.precision_without_answers);
    mean.precision += own.precision;
    mean.recall += own.recall;
    mean.f1 += own.f1;
  }
  if (counted == 0) return {};
  return {mean.precision / counted, mean.recall / counted, mean.f1 / counted};
}

Fractions Tally::per_example(const std::vector<int64_t>& weights) const {
  Fractions mean;
  int64_t items = 0;
  for (size_t o = 0; o < totals_.size(); ++o) {
    const CountSums& total = totals_[o];
    const bool empty = total.gold == 0 && total.predicted == 0;
    const Fractions own =
        empty ? Fractions{1, 1, 1} : fractions_of(total, rules_.precision_without_answers);
    const auto weight = static_cast<double>(weights[o]);
    mean.precision += weight * own.precision;
    mean.recall += weight * own.recall;
    mean.f1 += weight * own.f1;
    items += weights[o];
  }
  if (items == 0) return {};
  const auto n = static_cast<double>(items);
  return {mean.precision / n, mean.recall / n, mean.f1 / n};
}

std::map<std::string, Counts> Tally::classes() const {
  const std::vector<int64_t> times = weights();
  std::vector<CountSums> sums(labels_.size());
  for (size_t o = 0; o < outcomes(); ++o) {
    for (const ClassCounts& counts : outcome(o)) add_to(sums[counts.label], counts, times[o]);
  }
  std::map<std::string, Counts> classes;
  for (size_t label = 0; label < labels_.size(); ++label) {
    const CountSums& sum = sums[label];
    if (sum.correct + sum.predicted + sum.found + sum.gold == 0) continue;
    classes[labels_[label]] = {sum.correct, sum.predicted, sum.gold};
  }
  return classes;
}

Score score_tally(const Tally& tally, const Floor& floor, const EvalOptions& options) {
  const std::vector<int>& items = tally.items();
  if (items.empty()) throw std::logic_error("score_tally: no item in " + tally.rules().name);
  Score score;
  score.metric = tally.rules().name;
  score.definition = tally.rules().definition;
  const Fractions result = tally.fractions();
  score.precision = result.precision;
  score.recall = result.recall;
  score.f1 = result.f1;
  score.floor = floor.f1;
  score.floor_answer = floor.answer;

  Random random(options.seed);
  std::vector<double> resampled;
  std::vector<int64_t> drawn(tally.outcomes());
  for (int round = 0; round < options.bootstrap; ++round) {
    drawn.assign(drawn.size(), 0);
    for (size_t i = 0; i < items.size(); ++i) ++drawn[items[random.below(items.size())]];
    resampled.push_back(tally.fractions(drawn).f1);
  }
  score.has_interval = !resampled.empty();
  std::tie(score.ci_low, score.ci_high) = percentile_interval(std::move(resampled));
  return score;
}

Score score_tallies(const std::vector<Tally>& tallies, const std::vector<Floor>& floors,
                    const EvalOptions& options) {
  std::vector<Score> views(tallies.size());
  run_pieces(views.size(),
             [&](size_t i) { views[i] = score_tally(tallies[i], floors[i], options); });
  if (views.empty()) return {};
  Score score = std::move(views.front());
  score.parts.assign(std::make_move_iterator(views.begin() + 1),
                     std::make_move_iterator(views.end()));
  return score;
}

Comparison compare_tallies(const Tally& a, const Tally& b, const EvalOptions& options) {
  if (a.items().size() != b.items().size() || a.items().empty()) {
    throw std::logic_error("compare_tallies: the systems have not the same items");
  }
  const Joint joint = join(a, b);
  const size_t kinds = joint.tally.outcomes();
  auto f1_of = [&](const std::vector<int>& outcomes) {
    return joint.tally.fractions(weights_of(outcomes, kinds)).f1;
  };
  Comparison comparison;
  comparison.difference = f1_of(joint.of_a) - f1_of(joint.of_b);

  Random random(options.seed);
  std::vector<double> resampled;
  std::vector<int64_t> drawn_a(kinds), drawn_b(kinds);
  for (int round = 0; round < options.bootstrap; ++round) {
    drawn_a.assign(kinds, 0);
    drawn_b.assign(kinds, 0);
    for (size_t i = 0; i < joint.of_a.size(); ++i) {
      const size_t item = random.below(joint.of_a.size());
      ++drawn_a[joint.of_a[item]];
      ++drawn_b[joint.of_b[item]];
    }
    resampled.push_back(joint.tally.fractions(drawn_a).f1 - joint.tally.fractions(drawn_b).f1);
  }
  comparison.has_interval = !resampled.empty();
  std::tie(comparison.ci_low, comparison.ci_high) = percentile_interval(std::move(resampled));
  comparison.p_value = randomisation_p_value(joint, comparison.difference, random);
  return comparison;
}

}  // namespace relata::eval
