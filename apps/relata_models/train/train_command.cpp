// `relata train`: data, model and trainer put together; writes an extractor folder.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "commands.h"
#include "engine_options.h"
#include "extract/demonstrations.h"
#include "help.h"
#include "processes.h"
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/base/log.h"
#include "relata/base/progress.h"
#include "relata/data/sampling.h"
#include "relata/engine/native.h"
#include "relata/eval/pair_metrics.h"
#include "relata/model/decoder.h"
#include "relata/model/identity.h"
#include "shipped_schemas.h"
#include "train/row_evaluation.h"
#include "train/train_config.h"
#include "train/train_conversations.h"
#include "train/train_data.h"
#include "train/train_documents.h"
#include "train/train_run.h"
#include "train/unused_keys.h"

namespace relata::app {
namespace {

struct TrainOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::string rows;  // folder for the token rows; training is left out then
};

Result<extract::Extractor> make_extractor(const TrainConfig& config, const TaskData& data) {
  extract::Extractor extractor;
  extractor.folder = config.trainer.output_dir;
  extractor.config = extract::default_config(config.pipeline);
  extractor.config.chat = config.chat;
  extractor.config.demonstrations = config.demonstrations;
  if (config.chat == "auto" && config.model_name_or_path.empty()) {
    return usage_error("template: auto needs model_name_or_path",
                       "a new model has no chat template; name one, or none");
  }
  RELATA_TRY(extractor.chat, text::chat_template(config.chat, config.model_name_or_path));
  extractor.config.decode = config.decode;
  if (config.schema.empty()) {
    extractor.schema = data::infer_schema(data.documents);
  } else {
    RELATA_TRY(extractor.schema, open_schema(config.schema));
  }
  if (file_exists(config.prompt_template)) {
    RELATA_TRY(extractor.pair_template, extract::load_pair_template(config.prompt_template));
  } else {
    RELATA_TRY(extractor.pair_template, extract::builtin_pair_template(config.prompt_template));
  }
  if (!config.instruction.empty()) {
    extract::PairTemplate& asked = extractor.pair_template;
    asked.instruction = config.instruction;
    if (asked.prompt.find("{instruction}") == std::string::npos) {
      log_warning(fmt::format(
          "instruction: template \"{}\" has no {{instruction}}, so it is not shown", asked.name));
    }
  }
  return extractor;
}

// Whether the extractor will have a pool of examples.
bool shows_pool(const TrainConfig& config) {
  const bool wanted = config.demonstrations.examples > 0 || config.demonstrations.vote > 0;
  return extract::uses_demonstrations(config.pipeline) && wanted;
}

// The pool of a pipeline that shows examples. Returns its file's text, which is copied into the
// output's folder with the result; the folder then needs nothing else. A training row's own
// sentence is never among its examples.
Result<std::string> add_demonstrations(const TrainConfig& config, const TaskData& data,
                                       extract::Extractor& extractor) {
  if (!extract::shows_examples(extractor.pair_template)) {
    return usage_error("template \"" + extractor.pair_template.name + "\" shows no examples",
                       "give it {examples} and the key example, or set demonstrations.examples=0");
  }
  std::vector<data::Document> pool = data.documents;
  if (!config.pool.empty()) {
    RELATA_TRY(pool, read_pool(config.pool, config.dataset_format));
  }
  std::string text = own_pool(pool, extractor);
  RELATA_TRY(const Demonstrations made,
             make_demonstrations(std::move(pool), extractor, extractor.pool_path()));
  extractor.demonstrations = made.source;
  if (made.encoder.empty()) return text;
  // The folder's own word of it: it is not copied, and must be the same when questions are asked.
  extract::DemonstrationSettings& settings = extractor.config.demonstrations;
  settings.encoder = std::filesystem::absolute(example_encoder_path(extractor)).string();
  settings.encoder_sha256 = made.encoder;
  return text;
}

// Where a new vocabulary lies until all is found to be in order; gone with this.
class VocabularyInWork {
 public:
  explicit VocabularyInWork(const TrainConfig& config)
      : place_(new_vocabulary_folder(config)),
        folder_(config.trainer.output_dir + "/.vocabulary-in-work") {}
  ~VocabularyInWork() { remove(folder_); }
  VocabularyInWork(const VocabularyInWork&) = delete;
  VocabularyInWork& operator=(const VocabularyInWork&) = delete;

