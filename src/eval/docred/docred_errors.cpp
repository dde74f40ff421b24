#include "docred/docred_errors.h"

#include <algorithm>
#include <string>
#include <utility>

#include "docred/docred_key.h"

namespace relata::eval {
namespace {

class DocumentErrors {
 public:
  DocumentErrors(const DocRedErrors& task, const DocRedDocument& document,
                 std::vector<ErrorRow>& rows)
      : gold_(task.gold),
        answers_(task.answers),
        options_(task.options),
        document_(document),
        rows_(rows) {}

  void list(std::vector<const DocRedAnswer*> wrong, const std::vector<const DocRedFact*>& facts) {
    const auto by_key = [](const auto* a, const auto* b) { return key_of(*a) < key_of(*b); };
    std::stable_sort(wrong.begin(), wrong.end(), by_key);
    std::vector<Missed> missed;
    for (const DocRedFact* fact : facts) missed.push_back({fact});
    std::sort(missed.begin(), missed.end(),
              [&](const Missed& a, const Missed& b) { return by_key(a.fact, b.fact); });
    std::vector<bool> explained(wrong.size(), false);
    for (const bool turned : {true, false}) {
      for (size_t w = 0; w < wrong.size(); ++w) {
        Missed* found = explained[w] ? nullptr : explaining(missed, *wrong[w], turned);
        if (found == nullptr) continue;
        add_error(turned ? "direction" : "type", found->fact, wrong[w]);
        found->taken = true;
        explained[w] = true;
      }
    }
    for (size_t w = 0; w < wrong.size(); ++w) {
      if (!explained[w]) add_error("invented", nullptr, wrong[w]);
    }
    for (const Missed& one : missed) {
      if (!one.taken) add_error("missing", one.fact, nullptr);
    }
  }

 private:
  struct Missed {
    const DocRedFact* fact;
    bool taken = false;  // it explains a wrong answer
  };

  // The first that is not taken and that the answer turns round, or that has the answer's ends;
  // null when there is none. `missed` rises by key.
  Missed* explaining(std::vector<Missed>& missed, const DocRedAnswer& answer, bool turned) const {
    const auto first_from = [&](const DocRedKey& key) {
      return std::lower_bound(
          missed.begin(), missed.end(), key,
          [](const Missed& one, const DocRedKey& wanted) { return key_of(*one.fact) < wanted; });
    };
    auto best = missed.end();
    if (turned) {
      const DocRedKey wanted = {answer.tail, answer.head, answer.relation};
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

  std::string name_of(int entity) const {
    if (entity < 0) return answers_.strangers.at(static_cast<size_t>(-1 - entity));
    if (document_.entities[entity].mentions == 0) return "(no name)";
    return std::string(document_.mentions[document_.entities[entity].first_mention].name);
  }

  bool are_inverse(int relation, int other) const {
    const auto declared = [&](int label, int turned) {
      const auto entry = options_.inverses.find(std::string(gold_.relations[label]));
      return entry != options_.inverses.end() && entry->second == gold_.relations[turned];
    };
    return relation != other && (declared(relation, other) || declared(other, relation));
  }

  void add_error(const char* kind, const DocRedFact* fact, const DocRedAnswer* answer) {
    ErrorRow row;
    row.kind = kind;
    row.id = std::string(document_.title);
    if (fact != nullptr) row.missed = row.gold = {std::string(gold_.relations[fact->relation])};
    if (answer != nullptr) {
      row.extra = row.predicted = {std::string(gold_.relations[answer->relation])};
      if (answer->has_score) row.scores = {answer->score}, row.score = answer->score;
    }
    row.context = answer != nullptr ? name_of(answer->head) + " → " + name_of(answer->tail)
                                    : name_of(fact->head) + " → " + name_of(fact->tail);
    rows_.push_back(std::move(row));
  }

  const DocRedGold& gold_;
  const DocRedAnswers& answers_;
  const DocRedOptions& options_;
  const DocRedDocument& document_;
  std::vector<ErrorRow>& rows_;
};

}  // namespace

void DocRedErrors::list(const DocRedDocument& document, std::vector<const DocRedAnswer*> wrong,
                        const std::vector<const DocRedFact*>& missed,
                        std::vector<ErrorRow>& rows) const {
  DocumentErrors(*this, document, rows).list(std::move(wrong), missed);
}

}  // namespace relata::eval
