// The objective of a bi-encoder: questions, what they should find, and what a teacher thinks of it.
#pragma once

#include <vector>

#include "questions_objective.h"
#include "relata/retrieve/retriever.h"
#include "text_encoder.h"

namespace relata::retrieve {

// Borrows all. An item is a question; a batch's passages are negatives of all its questions, of
// whichever process computed them.
class RetrieverObjective final : public QuestionsObjective {
 public:
  RetrieverObjective(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                     const std::vector<Question>& questions, const TextEncoder& encoder)
      : QuestionsObjective(pool, questions, recipe.trainer), recipe_(recipe), encoder_(encoder) {}
  Result<train::StepLoss> add_gradients(const model::Decoder& model,
                                        const train::StepItems& items) const override;

 private:
  struct Texts;
  Texts texts_of(const train::StepItems& items, int64_t begin, int64_t end) const;
  // The vectors of a batch's questions and of its passages, of which this process computed `own`,
  // those of the questions [first, last): the others' are constants here.
  Result<std::pair<at::Tensor, at::Tensor>> gathered(const Texts& texts, const at::Tensor& own,
                                                     int64_t first, int64_t last) const;
  const RetrieverRecipe& recipe_;
  const TextEncoder& encoder_;
};

}  // namespace relata::retrieve
