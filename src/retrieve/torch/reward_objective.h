// The objective of a reward model: of a question's candidates it should give the positive the most.
#pragma once

#include <string>
#include <vector>

#include "pair_encoder.h"
#include "relata/retrieve/retriever.h"
#include "relata/train/objective.h"
#include "ruie/questions.h"

namespace relata::retrieve {

// A question and a candidate of it, both with their answers, as the reward model reads them: that
// model is never used where the answer is not known.
TextPair reward_pair(const PoolItem& question, const PoolItem& candidate, bool tags);

// Borrows all. An item is a question with its candidates.
class RewardObjective final : public train::Objective {
 public:
  RewardObjective(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                  const std::vector<Question>& questions, const PairEncoder& encoder)
      : recipe_(recipe), pool_(pool), questions_(questions), encoder_(encoder) {}
  int64_t size() const override { return std::ssize(questions_); }
  Status check(const model::Decoder& model) const override;
  std::string identity() const override { return questions_identity(pool_, questions_); }
  std::vector<int64_t> order(int64_t epoch) const override;
  int64_t step_end(const std::vector<int64_t>& order, int64_t begin) const override;
  train::StepLoss add_gradients(const model::Decoder& model,
                                const train::StepItems& items) const override;

 private:
  const RetrieverRecipe& recipe_;
  const RetrieverPool& pool_;
  const std::vector<Question>& questions_;
  const PairEncoder& encoder_;
};

}  // namespace relata::retrieve
