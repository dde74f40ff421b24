#include "relata/eval/docred.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "distance.h"
#include "pair_errors.h"
#include "relata/eval/metric.h"

namespace relata::eval {
namespace {

std::tuple<int, int, int> key_of(const DocRedFact& fact) {
  return {fact.head, fact.tail, fact.relation};
}
std::tuple<int, int, int> key_of(const DocRedAnswer& answer) {
  return {answer.head, answer.tail, answer.relation};
}

// Sums a document's counts per relation, then adds them to the tally.
class PartSum {
 public:
  explicit PartSum(Tally::Rules rules) : tally_(std::move(rules)) {}

  ClassCounts& of(const DocRedGold& gold, int relation) {
    if (static_cast<size_t>(relation) >= cells_.size()) {
      cells_.resize(relation + 1);
      labels_.resize(relation + 1, -1);
    }
    if (labels_[relation] < 0) {
      labels_[relation] = tally_.label(std::string(gold.relations[relation]));
    }
    if (cells_[relation] == ClassCounts{}) touched_.push_back(relation);
    return cells_[relation];
  }

  void close_document() {
    std::vector<ClassCounts> item;
    for (const int relation : touched_) {
      item.push_back(std::exchange(cells_[relation], {}));
      item.back().label = labels_[relation];
    }
    touched_.clear();
    tally_.add(std::move(item));
  }

  Tally take() { return std::move(tally_); }

 private:
  Tally tally_;
  std::vector<ClassCounts> cells_;
  std::vector<int> labels_, touched_;
};

// What constant answers need: how often each relation holds among all pairs that could be asked.
struct ConstantAnswer {
  int64_t pairs = 0, facts = 0;
  std::vector<int64_t> holds, left_out;  // by relation

  void add(int relation, bool leave_out) {
    ++facts;
    if (static_cast<size_t>(relation) >= holds.size()) {
      holds.resize(relation + 1);
      left_out.resize(relation + 1);
    }
    ++holds[relation];
    if (leave_out) ++left_out[relation];
  }

  Floor best(const DocRedGold& gold) const {
    Floor best;
    for (size_t relation = 0; relation < holds.size(); ++relation) {
      const int64_t answers = pairs - left_out[relation];
      const Counts precise = {holds[relation] - left_out[relation], answers, facts};
      const Counts complete = {holds[relation], answers, facts};
      const double p = precise.precision(), r = complete.recall();
      const double f1 = p + r == 0 ? 0 : 2 * p * r / (p + r);
      if (f1 > best.f1) best = {f1, std::string(gold.relations[relation])};
    }
    return best;
  }
};

class Scorer {
 public:
  Scorer(const DocRedGold& gold, const DocRedOptions& options)
      : gold_(gold), options_(options), buckets_(bucket_names().size()) {
    for (const DocRedDocument& document : gold.documents) {
      has_sentences_ = has_sentences_ || document.sentences > 0;
      has_evidence_ = has_evidence_ || !document.evidence.empty();
    }
  }

  // Answers of one document, sorted by key.
  void add(const DocRedDocument& document, const std::vector<const DocRedAnswer*>& answers) {
    facts_.clear();
    for (const DocRedFact& fact : document.facts) facts_.push_back({&fact});
    std::sort(facts_.begin(), facts_.end(),
              [](const Gold& a, const Gold& b) { return key_of(*a.fact) < key_of(*b.fact); });
    facts_.erase(std::unique(facts_.begin(), facts_.end(),
                             [](const Gold& a, const Gold& b) {
                               return key_of(*a.fact) == key_of(*b.fact);
                             }),
                 facts_.end());
    find_sentences(document);
    for (Gold& fact : facts_) count_gold(document, fact);
    count_constant_answers(document);
    wrong_.clear();
    const DocRedAnswer* last = nullptr;
    for (const DocRedAnswer* answer : answers) {
      if (last != nullptr && key_of(*last) == key_of(*answer) && answer->head >= 0 &&
          answer->tail >= 0) {
        continue;
      }
      last = answer;
      count_answer(document, *answer);
    }
    for (PartSum* part : {&own_, &ign_, &evidence_, &intra_, &inter_}) part->close_document();
    if (options_.errors) list_errors(document);
  }

