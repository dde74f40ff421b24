#include "relata/model/lora_config.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace relata::model {
namespace {

// The members that PEFT 0.21.0 writes and that are looked at here, with their usual values.
Json written_by_peft() {
  return Json::parse(R"({
    "alora_invocation_tokens": null, "alpha_pattern": {}, "auto_mapping": null,
    "base_model_name_or_path": "base/model", "bias": "none", "exclude_modules": null,
    "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
    "layer_replication": null, "layers_pattern": null, "layers_to_transform": null,
    "loftq_config": {}, "lora_alpha": 8, "lora_bias": false, "lora_dropout": 0.05,
    "megatron_core": "megatron.core", "modules_to_save": null, "peft_type": "LORA",
    "peft_version": "0.21.0", "qalora_group_size": 16, "r": 4, "rank_pattern": {},
    "target_modules": ["q_proj", "down_proj"], "target_parameters": null,
    "task_type": "CAUSAL_LM", "trainable_token_indices": null, "use_dora": false,
    "use_qalora": false, "use_rslora": true})");
}

std::string message_with(const std::string& key, const Json& member) {
  Json value = written_by_peft();
  value[key] = member;
  const auto config = lora_config_from_json(value, "a/adapter_config.json");
  if (config.ok()) return "(no error)";
  EXPECT_TRUE(config.error().message.starts_with("a/adapter_config.json"));
  EXPECT_FALSE(config.error().message.empty());
  return config.error().message;
}

TEST(LoraConfigTest, ReadsWhatPeftWrites) {
  const auto config = lora_config_from_json(written_by_peft(), "a/adapter_config.json");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->rank, 4);
  EXPECT_DOUBLE_EQ(config->alpha, 8.0);
  EXPECT_DOUBLE_EQ(config->dropout, 0.05);
  EXPECT_TRUE(config->rslora);
  EXPECT_EQ(config->targets, (std::vector<std::string>{"q_proj", "down_proj"}));
  EXPECT_EQ(config->base_model, "base/model");
  EXPECT_DOUBLE_EQ(config->scale_of("q_proj"), 4.0);
}

TEST(LoraConfigTest, ScaleIsAlphaOverRankWithoutRslora) {
  LoraConfig config;
  config.rank = 16;
  config.alpha = 32.0;
  EXPECT_DOUBLE_EQ(config.scale_of("q_proj"), 2.0);
  config.rslora = true;
  EXPECT_DOUBLE_EQ(config.scale_of("q_proj"), 8.0);
}

TEST(LoraConfigTest, ReadsAllLinearAndPatterns) {
  Json value = written_by_peft();
  value["target_modules"] = "all-linear";
  const auto config = lora_config_from_json(value, "a");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->targets, (std::vector<std::string>{"all-linear"}));
  value["target_modules"] = ".*\\.layers\\.[01]\\..*(q|v)_proj";
  value["rank_pattern"] = {{"v_proj", 2}, {"layers\\.1\\..*q_proj", 5}};
  value["alpha_pattern"] = {{"v_proj", 6}};
  const auto pattern = lora_config_from_json(value, "a");
  ASSERT_TRUE(pattern.ok()) << pattern.error().message;
  EXPECT_TRUE(pattern->targeted("model.layers.1.self_attn.q_proj"));
  EXPECT_FALSE(pattern->targeted("model.layers.2.self_attn.q_proj"));
  EXPECT_FALSE(pattern->targeted("model.layers.1.self_attn.k_proj"));
  EXPECT_EQ(pattern->rank_of("model.layers.0.self_attn.v_proj"), 2);
  EXPECT_EQ(pattern->rank_of("model.layers.1.self_attn.q_proj"), 5);
  EXPECT_EQ(pattern->rank_of("model.layers.0.self_attn.q_proj"), pattern->rank);
  EXPECT_NE(message_with("target_modules", "(q_proj"), "(no error)");
}

TEST(LoraConfigTest, RefusesWhatWouldChangeTheResult) {
  const std::vector<std::pair<std::string, Json>> cases = {{"peft_type", "IA3"},
                                                           {"use_dora", true},
                                                           {"bias", "all"},
                                                           {"rank_pattern", {{"q_proj", 0}}},
                                                           {"alpha_pattern", {{"q_proj", "x"}}},
                                                           {"rank_pattern", {1}},
                                                           {"modules_to_save", {"lm_head"}},
                                                           {"layers_to_transform", 0},
                                                           {"layers_to_transform", {1}},
                                                           {"lora_bias", true},
                                                           {"fan_in_fan_out", true},
                                                           {"trainable_token_indices", {1}},
                                                           {"init_lora_weights", "pissa_niter_4"},
                                                           {"r", 0},
                                                           {"r", "8"},
                                                           {"lora_alpha", "x"},
                                                           {"lora_dropout", 1.0},
                                                           {"target_modules", nullptr},
                                                           {"target_modules", Json::array()},
                                                           {"target_modules", {1}},
                                                           {"target_modules", {""}}};
  for (const auto& [key, member] : cases) {
    EXPECT_NE(message_with(key, member), "(no error)") << key << " " << member.dump();
  }
  EXPECT_NE(message_with("use_dora", true).find("use_dora"), std::string::npos);
  EXPECT_FALSE(lora_config_from_json(Json::array(), "a").ok());
}

TEST(LoraConfigTest, WrittenConfigReadsBack) {
  LoraConfig config;
  config.rank = 3;
  config.alpha = 7.5;
  config.dropout = 0.1;
  config.rslora = true;
  config.base_model = "m";
  for (const std::vector<std::string>& targets :
       {std::vector<std::string>{"k_proj", "o_proj"}, std::vector<std::string>{"all-linear"}}) {
    config.targets = targets;
    const Json value = lora_config_to_json(config);
    const auto again = lora_config_from_json(value, "a");
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(lora_config_to_json(*again), value);
    EXPECT_EQ(again->targets, targets);
  }
  config.alpha = 16.0;
  EXPECT_TRUE(lora_config_to_json(config)["lora_alpha"].is_number_integer());
}

}  // namespace
}  // namespace relata::model
