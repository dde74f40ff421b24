// Stage retriever-train: the encoder learns to find what the scores prefer.
#include <filesystem>

#include "pair_encoder.h"
#include "relata/base/file.h"
#include "retriever_objective.h"
#include "stage_training.h"

namespace relata::retrieve {
namespace {

namespace fs = std::filesystem;

constexpr int kRevision = 2;

// The new folder under a name that stays: OUTPUT/retriever.
Status point_to(const std::string& output_dir, const std::string& folder) {
  const fs::path link = fs::path(output_dir) / "retriever";
  const fs::path fresh = fs::path(output_dir) / "retriever.new";
  std::error_code failed;
  fs::remove(fresh, failed);
  fs::create_directory_symlink(fs::path(folder).lexically_relative(output_dir), fresh, failed);
  if (!failed) fs::rename(fresh, link, failed);
  if (failed) return resource_error(link.string() + ": cannot be made: " + failed.message());
  return {};
}

// A decoder, whose tokens know nothing of what follows them, is as little meant here as for the
// reward model.
Result<std::unique_ptr<TextEncoder>> load_encoder(const RetrieverRecipe& recipe) {
  EncoderOptions options;
  options.model = recipe.encoder;
  RELATA_TRY(auto encoder, TextEncoder::load(options));
  if (encoder->model()->config().causal) {
    return usage_error(
        "encoder: " + recipe.encoder + ": is no encoder: it reads a text from left to right only",
        "give a model of BERT's family, such as models/all-minilm-l6-v2");
  }
  return encoder;
}

}  // namespace

Status check_trained_models(const RetrieverRecipe& recipe, bool encoder_too) {
  if (!recipe.reward.model.empty()) {
    CrossEncoderOptions options;
    options.model = recipe.reward.model;
    options.max_tokens = static_cast<size_t>(recipe.reward.max_tokens);
    RELATA_CHECK(PairEncoder::begin(options, 0));
  }
  if (encoder_too) RELATA_CHECK(load_encoder(recipe));
  return {};
}

Result<RetrieverSummary> train_retriever(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                                         const CandidateLists& candidates, const ScoreSet& scores) {
  RELATA_TRY(const auto encoder, load_encoder(recipe));
  const Stage stage(recipe.output_dir, "retriever-train",
                    {{"revision", kRevision},
                     {"build", pool.key},
                     {"candidates", candidates.key},
                     {"scores", scores.key},
                     {"scored", recipe.scored},
                     {"seed", recipe.seed},
                     {"encoder", encoder->identity()},
                     {"tags", recipe.form.tags},
                     {"sentences", recipe.form.sentences},
                     {"positives", recipe.positives},
                     {"negatives", recipe.negatives},
                     {"passages", recipe.passages},
                     {"temperature", recipe.loss.temperature},
                     {"divergence", recipe.loss.divergence},
                     {"contrastive", recipe.loss.contrastive},
                     {"query_negatives", recipe.loss.query_negatives},
                     {"passage_negatives", recipe.loss.passage_negatives},
                     {"teacher_scale", recipe.loss.teacher_scale},
                     {"trainer", trainer_inputs(recipe.trainer)}});
  RetrieverSummary out;
  out.folder = stage.file("model");
  const std::vector<Question> questions = questions_of(recipe, pool, candidates, scores);
  out.questions = std::ssize(questions);
  if (stage.done() && file_exists(out.folder)) {
    out.train = earlier_training(stage);
  } else {
    for (const auto& parameter : encoder->model()->trainable()) {
      // As in the reference: texts of a few lengths would only spoil the places of others.
      if (parameter.name == "positions") parameter.value.requires_grad_(false);
    }
    const RetrieverObjective objective(recipe, pool, questions, *encoder);
    RELATA_TRY(out.train,
               train_stage(stage, *encoder->model(), objective, recipe.trainer, [&]() -> Status {
                 RELATA_CHECK(encoder->save(out.folder));
                 return write_retriever_form(recipe.form, out.folder);
               }));
  }
  const train::ProcessGroup* processes = recipe.trainer.processes.get();
  if (processes == nullptr || processes->leads()) {
    RELATA_CHECK(point_to(recipe.output_dir, out.folder));
  }
  return out;
}

}  // namespace relata::retrieve
