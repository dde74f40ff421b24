#include "train/foreign_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "relata/base/log.h"

namespace relata::app {
namespace {

// Nothing that is learned depends on these.
constexpr std::array kOfOtherPrograms = {
    "cache_dir",
    "data_shared_file_system",
    "dataloader_drop_last",
    "dataloader_num_workers",
    "dataloader_persistent_workers",
    "dataloader_pin_memory",
    "dataloader_prefetch_factor",
    "ddp_find_unused_parameters",
    "ddp_timeout",
    "disable_gradient_checkpointing",
    "disable_tqdm",
    "do_eval",
    "enable_liger_kernel",
    "flash_attn",
    "image_max_pixels",
    "include_num_input_tokens_seen",
    "include_tokens_per_second",
    "logging_dir",
    "logging_first_step",
    "low_cpu_mem_usage",
    "neat_packing",  // rows are always packed, and none attends to another
    "overwrite_cache",
    "packing",
    "per_device_eval_batch_size",
    "plot_loss",  // loss.svg is always drawn
    "preprocessing_batch_size",
    "preprocessing_num_workers",
    "print_param_status",
    "ray_run_name",
    "remove_unused_columns",
    "report_to",
    "run_name",
    "save_safetensors",
    "swanlab_project",
    "tokenized_path",
    "trust_remote_code",
    "upcast_layernorm",
    "use_cache",
    "use_fast_tokenizer",
};

// Asked for with one of `values` it is what happens here anyway; a null always is.
struct Demand {
  std::string_view key;
  std::vector<Json> values;
  std::string_view instead;
};

const std::vector<Demand>& demands() {
  static const std::vector<Demand> kDemands = {
      {"do_train", {true}, "relata train trains; remove it"},
      {"do_predict", {false}, "relata extract and relata generate answer; relata evaluate scores"},
      {"predict_with_generate", {false}, "relata generate answers"},
      {"optim", {"adamw_torch", "adamw_torch_fused", "adamw_hf"}, "AdamW is what there is"},
      {"fp16", {false}, "set bf16: true, or leave both out"},
      {"pure_bf16", {false}, "set bf16: true"},
      {"eval_strategy", {"no", "steps"}, "name eval_steps; without it each epoch ends with one"},
      {"evaluation_strategy", {"no", "steps"}, "name eval_steps"},
      {"save_strategy", {"no", "steps"}, "name save_steps"},
      {"logging_strategy", {"steps"}, "name logging_steps"},
      {"save_only_model", {false}, "checkpoints are whole; save_total_limit keeps few"},
      {"load_best_model_at_end", {true}, "with an eval_dataset the best weights are kept"},
      {"val_size", {0}, "`relata data split` makes an eval_dataset"},
      {"quantization_method", {"bnb", "bitsandbytes"}, "quantization_type: nf4 is what there is"},
      {"use_dora", {false}, "use_rslora is what there is"},
      {"neftune_noise_alpha", {0}, "remove it"},
      {"label_smoothing_factor", {0}, "remove it"},
      {"mask_history", {false}, "every answer of a conversation is learned"},
      {"streaming", {false}, "all rows are read"},
      {"deepspeed", {}, "start it with torchrun (docs/training.md, Several processes)"},
      {"fsdp", {""}, "start it with torchrun (docs/training.md, Several processes)"},
      {"use_unsloth", {false}, "remove it"},
      {"use_swanlab", {false}, "train_log.jsonl and loss.svg have the losses"},
      {"use_galore", {false}, "AdamW is what there is"},
      {"pissa_init", {false}, "remove it: an adapter begins as nothing"},
      {"loraplus_lr_ratio", {0}, "remove it"},
      {"additional_target", {}, "remove it: adapters are of projections"},
      {"mix_strategy", {"concat"}, "data sets are read one after the other"},
      {"video_max_pixels", {}, "remove it: only texts are read"},
      {"shift_attn", {false}, "remove it"},
      {"rope_scaling", {}, "the model's own is used"},
      {"enable_thinking", {}, "remove it: chats are written as the template does by itself"},
  };
  return kDemands;
}

bool agrees(const Json& value, const Demand& demand) {
  if (value.is_null()) return true;
  return std::find(demand.values.begin(), demand.values.end(), value) != demand.values.end();
}

}  // namespace

Status drop_foreign_keys(Json& config, const std::string& where) {
  std::vector<std::string> dropped, refused, instead;
  for (const char* key : kOfOtherPrograms) {
    if (config.erase(key) > 0) dropped.emplace_back(key);
  }
  for (const Demand& demand : demands()) {
    const std::string key(demand.key);
    const auto found = config.find(key);
    if (found == config.end()) continue;
    if (agrees(*found, demand)) {
      dropped.push_back(key);
      config.erase(key);
    } else {
      refused.push_back(fmt::format("{}: {}", key, found->dump()));
      instead.push_back(fmt::format("{}: {}", key, demand.instead));
    }
  }
  if (!refused.empty()) {
    return usage_error(fmt::format("{}: not done here: {}", where, fmt::join(refused, ", ")),
                       fmt::format("{}", fmt::join(instead, "; ")));
  }
  if (!dropped.empty()) {
    log_info(fmt::format("{}: without effect here, or done anyway: {}", where,
                         fmt::join(dropped, ", ")));
  }
  return {};
}

}  // namespace relata::app
