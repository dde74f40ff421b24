#include "relata/eval/docred.h"

#include <algorithm>
#include <array>
#include <compare>
#include <iterator>
#include <span>
#include <utility>

#include "distance.h"
#include "pairs/pair_errors.h"
#include "relata/base/parallel.h"
#include "relata/eval/metric.h"

namespace relata::eval {
namespace {

constexpr size_t kDocumentsOfPart = 64;

// What makes facts and answers of a document the same.
struct Key {
  int head = 0, tail = 0, relation = 0;
  auto operator<=>(const Key&) const = default;
};
Key key_of(const DocRedFact& fact) { return {fact.head, fact.tail, fact.relation}; }
Key key_of(const DocRedAnswer& answer) {
  return {std::max(answer.head, -1), std::max(answer.tail, -1), answer.relation};
}

uint64_t hash_of(const Key& key) {
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15ULL;
  const auto word = [](int number) { return static_cast<uint64_t>(static_cast<uint32_t>(number)); };
  uint64_t hash = (word(key.head) << 32 | word(key.tail)) * kFactor;
  hash = (hash ^ hash >> 32 ^ word(key.relation)) * kFactor;
  return hash;
}

// What the facts and answers of one relation count in a document.
struct RelationCounts {
  ClassCounts own, ign, evidence, intra, inter;
  bool touched = false;
};

// What constant answers need: how often each relation holds among all pairs that could be asked.
struct ConstantAnswer {
  int64_t pairs = 0, facts = 0;
  std::vector<int64_t> holds, left_out;  // by relation

  void add(const DocRedFact& fact, bool leave_out) {
    ++facts;
    if (fact.head == fact.tail) return;  // of an entity with itself, which is no pair
    resize(fact.relation + 1);
    ++holds[fact.relation];
    if (leave_out) ++left_out[fact.relation];
  }

  void add(const ConstantAnswer& other) {
    pairs += other.pairs;
    facts += other.facts;
    resize(other.holds.size());
    for (size_t r = 0; r < other.holds.size(); ++r) {
      holds[r] += other.holds[r];
      left_out[r] += other.left_out[r];
    }
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

 private:
  void resize(size_t relations) {
    if (relations <= holds.size()) return;
    holds.resize(relations);
    left_out.resize(relations);
  }
};

// What is counted over a stretch of the documents. Labels of the tallies are gold's relations.
struct Sums {
  Tally own{{"docred", "Micro F1 of (document, head entity, tail entity, relation)."}};
  Tally ign{{"ign",
             "The same, with answers that are right and known from the training set left out of "
             "precision."}};
  Tally evidence{{"evidence",
                  "Micro F1 of the evidence sentences of answers; those of wrong facts are "
                  "wrong."}};
  Tally intra{{"intra", "Facts whose head and tail have a mention in one sentence."}};
  Tally inter{{"inter", "Facts whose head and tail share no sentence."}};
  ConstantAnswer all, outside_training, within, across;
  std::vector<Counts> buckets = std::vector<Counts>(bucket_names().size());
  std::vector<ErrorRow> errors;

  struct Part {
    Tally Sums::*tally;
    ClassCounts RelationCounts::*counts;
  };
  static constexpr std::array<Part, 5> kParts = {{{&Sums::own, &RelationCounts::own},
                                                  {&Sums::ign, &RelationCounts::ign},
                                                  {&Sums::evidence, &RelationCounts::evidence},
                                                  {&Sums::intra, &RelationCounts::intra},
                                                  {&Sums::inter, &RelationCounts::inter}}};

  explicit Sums(const DocRedGold& gold) {
    for (const Part& part : kParts) {
      for (const std::string_view relation : gold.relations) {
        (this->*part.tally).label(std::string(relation));
      }
    }
  }

