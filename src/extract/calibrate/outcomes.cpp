#include <algorithm>
#include <map>
#include <set>

#include "relata/base/fields.h"
#include "relata/extract/calibrate.h"
#include "steps/shown_text.h"

namespace relata::extract {
namespace {

using data::Document;

// Relation, head's name, tail's name, to the gold facts they are an answer of.
using Answers = std::map<std::tuple<std::string, std::string, std::string>, std::set<size_t>>;

// Those that have a score, the most probable first.
std::vector<const data::Relation*> by_score(const Document& document) {
  std::vector<const data::Relation*> out;
  for (const data::Relation& relation : document.relations) {
    if (relation.score) out.push_back(&relation);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto* a, const auto* b) { return *a->score > *b->score; });
  return out;
}

// By the names that the text has and those that questions about it have.
Answers answers_of(const Document& gold) {
  Answers out;
  const ShownDocument shown(gold);
  for (size_t i = 0; i < gold.relations.size(); ++i) {
    const data::Relation& relation = gold.relations[i];
    const auto names = [&](int entity) {
      const data::Entity& one = gold.entities.at(static_cast<size_t>(entity));
      std::vector<std::string> list = data::surface_names(gold, one);
      list.push_back(one.text);
      for (std::string& name : data::surface_names(
               shown.document(), shown.document().entities.at(static_cast<size_t>(entity)))) {
        list.push_back(std::move(name));
      }
      return list;
    };
    for (const std::string& head : names(relation.head)) {
      for (const std::string& tail : names(relation.tail)) {
        out[{relation.type, head, tail}].insert(i);
      }
    }
  }
  return out;
}

// What every threshold keeps, the highest first; equal scores are kept together.
template <class Visit>
void for_each_threshold(std::vector<ScoredOutcome> outcomes, int64_t gold_facts,
                        const Visit& visit) {
  std::stable_sort(outcomes.begin(), outcomes.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  int64_t right = 0;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    right += outcomes[i].correct ? 1 : 0;
    if (i + 1 < outcomes.size() && outcomes[i + 1].score == outcomes[i].score) continue;
    ThresholdChoice choice;
    choice.threshold = outcomes[i].score;
    choice.kept = static_cast<int64_t>(i) + 1;
    choice.precision = static_cast<double>(right) / static_cast<double>(choice.kept);
    choice.recall =
        gold_facts > 0 ? static_cast<double>(right) / static_cast<double>(gold_facts) : 0.0;
    choice.f1 = gold_facts + choice.kept > 0 ? 2.0 * static_cast<double>(right) /
                                                   static_cast<double>(gold_facts + choice.kept)
                                             : 0.0;
    visit(choice);
  }
}

Json bins_to_json(const std::vector<ScoredOutcome>& outcomes) {
  Json out = Json::object();
  out["ece"] = expected_calibration_error(outcomes);
  out["bins"] = Json::array();
  for (const ReliabilityBin& bin : reliability_bins(outcomes)) {
    out["bins"].push_back({{"low", bin.low},
                           {"high", bin.high},
                           {"count", bin.count},
                           {"score", bin.score},
                           {"accuracy", bin.accuracy}});
  }
  return out;
}

}  // namespace

// A fact found twice under two names of its ends is right once, as in a score: by its better one.
std::vector<ScoredOutcome> fact_outcomes(const std::vector<Document>& gold,
                                         const std::vector<Document>& predicted,
                                         const data::Schema& schema, int64_t* gold_facts) {
  std::map<std::string, const Document*> by_id;
  int64_t facts = 0;
  for (const Document& document : gold) by_id.emplace(document.id, &document);
  std::vector<ScoredOutcome> out;
  for (size_t d = 0; d < predicted.size(); ++d) {
    const auto found = by_id.find(predicted[d].id);
    if (found == by_id.end()) continue;
    const auto& stated = found->second->relations;
    facts += std::count_if(stated.begin(), stated.end(), [&](const auto& relation) {
      return !schema.is_negative(relation.type);
    });
    const Answers answers = answers_of(*found->second);
    std::set<size_t> taken;
    for (const data::Relation* relation : by_score(predicted[d])) {
      if (schema.is_negative(relation->type)) continue;
      const auto& entities = predicted[d].entities;
      const auto answer =
          answers.find({relation->type, entities.at(static_cast<size_t>(relation->head)).text,
                        entities.at(static_cast<size_t>(relation->tail)).text});
      bool correct = false;
      if (answer != answers.end()) {
        const auto free = std::find_if(answer->second.begin(), answer->second.end(),
                                       [&](size_t fact) { return !taken.contains(fact); });
        if (free == answer->second.end()) continue;
        taken.insert(*free);
        correct = true;
      }
      out.push_back({*relation->score, correct, static_cast<int>(d)});
    }
  }
  if (gold_facts != nullptr) *gold_facts = facts;
  return out;
}

