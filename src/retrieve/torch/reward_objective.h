// The objective of a reward model: of a question's candidates it should give the positive the most.
#pragma once

#include <vector>

#include "pair_encoder.h"
#include "questions_objective.h"
#include "relata/retrieve/retriever.h"

namespace relata::retrieve {

// A question and a candidate of it, both with their answers, as the reward model reads them: that
// model is never used where the answer is not known.
TextPair reward_pair(const PoolItem& question, const PoolItem& candidate, bool tags);

// Borrows all. An item is a question with its candidates.
class RewardObjective final : public QuestionsObjective {
 public:
  RewardObjective(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                  const std::vector<Question>& questions, const PairEncoder& encoder)
      : QuestionsObjective(pool, questions, recipe.reward.trainer),
        recipe_(recipe),
        encoder_(encoder) {}
  Result<train::StepLoss> add_gradients(const model::Decoder& model,
                                        const train::StepItems& items) const override;

 private:
  const RetrieverRecipe& recipe_;
  const PairEncoder& encoder_;
};

}  // namespace relata::retrieve
