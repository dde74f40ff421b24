// Which questions training asks about a document, and what is answered.
#pragma once

#include <random>
#include <vector>

#include "gold.h"

namespace relata::extract {

struct AnsweredQuestion {
  Question question;
  std::vector<Binding> items;  // of a list; none: the answer is nothing
  bool holds = false;          // of a check
};

// How many documents of a corpus state each relation type.
std::vector<int64_t> relation_frequencies(const std::vector<Gold>& golds,
                                          const data::Schema& schema);

// Random numbers that are the same everywhere.
class RowRandom {
 public:
  explicit RowRandom(uint64_t seed) : engine_(seed) {}
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }
  size_t below(size_t bound) { return static_cast<size_t>(engine_() % bound); }
  // `rate` * `base`, rounded up or down at random.
  size_t count(double rate, size_t base);
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }
  // Indices of `count` different entries, ascending; those of greater weight more likely. Weights
  // are positive.
  std::vector<size_t> choose(const std::vector<double>& weights, size_t count);

 private:
  std::mt19937_64 engine_;
};

// All of a document, step by step: questions with answers in the facts' order, then those without.
std::vector<AnsweredQuestion> answered_questions(const PipelineSpec& spec,
                                                 const data::Schema& schema, const Gold& gold,
                                                 const std::vector<int64_t>& frequencies,
                                                 const RowOptions& options, RowRandom& random);

}  // namespace relata::extract
