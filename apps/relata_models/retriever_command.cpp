// `relata retriever`: trains an encoder to find the demonstrations that help.
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "engine_options.h"
#include "help.h"
#include "io/command_io.h"
#include "models/hub_models.h"
#include "processes.h"
#include "relata/base/log.h"
#include "relata/base/parallel.h"
#include "relata/model/identity.h"
#include "relata/retrieve/retriever.h"

namespace relata::app {
namespace {

using retrieve::CandidateLists;
using retrieve::RetrieverPool;
using retrieve::RetrieverRecipe;
using retrieve::ScoreSet;

enum class LastStage { Build, Bm25, Score, RewardTrain, RewardScore, Train };

struct RetrieverOptions {
  std::string recipe;
  std::vector<std::string> overrides;
  LastStage last = LastStage::Train;
  bool dry_run = false;
};

Json forecast_json(const retrieve::ScoreForecast& forecast) {
  return {
      {"pairs", forecast.pairs}, {"already_scored", forecast.done}, {"tokens", forecast.tokens}};
}

Json training_json(int64_t questions, const train::TrainSummary& summary,
                   const std::string& model) {
  return {{"questions", questions},
          {"steps", summary.steps},
          {"loss", summary.final_loss},
          {"seconds", summary.seconds},
          {"model", model}};
}

// The stages, one after the other; a page tells what became of each.
class RetrieverRun {
 public:
  RetrieverRun(const RetrieverOptions& options, RetrieverRecipe recipe, const Context& context)
      : options_(options), recipe_(std::move(recipe)), context_(context) {}

  Status run() {
    if (options_.last > LastStage::Score) {
      RELATA_CHECK(retrieve::check_trained_models(recipe_, options_.last == LastStage::Train));
    }
    RELATA_CHECK(led([&] { return build(); }));
    if (options_.last == LastStage::Build) return {};
    log_info(fmt::format("{}, {}", counted(pool_.items.size(), "instance"),
                         counted(pool_.queries.size(), "question")));
    RELATA_CHECK(led([&] { return find(); }));
    if (options_.last == LastStage::Bm25) return {};
    RELATA_CHECK(led([&] { return score(); }));
    if (options_.last == LastStage::Score) return {};
    if (!recipe_.reward.model.empty()) RELATA_CHECK(reward());
    if (options_.last != LastStage::Train || options_.dry_run) return {};
    return train();
  }
  const Json& page() const { return page_; }

 private:
  // A stage that one process runs, whose files the others then read.
  template <class Work>
  Status led(const Work& work) {
    train::ProcessGroup* processes = recipe_.trainer.processes.get();
    if (processes == nullptr) return work();
    if (processes->leads()) RELATA_CHECK(work());
    RELATA_CHECK(processes->share("done"));
    return processes->leads() ? Status() : work();
  }

  Status build() {
    RELATA_TRY(pool_, retrieve::build_pool(recipe_));
    page_["build"] = {{"pool", pool_.items.size()}, {"questions", pool_.queries.size()}};
    for (const retrieve::BadRecords& bad : pool_.bad) tell(bad);
    return {};
  }

  void tell(const retrieve::BadRecords& bad) {
    log_warning(fmt::format("{}: {} left out, {} mended, the first: {}", bad.dataset,
                            counted(bad.skipped, "bad record"), bad.fixed, bad.first));
    page_["build"]["skipped"][bad.dataset] = bad.skipped;
    page_["build"]["fixed"][bad.dataset] = bad.fixed;
  }

  Status find() {
    Result<CandidateLists> candidates = internal_error("not looked for");
    with_threads(context_.threads, [&] { candidates = retrieve::find_candidates(recipe_, pool_); });
    if (!candidates.ok()) return candidates.error();
    candidates_ = std::move(*candidates);
    size_t found = 0;
    for (const auto& list : candidates_.lists) found += list.documents.size();
    page_["bm25"] = {{"candidates", found}};
    return {};
  }

  Status score() {
    retrieve::Scorer scorer;
    RELATA_TRY(scorer.id, model::model_identity({recipe_.scorer, "", "auto"}));
    scorer.open = [&]() -> Result<std::unique_ptr<generate::Engine>> {
      engine::NativeEngineOptions native;
      native.model = recipe_.scorer;
      native.cache_bytes = 0;
      return open_engine(native, context_);
    };
    scorer.dry_run = options_.dry_run;
    RELATA_TRY(scores_, retrieve::score_candidates(recipe_, pool_, candidates_, scorer));
    page_["score"] = forecast_json(scores_.forecast);
    page_["score"]["tokens_shared"] = scores_.forecast.shared;
    page_["score"]["too_long"] = scores_.forecast.too_long;
    if (scores_.forecast.too_long > 0) {
      log_warning(fmt::format("{} left out, longer than max_tokens ({}) with its question",
                              counted(static_cast<size_t>(scores_.forecast.too_long), "candidate"),
                              recipe_.max_tokens));
    }
    return {};
  }

