#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "alignment.h"
#include "distance.h"
#include "pairs/pair_errors.h"
#include "relata/eval/metric.h"
#include "spans/span_facts.h"

namespace relata::eval {
namespace {

using data::Document;

struct SpanPart {
  Tally::Rules rules;
  std::string what;  // of facts_of()
  SpanRule rule;
};

constexpr Averaging kMicro = Averaging::kMicro;

std::vector<SpanPart> relation_parts(const Metric& metric) {
  const bool strict = metric.name == "re-strict";
  const SpanRule rule = {.label = true, .head = true, .tail = true, .types = strict};
  return {{{metric.name, metric.definition, kMicro, 0}, "relations", rule},
          {{"macro", "The same, averaged over the relation types of gold.", Averaging::kMacro, 0},
           "relations",
           rule},
          {{"ner", "Mentions with the same begin, end and type.", kMicro, 0}, "mentions", {}}};
}

// The metric's own score first.
std::vector<SpanPart> parts_of(const Metric& metric) {
  const Tally::Rules own = {metric.name, metric.definition, kMicro, 0};
  if (metric.name == "ner-span") {
    return {
        {own, "mentions", {}},
        {{"boundaries", "Mentions with the same begin and end, whatever their type.", kMicro, 0},
         "mentions",
         {.label = false}}};
  }
  if (metric.name == "ed") {
    return {{own, "triggers", {}},
            {{"identification", "Triggers with the same begin and end, whatever their event type.",
              kMicro, 0},
             "triggers",
             {.label = false}}};
  }
  if (metric.name == "eae") {
    return {{own, "arguments", {.head = false, .tail = true, .types = true}},
            {{"identification",
              "Arguments with the same begin, end and event type, whatever their role.", kMicro, 0},
             "arguments",
             {.label = false, .head = false, .tail = true, .types = true}},
            {{"with-trigger", "Arguments whose event's trigger is the same, too.", kMicro, 0},
             "arguments",
             {.head = true, .tail = true, .types = true}}};
  }
  return relation_parts(metric);
}

// All predictions for each gold document.
Result<std::vector<Document>> predictions_by_gold(const std::vector<Document>& gold,
                                                  const std::vector<Document>& predicted) {
  RELATA_TRY(const std::vector<int> places, match_documents(gold, predicted));
  std::vector<Document> merged(gold.size());
  for (size_t i = 0; i < predicted.size(); ++i) {
    const Document& of_gold = gold[places[i]];
    if (!predicted[i].text.empty() && predicted[i].text != of_gold.text) {
      return another_text(predicted[i], i);  // also where gold's text is empty
    }
    Document& into = merged[places[i]];
    const int shift = static_cast<int>(into.entities.size());
    into.text = of_gold.text;
    into.entities.insert(into.entities.end(), predicted[i].entities.begin(),
                         predicted[i].entities.end());
    for (data::Relation relation : predicted[i].relations) {
      relation.head += shift, relation.tail += shift;
      into.relations.push_back(std::move(relation));
    }
    into.events.insert(into.events.end(), predicted[i].events.begin(), predicted[i].events.end());
  }
  return merged;
}

Error without_place(const Document& document, size_t index, const std::string& what,
                    const char* hint) {
  return input_error(
      fmt::format("gold document '{}': {} has no place", document_name(document, index), what),
      hint);
}

// What is compared must have a place in gold, or nothing could be right.
Status check_gold_places(const std::vector<Document>& gold, const std::string& what) {
  for (size_t d = 0; d < gold.size(); ++d) {
    for (const data::Entity& entity : gold[d].entities) {
      if (what == "triggers" || what == "arguments" || !entity.mentions.empty()) continue;
      return without_place(gold[d], d, fmt::format("entity '{}' ('{}')", entity.id, entity.text),
                           "this metric compares places; autore compares names");
    }
    for (const data::Event& event : gold[d].events) {
      const std::string name = fmt::format("event '{}' ('{}')", event.id, event.type);
      if (what == "triggers" && event.trigger.begin == event.trigger.end) {
        return without_place(gold[d], d, "the trigger of " + name,
                             "eae scores the arguments of events without triggers");
      }
    }
  }
  return {};
}

// Counts of one document; `matches` as of match_facts().
std::vector<ClassCounts> count_facts(Tally& tally, const SpanPart& part,
                                     const std::vector<SpanFact>& gold,
                                     const std::vector<SpanFact>& predicted,
                                     const std::vector<int>& matches) {
  std::vector<ClassCounts> counts;
  auto label_of = [&](const SpanFact& fact) {
    return tally.label(part.rule.label ? fact.label : part.what);
  };
  counts.reserve(gold.size());
  for (const SpanFact& fact : gold) counts.push_back({.label = label_of(fact), .gold = 1});
  for (size_t p = 0; p < predicted.size(); ++p) {
    const int right = matches[p] >= 0 ? 1 : 0;
    counts.push_back(
        {.label = label_of(predicted[p]), .correct = right, .predicted = 1, .found = right});
  }
  return counts;
}

class DistanceTable {
 public:
  explicit DistanceTable(const std::vector<Document>& documents)
      : unit_(distance_unit(documents)), buckets_(bucket_names().size()) {}

