#include "relata/eval/pair_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pair_parts.h"

namespace relata::eval {
namespace {

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

// The area under the precision-recall curve of the answers in order of their scores, as
// Chinese_NRE's metric.py computes it: by trapezoids, from the first answer on.
void add_area(const std::vector<PairItem>& items, const NegativeLabels& negative, Score& score) {
  struct Answer {
    double score;
    bool right;
  };
  std::vector<Answer> answers;
  int64_t real = 0;
  for (const PairItem& item : items) {
    const std::vector<std::string> gold = positive_labels(item.gold, negative);
    if (!gold.empty()) ++real;
    const std::string label = best_label(item);
    if (label.empty() || negative.contains(label)) continue;
    if (item.scores.size() != item.predicted.size()) return;
    answers.push_back({*std::max_element(item.scores.begin(), item.scores.end()),
                       std::binary_search(gold.begin(), gold.end(), label)});
  }
  if (answers.size() < 2 || real == 0) return;
  // The original sorts upwards, stably, and reads backwards: of equal scores the last comes first.
  std::stable_sort(answers.begin(), answers.end(),
                   [](const Answer& a, const Answer& b) { return a.score < b.score; });
  std::reverse(answers.begin(), answers.end());
  double area = 0, last_precision = 0, last_recall = 0;
  int64_t right = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].right) ++right;
    const double precision = static_cast<double>(right) / static_cast<double>(i + 1);
    const double recall = static_cast<double>(right) / static_cast<double>(real);
    if (i > 0) area += (recall - last_recall) * (precision + last_precision) / 2;
    last_precision = precision;
    last_recall = recall;
  }
  score.extra["auc"] = area;
}

}  // namespace

std::vector<std::string> pair_metric_names() {
  return {"pair-micro", "pair-macro", "pair-micro-all", "pair-macro-all", "crellm"};
}

Result<Score> score_pairs(const std::string& metric, const std::vector<PairItem>& items,
                          const EvalOptions& options) {
  RELATA_TRY(const std::vector<PairPart> parts, pair_parts(metric, items, options));
  if (items.empty()) {
    return input_error("no pairs to score", "the gold file has no relation and no listed pair");
  }
  std::vector<Tally> tallies;
  std::vector<Floor> floors;
  for (const PairPart& part : parts) {
    tallies.push_back(tally_pairs(part, items));
    floors.push_back(best_constant(part, items));
  }
  Score score = score_tallies(tallies, floors, options);
  if (metric == "chinese-nre") {
    add_area(items, official_negatives(options.negative, "unknown"), score);
  }
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
  RELATA_TRY(const std::vector<PairPart> parts_a, pair_parts(metric, a, options));
  RELATA_TRY(const std::vector<PairPart> parts_b, pair_parts(metric, b, options));
  RELATA_CHECK(check_same_gold(a, b));
  if (a.empty()) {
    return input_error("no pairs to compare", "the gold file has no relation and no listed pair");
  }
  return compare_tallies(tally_pairs(parts_a.front(), a), tally_pairs(parts_b.front(), b), options);
}

}  // namespace relata::eval
