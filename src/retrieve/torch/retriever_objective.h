// The objective of a bi-encoder: questions, what they should find, and what a teacher thinks of it.
#pragma once

#include <vector>

#include "questions_objective.h"
#include "relata/retrieve/retriever.h"
#include "text_encoder.h"

namespace relata::retrieve {

// Borrows all. An item is a question; a batch's passages are negatives of all its questions.
class RetrieverObjective final : public QuestionsObjective {
 public:
  RetrieverObjective(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                     const std::vector<Question>& questions, const TextEncoder& encoder)
      : QuestionsObjective(pool, questions, recipe.trainer), recipe_(recipe), encoder_(encoder) {}
  train::StepLoss add_gradients(const model::Decoder& model,
                                const train::StepItems& items) const override;

 private:
  const RetrieverRecipe& recipe_;
  const TextEncoder& encoder_;
};

}  // namespace relata::retrieve