  DocumentScores finish() {
    DocumentScores scores;
    auto keep = [&](PartSum& part, Floor floor) {
      scores.tallies.push_back(part.take());
      scores.floors.push_back(std::move(floor));
    };
    keep(own_, all_.best(gold_));
    scores.tables.push_back(
        {"Relations", "relation", rows_by_support(scores.tallies.front().classes())});
    if (options_.train_facts != nullptr) keep(ign_, outside_training_.best(gold_));
    if (has_evidence_) keep(evidence_, {});
    if (has_sentences_) {
      keep(intra_, within_.best(gold_));
      keep(inter_, across_.best(gold_));
    }
    CountTable distances{gold_.unit + " between head and tail", gold_.unit, {}};
    for (size_t b = 0; b < buckets_.size(); ++b) {
      if (buckets_[b].gold + buckets_[b].predicted == 0) continue;
      distances.rows.push_back({bucket_names()[b], buckets_[b]});
    }
    scores.tables.push_back(std::move(distances));
    scores.errors = std::move(errors_);
    return scores;
  }

 private:
  struct Gold {
    const DocRedFact* fact = nullptr;
    bool in_training = false, hit = false;
  };

  void find_sentences(const DocRedDocument& document) {
    sentences_.assign(document.entities.size(), {});
    for (size_t e = 0; e < document.entities.size(); ++e) {
      const DocRedEntity& entity = document.entities[e];
      for (int m = 0; m < entity.mentions; ++m) {
        const int sentence = document.mentions[entity.first_mention + m].sentence;
        if (sentence >= 0) sentences_[e].push_back(sentence);
      }
      std::sort(sentences_[e].begin(), sentences_[e].end());
    }
  }

  bool in_one_sentence(int head, int tail) const {
    if (head < 0 || tail < 0) return false;
    const std::vector<int>&a = sentences_[head], &b = sentences_[tail];
    for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
      if (*x == *y) return true;
      *x < *y ? ++x : ++y;
    }
    return false;
  }

  Counts& bucket(const DocRedDocument& document, int head, int tail) {
    int nearest = -1;
    if (head >= 0 && tail >= 0) {
      const DocRedEntity &a = document.entities[head], &b = document.entities[tail];
      for (int i = 0; i < a.mentions; ++i) {
        for (int j = 0; j < b.mentions; ++j) {
          const DocRedMention& x = document.mentions[a.first_mention + i];
          const DocRedMention& y = document.mentions[b.first_mention + j];
          if (x.end == 0 || y.end == 0) continue;
          const int gap = std::max({0, x.begin - y.end, y.begin - x.end});
          if (nearest < 0 || gap < nearest) nearest = gap;
        }
      }
    }
    return buckets_[distance_bucket(nearest)];
  }

  bool is_in_training(const DocRedDocument& document, const DocRedFact& fact) const {
    if (options_.train_facts == nullptr) return false;
    const DocRedEntity &head = document.entities[fact.head], &tail = document.entities[fact.tail];
    for (int h = 0; h < head.mentions; ++h) {
      for (int t = 0; t < tail.mentions; ++t) {
        if (options_.train_facts->contains(document.mentions[head.first_mention + h].name,
                                           document.mentions[tail.first_mention + t].name,
                                           gold_.relations[fact.relation])) {
          return true;
        }
      }
    }
    return false;
  }

  PartSum& side(int head, int tail) { return in_one_sentence(head, tail) ? intra_ : inter_; }

