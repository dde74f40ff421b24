// Stage reward-train: a cross-encoder learns which candidates the language model preferred.
#include "relata/base/file.h"
#include "reward_objective.h"
#include "stage_training.h"

namespace relata::retrieve {
namespace {

constexpr int kRevision = 1;

}  // namespace

Result<RewardModel> train_reward(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                                 const CandidateLists& candidates, const ScoreSet& scores,
                                 bool dry_run) {
  const RewardRecipe& reward = recipe.reward;
  CrossEncoderOptions options;
  options.model = reward.model;
  options.max_tokens = static_cast<size_t>(reward.max_tokens);
  RELATA_TRY(const auto encoder,
             PairEncoder::begin(options, static_cast<uint64_t>(reward.trainer.seed)));
  const Stage stage(recipe.output_dir, "reward-train",
                    {{"revision", kRevision},
                     {"build", pool.key},
                     {"candidates", candidates.key},
                     {"scores", scores.key},
                     {"scored", recipe.scored},
                     {"seed", recipe.seed},
                     {"model", encoder->identity()},
                     {"tags", recipe.form.tags},
                     {"positives", recipe.positives},
                     {"negatives", recipe.negatives},
                     {"passages", reward.passages},
                     {"max_tokens", reward.max_tokens},
                     {"trainer", trainer_inputs(reward.trainer)}});
  RewardModel out;
  out.folder = stage.file("model");
  out.key = stage.key();
  const std::vector<Question> questions = questions_of(recipe, pool, candidates, scores);
  out.questions = std::ssize(questions);
  // A model that was taken away is made again: what stands for it before training knows nothing.
  const bool done = stage.done() && file_exists(out.folder);
  if (done) out.train = earlier_training(stage);
  if (dry_run || done) return out;
  const RewardObjective objective(recipe, pool, questions, *encoder);
  RELATA_TRY(out.train, train_stage(stage, *encoder->model(), objective, reward.trainer,
                                    [&] { return encoder->save(out.folder); }));
  return out;
}

}  // namespace relata::retrieve