  // An empty place to make it in.
  const std::string& begin() const {
    remove(folder_);
    return folder_;
  }
  // Gives what was made, if anything was, its name.
  Status keep() const {
    if (!file_exists(folder_)) return {};
    remove(place_);
    std::error_code failed;
    std::filesystem::rename(folder_, place_, failed);
    if (failed) return resource_error(place_ + ": cannot be written: " + failed.message());
    return {};
  }

 private:
  static void remove(const std::string& folder) {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::string place_, folder_;
};

// Where the tokenizer comes from: the model's folder, or a new vocabulary, which goes into the
// model's folder with the result.
Result<std::string> prepare_tokenizer(const TrainConfig& config,
                                      const extract::Extractor& extractor, const TaskData& data,
                                      const VocabularyInWork& vocabulary) {
  if (!config.model_name_or_path.empty()) return config.model_name_or_path;
  const std::string kept = new_vocabulary_folder(config);
  // What a run without a checkpoint left there may be of other data.
  RELATA_TRY(const bool resuming, train::resumes(config.trainer));
  if (resuming && file_exists(kept + "/tokenizer.model")) return kept;
  // Making one takes a while: a run that cannot go on for what is known already is refused first.
  RELATA_TRY(const train::TrainerConfig known, with_settings(config, &extractor, nullptr));
  RELATA_CHECK(train::check_resume(known));
  RELATA_TRY(const auto lines, prompt_texts(extractor, data));
  const std::string& folder = vocabulary.begin();
  text::TokenizerTraining options = config.tokenizer;
  for (const std::string& symbol :
       extract::template_symbols(extractor.pair_template, extractor.schema)) {
    options.user_symbols.push_back(symbol);
  }
  log_info(fmt::format("training a vocabulary of {} pieces", options.vocab_size));
  RELATA_CHECK(text::train_tokenizer(lines, options, folder));
  return folder;
}

// The development set as the evaluation sees it.
class DevelopmentSet {
 public:
  DevelopmentSet(const extract::Extractor& extractor, TaskData data, generate::Engine& engine)
      : extractor_(extractor), data_(std::move(data)), engine_(engine) {
    for (const auto& query : data_.queries) gold_.push_back(query.labels);
  }

  // Whether there is anything to find: every model's F1 would be 0 otherwise, and the first
  // evaluation the best. Labels that only the development set has count as missed, which is told.
  Status check() const {
    bool any = false;
    std::vector<std::string> unknown;
    for (const std::vector<std::string>& labels : gold_) {
      for (const std::string& label : labels) {
        if (extractor_.schema.is_negative(label)) continue;
        const bool known = extractor_.schema.find(label) >= 0;
        any = any || known;
        if (!known) unknown.push_back(label);
      }
    }
    if (!any) {
      return input_error("eval_dataset states no relation of the schema that could be found",
                         "give one with relations beside the negative label, or leave it out");
    }
    if (!unknown.empty()) {
      log_warning(
          fmt::format("eval_dataset: {} of its relations cannot be found: not in the "
                      "schema, as '{}' is not",
                      unknown.size(), unknown.front()));
    }
    return {};
  }