  void count_gold(const DocRedDocument& document, Gold& gold) {
    const DocRedFact& fact = *gold.fact;
    gold.in_training = is_in_training(document, fact);
    ++own_.of(gold_, fact.relation).gold;
    ++ign_.of(gold_, fact.relation).gold;
    ++side(fact.head, fact.tail).of(gold_, fact.relation).gold;
    if (fact.evidence > 0) evidence_.of(gold_, fact.relation).gold += fact.evidence;
    ++bucket(document, fact.head, fact.tail).gold;
    all_.add(fact.relation, false);
    outside_training_.add(fact.relation, gold.in_training);
    (in_one_sentence(fact.head, fact.tail) ? within_ : across_).add(fact.relation, false);
  }

  void count_constant_answers(const DocRedDocument& document) {
    const auto entities = static_cast<int>(document.entities.size());
    const int64_t pairs = static_cast<int64_t>(entities) * (entities - 1);
    all_.pairs += pairs;
    outside_training_.pairs += pairs;
    if (!has_sentences_) return;
    int64_t within = 0;
    for (int a = 0; a < entities; ++a) {
      for (int b = a + 1; b < entities; ++b) within += in_one_sentence(a, b) ? 2 : 0;
    }
    within_.pairs += within;
    across_.pairs += pairs - within;
  }

  void count_answer(const DocRedDocument& document, const DocRedAnswer& answer) {
    const auto place = std::lower_bound(
        facts_.begin(), facts_.end(), answer,
        [](const Gold& a, const DocRedAnswer& b) { return key_of(*a.fact) < key_of(b); });
    const bool right = place != facts_.end() && key_of(*place->fact) == key_of(answer);
    auto add = [&](ClassCounts& counts) {
      ++counts.predicted;
      if (right) ++counts.correct, ++counts.found;
    };
    add(own_.of(gold_, answer.relation));
    add(side(answer.head, answer.tail).of(gold_, answer.relation));
    ClassCounts& ign = ign_.of(gold_, answer.relation);
    if (!right || !place->in_training) ++ign.predicted;
    if (right && !place->in_training) ++ign.correct;
    if (right) ++ign.found;
    count_evidence(document, answer, right ? place->fact : nullptr);
    Counts& counts = bucket(document, answer.head, answer.tail);
    ++counts.predicted;
    if (right) {
      ++counts.correct;
      place->hit = true;
    } else {
      wrong_.push_back(&answer);
    }
  }

  void count_evidence(const DocRedDocument& document, const DocRedAnswer& answer,
                      const DocRedFact* fact) {
    if (answer.evidence.empty()) return;
    std::vector<int> told = answer.evidence;
    std::sort(told.begin(), told.end());
    told.erase(std::unique(told.begin(), told.end()), told.end());
    ClassCounts& counts = evidence_.of(gold_, answer.relation);
    counts.predicted += std::ssize(told);
    if (fact == nullptr) return;
    const auto begin = document.evidence.begin() + fact->first_evidence;
    for (const int sentence : told) {
      if (std::find(begin, begin + fact->evidence, sentence) == begin + fact->evidence) continue;
      ++counts.correct, ++counts.found;
    }
  }

  std::string name_of(const DocRedDocument& document, int entity) const {
    if (entity < 0 || document.entities[entity].mentions == 0) return "(no entity)";
    return std::string(document.mentions[document.entities[entity].first_mention].name);
  }

  bool is_turned(const DocRedFact& fact, const DocRedAnswer& answer) const {
    if (fact.head == answer.tail && fact.tail == answer.head && fact.relation == answer.relation) {
      return true;
    }
    if (fact.head != answer.head || fact.tail != answer.tail) return false;
    auto declared = [&](int label, int other) {
      const auto entry = options_.inverses.find(std::string(gold_.relations[label]));
      return entry != options_.inverses.end() && entry->second == gold_.relations[other];
    };
    return fact.relation != answer.relation &&
           (declared(fact.relation, answer.relation) || declared(answer.relation, fact.relation));
  }

