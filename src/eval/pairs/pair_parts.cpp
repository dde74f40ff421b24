#include "pair_parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "relata/eval/metric.h"
#include "relata/eval/semeval.h"

namespace relata::eval {
namespace {

using Labels = std::vector<std::string>;
using LabelSet = std::set<std::string>;
using Count = std::function<std::vector<ClassCounts>(Tally&, const PairItem&)>;

ClassCounts gold_of(int label) { return {.label = label, .gold = 1}; }
ClassCounts answer_of(int label, bool right) {
  const int one = right ? 1 : 0;
  return {.label = label, .correct = one, .predicted = 1, .found = one};
}

std::vector<ClassCounts> count_sets(Tally& tally, const Labels& gold, const Labels& predicted) {
  std::vector<ClassCounts> counts;
  for (const std::string& label : gold) counts.push_back(gold_of(tally.label(label)));
  for (const std::string& label : predicted) {
    const bool right = std::binary_search(gold.begin(), gold.end(), label);
    counts.push_back(answer_of(tally.label(label), right));
  }
  return counts;
}

Count label_sets(const NegativeLabels& left_out) {
  return [left_out](Tally& tally, const PairItem& item) {
    return count_sets(tally, positive_labels(item.gold, left_out),
                      positive_labels(item.predicted, left_out));
  };
}

// The stated ones, and those by name that the items have.
Labels negatives_of(const std::vector<PairItem>& items, const NegativeLabels& negative) {
  NegativeLabels all = negative;
  for (const PairItem& item : items) {
    for (const Labels* side : {&item.gold, &item.predicted}) {
      for (const std::string& label : *side) {
        if (negative.contains(label)) all.add(label);
      }
    }
  }
  return all.stated();
}

std::string scope_of(const Labels& negatives, bool ordinary) {
  if (negatives.empty()) return "every label counts";
  const std::string names = fmt::format("'{}'", fmt::join(negatives, "', '"));
  if (negatives.size() > 1) {
    return names + (ordinary ? " count as ordinary labels" : " count as no answer");
  }
  return names + (ordinary ? " counts as an ordinary label" : " counts as no answer");
}

PairPart general_part(const std::string& name, const std::vector<PairItem>& items,
                      const NegativeLabels& negative) {
  const bool ordinary = name.ends_with("-all") || name == "crellm";
  const std::string scope = scope_of(negatives_of(items, negative), ordinary);
  PairPart part;
  part.rules.name = name;
  part.count = label_sets(ordinary ? NegativeLabels() : negative);
  if (name == "crellm") {
    part.rules.averaging = Averaging::kPerExample;
    part.rules.definition =
        "Precision, recall and F1 of each pair's label set, averaged over the pairs; two empty "
        "sets agree fully; " +
        scope + ".";
  } else if (name.starts_with("pair-macro")) {
    part.rules.averaging = Averaging::kMacro;
    part.rules.definition =
        "Precision, recall and F1 of each label, averaged over the labels that occur in gold; " +
        scope + ".";
  } else {
    part.rules.definition =
        "Precision, recall and F1 of all (pair, label) answers counted together; " + scope + ".";
  }
  return part;
}

Status check_single_answers(const std::string& metric, const std::vector<PairItem>& items) {
  for (size_t i = 0; i < items.size(); ++i) {
    for (const Labels* side : {&items[i].gold, &items[i].predicted}) {
      const size_t labels = distinct_labels(*side).size();
      if (labels <= 1) continue;
      return input_error(
          fmt::format("example {} ('{}') has {} {} labels, {} takes one", i + 1, items[i].id,
                      labels, side == &items[i].gold ? "gold" : "predicted", metric),
          "use pair-micro for answers of several labels");
    }
  }
  return {};
}

PairPart tacred_part(const std::string& metric, const std::vector<PairItem>& items,
                     const NegativeLabels& negative) {
  const NegativeLabels left_out = official_negatives(negative, "no_relation");
  PairPart part;
  part.rules = {metric,
                fmt::format("Micro precision, recall and F1 over the examples' labels, '{}' left "
                            "out of gold and answers; precision is 1 without an answer.",
                            fmt::join(negatives_of(items, left_out), "', '")),
                Averaging::kMicro, 1};
  part.count = label_sets(left_out);
  return part;
}

// The three views of the scorer. Classes that the key lacks count in no average, nor does Other.
std::vector<PairPart> semeval_parts(const std::vector<PairItem>& items) {
  auto part = [&](const std::string& name, const std::string& what, bool keep_direction,
                  bool right_direction, Averaging averaging) {
    auto class_of = [keep_direction](const std::string& label) {
      return keep_direction ? label : semeval_relation(label);
    };
    LabelSet in_key;
    for (const PairItem& item : items) {
      for (const std::string& label : item.gold) in_key.insert(class_of(label));
    }
    in_key.erase("Other");
    PairPart result;
    result.rules = {name, what, averaging, 0};
    result.count = [class_of, right_direction, in_key](Tally& tally, const PairItem& item) {
      const std::string gold = item.gold.empty() ? "" : item.gold.front();
      const std::string answer = item.predicted.empty() ? "" : item.predicted.front();
      const bool right = class_of(gold) == class_of(answer) && (!right_direction || gold == answer);
      std::vector<ClassCounts> counts;
      if (in_key.contains(class_of(gold))) counts.push_back(gold_of(tally.label(class_of(gold))));
      if (in_key.contains(class_of(answer))) {
        counts.push_back(answer_of(tally.label(class_of(answer)), right));
      }
      return counts;
    };
    return result;
  };
  return {
      part("semeval",
           "Macro-averaged F1 over the relations of the key without Other; a wrong direction is a "
           "wrong answer (the official score).",
           false, true, Averaging::kMacro),
      part("official-micro", "The same view, micro-averaged.", false, true, Averaging::kMicro),
      part("undirected-macro", "Directions ignored, macro-averaged over the relations.", false,
           false, Averaging::kMacro),
      part("undirected-micro", "Directions ignored, micro-averaged.", false, false,
           Averaging::kMicro),
      part("directed-macro", "Every relation and direction a class of its own, macro-averaged.",
           true, true, Averaging::kMacro),
      part("directed-micro", "Every relation and direction a class of its own, micro-averaged.",
           true, true, Averaging::kMicro),
  };
}

Status check_semeval_labels(const std::vector<PairItem>& items) {
  const Labels& known = semeval_labels();
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].gold.empty()) {
      return input_error(fmt::format("example {} ('{}') has no gold label", i + 1, items[i].id));
    }
    for (const Labels* side : {&items[i].gold, &items[i].predicted}) {
      for (const std::string& label : *side) {
        if (std::find(known.begin(), known.end(), label) != known.end()) continue;
        return input_error(
            fmt::format("example {} ('{}'): {} label '{}' is none of SemEval-2010's 19", i + 1,
                        items[i].id, side == &items[i].gold ? "gold" : "predicted", label),
            "write labels as Cause-Effect(e1,e2) or Other; score other answers with pair-micro");
      }
    }
  }
  return {};
}