  // Those of the documents behind these, but for the tallies.
  void append(Sums&& other) {
    for (ConstantAnswer Sums::*answer :
         {&Sums::all, &Sums::outside_training, &Sums::within, &Sums::across}) {
      (this->*answer).add(other.*answer);
    }
    for (size_t b = 0; b < buckets.size(); ++b) {
      buckets[b].correct += other.buckets[b].correct;
      buckets[b].predicted += other.buckets[b].predicted;
      buckets[b].gold += other.buckets[b].gold;
    }
    std::move(other.errors.begin(), other.errors.end(), std::back_inserter(errors));
  }
};

// What all stretches read.
struct Task {
  const DocRedGold& gold;
  const DocRedAnswers& answers;
  const DocRedOptions& options;
  std::vector<TrainFacts::Name> relations;  // with train facts
  bool has_sentences = false, has_evidence = false;
};

class Scorer {
 public:
  explicit Scorer(const Task& task)
      : task_(task),
        gold_(task.gold),
        options_(task.options),
        sums_(gold_),
        counts_(gold_.relations.size()) {}

  // Answers of one document.
  void add(const DocRedDocument& document, std::span<const DocRedAnswer* const> answers) {
    look_at_mentions(document);
    claims_.clear();
    wrong_.clear();
    numbers_.clear(document.facts.size() + answers.size());
    for (const DocRedFact& fact : document.facts) {
      Claim& claim = claim_of(key_of(fact));
      if (claim.fact != nullptr) continue;
      claim.fact = &fact;
      count_gold(document, claim);
    }
    count_constant_answers(document);
    for (const DocRedAnswer* answer : answers) {
      // An entity that the document lacks is never the same as another one.
      Claim unknown = {key_of(*answer)};
      const bool known = answer->head >= 0 && answer->tail >= 0;
      Claim& claim = known ? claim_of(unknown.key) : unknown;
      if (!std::exchange(claim.answered, true)) count_answer(document, *answer, claim);
    }
    if (options_.errors) list_errors(document);
    close_document();
  }

  Sums& sums() { return sums_; }

 private:
  // What gold states or an answer says of the document at hand, once.
  struct Claim {
    Key key;
    const DocRedFact* fact = nullptr;  // null: gold does not state it
    bool answered = false, in_training = false, within = false;
    int bucket = 0;
  };

  Claim& claim_of(const Key& key) {
    const auto [number, fresh] = numbers_.add(
        hash_of(key), [&](uint32_t candidate) { return claims_[candidate].key == key; });
    if (fresh) claims_.push_back({key});
    return claims_[number];
  }

  RelationCounts& counts_of(int relation) {
    RelationCounts& counts = counts_[relation];
    if (!std::exchange(counts.touched, true)) touched_.push_back(relation);
    return counts;
  }

  void look_at_mentions(const DocRedDocument& document) {
    sentences_.assign(document.entities.size(), 0);
    for (size_t e = 0; e < document.entities.size(); ++e) {
      const DocRedEntity& entity = document.entities[e];
      for (int m = 0; m < entity.mentions; ++m) {
        const int sentence = document.mentions[entity.first_mention + m].sentence;
        if (sentence >= 0) sentences_[e] |= uint64_t{1} << (sentence % 64);
      }
    }
    names_.clear();
    if (options_.train_facts == nullptr) return;
    for (const DocRedMention& mention : document.mentions) names_.emplace_back(mention.name);
  }

  bool in_one_sentence(const DocRedDocument& document, int head, int tail) const {
    if (head < 0 || tail < 0 || (sentences_[head] & sentences_[tail]) == 0) return false;
    if (document.sentences <= 64) return true;
    const DocRedEntity &a = document.entities[head], &b = document.entities[tail];
    for (int i = 0; i < a.mentions; ++i) {
      const int sentence = document.mentions[a.first_mention + i].sentence;
      for (int j = 0; sentence >= 0 && j < b.mentions; ++j) {
        if (document.mentions[b.first_mention + j].sentence == sentence) return true;
      }
    }
    return false;
  }

