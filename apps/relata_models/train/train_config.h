// The configuration of `relata train`: a YAML file with key=value overrides.
#pragma once

#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/extract/step_rows.h"
#include "relata/model/config.h"
#include "relata/model/lora_config.h"
#include "relata/text/tokenizer.h"
#include "relata/train/trainer.h"

namespace relata::app {

struct TrainConfig {
  std::string model_name_or_path;    // where it lies; "": a new model from `model` and `tokenizer`
  std::string base_name;             // as the configuration names it: perhaps by its name on a hub
  std::string adapter_name_or_path;  // go on from this adapter
  bool any_base = false;             // which may say that it was trained on another base
  model::DecoderConfig model;
  text::TokenizerTraining tokenizer;
  std::string finetuning_type = "full";  // or lora, alora
  // alora: the adapter acts from the last place on where this text stands in a prompt. Questions of
  // built-in document pipelines begin with it.
  std::string alora_invocation = "Question:\n";
  model::LoraConfig lora;
  int64_t quantization_bit = 0;  // 4: float weights of the base are quantised; 0: they are not
  std::string quantization_type = "nf4";
  bool double_quantization = true;
  bool dequantize = false;  // a base that is stored quantised is turned into bfloat16
  std::vector<std::string> dataset;
  std::vector<std::string> eval_dataset;
  std::string dataset_format;        // "" guesses; "ids": rows of token ids, no extractor is made
  std::string dataset_dir = "data";  // of dataset_info.json, for names that are no files
  // "sft": conversations of any task are trained on as they stand, no extractor is made; "": the
  // pipeline's rows are made of documents.
  std::string stage;
  std::string schema;                      // "": inferred from the data
  std::string prompt_template = "marked";  // built-in name or file
  std::string instruction;                 // replaces the template's
  std::string chat = "none";               // key: template
  std::string decode = "labels";
  // Document pipelines (docs/documents.md) have the keys from `language` to `rows`.
  std::string pipeline = "pair";
  // `rag`: what its prompts show; `pool` is read, and copied into the output's folder.
  extract::DemonstrationSettings demonstrations;
  std::vector<std::string> pool;  // none: the training data
  std::string language = "en";
  std::string relation_mode = "list";  // or score
  bool adapter_per_step = false;
  extract::RowOptions rows;
  std::string multi_label = "join";  // join: one answer with all labels; split: a row for each
  bool augment_inverse = false;      // also (tail, head) with the schema's inverse relation
  bool train_on_prompt = false;
  int64_t cutoff_len = 1024;
  int64_t max_samples = 0;       // 0: all
  int64_t max_eval_samples = 0;  // 0: all
  std::string bf16 = "auto";     // auto: when this CPU multiplies bfloat16 natively
  train::TrainerConfig trainer;
  bool takes_conversations() const { return stage == "sft"; }
  bool adapts() const { return finetuning_type != "full"; }
  // What float weights of the base are quantised to; "": they are not.
  std::string quantization() const { return quantization_bit > 0 ? quantization_type : ""; }
  Json resolved;  // as read, with overrides, for train_config.yaml
};

// Every value is checked here: its type, its range, and what only makes sense together.
Result<TrainConfig> read_train_config(const std::string& path,
                                      const std::vector<std::string>& overrides);

// What a run that is resumed must agree on beside the trainer's own keys, with every default
// resolved. What names files is left to the caller, who knows their content.
Json task_settings(const TrainConfig& config);

}  // namespace relata::app
