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
    "full_determinism",
    "gradient_checkpointing_kwargs",
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
    "tf32",
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

constexpr std::string_view kBestIs =
    "remove it: the weights of the best micro-F1 are kept (pairs), else those of the least loss";

const std::vector<Demand>& demands() {
  static const std::vector<Demand> kDemands = {
      {"do_train", {true}, "relata train trains; remove it"},
      {"do_predict", {false}, "relata extract and relata generate answer; relata evaluate scores"},
      {"predict_with_generate", {false}, "relata generate answers"},
      {"optim", {"adamw_torch", "adamw_torch_fused", "adamw_hf"}, "AdamW is what there is"},
      {"fp16", {false}, "set bf16: true, or leave both out"},
      {"pure_bf16", {false}, "set bf16: true"},
      {"logging_strategy", {"steps"}, "name logging_steps"},
      {"save_only_model", {false}, "checkpoints are whole; save_total_limit keeps few"},
      {"auto_find_batch_size", {false}, "name per_device_train_batch_size"},
      {"completion_only_loss", {true}, "train_on_prompt: true takes the loss on all tokens"},
      {"data_seed", {}, "remove it: seed decides about the order too"},
      {"dataloader_drop_last", {false}, "the last rows of an epoch are learned too"},
      {"disable_shuffling", {false}, "set shuffle: false"},
      {"group_by_length", {false}, "remove it: rows are packed without padding"},
      {"greater_is_better", {}, kBestIs},
      {"metric_for_best_model", {}, kBestIs},
      {"push_to_hub", {false}, "remove it: the output folder can be sent as it is"},
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

bool is_set(const Json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return false;
  return *found != 0 && *found != "" && *found != Json::array();
}

// Why a strategy is not what the other keys make of the run; "": it is. "epoch" is how evaluations
// come without eval_steps.
std::string_view contradiction(const Json& config, std::string_view key, const Json& value) {
  const bool evaluates = key != "save_strategy";
  const bool steps = is_set(config, evaluates ? "eval_steps" : "save_steps");
  if (value == "steps") {
    if (steps) return "";
    return evaluates ? "name eval_steps" : "name save_steps";
  }
  if (value == "no" || value == false) {
    if (!evaluates) return steps ? "leave save_steps out" : "";
    return is_set(config, "eval_dataset") ? "leave eval_dataset out" : "";
  }
  if (evaluates && value == "epoch") return steps ? "leave eval_steps out" : "";
  return evaluates ? "name eval_steps; without it each epoch ends with one" : "name save_steps";
}

}  // namespace

Status drop_foreign_keys(Json& config, const std::string& where) {
  std::vector<std::string> dropped, refused, instead;
  const auto refuse = [&](const std::string& key, std::string_view what) {
    refused.push_back(fmt::format("{}: {}", key, config[key].dump()));
    instead.push_back(fmt::format("{}: {}", key, what));
  };
  const auto drop = [&](const std::string& key) {
    dropped.push_back(key);
    config.erase(key);
  };
  for (const char* key : kOfOtherPrograms) {
    if (config.contains(key)) drop(key);
  }
  for (const Demand& demand : demands()) {
    const std::string key(demand.key);
    if (!config.contains(key)) continue;
    if (agrees(config[key], demand)) {
      drop(key);
    } else {
      refuse(key, demand.instead);
    }
  }
  for (const std::string key : {"eval_strategy", "evaluation_strategy", "save_strategy"}) {
    if (!config.contains(key)) continue;
    const std::string_view why =
        config[key].is_null() ? "" : contradiction(config, key, config[key]);
    if (why.empty()) {
      drop(key);
    } else {
      refuse(key, why);
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
