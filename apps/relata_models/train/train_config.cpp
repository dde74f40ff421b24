#include "train/train_config.h"

#include <fmt/format.h>

#include <array>

#include "models/hub_models.h"
#include "relata/base/fields.h"
#include "relata/extract/extractor.h"
#include "train/foreign_keys.h"

namespace relata::app {
namespace {

constexpr double kMostFactor = 1000;
constexpr const char* kUsualTemplate = "marked";

Status read_model_section(const Json& json, const std::string& where, model::DecoderConfig& model) {
  if (json.is_null()) return {};
  model.num_kv_heads = 0;
  model.head_dim = 0;
  const NumberRange size = NumberRange::between(1, INT32_MAX);
  const std::string place = where + ": model";
  Fields fields(json, place);
  fields.get("hidden_size", model.hidden_size, size);
  fields.get("intermediate_size", model.intermediate_size, size);
  fields.get("num_hidden_layers", model.num_layers, NumberRange::between(1, 1 << 16));
  fields.get("num_attention_heads", model.num_heads, size);
  fields.get("num_key_value_heads", model.num_kv_heads, size);
  fields.get("head_dim", model.head_dim, size);
  fields.get("max_position_embeddings", model.max_positions, size);
  fields.get("rms_norm_eps", model.rms_norm_eps, NumberRange::above(0, 1));
  fields.get("initializer_range", model.initializer_range, NumberRange::between(0, kMostFactor));
  fields.get("rope_theta", model.rope.theta, NumberRange::above(1, 1e30));
  fields.get("tie_word_embeddings", model.tie_embeddings);
  RELATA_CHECK(fields.finish());
  if (model.num_kv_heads == 0) model.num_kv_heads = model.num_heads;
  if (model.head_dim == 0 && model.hidden_size % model.num_heads != 0) {
    return usage_error(place + ": 'hidden_size' " + std::to_string(model.hidden_size) +
                           " is not a multiple of 'num_attention_heads' " +
                           std::to_string(model.num_heads),
                       "choose sizes that divide, or set head_dim");
  }
  if (model.head_dim == 0) model.head_dim = model.hidden_size / model.num_heads;
  // Sizes that do not fit each other, by the rules of every model's config.json.
  const auto shape = model::decoder_config_from_json(model::decoder_config_to_json(model), place);
  if (!shape.ok()) return usage_error(shape.error().message, shape.error().hint);
  return {};
}

Status read_tokenizer_section(const Json& json, const std::string& where,
                              text::TokenizerTraining& tokenizer) {
  if (json.is_null()) return {};
  Fields fields(json, where + ": tokenizer");
  fields.get("vocab_size", tokenizer.vocab_size,
             NumberRange::between(text::kLeastVocabulary, text::kLargestVocabulary));
  fields.get_choice("model_type", tokenizer.model_type, {"unigram", "bpe"});
  fields.get("character_coverage", tokenizer.character_coverage,
             NumberRange::between(text::kLeastCoverage, 1));
  fields.get("user_symbols", tokenizer.user_symbols);
  return fields.finish();
}

Status read_demonstrations_section(const Json& json, const std::string& where, TrainConfig& c) {
  RELATA_TRY(c.demonstrations, extract::demonstration_settings(json, where));
  if (extract::uses_demonstrations(c.pipeline)) {
    if (c.prompt_template == kUsualTemplate) {
      c.prompt_template = c.language == "zh" ? "rag-zh" : "rag-en";
    }
    if (!json.is_object() || (!json.contains("pool") && !json.contains("pool_sha256"))) return {};
    return usage_error(where + ": demonstrations: the pool is named by the key pool beside it",
                       "pool: FILE; without it the training data are the pool");
  }
  if (json.is_null() && c.pool.empty()) return {};
  return usage_error(where + ": pipeline " + c.pipeline + " shows no examples",
                     "set pipeline: rag, or remove demonstrations and pool");
}

void read_row_options(Fields& fields, extract::RowOptions& rows) {
  std::string naming = "canonical";
  fields.get_choice("entity_naming", naming, {"canonical", "mentions"});
  if (naming == "mentions") rows.naming = extract::RowOptions::Naming::Mentions;
  fields.get("relation_orders", rows.relation_orders, NumberRange::between(0, 100));
  fields.get("head_orders", rows.head_orders, NumberRange::between(0, 100));
  fields.get("relation_negatives", rows.relation_negatives, NumberRange::between(0, kMostFactor));
  fields.get("head_negatives", rows.head_negatives, NumberRange::between(0, kMostFactor));
  fields.get("check_negatives", rows.check_negatives, NumberRange::between(-1, kMostFactor));
  fields.get("empty_documents", rows.empty_documents);
}

// What rows are made by, which conversations have no use for.
constexpr std::array kKeysOfPipelines = {"adapter_per_step",
                                         "augment_inverse",
                                         "check_negatives",
                                         "dataset_format",
                                         "decode",
                                         "demonstrations",
                                         "empty_documents",
                                         "entity_naming",
                                         "head_negatives",
                                         "head_orders",
                                         "instruction",
                                         "language",
                                         "model",
                                         "multi_label",
                                         "pipeline",
                                         "pool",
                                         "prompt_template",
                                         "relation_mode",
                                         "relation_orders",
                                         "relation_negatives",
                                         "schema",
                                         "tokenizer"};

Status check_conversations(const TrainConfig& c, const Json& json, const std::string& where) {
  if (!c.takes_conversations()) return {};
  for (const char* key : kKeysOfPipelines) {
    if (!json.contains(key) || json[key].is_null()) continue;
    return usage_error(fmt::format("{}: stage sft and {} contradict each other", where, key),
                       "with stage: sft conversations are trained on as they stand; a pipeline "
                       "makes rows of documents. Leave one of the two out");
  }
  if (c.model_name_or_path.empty()) {
    return usage_error(where + ": stage sft needs model_name_or_path", "name a model");
  }
  return {};
}

// Left out, finetuning_type is lora in LLaMA-Factory's files and full here: who sets an adapter's
// keys would have all weights trained.
Status check_method_is_said(const Json& json, const std::string& where) {
  const auto given = [&](const char* key) { return json.contains(key) && !json[key].is_null(); };
  if (given("finetuning_type")) return {};
  for (const char* key : {"lora_rank", "lora_alpha", "lora_dropout", "lora_target", "use_rslora"}) {
    if (!given(key)) continue;
    return usage_error(fmt::format("{}: {} is of adapters, and finetuning_type, which is left out, "
                                   "is full",
                                   where, key),
                       "set finetuning_type: lora");
  }
  return {};
}

}  // namespace

Result<TrainConfig> read_train_config(const std::string& path,
                                      const std::vector<std::string>& overrides) {
  RELATA_TRY(Json json, read_yaml(path));
  if (json.is_null()) json = Json::object();
  if (!json.is_object()) {
    return usage_error(path + ": not a mapping of keys to values", "see recipes/ for examples");
  }
  for (const std::string& assignment : overrides) RELATA_CHECK(apply_override(json, assignment));
  RELATA_CHECK(drop_foreign_keys(json, path));
  TrainConfig c;
  Json model_section, tokenizer_section, demonstrations_section;
  Fields fields(json, path);
  fields.get("model_name_or_path", c.model_name_or_path);
  fields.get("adapter_name_or_path", c.adapter_name_or_path);
  fields.get("any_base", c.any_base);
  fields.get("model", model_section);
  fields.get("tokenizer", tokenizer_section);
  fields.get_choice("finetuning_type", c.finetuning_type, {"full", "lora", "alora"});
  fields.get("alora_invocation", c.alora_invocation);
  fields.get("lora_rank", c.lora.rank, NumberRange::between(1, 1 << 16));
  fields.get("lora_alpha", c.lora.alpha, NumberRange::above(0, 1e6));
  fields.get("lora_dropout", c.lora.dropout, NumberRange::below(0, 1));
  fields.get("use_rslora", c.lora.rslora);
  fields.get("lora_target", c.lora.targets);
  fields.get("quantization_bit", c.quantization_bit, NumberRange::between(0, 8));
  fields.get_choice("quantization_type", c.quantization_type, {"nf4"});
  fields.get("double_quantization", c.double_quantization);
  fields.get("dequantize", c.dequantize);
  fields.get("dataset", c.dataset);
  fields.get("eval_dataset", c.eval_dataset);
  fields.get("dataset_format", c.dataset_format);
  fields.get("dataset_dir", c.dataset_dir);
  fields.get_choice("stage", c.stage, {"sft"});
  fields.get("schema", c.schema);
  fields.get("prompt_template", c.prompt_template);
  fields.get("instruction", c.instruction);
  fields.get("template", c.chat);
  fields.get_choice("decode", c.decode, {"labels", "free"});
  fields.get_choice("pipeline", c.pipeline, extract::pipeline_names());
  fields.get("demonstrations", demonstrations_section);
  fields.get("pool", c.pool);
  fields.get_choice("language", c.language, {"en", "zh"});
  fields.get_choice("relation_mode", c.relation_mode, {"list", "score"});
  fields.get("adapter_per_step", c.adapter_per_step);
  read_row_options(fields, c.rows);
  fields.get_choice("multi_label", c.multi_label, {"join", "split"});
  fields.get("augment_inverse", c.augment_inverse);
  fields.get("train_on_prompt", c.train_on_prompt);
  fields.get("cutoff_len", c.cutoff_len, NumberRange::between(2, INT32_MAX));
  fields.get("max_samples", c.max_samples, NumberRange::between(0, 0x1p53));
  fields.get("max_eval_samples", c.max_eval_samples, NumberRange::between(0, 0x1p53));
  if (fields.has("bf16") && json["bf16"].is_boolean()) {
    bool on = false;
    fields.get("bf16", on);
    c.bf16 = on ? "true" : "false";
  } else {
    fields.get_choice("bf16", c.bf16, {"auto", "true", "false"});
  }
  train::read_trainer_config(fields, c.trainer);
  RELATA_CHECK(fields.finish());
  RELATA_CHECK(check_method_is_said(json, path));
  c.base_name = c.model_name_or_path;
  RELATA_TRY(c.model_name_or_path, find_named_model(c.base_name));
  RELATA_TRY(c.adapter_name_or_path, find_named_model(c.adapter_name_or_path));
  RELATA_CHECK(read_model_section(model_section, path, c.model));
  RELATA_CHECK(read_tokenizer_section(tokenizer_section, path, c.tokenizer));
  RELATA_CHECK(read_demonstrations_section(demonstrations_section, path, c));
  if (c.adapts() && !json.contains("lora_target")) {
    // What is wrong with the model is said where it is loaded.
    const auto shape = model::read_decoder_config(c.model_name_or_path);
    if (shape.ok() && shape->encoder_layers > 0) c.lora.targets = model::usual_lora_targets(*shape);
  }
  for (std::string& target : c.lora.targets) {
    if (target == "all") target = "all-linear";
  }
  c.lora.base_model = c.base_name;
  if (c.train_on_prompt && c.trainer.prompt_loss_weight > 0) {
    return usage_error(path + ": train_on_prompt and prompt_loss_weight both put a loss on prompts",
                       "choose one");
  }
  if (c.pipeline == "icl") {
    return usage_error(path + ": pipeline icl is for models that were not trained for a task",
                       "relata extract --pipeline icl -m MODEL --pool FILE");
  }
  RELATA_CHECK(check_conversations(c, json, path));
  if (!c.adapts() && !c.adapter_name_or_path.empty()) {
    return usage_error(
        path + ": adapter_name_or_path and finetuning_type: full contradict each other",
        "set finetuning_type: lora to train the adapter on, or merge it first: "
        "relata model merge");
  }
  if (!c.adapts() && c.adapter_per_step) {
    return usage_error(path + ": adapter_per_step needs adapters",
                       "set finetuning_type: lora, or leave adapter_per_step out");
  }
  if (c.dataset.empty()) {
    return usage_error(path + ": no dataset",
                       "set dataset: FILE, or dataset=FILE after the config");
  }
  if (c.trainer.output_dir.empty()) {
    return usage_error(path + ": no output_dir", "set output_dir: FOLDER");
  }
  if (c.model_name_or_path.empty() && c.adapts()) {
    return usage_error(path + ": LoRA needs a model", "set model_name_or_path: FOLDER");
  }
  if (c.quantization_bit != 0 && c.quantization_bit != 4) {
    return usage_error(path + ": quantization_bit " + std::to_string(c.quantization_bit),
                       "4, with quantization_type nf4; or 0 for none");
  }
  if (c.quantization_bit > 0 && !c.adapts()) {
    return usage_error(path + ": quantised weights cannot be trained, only adapters of them",
                       "set finetuning_type: lora, or leave quantization_bit out");
  }
  if (c.quantization_bit > 0 && c.dequantize) {
    return usage_error(path + ": quantization_bit and dequantize contradict each other",
                       "leave one of them out");
  }
  c.resolved = json;
  return c;
}

Json task_settings(const TrainConfig& c) {
  Json json = Json::object();
  json["finetuning_type"] = c.finetuning_type;
  if (c.finetuning_type == "alora") json["alora_invocation"] = c.alora_invocation;
  if (c.adapts()) {
    json["lora_rank"] = c.lora.rank;
    json["lora_alpha"] = c.lora.alpha;
    json["lora_dropout"] = c.lora.dropout;
    json["use_rslora"] = c.lora.rslora;
    json["lora_target"] = c.lora.targets;
    if (c.quantization_bit > 0) {
      json["quantization_bit"] = c.quantization_bit;
      json["quantization_type"] = c.quantization_type;
      json["double_quantization"] = c.double_quantization;
    }
    if (c.dequantize) json["dequantize"] = true;
  }
  if (c.model_name_or_path.empty()) {
    json["model"] = model::decoder_config_to_json(c.model);
    Json& tokenizer = json["tokenizer"] = Json::object();
    tokenizer["vocab_size"] = c.tokenizer.vocab_size;
    tokenizer["model_type"] = c.tokenizer.model_type;
    tokenizer["character_coverage"] = c.tokenizer.character_coverage;
    tokenizer["user_symbols"] = c.tokenizer.user_symbols;
  }
  json["dataset"] = c.dataset;
  if (c.takes_conversations()) json["stage"] = c.stage;
  json["dataset_format"] = c.dataset_format;
  json["instruction"] = c.instruction;
  json["template"] = c.chat;
  json["decode"] = c.decode;
  if (extract::uses_demonstrations(c.pipeline)) {
    json["pipeline"] = c.pipeline;
  } else if (!extract::asks_pairs(c.pipeline)) {
    json["pipeline"] = c.pipeline;
    json["language"] = c.language;
    json["relation_mode"] = c.relation_mode;
    json["adapter_per_step"] = c.adapter_per_step;
    json["entity_naming"] =
        c.rows.naming == extract::RowOptions::Naming::Mentions ? "mentions" : "canonical";
    json["relation_orders"] = c.rows.relation_orders;
    json["head_orders"] = c.rows.head_orders;
    json["relation_negatives"] = c.rows.relation_negatives;
    json["head_negatives"] = c.rows.head_negatives;
    json["check_negatives"] = c.rows.check_negatives;
    if (!c.rows.empty_documents) json["empty_documents"] = false;
  }
  json["multi_label"] = c.multi_label;
  json["augment_inverse"] = c.augment_inverse;
  json["train_on_prompt"] = c.train_on_prompt;
  json["cutoff_len"] = c.cutoff_len;
  json["max_samples"] = c.max_samples;
  json["max_eval_samples"] = c.max_eval_samples;
  json["bf16"] = c.bf16;
  return json;
}

}  // namespace relata::app