  void add(const Document& document, const std::vector<SpanFact>& gold,
           const std::vector<SpanFact>& predicted, const std::vector<int>& matches) {
    for (const SpanFact& fact : gold) ++bucket(document, fact).gold;
    for (size_t p = 0; p < predicted.size(); ++p) {
      Counts& counts = bucket(document, predicted[p]);
      ++counts.predicted;
      if (matches[p] >= 0) ++counts.correct;
    }
  }

  void add_to(std::vector<CountTable>& tables, const std::string& between) const {
    add_distance_table(unit_name(unit_), between, buckets_, tables);
  }

 private:
  Counts& bucket(const Document& document, const SpanFact& fact) {
    return buckets_[distance_bucket(distance_between(document.text, fact.head, fact.tail, unit_))];
  }
  DistanceUnit unit_;
  std::vector<Counts> buckets_;
};

void add_part(const SpanPart& part, const std::vector<Document>& gold,
              const std::vector<Document>& predicted, const SpanOptions& options,
              DocumentScores& scores) {
  const bool own = scores.tallies.empty();
  Tally tally(part.rules);
  DistanceTable distances(gold);
  for (size_t d = 0; d < gold.size(); ++d) {
    const auto wanted = distinct_facts(facts_of(part.what, gold[d], options.negative), part.rule);
    const auto answers =
        distinct_facts(facts_of(part.what, predicted[d], options.negative), part.rule);
    const std::vector<int> matches = match_facts(wanted, answers, part.rule);
    tally.add(count_facts(tally, part, wanted, answers, matches));
    if (!own) continue;
    distances.add(gold[d], wanted, answers, matches);
    for (ErrorRow& error : span_errors(gold[d], wanted, answers, part.rule, options)) {
      if (error.id.empty()) error.id = document_name(gold[d], d);
      scores.errors.push_back(std::move(error));
    }
  }
  if (own) {
    scores.tables.push_back({"Types", "type", rows_by_support(tally.classes())});
    if (part.what == "relations") distances.add_to(scores.tables, "head and tail");
    if (part.what == "arguments") distances.add_to(scores.tables, "trigger and argument");
  }
  scores.tallies.push_back(std::move(tally));
  scores.floors.emplace_back();
}

}  // namespace

Status check_any_gold(const Tally& tally, const std::string& what) {
  for (const auto& [label, counts] : tally.classes()) {
    if (counts.gold > 0) return {};
  }
  return input_error(fmt::format("gold states no {}: there is nothing to score", what),
                     "score against a split whose labels are public");
}

Score score_of(const DocumentScores& scores, const EvalOptions& options) {
  return score_tallies(scores.tallies, scores.floors, options);
}

Result<DocumentScores> score_spans(const std::string& metric, const std::vector<Document>& gold,
                                   const std::vector<Document>& predicted,
                                   const SpanOptions& options) {
  RELATA_TRY(const Metric known, find_metric(metric));
  if (known.kind != MetricKind::kSpans) {
    return usage_error(fmt::format("metric '{}' does not compare places in documents", metric),
                       "it needs " + known.needs);
  }
  if (gold.empty()) return input_error("no gold document to score");
  const std::vector<SpanPart> parts = parts_of(known);
  RELATA_CHECK(check_gold_places(gold, parts.front().what));
  RELATA_TRY(const std::vector<Document> answers, predictions_by_gold(gold, predicted));
  DocumentScores scores;
  for (const SpanPart& part : parts) add_part(part, gold, answers, options, scores);
  RELATA_CHECK(check_any_gold(scores.tallies.front(), parts.front().what));
  return scores;
}

}  // namespace relata::eval
