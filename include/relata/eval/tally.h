// What every score is made of: counts per class for each item (a pair, a sentence, a document).
// A score, its bootstrap interval and the comparison of two systems are all computed from a Tally.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "relata/base/result.h"
#include "relata/eval/hash_slots.h"
#include "relata/eval/negatives.h"

namespace relata::eval {

struct Counts {
  int64_t correct = 0, predicted = 0, gold = 0;
  double precision() const;  // 0 when undefined
  double recall() const;
  double f1() const;
};

struct Fractions {
  double precision = 0, recall = 0, f1 = 0;
};

struct Score {
  std::string metric;      // name as in --metric; in `parts` the part's own name
  std::string definition;  // one sentence
  double precision = 0, recall = 0, f1 = 0;
  double ci_low = 0, ci_high = 0;         // 95 % percentile bootstrap over items, of f1 ...
  bool has_interval = false;              // ... if there were resamples
  double floor = 0;                       // f1 of the best constant answer
  std::string floor_answer;               // which answer that is
  std::map<std::string, double> extra{};  // other figures of the official scorer: "auc"
  std::vector<Score> parts{};             // further views: "ign", "intra", ...
};

struct EvalOptions {
  NegativeLabels negative;
  int bootstrap = 1000;  // resamples; 0 for no interval
  uint64_t seed = 0;
};

// Paired comparison of two systems on the same items: the F1 difference (a - b), its bootstrap
// interval and the two-sided p-value of approximate randomisation (Noreen 1989; Yeh 2000).
struct Comparison {
  double difference = 0, ci_low = 0, ci_high = 0, p_value = 1;
  bool has_interval = false;  // ci_low and ci_high are known
};

enum class Averaging {
  kMicro,          // all classes counted together
  kMacro,          // the mean over the classes that occur in gold
  kMacroAnswered,  // the mean over the classes that occur in gold or in the answers
  kPerExample      // the mean over the items; an item without gold and answer agrees fully
};

// What one item adds to one class. `correct` answers count in precision, `found` gold facts in
// recall; they differ only where a scorer takes them from different sets (Ign F1).
struct ClassCounts {
  int label = 0;  // from Tally::label()
  int correct = 0, predicted = 0, found = 0, gold = 0;
  bool operator==(const ClassCounts&) const = default;
};

// The same over many items.
struct CountSums {
  int64_t correct = 0, predicted = 0, found = 0, gold = 0;
};

struct Floor {
  double f1 = 0;
  std::string answer;
};

// Items with the same counts share one outcome, so a resample of thousands of items is scored as a
// short vector of weights.
class Tally {
 public:
  struct Rules {
    std::string name;        // of the metric or part
    std::string definition;  // one sentence
    Averaging averaging = Averaging::kMicro;
    double precision_without_answers = 0;  // TACRED's scorer says 1
  };
  explicit Tally(Rules rules) : rules_(std::move(rules)) {}

  int label(const std::string& name);  // the class's number
  // Counts of one class may come in several pieces; `times` equal items are added at once.
  void add(std::vector<ClassCounts> item, int64_t times = 1) { add(std::span(item), times); }
  void add(std::span<ClassCounts> item, int64_t times = 1);  // leaves the item in disorder
  void append(const Tally& other);                           // its items behind these

  const Rules& rules() const { return rules_; }
  const std::vector<std::string>& labels() const { return labels_; }
  const std::vector<int>& items() const { return items_; }  // the outcome of each item
  size_t outcomes() const { return totals_.size(); }
  std::span<const ClassCounts> outcome(size_t number) const {
    return std::span(cells_).subspan(begins_[number], begins_[number + 1] - begins_[number]);
  }

  Fractions fractions() const;
  // `weights[o]`: how often outcome o occurs.
  Fractions fractions(const std::vector<int64_t>& weights) const;
  std::vector<int64_t> weights() const;
  std::map<std::string, Counts> classes() const;

 private:
  Fractions micro(const std::vector<int64_t>& weights) const;
  Fractions macro(const std::vector<int64_t>& weights) const;
  Fractions per_example(const std::vector<int64_t>& weights) const;
  int outcome_number(std::span<const ClassCounts> item);  // a new one for a new outcome

  Rules rules_;
  std::vector<std::string> labels_;
  std::map<std::string, int> numbers_;
  std::vector<ClassCounts> cells_;    // of all outcomes
  std::vector<size_t> begins_ = {0};  // of each outcome in cells_, then their number
  std::vector<CountSums> totals_;     // of each outcome over its classes
  HashSlots slots_;                   // of outcomes
  std::vector<int> items_;
};

// Throws when there is no item: callers check for empty gold.
Score score_tally(const Tally& tally, const Floor& floor, const EvalOptions& options);
// The first tally's score with the others as its parts. `floors`: of each tally.
Score score_tallies(const std::vector<Tally>& tallies, const std::vector<Floor>& floors,
                    const EvalOptions& options);
// Throws when the tallies have not the same number of items.
Comparison compare_tallies(const Tally& a, const Tally& b, const EvalOptions& options);

}  // namespace relata::eval
