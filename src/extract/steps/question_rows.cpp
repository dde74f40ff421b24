#include "question_rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "end_types.h"

namespace relata::extract {
namespace {

class DocumentQuestions {
 public:
  DocumentQuestions(const PipelineSpec& spec, const data::Schema& schema, const Gold& gold,
                    const std::vector<int64_t>& frequencies, const RowOptions& options,
                    RowRandom& random)
      : spec_(spec),
        schema_(schema),
        gold_(gold),
        frequencies_(frequencies),
        options_(options),
        random_(random) {}

  std::vector<AnsweredQuestion> run() {
    for (size_t step = 0; step < spec_.steps.size(); ++step) {
      if (spec_.steps[step].check) {
        add_checks(step);
      } else {
        add_lists(step);
      }
    }
    return std::move(out_);
  }

 private:
  void add_lists(size_t step) {
    const Variables inputs = inputs_of(spec_.steps[step]);
    const Variables outputs = outputs_of(spec_.steps[step]);
    std::vector<AnsweredQuestion> questions;
    std::map<Binding, size_t> places;
    for (const Binding& fact : gold_.facts) {
      const Binding about = projected(fact, inputs);
      const auto [place, fresh] = places.emplace(about, questions.size());
      if (fresh) questions.push_back(question(step, about));
      std::vector<Binding>& items = questions[place->second].items;
      const Binding item = projected(fact, outputs);
      if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(item);
    }
    if (inputs == kRelationList && !questions.empty()) {
      questions[0].question.relations = relations_present();
    }
    if (inputs == 0 && questions.empty()) questions.push_back(question(step, {}));
    const int orders = outputs == kRelation ? options_.relation_orders
                       : outputs == kHead   ? options_.head_orders
                                            : 0;
    const size_t answered = questions.size();
    for (AnsweredQuestion& entry : questions) {
      out_.push_back(entry);
      add_orders(entry, orders);
    }
    if (inputs == kRelation) add_absent_relations(step, answered);
    if (inputs == (kRelation | kHead)) add_other_heads(step, places);
    if (inputs == (kHead | kTail)) add_unrelated_pairs(step, places);
  }

  static AnsweredQuestion question(size_t step, Binding about) {
    AnsweredQuestion out;
    out.question.step = step;
    out.question.about = std::move(about);
    return out;
  }

  std::vector<int> relations_present() const {
    std::vector<int> out;
    for (const Binding& fact : gold_.facts) {
      if (std::find(out.begin(), out.end(), fact.relation) == out.end()) {
        out.push_back(fact.relation);
      }
    }
    return out;
  }

  // All orders of one question are different; two items have one other order.
  void add_orders(const AnsweredQuestion& entry, int orders) {
    if (entry.items.size() < 2) return;
    const int others = entry.items.size() == 2 ? std::min(orders, 1) : orders;
    std::set<std::vector<Binding>> seen = {entry.items};
    for (int i = 0; i < others && static_cast<int>(seen.size()) < 6; ++i) {
      AnsweredQuestion other = entry;
      while (!seen.insert(other.items).second) random_.shuffle(other.items);
      out_.push_back(std::move(other));
    }
  }

  // Entity types let it be in this document.
  bool is_possible(const data::RelationType& type) const {
    const auto any = [&](const std::vector<std::string>& types) {
      return std::any_of(
          gold_.entities.begin(), gold_.entities.end(),
          [&](const NamedEntity& entity) { return allows_type(types, entity.type); });
    };
    return gold_.entities.empty() || (any(type.head_types) && any(type.tail_types));
  }

  // Absent relations with how hard it is to tell that they are.
  std::pair<std::vector<int>, std::vector<double>> absent_relations() const {
    const std::vector<int> present = relations_present();
    std::vector<int> relations;
    std::vector<double> weights;
    for (size_t i = 0; i < schema_.relation_types.size(); ++i) {
      const auto relation = static_cast<int>(i);
      if (schema_.relation_types[i].negative ||
          std::find(present.begin(), present.end(), relation) != present.end()) {
        continue;
      }
      constexpr double kImpossible = 0.05;
      relations.push_back(relation);
      weights.push_back(static_cast<double>(frequencies_.at(i) + 1) *
                        (is_possible(schema_.relation_types[i]) ? 1.0 : kImpossible));
    }
    return {std::move(relations), std::move(weights)};
  }

  void add_absent_relations(size_t step, size_t answered) {
    const auto [relations, weights] = absent_relations();
    const size_t count = random_.count(options_.relation_negatives, answered);
    for (const size_t i : random_.choose(weights, count)) {
      out_.push_back(question(step, {relations[i], "", ""}));
    }
  }

  void add_other_heads(size_t step, const std::map<Binding, size_t>& answered) {
    std::vector<Binding> candidates;
    std::vector<double> weights;
    for (const int relation : relations_present()) {
      const auto& type = schema_.relation_types[static_cast<size_t>(relation)];
      for (const NamedEntity& entity : gold_.entities) {
        const Binding about{relation, entity.name, ""};
        if (answered.contains(about)) continue;
        const bool is_tail =
            std::any_of(gold_.facts.begin(), gold_.facts.end(), [&](const Binding& fact) {
              return fact.relation == relation && fact.tail == entity.name;
            });
        candidates.push_back(about);
        weights.push_back((allows_type(type.head_types, entity.type) ? 1.0 : 0.2) +
                          (is_tail ? 1 : 0));
      }
    }
    const size_t count = random_.count(options_.head_negatives, answered.size());
    for (const size_t i : random_.choose(weights, count)) {
      out_.push_back(question(step, candidates[i]));
    }
  }

