#include "relata/eval/docred.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <tuple>
#include <utility>

#include "distance.h"
#include "pair_errors.h"
#include "parallel.h"
#include "relata/eval/metric.h"

namespace relata::eval {
namespace {

constexpr size_t kDocumentsPerThread = 64;

std::tuple<int, int, int> key_of(const DocRedFact& fact) {
  return {fact.head, fact.tail, fact.relation};
}
std::tuple<int, int, int> key_of(const DocRedAnswer& answer) {
  return {answer.head, answer.tail, answer.relation};
}

// Sums a document's counts per relation, then adds them to the tally.
class PartSum {
 public:
  PartSum(const char* name, const char* definition)
      : tally_({name, definition, Averaging::kMicro, 0}) {}

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
    item_.clear();
    for (const int relation : touched_) {
      item_.push_back(std::exchange(cells_[relation], {}));
      item_.back().label = labels_[relation];
    }
    touched_.clear();
    tally_.add(std::span(item_));
  }

  Tally& tally() { return tally_; }

 private:
  Tally tally_;
  std::vector<ClassCounts> cells_, item_;
  std::vector<int> labels_, touched_;
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

// What is counted over a stretch of the documents.
struct Sums {
  PartSum own{"docred", "Micro F1 of (document, head entity, tail entity, relation)."};
  PartSum ign{"ign",
              "The same, with answers that are right and known from the training set left out of "
              "precision."};
  PartSum evidence{"evidence",
                   "Micro F1 of the evidence sentences of answers; those of wrong facts are "
                   "wrong."};
  PartSum intra{"intra", "Facts whose head and tail have a mention in one sentence."};
  PartSum inter{"inter", "Facts whose head and tail share no sentence."};
  ConstantAnswer all, outside_training, within, across;
  std::vector<Counts> buckets = std::vector<Counts>(bucket_names().size());
  std::vector<ErrorRow> errors;

  static constexpr std::array<PartSum Sums::*, 5> kParts = {&Sums::own, &Sums::ign, &Sums::evidence,
                                                            &Sums::intra, &Sums::inter};

  // Those of the documents behind these, but for the parts.
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
  explicit Scorer(const Task& task) : task_(task), gold_(task.gold), options_(task.options) {}

  // Answers of one document, sorted by key.
  void add(const DocRedDocument& document, std::span<const DocRedAnswer* const> answers) {
    facts_.clear();
    for (const DocRedFact& fact : document.facts) facts_.push_back({&fact});
    const auto before = [](const Gold& a, const Gold& b) {
      return key_of(*a.fact) < key_of(*b.fact);
    };
    if (!std::is_sorted(facts_.begin(), facts_.end(), before)) {
      std::sort(facts_.begin(), facts_.end(), [&](const Gold& a, const Gold& b) {
        return std::tuple(key_of(*a.fact), a.fact) < std::tuple(key_of(*b.fact), b.fact);
      });
    }
    facts_.erase(std::unique(facts_.begin(), facts_.end(),
                             [](const Gold& a, const Gold& b) {
                               return key_of(*a.fact) == key_of(*b.fact);
                             }),
                 facts_.end());
    look_at_mentions(document);
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
    for (PartSum Sums::*part : Sums::kParts) (sums_.*part).close_document();
    if (options_.errors) list_errors(document);
  }

  // Room for documents with so many facts and answers.
  void reserve(size_t documents, size_t facts) {
    for (PartSum Sums::*part : Sums::kParts) (sums_.*part).tally().reserve(documents, facts);
  }

  Sums& sums() { return sums_; }

 private:
  struct Gold {
    const DocRedFact* fact = nullptr;
    bool in_training = false, hit = false;
  };

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
    return sums_.buckets[distance_bucket(nearest)];
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

