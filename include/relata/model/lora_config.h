// adapter_config.json of a LoRA adapter, as PEFT writes and reads it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relata/base/json.h"

namespace relata::model {

struct LoraConfig {
  int64_t rank = 8;
  double alpha = 16.0;
  double dropout = 0.0;
  bool rslora = false;
  // Suffixes of module names ("q_proj"), or {"all-linear"} for every projection of the layers.
  std::vector<std::string> targets = {"q_proj", "v_proj"};
  std::string base_model;
  double scale() const;  // alpha / rank, or alpha / sqrt(rank) with rslora
};

Result<LoraConfig> lora_config_from_json(const Json& value, const std::string& where);
Json lora_config_to_json(const LoraConfig& config);

}  // namespace relata::model