  static int bucket_of(const DocRedDocument& document, const Key& key) {
    if (key.head < 0 || key.tail < 0) return distance_bucket(-1);
    const DocRedEntity &head = document.entities[key.head], &tail = document.entities[key.tail];
    int nearest = -1;
    for (int i = 0; i < head.mentions; ++i) {
      for (int j = 0; j < tail.mentions; ++j) {
        const DocRedMention& x = document.mentions[head.first_mention + i];
        const DocRedMention& y = document.mentions[tail.first_mention + j];
        if (x.end == 0 || y.end == 0) continue;
        const int gap = std::max({0, x.begin - y.end, y.begin - x.end});
        if (nearest < 0 || gap < nearest) nearest = gap;
      }
    }
    return distance_bucket(nearest);
  }

  bool is_in_training(const DocRedDocument& document, const DocRedFact& fact) const {
    if (options_.train_facts == nullptr) return false;
    const DocRedEntity &head = document.entities[fact.head], &tail = document.entities[fact.tail];
    const TrainFacts::Name& relation = task_.relations[fact.relation];
    for (int h = 0; h < head.mentions; ++h) {
      for (int t = 0; t < tail.mentions; ++t) {
        if (options_.train_facts->contains(names_[head.first_mention + h],
                                           names_[tail.first_mention + t], relation)) {
          return true;
        }
      }
    }
    return false;
  }

  void place(const DocRedDocument& document, Claim& claim) const {
    claim.within = in_one_sentence(document, claim.key.head, claim.key.tail);
    claim.bucket = bucket_of(document, claim.key);
  }

  void count_gold(const DocRedDocument& document, Claim& claim) {
    const DocRedFact& fact = *claim.fact;
    claim.in_training = is_in_training(document, fact);
    place(document, claim);
    RelationCounts& counts = counts_of(fact.relation);
    ++counts.own.gold;
    ++counts.ign.gold;
    ++(claim.within ? counts.intra : counts.inter).gold;
    counts.evidence.gold += fact.evidence;
    ++sums_.buckets[claim.bucket].gold;
    sums_.all.add(fact, false);
    sums_.outside_training.add(fact, claim.in_training);
    (claim.within ? sums_.within : sums_.across).add(fact, false);
  }

  void count_constant_answers(const DocRedDocument& document) {
    const auto entities = static_cast<int>(document.entities.size());
    const int64_t pairs = static_cast<int64_t>(entities) * (entities - 1);
    sums_.all.pairs += pairs;
    sums_.outside_training.pairs += pairs;
    if (!task_.has_sentences) return;
    int64_t within = 0;
    for (int a = 0; a < entities; ++a) {
      for (int b = a + 1; b < entities; ++b) within += in_one_sentence(document, a, b) ? 2 : 0;
    }
    sums_.within.pairs += within;
    sums_.across.pairs += pairs - within;
  }

  void count_answer(const DocRedDocument& document, const DocRedAnswer& answer, Claim& claim) {
    const bool right = claim.fact != nullptr;
    if (!right) {
      place(document, claim);
      wrong_.push_back(&answer);
    }
    RelationCounts& counts = counts_of(answer.relation);
    for (ClassCounts* part : {&counts.own, claim.within ? &counts.intra : &counts.inter}) {
      ++part->predicted;
      part->correct += right;
      part->found += right;
    }
    counts.ign.predicted += !claim.in_training;
    counts.ign.correct += right && !claim.in_training;
    counts.ign.found += right;
    count_evidence(document, answer, claim.fact, counts.evidence);
    ++sums_.buckets[claim.bucket].predicted;
    sums_.buckets[claim.bucket].correct += right;
  }

  void count_evidence(const DocRedDocument& document, const DocRedAnswer& answer,
                      const DocRedFact* fact, ClassCounts& counts) {
    if (answer.evidence == 0) return;
    const auto first = task_.answers.evidence.begin() + answer.first_evidence;
    told_.assign(first, first + answer.evidence);
    std::sort(told_.begin(), told_.end());
    told_.erase(std::unique(told_.begin(), told_.end()), told_.end());
    counts.predicted += static_cast<int>(told_.size());
    if (fact == nullptr) return;
    const auto begin = document.evidence.begin() + fact->first_evidence;
    for (const int sentence : told_) {
      if (std::find(begin, begin + fact->evidence, sentence) == begin + fact->evidence) continue;
      ++counts.correct, ++counts.found;
    }
  }