  // Micro-F1 without the negative label, at the best decision; keeps that decision.
  Result<double> evaluate() {
    extract::PairOptions options;
    RELATA_TRY(const auto predictions, extract::predict_pairs(extractor_, engine_, data_.documents,
                                                              data_.queries, options));
    if (extractor_.config.decode != "labels") return exact_f1(predictions);
    std::vector<std::vector<double>> posteriors;
    posteriors.reserve(predictions.size());
    for (const auto& p : predictions) posteriors.push_back(p.posterior);
    tell_unasked(predictions);
    decision_ = extract::tune_decision(extractor_.schema, posteriors, gold_);
    return decision_.f1;
  }
  const extract::TunedDecision& decision() const { return decision_; }
  const TaskData& data() const { return data_; }

 private:
  static bool is_unasked(const extract::PairPrediction& prediction) {
    return prediction.labels.empty() && !prediction.problem.empty();
  }

  // Questions that are too long are not asked; missing their relations counts. Said once.
  void tell_unasked(const std::vector<extract::PairPrediction>& predictions) {
    const auto first = std::find_if(predictions.begin(), predictions.end(), is_unasked);
    if (first == predictions.end() || told_) return;
    told_ = true;
    log_warning(fmt::format("eval_dataset: {} of {} questions cannot be asked: {}",
                            std::count_if(first, predictions.end(), is_unasked), predictions.size(),
                            first->problem));
  }

  Result<double> exact_f1(const std::vector<extract::PairPrediction>& predictions) const {
    std::vector<eval::PairItem> items(predictions.size());
    for (size_t i = 0; i < predictions.size(); ++i) {
      items[i].gold = gold_[i];
      items[i].predicted = predictions[i].labels;
    }
    eval::EvalOptions options;
    options.bootstrap = 0;
    options.negative = eval::NegativeLabels(extractor_.schema, false);
    RELATA_TRY(const auto score, eval::score_pairs("pair-micro", items, options));
    return score.f1;
  }