  void add_unrelated_pairs(size_t step, const std::map<Binding, size_t>& answered) {
    std::vector<Binding> candidates;
    for (const NamedEntity& head : gold_.entities) {
      for (const NamedEntity& tail : gold_.entities) {
        const Binding about{-1, head.name, tail.name};
        if (head.name != tail.name && !answered.contains(about)) candidates.push_back(about);
      }
    }
    const size_t count = random_.count(options_.head_negatives, answered.size());
    for (const size_t i : random_.choose(std::vector<double>(candidates.size(), 1.0), count)) {
      out_.push_back(question(step, candidates[i]));
    }
  }

  // Every combination of what the check is for, as far as this document goes.
  std::vector<Binding> check_candidates(Variables inputs) const {
    std::vector<Binding> out = {{}};
    const auto extend = [&](const auto& values, const auto& set) {
      std::vector<Binding> longer;
      for (const Binding& binding : out) {
        for (const auto& value : values) {
          Binding copy = binding;
          set(copy, value);
          longer.push_back(std::move(copy));
        }
      }
      out = std::move(longer);
    };
    if ((inputs & kRelation) != 0U) {
      std::vector<int> relations;
      for (size_t i = 0; i < schema_.relation_types.size(); ++i) {
        if (!schema_.relation_types[i].negative) relations.push_back(static_cast<int>(i));
      }
      if (inputs != kRelation) relations = relations_present();
      extend(relations, [](Binding& binding, int relation) { binding.relation = relation; });
    }
    if ((inputs & kHead) != 0U) {
      extend(gold_.entities,
             [](Binding& binding, const NamedEntity& entity) { binding.head = entity.name; });
    }
    if ((inputs & kTail) != 0U) {
      extend(gold_.entities,
             [](Binding& binding, const NamedEntity& entity) { binding.tail = entity.name; });
    }
    std::erase_if(out, [&](const Binding& binding) {
      return (inputs & kHead) != 0U && (inputs & kTail) != 0U && binding.head == binding.tail;
    });
    return out;
  }

  void add_checks(size_t step) {
    const Variables inputs = inputs_of(spec_.steps[step]);
    std::set<Binding> holding;
    for (const Binding& fact : gold_.facts) holding.insert(projected(fact, inputs));
    std::vector<Binding> others;
    for (Binding& candidate : check_candidates(inputs)) {
      if (!holding.contains(candidate)) others.push_back(std::move(candidate));
    }
    std::vector<double> weights(others.size(), 1.0);
    size_t count = others.size();
    if (options_.check_negatives >= 0) {
      count = random_.count(options_.check_negatives, std::max<size_t>(holding.size(), 1));
    }
    for (const Binding& about : holding) {
      out_.push_back(question(step, about));
      out_.back().holds = true;
    }
    for (const size_t i : random_.choose(weights, count)) {
      out_.push_back(question(step, others[i]));
    }
  }

  const PipelineSpec& spec_;
  const data::Schema& schema_;
  const Gold& gold_;
  const std::vector<int64_t>& frequencies_;
  const RowOptions& options_;
  RowRandom& random_;
  std::vector<AnsweredQuestion> out_;
};

}  // namespace

size_t RowRandom::count(double rate, size_t base) {
  const double exact = std::max(rate, 0.0) * static_cast<double>(base);
  const double whole = std::floor(exact);
  return static_cast<size_t>(whole) + (uniform() < exact - whole ? 1 : 0);
}

// Efraimidis and Spirakis (2006): the smallest of exponential variables with the weights as rates.
std::vector<size_t> RowRandom::choose(const std::vector<double>& weights, size_t count) {
  std::vector<std::pair<double, size_t>> keys;
  for (size_t i = 0; i < weights.size(); ++i) {
    keys.emplace_back(-std::log(1.0 - uniform()) / weights[i], i);
  }
  std::sort(keys.begin(), keys.end());
  keys.resize(std::min(count, keys.size()));
  std::vector<size_t> out;
  for (const auto& [key, index] : keys) out.push_back(index);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<int64_t> relation_frequencies(const std::vector<Gold>& golds,
                                          const data::Schema& schema) {
  std::vector<int64_t> out(schema.relation_types.size(), 0);
  for (const Gold& gold : golds) {
    std::set<int> present;
    for (const Binding& fact : gold.facts) present.insert(fact.relation);
    for (const int relation : present) ++out[static_cast<size_t>(relation)];
  }
  return out;
}

std::vector<AnsweredQuestion> answered_questions(const PipelineSpec& spec,
                                                 const data::Schema& schema, const Gold& gold,
                                                 const std::vector<int64_t>& frequencies,
                                                 const RowOptions& options, RowRandom& random) {
  return DocumentQuestions(spec, schema, gold, frequencies, options, random).run();
}

}  // namespace relata::extract
