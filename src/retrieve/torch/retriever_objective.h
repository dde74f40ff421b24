// The objective of a bi-encoder: questions, what they should find, and what a teacher thinks of it.
#pragma once

#include <string>
#include <vector>

#include "relata/retrieve/retriever.h"
#include "relata/train/objective.h"
#include "ruie/questions.h"
#include "text_encoder.h"

namespace relata::retrieve {

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
  const RetrieverRecipe& recipe_;
  const RetrieverPool& pool_;
  const std::vector<Question>& questions_;
  const TextEncoder& encoder_;
};

}  // namespace relata::retrieve
