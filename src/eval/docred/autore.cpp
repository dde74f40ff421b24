#include "relata/eval/autore.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "alignment.h"
#include "distance.h"
#include "json_entries.h"
#include "pairs/pair_errors.h"
#include "relata/eval/metric.h"

namespace relata::eval {
namespace {

using data::Document;

Result<Triple> parse_triple(const Json& value, const std::string& place) {
  Triple triple;
  if (!value.is_array() || value.size() != 3) {
    return input_error(place + ": a list of head, relation and tail wanted");
  }
  for (size_t i = 0; i < 3; ++i) {
    if (!value[i].is_string()) {
      return input_error(fmt::format("{}: element {} is a {}, a string wanted", place, i + 1,
                                     value[i].type_name()));
    }
    triple[i] = value[i].get<std::string>();
  }
  return triple;
}

Result<AutoreDocument> parse_document(const Json& value, const std::string& place) {
  if (!value.is_object() || !value.contains("same_fact_list") ||
      !value["same_fact_list"].is_array()) {
    return input_error(place + ": field 'same_fact_list' with a list wanted",
                       "write one object a document, as AutoRE's prepared data are");
  }
  AutoreDocument document;
  for (const char* key : {"id", "title", "page_id", "index"}) {
    if (!document.id.empty() || !value.contains(key)) continue;
    const Json& id = value[key];
    if (id.is_string()) document.id = id.get<std::string>();
    if (id.is_number_integer()) document.id = id.dump();
  }
  const Json& groups = value["same_fact_list"];
  for (size_t g = 0; g < groups.size(); ++g) {
    const std::string group_place =
        fmt::format("{}: field 'same_fact_list': group {}", place, g + 1);
    if (!groups[g].is_array()) return input_error(group_place + ": a list of triples wanted");
    std::vector<Triple> group;
    for (const Json& entry : groups[g]) {
      RELATA_TRY(Triple triple, parse_triple(entry, group_place));
      group.push_back(std::move(triple));
    }
    document.groups.push_back(std::move(group));
  }
  return document;
}

bool are_lines(std::string_view content) {
  const size_t first = content.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return first != std::string_view::npos && content[first] == '{';
}

// Which pairs of names an answer could be about is unknown here, so the constant answer is one
// relation for every pair that gold relates, each fact by its first names.
Floor best_constant_relation(const std::vector<AutoreDocument>& documents) {
  using Names = std::pair<std::string, std::string>;
  struct Relation {
    int64_t holds = 0, pairs = 0;  // facts, and related pairs for which one of them has it
  };
  std::map<std::string, Relation> relations;
  int64_t facts = 0, pairs = 0;
  for (const AutoreDocument& document : documents) {
    std::set<Names> related;
    std::map<std::string, std::set<Names>> with_relation;
    for (const std::vector<Triple>& group : document.groups) {
      if (group.empty()) continue;
      ++facts;
      ++relations[group.front()[1]].holds;
      related.insert({group.front()[0], group.front()[2]});
      for (const Triple& triple : group) with_relation[triple[1]].insert({triple[0], triple[2]});
    }
    pairs += std::ssize(related);
    for (const auto& [relation, names] : with_relation) {
      relations[relation].pairs += std::count_if(
          related.begin(), related.end(), [&](const Names& one) { return names.contains(one); });
    }
  }
  Floor best;
  for (const auto& [name, relation] : relations) {
    // As in the score, a pair that finds several facts counts for each, another as a wrong answer.
    const int64_t predicted = relation.holds + pairs - relation.pairs;
    const double f1 = Counts{relation.holds, predicted, facts}.f1();
    if (f1 > best.f1) best = {f1, name + " for every related pair"};
  }
  return best;
}

ErrorRow error_of(const AutoreDocument& document, const Triple& triple, const char* kind) {
  ErrorRow row;
  row.id = document.id;
  row.kind = kind;
  row.context = triple[0] + " → " + triple[2];
  return row;
}

class DocumentCount {
 public:
  DocumentCount(Tally& tally, std::vector<Counts>& by_distance, const AutoreDocument& document,
                std::vector<ErrorRow>& errors)
      : tally_(tally),
        by_distance_(by_distance),
        document_(document),
        errors_(errors),
        hit_(document.groups.size(), false) {
    for (size_t g = 0; g < document.groups.size(); ++g) {
      for (const Triple& triple : document.groups[g]) {
        std::vector<Waiting::Fact>& same = by_triple_[triple].facts;
        if (same.empty() || same.back().group != g) same.push_back({g, &triple});
        by_ends_[{triple[0], triple[2]}].facts.push_back({g, &triple});
      }
    }
  }

