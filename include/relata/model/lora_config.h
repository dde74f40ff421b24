// adapter_config.json of a LoRA adapter, as PEFT writes and reads it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "relata/base/json.h"

namespace relata::model {

struct DecoderConfig;

struct LoraConfig {
  int64_t rank = 8;
  double alpha = 16.0;
  double dropout = 0.0;
  bool rslora = false;
  // Suffixes of module names ("q_proj"), or {"all-linear"} for every projection of the layers.
  std::vector<std::string> targets = {"q_proj", "v_proj"};
  // Instead of `targets`: a regular expression (ICU's syntax) that whole module names match.
  std::string target_pattern;
  // Ranks and alphas of modules: the first entry whose expression matches a module's name, or what
  // follows a dot in it, counts.
  std::vector<std::pair<std::string, int64_t>> rank_pattern;
  std::vector<std::pair<std::string, double>> alpha_pattern;
  // Activated LoRA (Greenewald et al. 2025): the adapter acts from the last place on where these
  // tokens stand in the prompt; what is before is the base's. Empty: plain LoRA.
  std::vector<int32_t> invocation;
  std::string base_model;
  std::string task_type = "CAUSAL_LM";  // PEFT's name of what the model is for

  bool targeted(const std::string& module) const;
  int64_t rank_of(const std::string& module) const;
  double scale_of(const std::string& module) const;  // alpha / rank, or alpha / sqrt(rank)
};

// The modules that PEFT adapts in such a model where nothing else is said.
std::vector<std::string> usual_lora_targets(const DecoderConfig& config);

Result<LoraConfig> lora_config_from_json(const Json& value, const std::string& where);
Json lora_config_to_json(const LoraConfig& config);

// The first token that an adapter with this configuration acts on: 0 for plain LoRA; the begin of
// the last place of the invocation in `ids`; ids.size() where there is none.
size_t adapter_begin(const LoraConfig& config, const std::vector<int32_t>& ids);

}  // namespace relata::model