std::string rag4re_normalised(std::string label) {
  for (char& c : label) {
    if (c == ' ') c = '_';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const size_t colon = label.rfind(':');
  return colon == std::string::npos ? label : label.substr(colon + 1);
}

PairPart rag4re_part(const std::vector<PairItem>& items) {
  LabelSet gold_labels;
  for (const PairItem& item : items) gold_labels.insert(item.gold.begin(), item.gold.end());
  const Labels& semeval = semeval_labels();
  const bool is_semeval = std::any_of(gold_labels.begin(), gold_labels.end(), [&](const auto& l) {
    return l.ends_with(")") && std::find(semeval.begin(), semeval.end(), l) != semeval.end();
  });
  LabelSet comparable;
  if (is_semeval) {
    comparable.insert(semeval.begin(), semeval.end());
  } else {
    for (const std::string& label : gold_labels) {
      if (rag4re_normalised(label) == label) comparable.insert(label);
    }
  }
  std::string listed;
  for (const std::string& label : comparable) {
    if (!is_semeval) listed += (listed.empty() ? "'" : ", '") + label + "'";
  }
  PairPart part;
  part.rules.name = "rag4re";
  part.rules.definition =
      is_semeval ? "Micro precision, recall and F1 over SemEval's 19 labels, Other included; an "
                   "answer is its last word and must be equal in every letter."
                 : "Micro precision, recall and F1 over the labels that RAG4RE's normalisation "
                   "(lower case, text after the last colon) leaves as they were: " +
                       (listed.empty() ? std::string("none") : listed) + ".";
  part.count = [is_semeval, comparable](Tally& tally, const PairItem& item) {
    auto read = [&](const Labels& labels) {
      Labels read_label;
      if (labels.empty()) return read_label;
      const std::string& text = labels.front();
      const std::string label =
          is_semeval ? text.substr(text.rfind(' ') + 1) : rag4re_normalised(text);
      if (comparable.contains(label)) read_label.push_back(label);
      return read_label;
    };
    return count_sets(tally, read(item.gold), read(item.predicted));
  };
  return part;
}

PairPart chinese_nre_part(const std::vector<PairItem>& items, const NegativeLabels& negative) {
  PairPart part;
  part.rules = {"chinese-nre",
                fmt::format("The best label of each pair, dropped when it is '{}', is right if it "
                            "is among the gold labels; recall divides by the pairs that have "
                            "another gold label than that.",
                            fmt::join(negatives_of(items, negative), "' or '")),
                Averaging::kMicro, 0};
  part.count = [negative](Tally& tally, const PairItem& item) {
    const Labels gold = positive_labels(item.gold, negative);
    const std::string answer = best_label(item);
    const bool answered = !answer.empty() && !negative.contains(answer);
    const bool right = answered && std::binary_search(gold.begin(), gold.end(), answer);
    std::vector<ClassCounts> counts;
    if (!gold.empty()) counts.push_back(gold_of(tally.label(right ? answer : gold.front())));
    if (answered) counts.push_back(answer_of(tally.label(answer), right));
    return counts;
  };
  return part;
}

}  // namespace

