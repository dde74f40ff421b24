#include "train/train_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <tuple>

#include "relata/base/fields.h"
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/base/log.h"
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

// Each name of lora_target must be a module's: a misspelt one would leave its modules out.
Status check_targets(const model::LoraConfig& lora, const model::Decoder& model) {
  std::vector<std::string> modules;  // that are adapted: "model.layers.0.self_attn.q_proj"
  for (const auto& parameter : model.trainable()) {
    modules.push_back(parameter.name.substr(0, parameter.name.find(".lora_")));
  }
  for (const std::string& target : lora.targets) {
    if (target == "all-linear") continue;
    const bool found = std::any_of(modules.begin(), modules.end(), [&](const std::string& module) {
      return module == target || module.ends_with("." + target);
    });
    if (found) continue;
    const auto nearest = nearest_name(
        target, {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"});
    return usage_error("lora_target: the model has no module " + target,
                       nearest ? "did you mean '" + *nearest + "'?"
                               : "name projections as the checkpoint does; all takes every one");
  }
  return {};
}

// What a configuration says of an adapter that exists already must be so.
Status check_loaded(const TrainConfig& config, const model::LoraConfig& loaded) {
  const std::string& from = config.adapter_name_or_path;
  const bool activated = !loaded.invocation.empty();
  if (activated != (config.finetuning_type == "alora")) {
    return usage_error(fmt::format("{}: is {} LoRA, finetuning_type is {}", from,
                                   activated ? "an activated" : "a plain", config.finetuning_type),
                       fmt::format("set finetuning_type: {}", activated ? "alora" : "lora"));
  }
  const std::tuple<const char*, bool, std::string> kStated[] = {
      {"lora_rank", loaded.rank == config.lora.rank, std::to_string(loaded.rank)},
      {"lora_alpha", loaded.alpha == config.lora.alpha, fmt::format("{}", loaded.alpha)},
      {"use_rslora", loaded.rslora == config.lora.rslora, loaded.rslora ? "true" : "false"}};
  for (const auto& [key, same, value] : kStated) {
    if (same || !config.resolved.contains(key)) continue;
    return usage_error(fmt::format("{}: has {} {}, the configuration says {}", from, key, value,
                                   config.resolved[key].dump()),
                       "an adapter that is trained on keeps its own: leave the key out");
  }
  return {};
}

// Every step takes and frees the same large tensors. The C library would give each back to the
// system, which clears it anew for the next step; what the model's loading freed is back already.
void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kNever = -1;
  constexpr int kRoomAhead = 64 << 20;  // bytes that the heap grows by at least
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, kNever);
  ::mallopt(M_TOP_PAD, kRoomAhead);
#endif
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
        RELATA_CHECK(check_targets(lora, *model));
      } else {
        RELATA_CHECK(model->load_adapter(adapters[i], folder, config.any_base));
        RELATA_CHECK(check_loaded(config, model->adapters().back().config));
      }
    }
    RELATA_CHECK(model->record_base());
  }
  if (use_bf16(config)) model->set_compute_type(at::kBFloat16);
  keep_freed_memory();
  return model;
}

Status check_invocations(const model::Decoder& model, const std::vector<train::Row>& rows) {
  if (model.adapters().empty()) return {};
  int64_t without = 0;
  for (const train::Row& row : rows) {
    const auto& adapter = model.adapters().at(static_cast<size_t>(row.adapter)).config;
    if (model::adapter_begin(adapter, row.ids) >= row.ids.size()) ++without;
  }
  if (without == 0) return {};
  if (without == std::ssize(rows)) {
    return usage_error(
        "no prompt has the text of alora_invocation, where the adapter begins to act",
        "set alora_invocation to a text that stands in every prompt behind what "
        "adapters are to share, or finetuning_type: lora");
  }
  log_warning(
      fmt::format("{} of {} rows lack the text of alora_invocation: the adapter does not "
                  "act in them, and learns nothing of them",
                  without, rows.size()));
  return {};
}

std::string new_vocabulary_folder(const TrainConfig& config) {
  return config.trainer.output_dir + "/vocabulary";
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

Status check_same_run(const TrainConfig& config) {
  train::TrainerConfig trainer = config.trainer;
  trainer.settings = task_settings(config);
  return train::check_resume(trainer);
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
    if (tokenizer != nullptr) RELATA_CHECK(tokenizer->save(folder + "/model"));
  }
  if (extractor != nullptr) RELATA_CHECK(extract::save_extractor(*extractor));
  RELATA_CHECK(train::mark_finished(folder));
  std::error_code ignored;  // it lies in the model's folder now
  std::filesystem::remove_all(new_vocabulary_folder(config), ignored);
  return {};
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
  if (std::isnan(summary.final_loss)) {
    fmt::print("{} steps, all done before\n", summary.steps);
  } else {
    fmt::print("{} steps in {}, {:.0f} tokens/s, loss {:.4f}\n", summary.steps,
               format_duration(summary.seconds),
               static_cast<double>(summary.tokens) / std::max(1e-9, summary.seconds),
               summary.final_loss);
  }
  if (!metric.key.empty()) {
    fmt::print("best {} on the development set: {:.4f} (step {})\n", metric.text,
               summary.best_metric, summary.best_step);
  }
  fmt::print("written to {}\n", config.trainer.output_dir);
}

}  // namespace relata::app
