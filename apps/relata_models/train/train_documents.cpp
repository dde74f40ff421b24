#include "train/train_documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/extract/pipeline.h"
#include "shipped_schemas.h"
#include "train/train_data.h"

namespace relata::app {
namespace {

Result<extract::PipelineSpec> make_pipeline(const TrainConfig& config) {
  if (file_exists(config.prompt_template)) return extract::load_pipeline(config.prompt_template);
  const Json given = config.resolved.value("prompt_template", Json());
  if (!given.is_null() && given != "") {
    return usage_error(
        fmt::format("prompt_template {}: there is no such file, and pipeline {} takes no name of "
                    "a template for pairs",
                    config.prompt_template, config.pipeline),
        "give a file of a pipeline (docs/documents.md), or leave prompt_template out");
  }
  extract::BuiltinPipeline choice;
  choice.name = config.pipeline;
  choice.language = config.language;
  choice.relation_mode = config.relation_mode;
  RELATA_TRY(extract::PipelineSpec pipeline, extract::builtin_pipeline(choice));
  if (config.finetuning_type == "alora") {
    for (extract::StepTemplate& step : pipeline.steps) {
      step.question = config.alora_invocation + step.question;
    }
  }
  return pipeline;
}

void log_counts(const extract::RowCounts& counts) {
  std::string steps;
  for (const auto& [step, rows] : counts.rows) {
    const auto empty = counts.empty.find(step);
    steps += fmt::format("{}{} {} ({} empty)", steps.empty() ? "" : ", ", rows, step,
                         empty == counts.empty.end() ? 0 : empty->second);
  }
  log_info(fmt::format("{} documents and windows: {}", counts.windows, steps));
  if (counts.ungrounded > 0) {
    log_warning(fmt::format("{} facts were left out: an end has no mention in the text",
                            counts.ungrounded));
  }
  if (counts.parted > 0) {
    log_warning(
        fmt::format("{} facts were left out: cutoff_len parts documents into windows, and "
                    "none of these has both ends",
                    counts.parted));
  }
  if (counts.too_long > 0) {
    log_warning(fmt::format("{} rows were left out: too long even in windows", counts.too_long));
  }
}

// T5's vocabularies turn line breaks into spaces: items of a list could never be told apart.
Status check_separator(const extract::PipelineSpec& pipeline, const text::Tokenizer& tokenizer) {
  const std::string list = "a" + pipeline.separator + "a";
  if (tokenizer.decode(tokenizer.encode_ids(list, false), true) == list) return {};
  return usage_error(
      "the separator of the pipeline's answers cannot be written with the model's tokens",
      "give a pipeline file whose separator the model's vocabulary has, such as "
      "separator: \"; \", as prompt_template");
}

}  // namespace

Result<extract::Extractor> make_document_extractor(const TrainConfig& config,
                                                   const std::vector<data::Document>& documents) {
  extract::Extractor extractor;
  extractor.folder = config.trainer.output_dir;
  extractor.config = extract::default_config(config.pipeline);
  extractor.config.chat = config.chat;
  RELATA_TRY(extractor.chat, text::chat_template(config.chat, config.model_name_or_path));
  RELATA_TRY(extractor.pipeline, make_pipeline(config));
  if (!config.instruction.empty()) extractor.pipeline.instruction = config.instruction;
  if (config.schema.empty()) {
    extractor.schema = data::infer_schema(documents);
  } else {
    RELATA_TRY(extractor.schema, open_schema(config.schema));
  }
  return extractor;
}

std::vector<std::string> adapter_names(const TrainConfig& config,
                                       const extract::Extractor& extractor) {
  if (!config.adapter_per_step) return {config.pipeline};
  std::vector<std::string> names;
  for (const extract::StepTemplate& step : extractor.pipeline.steps) {
    if (std::find(names.begin(), names.end(), step.adapter) == names.end()) {
      names.push_back(step.adapter);
    }
  }
  return names;
}

Result<std::vector<train::Row>> document_rows(const extract::Extractor& extractor,
                                              const text::Tokenizer& tokenizer,
                                              const std::vector<data::Document>& documents,
                                              const TrainConfig& config,
                                              const std::vector<std::string>& adapters) {
  RELATA_TRY(const RowForm form, row_form(config, tokenizer));
  if (form.parted) RELATA_CHECK(check_separator(extractor.pipeline, tokenizer));
  extract::RowOptions options = config.rows;
  options.max_tokens = config.cutoff_len;
  options.seed = static_cast<uint64_t>(config.trainer.seed);
  extract::RowCounts counts;
  RELATA_TRY(const auto groups,
             extract::step_examples(extractor, tokenizer, documents, options, &counts));
  log_counts(counts);
  std::vector<train::Row> rows;
  int64_t group = 0;
  for (const extract::DocumentExamples& document : groups) {
    for (const extract::StepExample& example : document.examples) {
      train::Row& row = rows.emplace_back(make_row(example.prompt, example.answer, config, form));
      row.group = group;
      const auto found = std::find(adapters.begin(), adapters.end(), example.adapter);
      row.adapter = found == adapters.end() ? 0 : static_cast<int>(found - adapters.begin());
    }
    ++group;
  }
  return rows;
}

}  // namespace relata::app