ThresholdChoice threshold_outcome(const std::vector<ScoredOutcome>& outcomes, int64_t gold_facts,
                                  double threshold) {
  ThresholdChoice out;
  for_each_threshold(outcomes, gold_facts, [&](const ThresholdChoice& choice) {
    if (choice.threshold >= threshold) out = choice;
  });
  out.threshold = threshold;
  return out;
}

ThresholdChoice best_f1_threshold(const std::vector<ScoredOutcome>& outcomes, int64_t gold_facts) {
  ThresholdChoice best;
  for_each_threshold(outcomes, gold_facts, [&](const ThresholdChoice& choice) {
    if (choice.f1 > best.f1) best = choice;
  });
  return best;
}

std::optional<ThresholdChoice> precision_threshold(const std::vector<ScoredOutcome>& outcomes,
                                                   int64_t gold_facts, double precision) {
  std::optional<ThresholdChoice> best;
  for_each_threshold(outcomes, gold_facts, [&](const ThresholdChoice& choice) {
    if (choice.precision >= precision) best = choice;  // recall only grows
  });
  return best;
}

Json calibration_to_json(const Calibration& calibration) {
  Json json = Json::object();
  json["method"] = calibration.method;
  if (calibration.method == "temperature") {
    json["temperature"] = calibration.temperature;
    json["offset"] = calibration.offset;
  }
  if (calibration.method == "isotonic") {
    json["scores"] = calibration.scores;
    json["probabilities"] = calibration.probabilities;
  }
  json["threshold"] = calibration.threshold;
  return json;
}

Result<Calibration> calibration_from_json(const Json& json, const std::string& where) {
  const std::string hint = "remove the file; relata calibrate makes it anew";
  if (!json.is_object()) return usage_error(where + ": not a mapping of keys to values", hint);
  Calibration out;
  Json scores = Json::array();
  Json probabilities = Json::array();
  Fields fields(json, where);
  fields.get_choice("method", out.method, {"none", "temperature", "isotonic"});
  fields.get("temperature", out.temperature);
  fields.get("offset", out.offset);
  fields.get("scores", scores);
  fields.get("probabilities", probabilities);
  fields.get("threshold", out.threshold);
  fields.ignore("reliability");
  fields.ignore("fitted_on");
  RELATA_CHECK(fields.finish());
  for (const auto& [list, into] :
       {std::pair(&scores, &out.scores), std::pair(&probabilities, &out.probabilities)}) {
    double before = -1.0;
    for (const Json& value : *list) {
      const double number = value.is_number() ? value.get<double>() : -1.0;
      if (!(number >= 0.0 && number <= 1.0 && number >= before)) {
        return usage_error(where + ": scores and probabilities must be ascending, from 0 to 1",
                           hint);
      }
      into->push_back(before = number);
    }
  }
  const bool distinct =
      std::adjacent_find(out.scores.begin(), out.scores.end()) == out.scores.end();
  if (out.scores.size() != out.probabilities.size() || !distinct ||
      (out.method == "isotonic" && out.scores.empty())) {
    return usage_error(where + ": as many probabilities as different scores are needed", hint);
  }
  if (!(out.temperature > 0.0) || !(out.threshold >= 0.0 && out.threshold <= 1.0)) {
    return usage_error(where + ": temperature must be positive, threshold from 0 to 1", hint);
  }
  return out;
}

Json reliability_to_json(const std::vector<ScoredOutcome>& before,
                         const std::vector<ScoredOutcome>& after) {
  return {{"before", bins_to_json(before)}, {"after", bins_to_json(after)}};
}

}  // namespace relata::extract