  void run() {
    std::vector<ClassCounts> counts;
    for (size_t g = 0; g < document_.groups.size(); ++g) {
      const std::vector<Triple>& group = document_.groups[g];
      if (group.empty()) continue;
      counts.push_back({.label = tally_.label(group.front()[1]), .gold = 1});
      ++bucket(g).gold;
    }
    std::vector<const Triple*> wrong;
    for (const Triple& answer : document_.answers) {
      const auto found = by_triple_.find(answer);
      if (found == by_triple_.end()) {
        counts.push_back({.label = tally_.label(answer[1]), .predicted = 1});
        ++by_distance_.back().predicted;  // strings have no place
        wrong.push_back(&answer);
        continue;
      }
      while (const Waiting::Fact* fact = take(found->second)) {
        ++bucket(fact->group).predicted;
        ++bucket(fact->group).correct;
        counts.push_back(
            {.label = tally_.label(answer[1]), .correct = 1, .predicted = 1, .found = 1});
      }
    }
    tally_.add(std::move(counts));
    list_errors(wrong);
  }

 private:
  // Triples of gold that have something in common, in gold's order.
  struct Waiting {
    struct Fact {
      size_t group;
      const Triple* triple;
    };
    std::vector<Fact> facts;
    size_t next = 0;  // the groups of those before are hit, and stay so
  };

  // The first of a group that was not hit, which it is now; null when there is none.
  const Waiting::Fact* take(Waiting& waiting) {
    while (waiting.next < waiting.facts.size()) {
      const Waiting::Fact& fact = waiting.facts[waiting.next++];
      if (hit_[fact.group]) continue;
      hit_[fact.group] = true;
      return &fact;
    }
    return nullptr;
  }
  template <class Key>
  const Waiting::Fact* take(std::map<Key, Waiting>& index, const Key& key) {
    const auto found = index.find(key);
    return found == index.end() ? nullptr : take(found->second);
  }

  Counts& bucket(size_t group) {
    const bool known = group < document_.distances.size();
    return by_distance_[distance_bucket(known ? document_.distances[group] : -1)];
  }

  bool explain(const Triple& answer, bool turned) {
    const Waiting::Fact* fact = turned ? take(by_triple_, {answer[2], answer[1], answer[0]})
                                       : take(by_ends_, {answer[0], answer[2]});
    if (fact == nullptr) return false;
    ErrorRow row = error_of(document_, answer, turned ? "direction" : "type");
    row.gold = row.missed = {(*fact->triple)[1]};
    row.predicted = row.extra = {answer[1]};
    errors_.push_back(std::move(row));
    return true;
  }

  void list_errors(const std::vector<const Triple*>& wrong) {
    std::vector<bool> explained(wrong.size(), false);
    for (const bool turned : {true, false}) {
      for (size_t w = 0; w < wrong.size(); ++w) {
        if (!explained[w]) explained[w] = explain(*wrong[w], turned);
      }
    }
    for (size_t w = 0; w < wrong.size(); ++w) {
      if (explained[w]) continue;
      ErrorRow row = error_of(document_, *wrong[w], "invented");
      row.predicted = row.extra = {(*wrong[w])[1]};
      errors_.push_back(std::move(row));
    }
    for (size_t g = 0; g < document_.groups.size(); ++g) {
      if (hit_[g] || document_.groups[g].empty()) continue;
      const Triple& triple = document_.groups[g].front();
      ErrorRow row = error_of(document_, triple, "missing");
      row.gold = row.missed = {triple[1]};
      errors_.push_back(std::move(row));
    }
  }

