#include "relata/eval/docred.h"

#include <algorithm>
#include <span>
#include <utility>

#include "distance.h"
#include "docred/docred_errors.h"
#include "docred/docred_key.h"
#include "docred/docred_sums.h"
#include "pairs/pair_errors.h"
#include "relata/base/parallel.h"
#include "relata/eval/metric.h"

namespace relata::eval {
namespace {

constexpr size_t kDocumentsOfPart = 64;

uint64_t hash_of(const DocRedKey& key) {
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15ULL;
  const auto word = [](int number) { return static_cast<uint64_t>(static_cast<uint32_t>(number)); };
  uint64_t hash = (word(key.head) << 32 | word(key.tail)) * kFactor;
  hash = (hash ^ hash >> 32 ^ word(key.relation)) * kFactor;
  return hash;
}

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

  DocRedSums& sums() { return sums_; }

 private:
  // What gold states or an answer says of the document at hand, once.
  struct Claim {
    DocRedKey key;
    const DocRedFact* fact = nullptr;  // null: gold does not state it
    bool answered = false, in_training = false, within = false;
    int bucket = 0;
  };

  Claim& claim_of(const DocRedKey& key) {
    const auto [number, fresh] = numbers_.add(
        hash_of(key), [&](uint32_t candidate) { return claims_[candidate].key == key; });
    if (fresh) claims_.push_back({key});
    return claims_[number];
  }

  DocRedRelationCounts& counts_of(int relation) {
    DocRedRelationCounts& counts = counts_[relation];
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

  static int bucket_of(const DocRedDocument& document, const DocRedKey& key) {
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
    DocRedRelationCounts& counts = counts_of(fact.relation);
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
    DocRedRelationCounts& counts = counts_of(answer.relation);
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
    for (const DocRedSums::Part& part : DocRedSums::parts()) {
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

  void list_errors(const DocRedDocument& document) {
    std::vector<const DocRedFact*> missed;
    for (const Claim& claim : claims_) {
      if (claim.fact != nullptr && !claim.answered) missed.push_back(claim.fact);
    }
    const DocRedErrors errors = {gold_, task_.answers, options_};
    errors.list(document, wrong_, missed, sums_.errors);
  }

  const Task& task_;
  const DocRedGold& gold_;
  const DocRedOptions& options_;
  DocRedSums sums_;
  std::vector<DocRedRelationCounts> counts_;  // by relation
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

DocumentScores scores_of(DocRedSums sums, const Task& task) {
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
  DocRedSums& sums = scorers.front().sums();
  run_pieces(DocRedSums::kParts, [&](size_t part) {
    Tally DocRedSums::*tally = DocRedSums::parts()[part].tally;
    for (size_t p = 1; p < parts; ++p) (sums.*tally).append(scorers[p].sums().*tally);
  });
  for (size_t p = 1; p < parts; ++p) sums.append(std::move(scorers[p].sums()));
  return scores_of(std::move(sums), task);
}

}  // namespace relata::eval