  void count_gold(const DocRedDocument& document, Gold& gold) {
    const DocRedFact& fact = *gold.fact;
    gold.in_training = is_in_training(document, fact);
    const bool within = in_one_sentence(document, fact.head, fact.tail);
    ++sums_.own.of(gold_, fact.relation).gold;
    ++sums_.ign.of(gold_, fact.relation).gold;
    ++(within ? sums_.intra : sums_.inter).of(gold_, fact.relation).gold;
    if (fact.evidence > 0) sums_.evidence.of(gold_, fact.relation).gold += fact.evidence;
    ++bucket(document, fact.head, fact.tail).gold;
    sums_.all.add(fact, false);
    sums_.outside_training.add(fact, gold.in_training);
    (within ? sums_.within : sums_.across).add(fact, false);
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

  void count_answer(const DocRedDocument& document, const DocRedAnswer& answer) {
    const auto place = std::lower_bound(
        facts_.begin(), facts_.end(), answer,
        [](const Gold& a, const DocRedAnswer& b) { return key_of(*a.fact) < key_of(b); });
    const bool right = place != facts_.end() && key_of(*place->fact) == key_of(answer);
    auto add = [&](ClassCounts& counts) {
      ++counts.predicted;
      if (right) ++counts.correct, ++counts.found;
    };
    add(sums_.own.of(gold_, answer.relation));
    const bool within = in_one_sentence(document, answer.head, answer.tail);
    add((within ? sums_.intra : sums_.inter).of(gold_, answer.relation));
    ClassCounts& ign = sums_.ign.of(gold_, answer.relation);
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
    if (answer.evidence == 0) return;
    const auto first = task_.answers.evidence.begin() + answer.first_evidence;
    told_.assign(first, first + answer.evidence);
    std::sort(told_.begin(), told_.end());
    told_.erase(std::unique(told_.begin(), told_.end()), told_.end());
    ClassCounts& counts = sums_.evidence.of(gold_, answer.relation);
    counts.predicted += static_cast<int>(told_.size());
    if (fact == nullptr) return;
    const auto begin = document.evidence.begin() + fact->first_evidence;
    for (const int sentence : told_) {
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
    sums_.errors.push_back(std::move(row));
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

  const Task& task_;
  const DocRedGold& gold_;
  const DocRedOptions& options_;
  Sums sums_;
  // Of the document at hand:
  std::vector<Gold> facts_;
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

void sort_by_key(std::span<const DocRedAnswer*> answers) {
  const auto before = [](const DocRedAnswer* a, const DocRedAnswer* b) {
    return std::tuple(key_of(*a), a) < std::tuple(key_of(*b), b);  // equal ones as they came
  };
  if (!std::is_sorted(answers.begin(), answers.end(), before)) {
    std::sort(answers.begin(), answers.end(), before);
  }
}

DocumentScores scores_of(Sums sums, const Task& task) {
  DocumentScores scores;
  auto keep = [&](PartSum& part, Floor floor) {
    scores.tallies.push_back(std::move(part.tally()));
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
  const size_t parts = parts_of(documents / kDocumentsPerThread, options.threads);
  std::vector<Scorer> scorers(parts, Scorer(task));
  const auto first = [&](size_t part) { return documents * part / parts; };
  run_parts(parts, [&](size_t part) {
    // The first part takes the others in later.
    const size_t begin = first(part), end = first(part + 1), room = part == 0 ? documents : end;
    size_t cells = by_document.begins[room] - by_document.begins[begin];
    for (size_t d = begin; d < room; ++d) cells += gold.documents[d].facts.size();
    scorers[part].reserve(room - begin, cells);
    for (size_t d = begin; d < end; ++d) {
      sort_by_key(by_document.of(d));
      scorers[part].add(gold.documents[d], by_document.of(d));
    }
  });
  Sums& sums = scorers.front().sums();
  const size_t threads = std::min(parts, Sums::kParts.size());
  run_parts(threads, [&](size_t thread) {
    for (size_t i = thread; i < Sums::kParts.size(); i += threads) {
      PartSum Sums::*part = Sums::kParts[i];
      for (size_t p = 1; p < parts; ++p) {
        (sums.*part).tally().append((scorers[p].sums().*part).tally());
      }
    }
  });
  for (size_t p = 1; p < parts; ++p) sums.append(std::move(scorers[p].sums()));
  return scores_of(std::move(sums), task);
}

}  // namespace relata::eval