  void close_document() {
    std::sort(touched_.begin(), touched_.end());
    for (const Sums::Part& part : Sums::kParts) {
      item_.clear();
      for (const int relation : touched_) {
        const ClassCounts& counts = counts_[relation].*part.counts;
        if (counts == ClassCounts{}) continue;
        item_.push_back(counts);
        item_.back().label = relation;
      }
      (sums_.*part.tally).add(std::span(item_));
    }
    for (const int relation : touched_) counts_[relation] = {};
    touched_.clear();
  }

  std::string name_of(const DocRedDocument& document, int entity) const {
    if (entity < 0) return task_.answers.strangers.at(static_cast<size_t>(-1 - entity));
    if (document.entities[entity].mentions == 0) return "(no name)";
    return std::string(document.mentions[document.entities[entity].first_mention].name);
  }

  bool are_inverse(int relation, int other) const {
    const auto declared = [&](int label, int turned) {
      const auto entry = options_.inverses.find(std::string(gold_.relations[label]));
      return entry != options_.inverses.end() && entry->second == gold_.relations[turned];
    };
    return relation != other && (declared(relation, other) || declared(other, relation));
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
    sums_.errors.push_back(std::move(row));
  }

  void list_errors(const DocRedDocument& document) {
    const auto by_key = [](const auto* a, const auto* b) { return key_of(*a) < key_of(*b); };
    std::stable_sort(wrong_.begin(), wrong_.end(), by_key);
    std::vector<Missed> missed;
    for (const Claim& claim : claims_) {
      if (claim.fact != nullptr && !claim.answered) missed.push_back({claim.fact});
    }
    std::sort(missed.begin(), missed.end(),
              [&](const Missed& a, const Missed& b) { return by_key(a.fact, b.fact); });
    std::vector<bool> explained(wrong_.size(), false);
    for (const bool turned : {true, false}) {
      for (size_t w = 0; w < wrong_.size(); ++w) {
        Missed* found = explained[w] ? nullptr : explaining(missed, *wrong_[w], turned);
        if (found == nullptr) continue;
        add_error(document, turned ? "direction" : "type", found->fact, wrong_[w]);
        found->taken = true;
        explained[w] = true;
      }
    }
    for (size_t w = 0; w < wrong_.size(); ++w) {
      if (!explained[w]) add_error(document, "invented", nullptr, wrong_[w]);
    }
    for (const Missed& one : missed) {
      if (!one.taken) add_error(document, "missing", one.fact, nullptr);
    }
  }

  struct Missed {
    const DocRedFact* fact;
    bool taken = false;  // it explains a wrong answer
  };

  // The first that is not taken and that the answer turns round, or that has the answer's ends;
  // null when there is none. `missed` rises by key.
  Missed* explaining(std::vector<Missed>& missed, const DocRedAnswer& answer, bool turned) const {
    const auto first_from = [&](const Key& key) {
      return std::lower_bound(
          missed.begin(), missed.end(), key,
          [](const Missed& one, const Key& wanted) { return key_of(*one.fact) < wanted; });
    };
    auto best = missed.end();
    if (turned) {
      const Key wanted = {answer.tail, answer.head, answer.relation};
      const auto exact = first_from(wanted);
      if (exact != missed.end() && !exact->taken && key_of(*exact->fact) == wanted) best = exact;
    }
    for (auto one = first_from({answer.head, answer.tail, 0});
         one < best && one->fact->head == answer.head && one->fact->tail == answer.tail; ++one) {
      if (one->taken || (turned && !are_inverse(one->fact->relation, answer.relation))) continue;
      best = one;
    }
    return best == missed.end() ? nullptr : &*best;
  }

