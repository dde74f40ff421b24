#include "relata/model/lora_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "member_reader.h"

namespace relata::model {
namespace {

constexpr int64_t kMaxRank = 1 << 16;
constexpr const char* kAllLinear = "all-linear";

// Members of PEFT's file that change what the adapter computes, in ways not implemented here. Any
// value but null, false, an empty list or an empty object is refused.
constexpr std::array kUnsupported = {"alora_invocation_tokens",
                                     "alpha_pattern",
                                     "arrow_config",
                                     "exclude_modules",
                                     "fan_in_fan_out",
                                     "kasa_config",
                                     "layer_replication",
                                     "layers_to_transform",
                                     "lora_bias",
                                     "modules_to_save",
                                     "monteclora_config",
                                     "rank_pattern",
                                     "target_parameters",
                                     "trainable_token_indices",
                                     "use_bdlora",
                                     "use_dora",
                                     "use_qalora",
                                     "velora_config"};

bool is_unset(const Json& value) {
  return value.is_null() || (value.is_boolean() && !value.get<bool>()) ||
         (value.is_structured() && value.empty());
}

void read_targets(MemberReader& file, LoraConfig& config) {
  const Json* targets = file.find("target_modules");
  if (targets == nullptr) {
    return file.fail_with(file.where() + ": \"target_modules\" is missing");
  }
  config.targets.clear();
  if (targets->is_string()) {
    if (*targets != kAllLinear) {
      return file.fail_with(file.where() + ": \"target_modules\" is a pattern",
                            "list the modules by name, such as [\"q_proj\", \"v_proj\"]");
    }
    config.targets = {kAllLinear};
    return;
  }
  const bool good = targets->is_array() && !targets->empty() &&
                    std::all_of(targets->begin(), targets->end(), [](const Json& item) {
                      return item.is_string() && !item.get_ref<const std::string&>().empty();
                    });
  if (!good) return file.fail("target_modules", "a list of module names");
  for (const Json& item : *targets) {
    const auto name = item.get<std::string>();
    if (std::find(config.targets.begin(), config.targets.end(), name) == config.targets.end()) {
      config.targets.push_back(name);
    }
  }
}

// These start from, and leave behind, base weights that differ from the checkpoint's.
bool changes_base_weights(const std::string& method) {
  return method.starts_with("pissa") || method == "olora" || method == "corda" ||
         method == "loftq" || method == "lora_ga";
}

Json plain_number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return static_cast<int64_t>(value);
  return value;
}

}  // namespace

double LoraConfig::scale() const {
  const auto r = static_cast<double>(rank);
  return rslora ? alpha / std::sqrt(r) : alpha / r;
}

Result<LoraConfig> lora_config_from_json(const Json& value, const std::string& where) {
  if (!value.is_object()) return input_error(where + ": a JSON object is wanted");
  MemberReader file(value, where);
  const std::string type = file.text("peft_type", "LORA");
  if (type != "LORA") {
    file.fail_with(where + ": adapter type \"" + type + "\" is not supported",
                   "only LORA adapters can be used");
  }
  for (const char* key : kUnsupported) {
    const Json* member = file.find(key);
    if (member == nullptr || is_unset(*member)) continue;
    file.fail_with(where + ": \"" + key + "\" is not supported",
                   "merge the adapter into its model with PEFT and use the merged model");
  }
  const std::string bias = file.text("bias", "none");
  if (bias != "none") {
    file.fail_with(where + ": \"bias\" of \"" + bias + "\" is not supported",
                   "merge the adapter into its model with PEFT and use the merged model");
  }
  const Json* start = file.find("init_lora_weights");
  if (start != nullptr && start->is_string() && changes_base_weights(start->get<std::string>())) {
    file.fail_with(where + ": \"init_lora_weights\" of \"" + start->get<std::string>() +
                       "\" needs base weights that are not in the checkpoint",
                   "save the adapter again with PEFT's path_initial_model_for_weight_conversion");
  }

  LoraConfig config;
  config.rank = file.required_integer("r", 1, kMaxRank);
  config.alpha = file.number("lora_alpha", 8.0);  // PEFT's default
  config.dropout = file.number("lora_dropout", 0.0);
  if (config.dropout < 0.0 || config.dropout >= 1.0) {
    file.fail("lora_dropout", "at least 0 and below 1");
  }
  config.rslora = file.boolean("use_rslora", false);
  config.base_model = file.text("base_model_name_or_path", "");
  read_targets(file, config);
  if (file.error()) return *file.error();
  return config;
}

Json lora_config_to_json(const LoraConfig& config) {
  // Only keys that the oldest PEFT with use_rslora knows: older ones refuse keys they do not know.
  const bool all = config.targets == std::vector<std::string>{kAllLinear};
  Json value;
  value["peft_type"] = "LORA";
  value["task_type"] = "CAUSAL_LM";
  value["base_model_name_or_path"] =
      config.base_model.empty() ? Json(nullptr) : Json(config.base_model);
  value["r"] = config.rank;
  value["lora_alpha"] = plain_number(config.alpha);
  value["lora_dropout"] = config.dropout;
  value["use_rslora"] = config.rslora;
  value["target_modules"] = all ? Json(kAllLinear) : Json(config.targets);
  value["bias"] = "none";
  value["fan_in_fan_out"] = false;
  value["inference_mode"] = true;
  value["init_lora_weights"] = true;
  value["modules_to_save"] = nullptr;
  return value;
}

}  // namespace relata::model