  // The reward model's word stands for the language model's from here on.
  Status reward() {
    RELATA_TRY(const retrieve::RewardModel model,
               retrieve::train_reward(recipe_, pool_, candidates_, scores_, options_.dry_run));
    if (!options_.dry_run) {
      page_["reward-train"] = training_json(model.questions, model.train, model.folder);
    }
    if (options_.last == LastStage::RewardTrain) return {};
    return led([&]() -> Status {
      RELATA_TRY(scores_,
                 retrieve::score_by_reward(recipe_, pool_, candidates_, model, options_.dry_run));
      page_["reward-score"] = forecast_json(scores_.forecast);
      return {};
    });
  }

  Status train() {
    RELATA_TRY(const retrieve::RetrieverSummary summary,
               retrieve::train_retriever(recipe_, pool_, candidates_, scores_));
    page_["retriever-train"] =
        training_json(summary.questions, summary.train, recipe_.output_dir + "/retriever");
    return {};
  }

  const RetrieverOptions& options_;
  RetrieverRecipe recipe_;
  const Context& context_;
  RetrieverPool pool_;
  CandidateLists candidates_;
  ScoreSet scores_;
  Json page_ = Json::object();
};

Result<int> run_retriever(const RetrieverOptions& options, const Context& context) {
  RELATA_CHECK(check_device(context));
  RELATA_TRY(RetrieverRecipe recipe,
             retrieve::read_retriever_recipe(options.recipe,
                                             with_shared_flags(context, options.overrides)));
  for (std::string* model : {&recipe.scorer, &recipe.encoder, &recipe.reward.model}) {
    RELATA_TRY(*model, find_named_model(*model));
  }
  const bool wants_reward =
      options.last == LastStage::RewardTrain || options.last == LastStage::RewardScore;
  if (wants_reward && recipe.reward.model.empty()) {
    return usage_error(options.recipe + ": reward_model is none: there is no such stage",
                       "set reward_model to the folder of an encoder");
  }
  RELATA_TRY(const std::shared_ptr<train::ProcessGroup> processes, join_processes());
  recipe.trainer.processes = recipe.reward.trainer.processes = processes;
  RetrieverRun run(options, std::move(recipe), context);
  const Status done = run.run();
  if (!done.ok()) {
    if (processes != nullptr) processes->give_up(done.error().message);
    return done.error();
  }
  if (processes != nullptr && !processes->leads()) return kDone;
  RELATA_CHECK(write_result("", context.json ? json_page(run.page()) : json_outline(run.page())));
  return kDone;
}

struct StageVerb {
  LastStage last;
  const char* name;
  const char* summary;
  const char* purpose;
};

void add_stage(CLI::App& parent, Context& context, const StageVerb& stage) {
  auto options = std::make_shared<RetrieverOptions>();
  options->last = stage.last;
  const std::string command =
      fmt::format("relata retriever {} recipes/ruie_small.yaml", stage.name);
  CLI::App* verb = add_verb(parent, stage.name, stage.summary, stage.purpose,
                            {command, command + " max_queries=50 output_dir=out/try"});
  verb->add_option("RECIPE", options->recipe, "YAML file")->required();
  verb->add_option("OVERRIDES", options->overrides, "key=value, after the recipe's own");
  if (stage.last != LastStage::Build && stage.last != LastStage::Bm25) {
    verb->add_flag("--dry-run", options->dry_run,
                   "Only count what would be scored, and the tokens of it");
  }
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_retriever(*options, context); };
  });
}

}  // namespace

void add_retriever_command(CLI::App& app, Context& context) {
  CLI::App* retriever = add_verb(
      app, "retriever", "Train an encoder to find examples that help",
      "A language model says how much each candidate helps with a question; an encoder learns to\n"
      "find those that help (after RUIE). Every stage keeps what it made, under a name that says\n"
      "what it was made from: a killed run goes on, and nothing is scored twice.",
      {"relata retriever train recipes/ruie_small.yaml",
       "relata retriever train recipes/ruie_small.yaml --dry-run"});
  retriever->require_subcommand(1);
  add_stage(*retriever, context,
            {LastStage::Train, "train", "All stages",
             "Builds the pool, finds candidates, has some scored by a language model and all by a\n"
             "cross-encoder that learned from it, and trains the encoder, which then lies in\n"
             "OUTPUT_DIR/retriever, a folder of sentence-transformers."});
  add_stage(*retriever, context,
            {LastStage::Build, "build", "The pool and the questions",
             "Data sets become instances of one form; some of them are questions to train on."});
  add_stage(*retriever, context,
            {LastStage::Bm25, "bm25", "The candidates of each question",
             "The instances of the same data set that share the most telling words with it."});
  add_stage(*retriever, context,
            {LastStage::Score, "score", "What a language model thinks of them",
             "The mean log-probability of the right answer's tokens after each candidate."});
  add_stage(*retriever, context,
            {LastStage::RewardTrain, "reward-train", "A cross-encoder learns what it thinks",
             "Of a question's candidates it should give those the most after which the language\n"
             "model found the right answer likely."});
  add_stage(*retriever, context,
            {LastStage::RewardScore, "reward-score", "What the cross-encoder thinks of all",
             "Scores all candidates of each question, of which the language model saw some."});
}

}  // namespace relata::app