  Tally& tally_;
  std::vector<Counts>& by_distance_;
  const AutoreDocument& document_;
  std::vector<ErrorRow>& errors_;
  std::vector<bool> hit_;
  std::map<Triple, Waiting> by_triple_;
  std::map<std::pair<std::string_view, std::string_view>, Waiting> by_ends_;  // names of the ends
};

}  // namespace

std::vector<AutoreDocument> autore_documents(const std::vector<Document>& gold,
                                             const NegativeLabels& negative) {
  const DistanceUnit unit = distance_unit(gold);
  std::vector<AutoreDocument> documents;
  for (size_t d = 0; d < gold.size(); ++d) {
    AutoreDocument document;
    document.id = document_name(gold[d], d);
    document.unit = unit_name(unit);
    for (const data::Relation& relation : gold[d].relations) {
      if (negative.contains(relation.type)) continue;
      std::vector<Triple> group;
      for (const std::string& head :
           data::surface_names(gold[d], gold[d].entities[relation.head])) {
        for (const std::string& tail :
             data::surface_names(gold[d], gold[d].entities[relation.tail])) {
          group.push_back({head, relation.type, tail});
        }
      }
      document.groups.push_back(std::move(group));
      document.distances.push_back(
          distance_between(gold[d].text, gold[d].entities[relation.head].mentions,
                           gold[d].entities[relation.tail].mentions, unit));
    }
    documents.push_back(std::move(document));
  }
  return documents;
}

Result<std::vector<AutoreDocument>> parse_alias_groups(std::string_view content,
                                                       const std::string& where) {
  std::vector<AutoreDocument> documents;
  RELATA_CHECK(for_each_json_entry(content, where, are_lines(content),
                                   [&](const Json& value, const std::string& place) -> Status {
                                     RELATA_TRY(AutoreDocument document,
                                                parse_document(value, place));
                                     documents.push_back(std::move(document));
                                     return {};
                                   }));
  return documents;
}

Status add_autore_answers(std::vector<AutoreDocument>& gold, const std::vector<Document>& predicted,
                          const NegativeLabels& negative) {
  std::vector<Document> named(gold.size());  // only ids, to find documents in the usual way
  for (size_t d = 0; d < gold.size(); ++d) named[d].id = gold[d].id;
  std::vector<Document> ids(predicted.size());
  for (size_t d = 0; d < predicted.size(); ++d) ids[d].id = predicted[d].id;
  RELATA_TRY(const std::vector<int> places, match_documents(named, ids));
  for (size_t d = 0; d < predicted.size(); ++d) {
    for (const data::Relation& relation : predicted[d].relations) {
      if (negative.contains(relation.type)) continue;
      gold[places[d]].answers.push_back({predicted[d].entities[relation.head].text, relation.type,
                                         predicted[d].entities[relation.tail].text});
    }
  }
  return {};
}

Result<DocumentScores> score_autore(const std::vector<AutoreDocument>& documents) {
  if (documents.empty()) return input_error("no gold document to score");
  RELATA_TRY(const Metric metric, find_metric("autore"));
  DocumentScores scores;
  Tally tally({metric.name, metric.definition, Averaging::kMicro, 0});
  std::vector<Counts> by_distance(bucket_names().size());
  for (const AutoreDocument& document : documents) {
    DocumentCount(tally, by_distance, document, scores.errors).run();
  }
  RELATA_CHECK(check_any_gold(tally, "facts"));
  scores.tables.push_back({"Relations", "relation", rows_by_support(tally.classes())});
  add_distance_table(documents.front().unit, "head and tail", by_distance, scores.tables);
  scores.tallies.push_back(std::move(tally));
  scores.floors.push_back(best_constant_relation(documents));
  return scores;
}

}  // namespace relata::eval
