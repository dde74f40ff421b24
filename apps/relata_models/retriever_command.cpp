// `relata retriever`: trains an encoder to find the demonstrations that help.
#include <fmt/format.h>

#include <memory>

#include "command_io.h"
#include "commands.h"
#include "engine_options.h"
#include "help.h"
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

enum class LastStage { Build, Bm25, Score, Train };

struct RetrieverOptions {
  std::string recipe;
  std::vector<std::string> overrides;
  LastStage last = LastStage::Train;
  bool dry_run = false;
};

Json forecast_json(const retrieve::ScoreForecast& forecast) {
  return {{"pairs", forecast.pairs},
          {"already_scored", forecast.done},
          {"too_long", forecast.too_long},
          {"tokens", forecast.tokens},
          {"tokens_shared", forecast.shared}};
}

Status print_page(const Json& page, const Context& context) {
  return write_result("", context.json ? json_page(page) : json_outline(page));
}

Result<int> run_retriever(const RetrieverOptions& options, const Context& context) {
  RELATA_CHECK(check_device_is_supported(context));
  RELATA_TRY(const RetrieverRecipe recipe,
             retrieve::read_retriever_recipe(options.recipe, options.overrides));
  Json page = Json::object();
  RELATA_TRY(const RetrieverPool pool, retrieve::build_pool(recipe));
  page["build"] = {{"pool", pool.items.size()}, {"questions", pool.queries.size()}};
  if (options.last == LastStage::Build) {
    RELATA_CHECK(print_page(page, context));
    return kDone;
  }
  log_info(fmt::format("{} instances, {} questions", pool.items.size(), pool.queries.size()));
  Result<CandidateLists> candidates = internal_error("not looked for");
  with_threads(context.threads, [&] { candidates = retrieve::find_candidates(recipe, pool); });
  if (!candidates.ok()) return candidates.error();
  size_t found = 0;
  for (const auto& list : candidates->lists) found += list.documents.size();
  page["bm25"] = {{"candidates", found}};
  if (options.last == LastStage::Bm25) {
    RELATA_CHECK(print_page(page, context));
    return kDone;
  }
  retrieve::Scorer scorer;
  RELATA_TRY(scorer.id, model::model_identity({recipe.scorer, "", "auto"}));
  scorer.open = [&]() -> Result<std::unique_ptr<generate::Engine>> {
    engine::NativeEngineOptions native;
    native.model = recipe.scorer;
    native.cache_bytes = 0;
    return open_engine(native, context);
  };
  scorer.dry_run = options.dry_run;
  RELATA_TRY(const ScoreSet scores, retrieve::score_candidates(recipe, pool, *candidates, scorer));
  page["score"] = forecast_json(scores.forecast);
  if (scores.forecast.too_long > 0) {
    log_warning(fmt::format("{} left out, longer than max_tokens ({}) with its question",
                            counted(static_cast<size_t>(scores.forecast.too_long), "candidate"),
                            recipe.max_tokens));
  }
  if (options.last == LastStage::Train && !options.dry_run) {
    RELATA_TRY(const retrieve::RetrieverSummary summary,
               retrieve::train_retriever(recipe, pool, *candidates, scores));
    page["retriever-train"] = {{"questions", summary.questions},
                               {"steps", summary.train.steps},
                               {"loss", summary.train.final_loss},
                               {"seconds", summary.train.seconds},
                               {"model", recipe.output_dir + "/retriever"}};
  }
  RELATA_CHECK(print_page(page, context));
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
  if (stage.last == LastStage::Train || stage.last == LastStage::Score) {
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
  add_stage(
      *retriever, context,
      {LastStage::Train, "train", "All stages",
       "Builds the pool, finds candidates, has them scored, and trains the encoder, which then\n"
       "lies in OUTPUT_DIR/retriever, a folder of sentence-transformers."});
  add_stage(*retriever, context,
            {LastStage::Build, "build", "The pool and the questions",
             "Data sets become instances of one form; some of them are questions to train on."});
  add_stage(*retriever, context,
            {LastStage::Bm25, "bm25", "The candidates of each question",
             "The instances of the same data set that share the most telling words with it."});
  add_stage(*retriever, context,
            {LastStage::Score, "score", "What a language model thinks of them",
             "The mean log-probability of the right answer's tokens after each candidate."});
}

}  // namespace relata::app
