// What scores of the pair task are computed from: how often each distinct outcome occurs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "relata/eval/pair_metrics.h"

namespace relata::eval {

enum class Averaging { kMicro, kMacro, kPerExample };

struct PairMetric {
  std::string name;
  Averaging averaging = Averaging::kMicro;
  bool keeps_negative = false;  // the negative label is an ordinary one
};

const std::vector<PairMetric>& pair_metrics();
Result<PairMetric> find_pair_metric(const std::string& name);
std::string pair_metric_definition(const PairMetric& metric, const std::string& negative);

struct Fractions {
  double precision = 0, recall = 0, f1 = 0;
};
Fractions fractions(const Counts& counts);

std::vector<std::string> distinct_labels(const std::vector<std::string>& labels);  // sorted, no ""

// Items with the same gold and predicted sets share one outcome, so a resample of thousands of
// items is scored as a short vector of counts.
class OutcomeTable {
 public:
  OutcomeTable(PairMetric metric, std::string negative)
      : metric_(std::move(metric)), negative_(std::move(negative)) {}

  int add(const PairItem& item);  // the item's outcome
  size_t size() const { return outcomes_.size(); }
  // `counts[o]`: how many items have outcome o.
  Fractions score(const std::vector<int64_t>& counts) const;

  struct Floor {
    double f1 = 0;
    std::string answer;
  };
  // The best F1 that one and the same answer to every item reaches.
  Floor floor(const std::vector<int64_t>& counts) const;

 private:
  struct Outcome {
    std::vector<int> gold, predicted, correct;  // label numbers
    Fractions own;                              // scores of this item alone
  };
  std::vector<int> label_numbers(const std::vector<std::string>& labels);
  Fractions micro(const std::vector<int64_t>& counts) const;
  Fractions macro(const std::vector<int64_t>& counts) const;
  Fractions per_example(const std::vector<int64_t>& counts) const;

  PairMetric metric_;
  std::string negative_;
  std::map<std::string, int> numbers_;
  std::map<std::pair<std::vector<int>, std::vector<int>>, int> known_;
  std::vector<Outcome> outcomes_;
};

// SplitMix64, so that a seed gives the same interval with every standard library.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next();
  size_t below(size_t bound);         // bound < 2^32
  int64_t fair_coins(int64_t coins);  // heads among so many tosses

 private:
  uint64_t state_;
};

// 2.5 % and 97.5 % points.
std::pair<double, double> percentile_interval(std::vector<double> values);

}  // namespace relata::eval