  const Task& task_;
  const DocRedGold& gold_;
  const DocRedOptions& options_;
  Sums sums_;
  std::vector<RelationCounts> counts_;  // by relation
  // Of the document at hand:
  std::vector<int> touched_;  // relations with counts
  std::vector<ClassCounts> item_;
  std::vector<Claim> claims_;
  HashSlots numbers_;  // of claims
  std::vector<const DocRedAnswer*> wrong_;
  std::vector<uint64_t> sentences_;      // by entity, a bit for each sentence modulo 64
  std::vector<TrainFacts::Name> names_;  // by mention, with train facts
  std::vector<int> told_;                // of the answer at hand: evidence
};

// The answers of document d are those from begins[d] to begins[d + 1] of `sorted`.
struct AnswersByDocument {
  std::vector<size_t> begins;
  std::vector<const DocRedAnswer*> sorted;  // of each document as they came

  AnswersByDocument(const DocRedAnswers& answers, size_t documents)
      : begins(documents + 2), sorted(answers.list.size()) {
    for (const DocRedAnswer& answer : answers.list) ++begins[answer.document + 2];
    for (size_t d = 2; d < begins.size(); ++d) begins[d] += begins[d - 1];
    for (const DocRedAnswer& answer : answers.list) sorted[begins[answer.document + 1]++] = &answer;
  }
  std::span<const DocRedAnswer*> of(size_t document) {
    return std::span(sorted).subspan(begins[document], begins[document + 1] - begins[document]);
  }
};

DocumentScores scores_of(Sums sums, const Task& task) {
  DocumentScores scores;
  auto keep = [&](Tally& tally, Floor floor) {
    scores.tallies.push_back(std::move(tally));
    scores.floors.push_back(std::move(floor));
  };
  const DocRedGold& gold = task.gold;
  keep(sums.own, sums.all.best(gold));
  scores.tables.push_back(
      {"Relations", "relation", rows_by_support(scores.tallies.front().classes())});
  if (task.options.train_facts != nullptr) keep(sums.ign, sums.outside_training.best(gold));
  if (task.has_evidence) keep(sums.evidence, {});
  if (task.has_sentences) {
    keep(sums.intra, sums.within.best(gold));
    keep(sums.inter, sums.across.best(gold));
  }
  add_distance_table(gold.unit, "head and tail", sums.buckets, scores.tables);
  scores.errors = std::move(sums.errors);
  return scores;
}

}  // namespace

Result<DocumentScores> score_docred(const DocRedGold& gold, const DocRedAnswers& answers,
                                    const DocRedOptions& options) {
  const bool any = std::any_of(gold.documents.begin(), gold.documents.end(),
                               [](const DocRedDocument& one) { return !one.facts.empty(); });
  if (!any) {
    return input_error("gold states no relation", "score against a split whose labels are public");
  }
  Task task{gold, answers, options, {}};
  for (const DocRedDocument& document : gold.documents) {
    task.has_sentences = task.has_sentences || document.sentences > 0;
    task.has_evidence = task.has_evidence || !document.evidence.empty();
  }
  if (options.train_facts != nullptr) {
    for (const std::string_view name : gold.relations) task.relations.emplace_back(name);
  }
  const size_t documents = gold.documents.size();
  AnswersByDocument by_document(answers, documents);
  const size_t parts = pieces_of(documents / kDocumentsOfPart);
  std::vector<Scorer> scorers(parts, Scorer(task));
  const auto first = [&](size_t part) { return documents * part / parts; };
  run_pieces(parts, [&](size_t part) {
    const size_t begin = first(part), end = first(part + 1);
    for (size_t d = begin; d < end; ++d) {
      scorers[part].add(gold.documents[d], by_document.of(d));
    }
  });
  Sums& sums = scorers.front().sums();
  run_pieces(Sums::kParts.size(), [&](size_t part) {
    Tally Sums::*tally = Sums::kParts[part].tally;
    for (size_t p = 1; p < parts; ++p) (sums.*tally).append(scorers[p].sums().*tally);
  });
  for (size_t p = 1; p < parts; ++p) sums.append(std::move(scorers[p].sums()));
  return scores_of(std::move(sums), task);
}

}  // namespace relata::eval
