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

TEST(LoraConfigTest, ReadsAllLinear) {
  Json value = written_by_peft();
  value["target_modules"] = "all-linear";
  const auto config = lora_config_from_json(value, "a");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->targets, (std::vector<std::string>{"all-linear"}));
}

TEST(LoraConfigTest, TargetsMayBeAnExpressionOfWholeNames) {
  Json value = written_by_peft();
  value["target_modules"] = R"(model\.layers\.[01]\..*\.(q|k)_proj)";
  const auto config = lora_config_from_json(value, "a");
  ASSERT_TRUE(config.ok());
  EXPECT_TRUE(config->targeted("model.layers.0.self_attn.q_proj"));
  EXPECT_FALSE(config->targeted("model.layers.2.self_attn.q_proj"));
  EXPECT_FALSE(config->targeted("model.layers.0.self_attn.q_proj.more"));
  EXPECT_EQ(lora_config_to_json(*config)["target_modules"], value["target_modules"]);
  EXPECT_NE(message_with("target_modules", "(").find("target_modules"), std::string::npos);
}

TEST(LoraConfigTest, ThePatternThatMatchesFirstCounts) {
  Json value = written_by_peft();
  value["use_rslora"] = false;
  value["rank_pattern"] = {{R"(layers\.1\..*q_proj)", 2}, {"q_proj", 16}, {"mlp.down_proj", 1}};
  value["alpha_pattern"] = {{"q_proj", 4}};
  const auto config = lora_config_from_json(value, "a");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->rank_of("model.layers.1.self_attn.q_proj"), 2);
  EXPECT_EQ(config->rank_of("model.layers.0.self_attn.q_proj"), 16);
  EXPECT_EQ(config->rank_of("model.layers.0.mlp.down_proj"), 1);
  EXPECT_EQ(config->rank_of("model.layers.0.self_attn.seq_proj"), 4);  // a name is whole
  EXPECT_DOUBLE_EQ(config->scale_of("model.layers.0.self_attn.q_proj"), 0.25);
  EXPECT_DOUBLE_EQ(config->scale_of("model.layers.0.mlp.down_proj"), 8.0);
  EXPECT_EQ(lora_config_to_json(*config)["rank_pattern"].dump(), value["rank_pattern"].dump());
}

TEST(LoraConfigTest, AlphaOfAModuleMayBeWhatAlphaMay) {
  Json value = written_by_peft();
  value["use_rslora"] = false;
  value["alpha_pattern"] = {{"q_proj", 0}, {"k_proj", -2}, {"v_proj", 0.5}};
  const auto config = lora_config_from_json(value, "a");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_DOUBLE_EQ(config->scale_of("layers.0.q_proj"), 0.0);
  EXPECT_DOUBLE_EQ(config->scale_of("layers.0.k_proj"), -0.5);
  EXPECT_DOUBLE_EQ(config->scale_of("layers.0.v_proj"), 0.125);
}

TEST(LoraConfigTest, ExpressionsAreInPythonsSyntax) {
  Json value = written_by_peft();
  value["target_modules"] = R"(.*layers\.(?P<layer_no>\d+)\.(?P<x>q|v)_(?P=x)roj|\(?P<a>[(?P<]b)";
  const auto config = lora_config_from_json(value, "a");
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_TRUE(config->targeted("model.layers.12.q_qroj"));
  EXPECT_FALSE(config->targeted("model.layers.12.q_vroj"));
  EXPECT_TRUE(config->targeted("P<a>Pb"));
  EXPECT_EQ(lora_config_to_json(*config)["target_modules"], value["target_modules"]);
  EXPECT_NE(message_with("target_modules", "(?P<x").find("target_modules"), std::string::npos);
}

TEST(LoraConfigTest, ActivatedAdaptersBeginAtTheLastInvocation) {
  Json value = written_by_peft();
  value["alora_invocation_tokens"] = {7, 8};
  const auto config = lora_config_from_json(value, "a");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(adapter_begin(*config, {7, 8, 1, 7, 8, 2}), 3U);
  EXPECT_EQ(adapter_begin(*config, {7, 8}), 0U);
  EXPECT_EQ(adapter_begin(*config, {1, 8, 7}), 3U);
  EXPECT_EQ(adapter_begin(LoraConfig(), {1, 8, 7}), 0U);
  EXPECT_EQ(lora_config_to_json(*config)["alora_invocation_tokens"], Json({7, 8}));
  for (const Json& bad : {Json("7"), Json({-1}), Json({1.5}), Json({"a"})}) {
    EXPECT_NE(message_with("alora_invocation_tokens", bad).find("alora_invocation_tokens"),
              std::string::npos);
  }
}

TEST(LoraConfigTest, RefusesWhatWouldChangeTheResult) {
  const std::vector<std::pair<std::string, Json>> cases = {{"peft_type", "IA3"},
                                                           {"use_dora", true},
                                                           {"bias", "all"},
                                                           {"rank_pattern", {{"q_proj", 0}}},
                                                           {"rank_pattern", {{"(", 2}}},
                                                           {"rank_pattern", {{"q_proj", "2"}}},
                                                           {"rank_pattern", {{"q_proj", 2.5}}},
                                                           {"alpha_pattern", {{"q_proj", "2"}}},
                                                           {"alpha_pattern", 2},
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
