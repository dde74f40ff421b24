// The objective of a bi-encoder: questions, what they should find, and what a teacher thinks of it.
#pragma once

#include <string>
#include <vector>

#include "relata/retrieve/retriever.h"
#include "relata/train/objective.h"
#include "ruie/selection.h"
#include "text_encoder.h"

namespace relata::retrieve {

struct Question {
  size_t item = 0;  // of the pool
  Selection selection;
};

// Borrows all. An item is a question; a batch's passages are negatives of all its questions.
class RetrieverObjective final : public train::Objective {
 public:
  RetrieverObjective(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                     const std::vector<Question>& questions, const TextEncoder& encoder)
      : recipe_(recipe), pool_(pool), questions_(questions), encoder_(encoder) {}
  int64_t size() const override { return std::ssize(questions_); }
  Status check(const model::Decoder& model) const override;
  std::string identity() const override;
  std::vector<int64_t> order(int64_t epoch) const override;
  int64_t step_end(const std::vector<int64_t>& order, int64_t begin) const override;
  train::StepLoss add_gradients(const model::Decoder& model,
                                const train::StepItems& items) const override;

 private:
  // One positive and its negatives, made up to their number from the pool.
  std::vector<Candidate> passages_of(const Question& question, int64_t epoch) const;

  const RetrieverRecipe& recipe_;
  const RetrieverPool& pool_;
  const std::vector<Question>& questions_;
  const TextEncoder& encoder_;
};

// What the encoder reads. A question has no labels; a demonstration has, and is tagged with them.
// Without its Schema line unless it says what is asked for (arguments): a long list of labels,
// which all of a task share, would push the text out of what an encoder reads.
std::string retriever_query(const PoolItem& item);
std::string retriever_passage(const PoolItem& item, bool tags);

}  // namespace relata::retrieve
