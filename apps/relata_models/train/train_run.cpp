#include "train/train_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <filesystem>

#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/base/progress.h"
#include "relata/model/identity.h"

namespace relata::app {
namespace {

bool use_bf16(const TrainConfig& config) {
  if (config.bf16 != "auto") return config.bf16 == "true";
  return model::default_device() != "cpu" || nn::has_fast_bfloat16();
}

Result<model::LoraConfig> adapter_config(const TrainConfig& config,
                                         const text::Tokenizer* tokenizer) {
  model::LoraConfig lora = config.lora;
  if (config.finetuning_type != "alora") return lora;
  if (tokenizer == nullptr) {
    return usage_error("finetuning_type alora needs a tokenizer",
                       "rows of ids can be trained on with lora");
  }
  lora.invocation = tokenizer->encode_ids(config.alora_invocation, false);
  if (lora.invocation.empty()) {
    return usage_error("alora_invocation has no tokens", "a text that begins every question");
  }
  return lora;
}

}  // namespace

Result<std::shared_ptr<model::Decoder>> prepare_model(const TrainConfig& config,
                                                      const text::Tokenizer* tokenizer,
                                                      const std::vector<std::string>& adapters) {
  const auto seed = static_cast<uint64_t>(config.trainer.seed);
  std::shared_ptr<model::Decoder> model;
  if (config.model_name_or_path.empty()) {
    model::DecoderConfig shape = config.model;
    if (tokenizer != nullptr) {
      shape.vocab_size = tokenizer->vocab_size();
      shape.bos_id = tokenizer->bos_id();
      shape.eos_ids = {tokenizer->eos_id()};
    }
    RELATA_TRY(shape,
               model::decoder_config_from_json(model::decoder_config_to_json(shape), "model"));
    model = model::Decoder::random(shape, seed);
    RELATA_TRY(const at::Device device, model::find_device(model::default_device()));
    model->to(device);
  } else {
    model::LoadOptions how;
    how.dtype = config.adapts() && config.bf16 != "false" ? "auto" : "float32";
    how.dequantize = config.dequantize || !config.adapts();
    how.quantize = config.quantization();
    how.double_quantization = config.double_quantization;
    RELATA_TRY(model, model::Decoder::load(config.model_name_or_path, how));
    RELATA_CHECK(model::check_causal(model->config(), config.model_name_or_path));
  }
  if (config.adapts()) {
    for (size_t i = 0; i < adapters.size(); ++i) {
      const std::string& from = config.adapter_name_or_path;
      const std::string folder = adapters.size() == 1 ? from : from + "/" + adapters[i];
      if (from.empty()) {
        RELATA_TRY(const model::LoraConfig lora, adapter_config(config, tokenizer));
        RELATA_CHECK(model->add_adapter(adapters[i], lora, seed + i));
      } else {
        RELATA_CHECK(model->load_adapter(adapters[i], folder, config.any_base));
      }
    }
    RELATA_CHECK(model->record_base());
  }
  if (use_bf16(config)) model->set_compute_type(at::kBFloat16);
  return model;
}

bool leads(const TrainConfig& config) {
  return config.trainer.processes == nullptr || config.trainer.processes->leads();
}

Json content_setting(const Json& value, const std::string& identity) {
  Json setting = Json::object();
  setting["value"] = value;
  setting["sha256"] = identity;
  return setting;
}

std::string text_identity(const std::string& text) { return "sha256:" + sha256_hex(text); }

Result<train::TrainerConfig> with_settings(const TrainConfig& config,
                                           const extract::Extractor* extractor,
                                           const TaskData* development) {
  train::TrainerConfig trainer = config.trainer;
  Json& settings = trainer.settings = task_settings(config);
  if (!config.model_name_or_path.empty()) {
    RELATA_TRY(const std::string base, model::model_identity({config.model_name_or_path}));
    settings["model_name_or_path"] = content_setting(config.model_name_or_path, base);
  }
  if (!config.adapter_name_or_path.empty()) {
    RELATA_TRY(const std::string adapter, model::adapter_identity(config.adapter_name_or_path));
    settings["adapter_name_or_path"] = content_setting(config.adapter_name_or_path, adapter);
  }
  if (extractor != nullptr) {
    settings["schema"] = content_setting(
        config.schema, text_identity(data::schema_to_json(extractor->schema).dump()));
    const std::string text = extract::asks_pairs(config.pipeline)
                                 ? extract::pair_template_yaml(extractor->pair_template)
                                 : extract::pipeline_yaml(extractor->pipeline);
    settings["prompt_template"] = content_setting(config.prompt_template, text_identity(text));
    if (extractor->demonstrations != nullptr) {
      settings["demonstrations"] =
          content_setting(extract::to_json(extractor->config.demonstrations),
                          extractor->demonstrations->identity());
    }
  }
  if (development != nullptr) {
    std::string lines;
    for (const data::Document& document : development->documents) {
      lines += data::to_json_line(document) + "\n";
    }
    settings["eval_dataset"] = content_setting(config.eval_dataset, text_identity(lines));
  }
  return trainer;
}

Status save_result(const TrainConfig& config, const model::Decoder& model,
                   const text::Tokenizer* tokenizer, extract::Extractor* extractor) {
  const std::string& folder = config.trainer.output_dir;
  RELATA_CHECK(write_file_atomic(folder + "/train_config.yaml", to_yaml(config.resolved)));
  if (config.adapts()) {
    const auto& adapters = model.adapters();
    for (size_t i = 0; i < adapters.size(); ++i) {
      const std::string place = "adapters/" + adapters[i].name;
      RELATA_CHECK(model.save_adapter(static_cast<int>(i), folder + "/" + place));
      if (extractor == nullptr) continue;
      if (adapters.size() == 1) {
        extractor->config.adapter = place;
      } else {
        extractor->config.adapters[adapters[i].name] = place;
      }
    }
    if (extractor != nullptr) {
      // A hub's name holds on every machine.
      extractor->config.model = config.base_name == config.model_name_or_path
                                    ? std::filesystem::absolute(config.base_name).string()
                                    : config.base_name;
      extractor->config.quantization = config.quantization();
      extractor->config.double_quantization = config.double_quantization;
    }
  } else {
    RELATA_CHECK(model.save(folder + "/model"));
    if (tokenizer != nullptr && !config.model_name_or_path.empty()) {
      RELATA_CHECK(tokenizer->save(folder + "/model"));
    }
  }
  if (extractor != nullptr) RELATA_CHECK(extract::save_extractor(*extractor));
  return train::mark_finished(folder);
}

void report(const TrainConfig& config, const train::TrainSummary& summary, const MetricName& metric,
            const Context& context) {
  if (context.json) {
    Json json = {{"output_dir", config.trainer.output_dir},
                 {"steps", summary.steps},
                 {"seconds", summary.seconds},
                 {"tokens", summary.tokens},
                 {"answer_tokens", summary.answer_tokens},
                 {"loss", summary.final_loss}};
    if (!metric.key.empty()) json[metric.key] = summary.best_metric;
    fmt::print("{}\n", json.dump());
    return;
  }
  fmt::print("{} steps in {}, {:.0f} tokens/s, loss {:.4f}\n", summary.steps,
             format_duration(summary.seconds),
             static_cast<double>(summary.tokens) / std::max(1e-9, summary.seconds),
             summary.final_loss);
  if (!metric.key.empty()) {
    fmt::print("best {} on the development set: {:.4f} (step {})\n", metric.text,
               summary.best_metric, summary.best_step);
  }
  fmt::print("written to {}\n", config.trainer.output_dir);
}

}  // namespace relata::app