  void add_error(const DocRedDocument& document, const char* kind, const DocRedFact* fact,
                 const DocRedAnswer* answer) {
    ErrorRow row;
    row.kind = kind;
    row.id = std::string(document.title);
    if (fact != nullptr) row.missed = row.gold = {std::string(gold_.relations[fact->relation])};
    if (answer != nullptr) {
      row.extra = row.predicted = {std::string(gold_.relations[answer->relation])};
      if (answer->has_score) row.scores = {answer->score}, row.score = answer->score;
    }
    row.context = answer != nullptr
                      ? name_of(document, answer->head) + " → " + name_of(document, answer->tail)
                      : name_of(document, fact->head) + " → " + name_of(document, fact->tail);
    errors_.push_back(std::move(row));
  }

  void list_errors(const DocRedDocument& document) {
    std::vector<bool> explained(wrong_.size(), false);
    for (const bool turned : {true, false}) {
      for (size_t w = 0; w < wrong_.size(); ++w) {
        if (explained[w]) continue;
        const DocRedAnswer& answer = *wrong_[w];
        for (Gold& gold : facts_) {
          const bool explains =
              turned ? is_turned(*gold.fact, answer)
                     : gold.fact->head == answer.head && gold.fact->tail == answer.tail;
          if (gold.hit || !explains) continue;
          gold.hit = explained[w] = true;
          add_error(document, turned ? "direction" : "type", gold.fact, &answer);
          break;
        }
      }
    }
    for (size_t w = 0; w < wrong_.size(); ++w) {
      if (!explained[w]) add_error(document, "invented", nullptr, wrong_[w]);
    }
    for (const Gold& gold : facts_) {
      if (!gold.hit) add_error(document, "missing", gold.fact, nullptr);
    }
  }

  const DocRedGold& gold_;
  const DocRedOptions& options_;
  bool has_sentences_ = false, has_evidence_ = false;
  PartSum own_{{"docred", "Micro F1 of (document, head entity, tail entity, relation).",
                Averaging::kMicro, 0}};
  PartSum ign_{{"ign",
                "The same, with answers that are right and known from the training set left out of "
                "precision.",
                Averaging::kMicro, 0}};
  PartSum evidence_{{"evidence",
                     "Micro F1 of the evidence sentences of answers; those of wrong facts are "
                     "wrong.",
                     Averaging::kMicro, 0}};
  PartSum intra_{
      {"intra", "Facts whose head and tail have a mention in one sentence.", Averaging::kMicro, 0}};
  PartSum inter_{{"inter", "Facts whose head and tail share no sentence.", Averaging::kMicro, 0}};
  ConstantAnswer all_, outside_training_, within_, across_;
  std::vector<Counts> buckets_;
  std::vector<ErrorRow> errors_;
  std::vector<Gold> facts_;                  // of the document at hand
  std::vector<const DocRedAnswer*> wrong_;   // of the document at hand
  std::vector<std::vector<int>> sentences_;  // by entity, sorted
};

}  // namespace

Result<DocumentScores> score_docred(const DocRedGold& gold,
                                    const std::vector<DocRedAnswer>& answers,
                                    const DocRedOptions& options) {
  const bool any = std::any_of(gold.documents.begin(), gold.documents.end(),
                               [](const DocRedDocument& one) { return !one.facts.empty(); });
  if (!any) {
    return input_error("gold states no relation", "score against a split whose labels are public");
  }
  std::vector<std::vector<const DocRedAnswer*>> by_document(gold.documents.size());
  for (const DocRedAnswer& answer : answers) by_document[answer.document].push_back(&answer);
  Scorer scorer(gold, options);
  for (size_t d = 0; d < gold.documents.size(); ++d) {
    std::stable_sort(
        by_document[d].begin(), by_document[d].end(),
        [](const DocRedAnswer* a, const DocRedAnswer* b) { return key_of(*a) < key_of(*b); });
    scorer.add(gold.documents[d], by_document[d]);
  }
  return scorer.finish();
}

}  // namespace relata::eval