std::vector<std::string> distinct_labels(const std::vector<std::string>& labels) {
  std::vector<std::string> distinct = labels;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  if (!distinct.empty() && distinct.front().empty()) distinct.erase(distinct.begin());
  return distinct;
}

std::vector<std::string> positive_labels(const std::vector<std::string>& labels,
                                         const NegativeLabels& negative) {
  std::vector<std::string> positive = distinct_labels(labels);
  std::erase_if(positive, [&](const std::string& label) { return negative.contains(label); });
  return positive;
}

NegativeLabels official_negatives(const NegativeLabels& negative, const char* own) {
  if (!negative.stated().empty()) return negative.without_names();
  NegativeLabels out = negative;
  out.add(own);
  return out;
}

std::string best_label(const PairItem& item) {
  if (item.predicted.empty()) return "";
  if (item.scores.size() != item.predicted.size()) return item.predicted.front();
  const auto best = std::max_element(item.scores.begin(), item.scores.end());
  return item.predicted[static_cast<size_t>(best - item.scores.begin())];
}

Result<std::vector<PairPart>> pair_parts(const std::string& metric,
                                         const std::vector<PairItem>& items,
                                         const EvalOptions& options) {
  RELATA_TRY(const Metric known, find_metric(metric));
  if (known.kind != MetricKind::kPairs) {
    return usage_error(fmt::format("metric '{}' does not score pairs", metric),
                       "it needs " + known.needs);
  }
  if (metric == "tacred" || metric == "retacred") {
    RELATA_CHECK(check_single_answers(metric, items));
    return std::vector<PairPart>{tacred_part(metric, items, options.negative)};
  }
  if (metric == "semeval") {
    RELATA_CHECK(check_single_answers(metric, items));
    RELATA_CHECK(check_semeval_labels(items));
    return semeval_parts(items);
  }
  if (metric == "rag4re") return std::vector<PairPart>{rag4re_part(items)};
  if (metric == "chinese-nre") {
    return std::vector<PairPart>{
        chinese_nre_part(items, official_negatives(options.negative, "unknown"))};
  }
  return std::vector<PairPart>{general_part(metric, items, options.negative)};
}

Tally tally_pairs(const PairPart& part, const std::vector<PairItem>& items) {
  Tally tally(part.rules);
  for (const PairItem& item : items) tally.add(part.count(tally, item));
  return tally;
}

Floor best_constant(const PairPart& part, const std::vector<PairItem>& items) {
  std::map<Labels, int64_t> gold_sets;
  std::set<std::string> answers;
  for (const PairItem& item : items) {
    const Labels gold = distinct_labels(item.gold);
    ++gold_sets[gold];
    answers.insert(gold.begin(), gold.end());
  }
  answers.insert("");  // no answer at all
  Floor best;
  for (const std::string& answer : answers) {
    Tally tally(part.rules);
    PairItem item;
    if (!answer.empty()) item.predicted = {answer};
    for (const auto& [gold, times] : gold_sets) {
      item.gold = gold;
      tally.add(part.count(tally, item), times);
    }
    const double f1 = tally.fractions().f1;
    if (f1 > best.f1) best = {f1, answer};
  }
  return best;
}

}  // namespace relata::eval
