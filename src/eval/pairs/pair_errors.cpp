#include "pair_errors.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "distance.h"
#include "pair_parts.h"

namespace relata::eval {
namespace {

using Labels = std::vector<std::string>;

Labels difference(const Labels& a, const Labels& b) {
  Labels rest;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(rest));
  return rest;
}

bool contains(const Labels& sorted, const std::string& label) {
  return std::binary_search(sorted.begin(), sorted.end(), label);
}

// "X(e1,e2)" for "X(e2,e1)" as in SemEval, "被X" for "X" as in FinRE.
bool named_as_inverse(const std::string& a, const std::string& b) {
  static const std::string kForward = "(e1,e2)", kBackward = "(e2,e1)", kPassive = "被";
  if (a == kPassive + b || b == kPassive + a) return true;
  if (a.size() != b.size() || a.size() < kForward.size()) return false;
  const size_t stem = a.size() - kForward.size();
  return a.compare(0, stem, b, 0, stem) == 0 &&
         ((a.ends_with(kForward) && b.ends_with(kBackward)) ||
          (a.ends_with(kBackward) && b.ends_with(kForward)));
}

bool are_inverse(const Report& report, const std::string& a, const std::string& b) {
  auto declared = [&](const std::string& label, const std::string& other) {
    const auto entry = report.inverses.find(label);
    return entry != report.inverses.end() && entry->second == other;
  };
  return declared(a, b) || declared(b, a) || named_as_inverse(a, b);
}

bool is_direction_error(const Report& report, const PairItem& item, const ErrorRow& error) {
  for (const std::string& extra : error.extra) {
    for (const std::string& missed : error.missed) {
      if (are_inverse(report, extra, missed)) return true;
    }
  }
  const int reverse = item.reverse;
  if (reverse < 0 || static_cast<size_t>(reverse) >= report.items.size()) return false;
  const Labels other_way = positive_labels(report.items[reverse].gold, report.negative);
  return std::any_of(error.extra.begin(), error.extra.end(),
                     [&](const std::string& label) { return contains(other_way, label); });
}

std::string error_kind(const Report& report, const PairItem& item, const ErrorRow& error) {
  if (error.extra.empty()) return "missing";
  if (is_direction_error(report, item, error)) return "direction";
  return error.missed.empty() ? "invented" : "type";
}

// The surest label that gold does not have; the negative one counts, for its answer was wrong too.
std::optional<double> wrong_score(const PairItem& item) {
  const Labels gold = distinct_labels(item.gold);
  std::optional<double> highest;
  for (size_t i = 0; i < std::min(item.predicted.size(), item.scores.size()); ++i) {
    if (contains(gold, item.predicted[i])) continue;
    highest = std::max(highest.value_or(item.scores[i]), item.scores[i]);
  }
  return highest;
}

void add_distances(const Report& report, std::vector<CountTable>& tables) {
  std::vector<Counts> buckets(bucket_names().size());
  for (const PairItem& item : report.items) {
    const Labels gold = positive_labels(item.gold, report.negative);
    Counts& counts = buckets[distance_bucket(item.distance)];
    counts.gold += std::ssize(gold);
    for (const std::string& label : positive_labels(item.predicted, report.negative)) {
      ++counts.predicted;
      if (contains(gold, label)) ++counts.correct;
    }
  }
  add_distance_table(report.distance_unit, "head and tail", buckets, tables);
}

}  // namespace

std::vector<ErrorRow> find_errors(const Report& report) {
  std::vector<ErrorRow> errors;
  for (const PairItem& item : report.items) {
    const Labels gold = positive_labels(item.gold, report.negative);
    const Labels predicted = positive_labels(item.predicted, report.negative);
    if (gold == predicted) continue;
    ErrorRow error;
    error.id = item.id;
    error.gold = item.gold;
    error.predicted = item.predicted;
    error.scores = item.scores;
    error.context = item.context;
    error.missed = difference(gold, predicted);
    error.extra = difference(predicted, gold);
    error.kind = error_kind(report, item, error);
    error.score = wrong_score(item);
    errors.push_back(std::move(error));
  }
  errors.insert(errors.end(), report.errors.begin(), report.errors.end());
  return errors;
}

const std::vector<std::string>& error_kinds() {
  static const std::vector<std::string> kKinds = {"direction", "type", "boundary", "missing",
                                                  "invented"};
  return kKinds;
}

std::vector<Confusion> count_confusions(const std::vector<ErrorRow>& errors) {
  static const Labels kNothing = {""};
  std::map<std::pair<std::string, std::string>, int64_t> counts;
  for (const ErrorRow& error : errors) {
    for (const std::string& gold : error.missed.empty() ? kNothing : error.missed) {
      for (const std::string& predicted : error.extra.empty() ? kNothing : error.extra) {
        ++counts[{gold, predicted}];
      }
    }
  }
  std::vector<Confusion> confusions;
  confusions.reserve(counts.size());
  for (const auto& [labels, count] : counts) {
    confusions.push_back({labels.first, labels.second, count});
  }
  std::stable_sort(confusions.begin(), confusions.end(),
                   [](const Confusion& a, const Confusion& b) { return a.count > b.count; });
  return confusions;
}

std::vector<LabelRow> rows_by_support(const std::map<std::string, Counts>& classes) {
  std::vector<LabelRow> rows;
  rows.reserve(classes.size());
  for (const auto& [label, counts] : classes) rows.push_back({label, counts});
  std::stable_sort(rows.begin(), rows.end(), [](const LabelRow& a, const LabelRow& b) {
    return a.counts.gold > b.counts.gold;
  });
  return rows;
}

std::vector<CountTable> all_tables(const Report& report) {
  std::vector<CountTable> tables;
  if (!report.items.empty()) {
    tables.push_back({"Relations", "relation", rows_by_support(per_label_counts(report.items))});
    add_distances(report, tables);
  }
  tables.insert(tables.end(), report.tables.begin(), report.tables.end());
  return tables;
}

std::string shown_title(const Report& report, const CountTable& table) {
  if (table.metric.empty() || report.scores.size() < 2) return table.title;
  return table.title + " (" + table.metric + ")";
}

}  // namespace relata::eval
