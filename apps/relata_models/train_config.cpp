#include "train_config.h"

#include "relata/base/fields.h"

namespace relata::app {
namespace {

Status read_model_section(const Json& json, const std::string& where, model::DecoderConfig& model) {
  if (json.is_null()) return {};
  model.num_kv_heads = 0;
  model.head_dim = 0;
  Fields fields(json, where + ": model");
  fields.get("hidden_size", model.hidden_size);
  fields.get("intermediate_size", model.intermediate_size);
  fields.get("num_hidden_layers", model.num_layers);
  fields.get("num_attention_heads", model.num_heads);
  fields.get("num_key_value_heads", model.num_kv_heads);
  fields.get("head_dim", model.head_dim);
  fields.get("max_position_embeddings", model.max_positions);
  fields.get("rms_norm_eps", model.rms_norm_eps);
  fields.get("initializer_range", model.initializer_range);
  fields.get("rope_theta", model.rope.theta);
  fields.get("tie_word_embeddings", model.tie_embeddings);
  RELATA_CHECK(fields.finish());
  if (model.num_kv_heads == 0) model.num_kv_heads = model.num_heads;
  if (model.head_dim == 0 && model.num_heads > 0)
    model.head_dim = model.hidden_size / model.num_heads;
  return {};
}

Status read_tokenizer_section(const Json& json, const std::string& where,
                              text::TokenizerTraining& tokenizer) {
  if (json.is_null()) return {};
  Fields fields(json, where + ": tokenizer");
  fields.get("vocab_size", tokenizer.vocab_size);
  fields.get_choice("model_type", tokenizer.model_type, {"unigram", "bpe"});
  fields.get("character_coverage", tokenizer.character_coverage);
  fields.get("user_symbols", tokenizer.user_symbols);
  return fields.finish();
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
  TrainConfig c;
  Json model_section, tokenizer_section;
  Fields fields(json, path);
  fields.get("model_name_or_path", c.model_name_or_path);
  fields.get("adapter_name_or_path", c.adapter_name_or_path);
  fields.get("model", model_section);
  fields.get("tokenizer", tokenizer_section);
  fields.get_choice("finetuning_type", c.finetuning_type, {"full", "lora"});
  fields.get("lora_rank", c.lora.rank);
  fields.get("lora_alpha", c.lora.alpha);
  fields.get("lora_dropout", c.lora.dropout);
  fields.get("use_rslora", c.lora.rslora);
  fields.get("lora_target", c.lora.targets);
  fields.get("dataset", c.dataset);
  fields.get("eval_dataset", c.eval_dataset);
  fields.get("dataset_format", c.dataset_format);
  fields.get("schema", c.schema);
  fields.get("prompt_template", c.prompt_template);
  fields.get("instruction", c.instruction);
  fields.get("template", c.chat);
  fields.get_choice("decode", c.decode, {"labels", "free"});
  fields.get_choice("multi_label", c.multi_label, {"join", "split"});
  fields.get("augment_inverse", c.augment_inverse);
  fields.get("train_on_prompt", c.train_on_prompt);
  fields.get("cutoff_len", c.cutoff_len);
  fields.get("max_samples", c.max_samples);
  fields.get("max_eval_samples", c.max_eval_samples);
  if (fields.has("bf16") && json["bf16"].is_boolean()) {
    bool on = false;
    fields.get("bf16", on);
    c.bf16 = on ? "true" : "false";
  } else {
    fields.get_choice("bf16", c.bf16, {"auto", "true", "false"});
  }
  train::read_trainer_config(fields, c.trainer);
  RELATA_CHECK(fields.finish());
  RELATA_CHECK(read_model_section(model_section, path, c.model));
  RELATA_CHECK(read_tokenizer_section(tokenizer_section, path, c.tokenizer));
  for (std::string& target : c.lora.targets) {
    if (target == "all") target = "all-linear";
  }
  c.lora.base_model = c.model_name_or_path;
  if (c.train_on_prompt && c.trainer.prompt_loss_weight > 0) {
    return usage_error(path + ": train_on_prompt and prompt_loss_weight both put a loss on prompts",
                       "choose one");
  }
  if (c.dataset.empty()) {
    return usage_error(path + ": no dataset",
                       "set dataset: FILE, or dataset=FILE after the config");
  }
  if (c.trainer.output_dir.empty()) {
    return usage_error(path + ": no output_dir", "set output_dir: FOLDER");
  }
  if (c.model_name_or_path.empty() && c.finetuning_type == "lora") {
    return usage_error(path + ": LoRA needs a model", "set model_name_or_path: FOLDER");
  }
  c.resolved = json;
  return c;
}

}  // namespace relata::app