  const extract::Extractor& extractor_;
  TaskData data_;
  generate::Engine& engine_;
  std::vector<std::vector<std::string>> gold_;
  extract::TunedDecision decision_;
  bool told_ = false;
};

Result<int> write_id_rows(const std::vector<train::Row>& rows,
                          const std::vector<train::Row>& eval_rows, const std::string& folder) {
  RELATA_CHECK(make_folders(folder));
  RELATA_CHECK(write_file_atomic(folder + "/train.jsonl", id_rows_text(rows)));
  if (eval_rows.empty()) return kDone;
  RELATA_CHECK(write_file_atomic(folder + "/eval.jsonl", id_rows_text(eval_rows)));
  return kDone;
}

Result<int> train_on_ids(const TrainConfig& config, const std::string& rows_folder,
                         const Context& context) {
  if (!config.eval_dataset.empty()) {
    return usage_error("eval_dataset and dataset_format: ids contradict each other",
                       "rows of ids are not evaluated; leave eval_dataset out");
  }
  RELATA_TRY(auto all, read_id_rows(config.dataset, config.cutoff_len));
  const auto rows = data::draw_items(std::move(all), config.max_samples,
                                     static_cast<uint64_t>(config.trainer.seed));
  if (!rows_folder.empty()) return write_id_rows(rows, {}, rows_folder);
  RELATA_TRY(auto model, prepare_model(config, nullptr, {"pair"}));
  RELATA_TRY(const train::TrainerConfig trainer, with_settings(config, nullptr, nullptr));
  RELATA_TRY(const auto summary, train::train(*model, rows, trainer));
  if (!leads(config)) return kDone;
  RELATA_CHECK(save_result(config, *model, nullptr, nullptr));
  report(config, summary, {}, context);
  return kDone;
}

struct RowSets {
  const std::vector<train::Row>& training;
  const std::vector<train::Row>& development;  // empty: no evaluation
  std::vector<std::string> adapters;           // that rows are numbered by
};

Status check_eval_rows(const std::vector<train::Row>& rows) {
  if (!rows.empty()) return {};
  return input_error("eval_dataset has no row that is short enough for cutoff_len",
                     "raise cutoff_len, or leave eval_dataset out");
}

// Trains on rows of answers and keeps the weights that foresee those of the development set best.
Result<int> train_rows(const TrainConfig& config, const std::shared_ptr<model::Decoder>& model,
                       const std::shared_ptr<const text::Tokenizer>& tokenizer,
                       extract::Extractor* extractor, const RowSets& sets, const Context& context) {
  RELATA_CHECK(check_invocations(*model, sets.training));
  const auto engine = engine::make_engine(model, tokenizer, {}, "training");
  RELATA_TRY(train::TrainerConfig trainer, with_settings(config, extractor, nullptr));
  const bool evaluates = !sets.development.empty();
  if (evaluates) {
    trainer.settings["eval_dataset"] =
        content_setting(config.eval_dataset, text_identity(id_rows_text(sets.development)));
  }
  RELATA_TRY(const auto summary,
             train::train(*model, sets.training, trainer,
                          row_evaluation(*engine, sets.development, sets.adapters),
                          kTokenProbability.text));
  if (!leads(config)) return kDone;
  RELATA_CHECK(save_result(config, *model, tokenizer.get(), extractor));
  report(config, summary, evaluates ? kTokenProbability : MetricName(), context);
  return kDone;
}

// Rows of prompts and answers as they stand: no extractor, an adapter or a model alone.
Result<int> train_on_conversations(const TrainConfig& config, const std::string& rows_folder,
                                   const Context& context) {
  RELATA_TRY(const std::shared_ptr<const text::Tokenizer> tokenizer,
             text::load_tokenizer(config.model_name_or_path));
  RELATA_TRY(const auto rows,
             conversation_rows(config.dataset, config.max_samples, *tokenizer, config));
  std::vector<train::Row> eval_rows;
  if (!config.eval_dataset.empty()) {
    RELATA_TRY(eval_rows, conversation_rows(config.eval_dataset, config.max_eval_samples,
                                            *tokenizer, for_evaluation(config)));
    RELATA_CHECK(check_eval_rows(eval_rows));
  }
  if (!rows_folder.empty()) return write_id_rows(rows, eval_rows, rows_folder);
  RELATA_TRY(auto model, prepare_model(config, tokenizer.get(), {"sft"}));
  log_info(fmt::format("{} answers, {:.1f} million weights", rows.size(),
                       static_cast<double>(model::parameter_count(model->config())) / 1e6));
  return train_rows(config, model, tokenizer, nullptr, {rows, eval_rows, {"sft"}}, context);
}

// What training and evaluation would see, for other programs to train on the same.
Result<int> write_rows(const TrainConfig& config, const extract::Extractor& extractor,
                       const text::Tokenizer& tokenizer, const std::vector<train::Row>& rows,
                       const std::string& folder) {
  RELATA_TRY(const int done, write_id_rows(rows, {}, folder));
  if (!config.eval_dataset.empty()) {
    RELATA_TRY(const TaskData dev,
               read_task_data(config.eval_dataset, config.dataset_format, config.max_eval_samples));
    RELATA_TRY(const std::string text, score_rows_text(extractor, tokenizer, dev));
    RELATA_CHECK(write_file_atomic(folder + "/eval.jsonl", text));
  }
  return done;
}

Result<int> train_extractor(const TrainConfig& config, const std::string& rows_folder,
                            const Context& context) {
  RELATA_TRY(const TaskData data,
             read_task_data(config.dataset, config.dataset_format, config.max_samples));
  RELATA_TRY(extract::Extractor extractor, make_extractor(config, data));
  RELATA_CHECK(make_folders(config.trainer.output_dir));
  std::string pool;
  if (shows_pool(config)) {
    RELATA_TRY(pool, add_demonstrations(config, data, extractor));
  }
  const VocabularyInWork vocabulary(config);
  RELATA_TRY(const std::string tokenizer_folder,
             prepare_tokenizer(config, extractor, data, vocabulary));
  RELATA_TRY(const auto tokenizer, text::load_tokenizer(tokenizer_folder));
  RowCount count;
  RELATA_TRY(const auto rows, task_rows(extractor, *tokenizer, data, config, count));
  if (count.too_long > 0) {
    log_warning(fmt::format("{} rows are longer than cutoff_len {} and were left out",
                            count.too_long, config.cutoff_len));
  }
  if (extractor.demonstrations != nullptr) report_examples(count.examples, rows.size());
  if (!rows_folder.empty()) {
    RELATA_CHECK(vocabulary.keep());
    return write_rows(config, extractor, *tokenizer, rows, rows_folder);
  }
  RELATA_TRY(auto model, prepare_model(config, tokenizer.get(), {"pair"}));
  RELATA_CHECK(check_invocations(*model, rows));
  log_info(fmt::format("{} rows, {} relation types, {:.1f} million weights", rows.size(),
                       extractor.schema.relation_types.size(),
                       static_cast<double>(model::parameter_count(model->config())) / 1e6));
  engine::NativeEngineOptions engine_options;
  const auto engine = engine::make_engine(model, tokenizer, engine_options, "training");
  std::optional<DevelopmentSet> development;
  train::Evaluate evaluate;
  if (!config.eval_dataset.empty()) {
    RELATA_TRY(TaskData dev,
               read_task_data(config.eval_dataset, config.dataset_format, config.max_eval_samples));
    development.emplace(extractor, std::move(dev), *engine);
    RELATA_CHECK(development->check());
    evaluate = [&development] { return development->evaluate(); };
  }
  RELATA_TRY(train::TrainerConfig trainer,
             with_settings(config, &extractor, development ? &development->data() : nullptr));
  trainer.begins = [&vocabulary] { return vocabulary.keep(); };
  RELATA_TRY(const auto summary, train::train(*model, rows, trainer, evaluate, "micro-F1"));
  if (!leads(config)) return kDone;
  if (development && config.decode == "labels") {
    // The weights kept may be those of an earlier evaluation: tune the decision for them.
    RELATA_TRY(const double f1, development->evaluate());
    extractor.config.threshold = development->decision().threshold;
    extractor.config.negative_bias = development->decision().negative_bias;
    log_info(
        fmt::format("decision tuned on the development set: threshold {:.2f}, negative bias "
                    "{:+.2f}, micro-F1 {:.4f}",
                    extractor.config.threshold, extractor.config.negative_bias, f1));
  }
  if (!pool.empty()) RELATA_CHECK(write_file_atomic(extractor.pool_path(), pool));
  RELATA_CHECK(save_result(config, *model, tokenizer.get(), &extractor));
  report(config, summary, development ? MetricName{"micro-F1", "eval_f1"} : MetricName(), context);
  return kDone;
}

// A document pipeline: all its steps at once.
Result<int> train_documents(const TrainConfig& config, const std::string& rows_folder,
                            const Context& context) {
  if (config.model_name_or_path.empty()) {
    return usage_error("pipeline " + config.pipeline + " needs model_name_or_path",
                       "documents are not learned from scratch; ./dev models lists models");
  }
  RELATA_TRY(TaskData data, read_task_data(config.dataset, config.dataset_format, 0));
  RELATA_TRY(extract::Extractor extractor, make_document_extractor(config, data.documents));
  const auto seed = static_cast<uint64_t>(config.trainer.seed);
  const auto documents = data::draw_items(std::move(data.documents), config.max_samples, seed);
  RELATA_CHECK(make_folders(config.trainer.output_dir));
  RELATA_TRY(const std::shared_ptr<const text::Tokenizer> tokenizer,
             text::load_tokenizer(config.model_name_or_path));
  const std::vector<std::string> adapters = adapter_names(config, extractor);
  RELATA_TRY(const auto rows, document_rows(extractor, *tokenizer, documents, config, adapters));
  std::vector<train::Row> eval_rows;
  if (!config.eval_dataset.empty()) {
    RELATA_TRY(TaskData development, read_task_data(config.eval_dataset, config.dataset_format, 0));
    RELATA_TRY(eval_rows, document_rows(extractor, *tokenizer,
                                        data::draw_items(std::move(development.documents),
                                                         config.max_eval_samples, seed),
                                        for_evaluation(config), adapters));
    RELATA_CHECK(check_eval_rows(eval_rows));
  }
  if (!rows_folder.empty()) return write_id_rows(rows, eval_rows, rows_folder);
  if (leads(config)) {
    extractor.names = extract::NameModel::learn(documents);
    if (!extractor.names) log_info("no names.json: few mentions, or many are parts of words");
  }
  RELATA_TRY(auto model, prepare_model(config, tokenizer.get(), adapters));
  return train_rows(config, model, tokenizer, &extractor, {rows, eval_rows, adapters}, context);
}

Status meet_processes(const TrainOptions& options, TrainConfig& config) {
  RELATA_TRY(const train::ProcessPlace place, train::process_place());
  if (place.count == 1) return {};
  if (!options.rows.empty()) {
    return usage_error("--rows writes its files in one process", "run it without a launcher");
  }
  if (config.model_name_or_path.empty()) {
    return usage_error("a new model is trained in one process",
                       "name a model_name_or_path, or run it without a launcher");
  }
  RELATA_TRY(config.trainer.processes, join_processes());
  return {};
}

Result<int> train_as_configured(const TrainOptions& options, const TrainConfig& config,
                                const Context& context) {
  if (leads(config)) tell_unused_keys(config);
  if (options.rows.empty()) RELATA_CHECK(check_same_run(config));
  if (config.dataset_format == "ids") return train_on_ids(config, options.rows, context);
  if (config.takes_conversations()) return train_on_conversations(config, options.rows, context);
  if (!extract::asks_pairs(config.pipeline)) return train_documents(config, options.rows, context);
  return train_extractor(config, options.rows, context);
}

Result<int> run_train(const TrainOptions& options, const Context& context) {
  RELATA_CHECK(check_device(context));
  RELATA_TRY(TrainConfig config,
             read_train_config(options.config, with_shared_flags(context, options.overrides)));
  // Rows alone write nothing there but the vocabulary of a new model.
  const bool writes = options.rows.empty() || config.model_name_or_path.empty();
  if (writes) RELATA_CHECK(train::check_output_dir(config.trainer));
  RELATA_CHECK(meet_processes(options, config));
  auto done = train_as_configured(options, config, context);
  if (!done.ok() && config.trainer.processes != nullptr) {
    config.trainer.processes->give_up(done.error().message);
  }
  return done;
}

}  // namespace

void add_train_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* verb = app.add_subcommand("train", "Train a model and write an extractor folder");
  verb->add_option("CONFIG", options->config, "YAML file; see recipes/")->required();
  verb->add_option("OVERRIDES", options->overrides, "key=value, after the configuration's own");
  verb->add_option("--rows", options->rows,
                   "Write the token rows of training and evaluation as JSONL into this folder, to\n"
                   "compare with other programs, and stop before training")
      ->type_name("DIR");
  verb->footer(
      "Trains from scratch, fine-tunes all weights or a LoRA adapter, evaluates on the "
      "development\n"
      "set while it runs and keeps the best weights. The output folder is all that `relata "
      "extract`\n"
      "needs. A killed run goes on with resume_from_checkpoint=auto when save_steps is set.\n\n"
      "Examples:\n"
      "  relata train recipes/fewrel.yaml output_dir=out/fewrel\n"
      "  relata train recipes/finre.yaml learning_rate=5e-4 num_train_epochs=4\n"
      "  relata train my.yaml model_name_or_path=models/llama finetuning_type=lora lora_rank=16");
  verb->callback([options, &context] {
    set_interrupt_hint("go on with resume_from_checkpoint=auto (when save_steps is set)");
    context.action = [options, &context] { return run_train(*options, context); };
  });
}

}  // namespace relata::app
