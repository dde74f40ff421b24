#include "relata/model/config.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace relata::model {
namespace {

Json small() {
  return Json::parse(R"({
    "model_type": "llama", "vocab_size": 97, "hidden_size": 36, "intermediate_size": 20,
    "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 12,
    "max_position_embeddings": 256, "hidden_act": "silu", "rms_norm_eps": 1e-06,
    "bos_token_id": 1, "eos_token_id": 2})");
}

DecoderConfig read(const Json& value) {
  auto config = decoder_config_from_json(value, "m/config.json");
  EXPECT_TRUE(config.ok()) << (config.ok() ? "" : config.error().message);
  return config.ok() ? *config : DecoderConfig{};
}

std::string message(const Json& value) {
  const auto config = decoder_config_from_json(value, "m/config.json");
  if (config.ok()) return "(no error)";
  EXPECT_EQ(config.error().code, ErrorCode::kBadInput);
  EXPECT_TRUE(config.error().message.starts_with("m/config.json")) << config.error().message;
  return config.error().message;
}

std::string message_with(const std::string& key, const Json& member) {
  Json value = small();
  value[key] = member;
  return message(value);
}

void expect_mention(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "\nhas no " << part;
}

TEST(ConfigTest, ReadsSizes) {
  const DecoderConfig config = read(small());
  EXPECT_EQ(config.vocab_size, 97);
  EXPECT_EQ(config.hidden_size, 36);
  EXPECT_EQ(config.intermediate_size, 20);
  EXPECT_EQ(config.num_layers, 2);
  EXPECT_EQ(config.num_heads, 3);
  EXPECT_EQ(config.num_kv_heads, 1);
  EXPECT_EQ(config.head_dim, 12);
  EXPECT_EQ(config.max_positions, 256);
  EXPECT_DOUBLE_EQ(config.rms_norm_eps, 1e-6);
  EXPECT_FALSE(config.tie_embeddings);
  EXPECT_EQ(config.dtype, "float32");
  EXPECT_EQ(config.rope.type, "default");
  EXPECT_DOUBLE_EQ(config.rope.theta, 10000.0);
}

TEST(ConfigTest, DerivesWhatOlderFilesLeaveOut) {
  Json value = small();
  value.erase("num_key_value_heads");
  value["head_dim"] = nullptr;
  value.erase("max_position_embeddings");
  value.erase("rms_norm_eps");
  const DecoderConfig config = read(value);
  EXPECT_EQ(config.num_kv_heads, 3);
  EXPECT_EQ(config.head_dim, 12);
  EXPECT_EQ(config.max_positions, 2048);
  EXPECT_DOUBLE_EQ(config.rms_norm_eps, 1e-6);
}

TEST(ConfigTest, HeadDimNeedNotDivideTheHiddenSize) {
  Json value = small();
  value["head_dim"] = 10;
  EXPECT_EQ(read(value).head_dim, 10);
  value["hidden_size"] = 37;
  EXPECT_EQ(read(value).hidden_size, 37);
  value.erase("head_dim");
  expect_mention(message(value), "\"head_dim\" is missing");
}

TEST(ConfigTest, ReadsSpecialIds) {
  Json value = small();
  value["eos_token_id"] = {2, 5};
  EXPECT_EQ(read(value).eos_ids, (std::vector<int64_t>{2, 5}));
  value["eos_token_id"] = 7;
  EXPECT_EQ(read(value).eos_ids, (std::vector<int64_t>{7}));
  value["eos_token_id"] = nullptr;
  value["bos_token_id"] = nullptr;
  EXPECT_TRUE(read(value).eos_ids.empty());
  EXPECT_EQ(read(value).bos_id, -1);
  value.erase("eos_token_id");
  value.erase("bos_token_id");
  EXPECT_EQ(read(value).eos_ids, (std::vector<int64_t>{2}));
  EXPECT_EQ(read(value).bos_id, 1);
  for (const Json& bad : {Json("</s>"), Json({1, "x"}), Json(-1), Json(1.5)}) {
    expect_mention(message_with("eos_token_id", bad), "eos_token_id");
  }
  expect_mention(message_with("bos_token_id", Json({1})), "bos_token_id");
}

TEST(ConfigTest, ReadsTheStyleOfTransformers4) {
  for (const char* key : {"type", "rope_type"}) {
    Json value = small();
    value["rope_theta"] = 50000;
    value["rope_scaling"] = {{key, "linear"}, {"factor", 4}};
    value["torch_dtype"] = "bfloat16";
    const DecoderConfig config = read(value);
    EXPECT_EQ(config.rope.type, "linear");
    EXPECT_DOUBLE_EQ(config.rope.factor, 4.0);
    EXPECT_DOUBLE_EQ(config.rope.theta, 50000.0);
    EXPECT_EQ(config.dtype, "bfloat16");
  }
}

TEST(ConfigTest, ReadsTheStyleOfTransformers5) {
  Json value = small();
  value["rope_scaling"] = nullptr;
  value["rope_parameters"] = {{"rope_type", "llama3"},   {"rope_theta", 500000.0},
                              {"factor", 8.0},           {"low_freq_factor", 1.0},
                              {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 64}};
  value["dtype"] = "float16";
  const DecoderConfig config = read(value);
  EXPECT_EQ(config.rope.type, "llama3");
  EXPECT_DOUBLE_EQ(config.rope.theta, 500000.0);
  EXPECT_DOUBLE_EQ(config.rope.factor, 8.0);
  EXPECT_EQ(config.rope.original_max_position, 64);
  EXPECT_EQ(config.dtype, "float16");
}

TEST(ConfigTest, YarnWithoutFactorTakesTheRatioOfPositions) {
  Json value = small();
  value["rope_parameters"] = {{"rope_type", "yarn"}, {"original_max_position_embeddings", 64}};
  EXPECT_DOUBLE_EQ(read(value).rope.factor, 4.0);
  value["original_max_position_embeddings"] = 128;
  EXPECT_DOUBLE_EQ(read(value).rope.factor, 2.0);
}

TEST(ConfigTest, RefusesWrongRope) {
  const auto rope = [](const Json& value) { return message_with("rope_parameters", value); };
  expect_mention(rope({{"rope_type", "longrope"}}), "longrope");
  expect_mention(rope({{"rope_type", "linear"}}), "\"factor\" is missing");
  expect_mention(rope({{"rope_type", "linear"}, {"factor", 0}}), "factor");
  expect_mention(rope({{"rope_type", "linear"}, {"factor", "two"}}), "factor");
  expect_mention(rope({{"rope_type", "llama3"}, {"factor", 2}}), "low_freq_factor");
  expect_mention(rope({{"rope_type", "llama3"},
                       {"factor", 2},
                       {"low_freq_factor", 4},
                       {"high_freq_factor", 4}}),
                 "above \"low_freq_factor\"");
  expect_mention(rope({{"full_attention", {{"rope_type", "default"}}}}), "full_attention");
  expect_mention(rope({{"rope_theta", 1.0}}), "rope_theta");
  expect_mention(rope({{"partial_rotary_factor", 0.5}}), "partial_rotary_factor");
  expect_mention(rope("linear"), "an object");
  expect_mention(message_with("rope_theta", -1), "rope_theta");
}

TEST(ConfigTest, WrittenConfigReadsBackInBothStyles) {
  DecoderConfig config = read(small());
  config.tie_embeddings = true;
  config.qkv_bias = config.output_bias = true;
  config.mlp_bias = true;
  config.dtype = "bfloat16";
  config.eos_ids = {2, 3};
  config.bos_id = -1;
  for (const RopeConfig& rope : std::vector<RopeConfig>{
           {},
           {.type = "linear", .theta = 1e6, .factor = 2.0},
           {.type = "dynamic", .factor = 3.0},
           {.type = "llama3", .theta = 5e5, .factor = 8.0, .original_max_position = 32},
           {.type = "yarn",
           .factor = 4.0,
           .original_max_position = 64,
           .beta_fast = 16.0,
           .attention_factor = 1.5,
           .truncate = false},
           {.type = "yarn", .factor = 4.0, .mscale = 0.7, .mscale_all_dim = 1.1}}) {
    config.rope = rope;
    const Json both = decoder_config_to_json(config);
    Json old_style = both;
    old_style.erase("rope_parameters");
    old_style.erase("dtype");
    Json new_style = both;
    new_style.erase("rope_theta");
    new_style.erase("rope_scaling");
    new_style.erase("torch_dtype");
    for (const Json& value : {both, old_style, new_style}) {
      const DecoderConfig again = read(value);
      EXPECT_EQ(decoder_config_to_json(again), both) << value.dump();
      EXPECT_EQ(rope_frequencies(again, again.rope, 300).inverse,
                rope_frequencies(config, config.rope, 300).inverse);
    }
  }
}

TEST(ConfigTest, RefusesOtherArchitectures) {
  expect_mention(message_with("model_type", "gpt2"), "\"gpt2\" is not supported");
  expect_mention(message_with("hidden_act", "gelu"), "gelu");
  expect_mention(message_with("quantization_config", {{"bits", 4}}), "quantized");
  expect_mention(message_with("dtype", "float64"), "dtype");
  Json value = small();
  value.erase("model_type");
  expect_mention(message(value), "model_type");
  expect_mention(message(Json::array()), "object");
}

TEST(ConfigTest, MistralSlidesWhereItsWindowActs) {
  Json value = small();
  value["model_type"] = "mistral";
  value["sliding_window"] = nullptr;
  EXPECT_FALSE(read(value).slides(0));
  value["sliding_window"] = 256;  // as long as the model's texts
  EXPECT_FALSE(read(value).slides(0));
  value["sliding_window"] = 255;
  EXPECT_TRUE(read(value).slides(1));
  EXPECT_EQ(read(value).sliding_window, 255);
  value.erase("sliding_window");  // Transformers assumes 4096
  EXPECT_FALSE(read(value).slides(0));
  value["max_position_embeddings"] = 8192;
  EXPECT_EQ(read(value).sliding_window, 4096);
  value["sliding_window"] = nullptr;
  value["attention_bias"] = true;  // Transformers' mistral has no biases
  EXPECT_FALSE(read(value).qkv_bias);
}

TEST(ConfigTest, MistralSlidesWhereItsLayersSay) {
  Json value = small();
  value["model_type"] = "mistral";
  value["sliding_window"] = 8;
  value["layer_types"] = {"full_attention", "sliding_attention"};
  EXPECT_FALSE(read(value).slides(0));
  EXPECT_TRUE(read(value).slides(1));
  EXPECT_EQ(decoder_config_to_json(read(value))["layer_types"], value["layer_types"]);
  value["layer_types"] = {"full_attention"};
  expect_mention(message(value), "layer_types");
  value["layer_types"] = nullptr;
  EXPECT_TRUE(read(value).slides(0));
  // Transformers would take the file for Ministral's.
  EXPECT_FALSE(decoder_config_to_json(read(value)).contains("layer_types"));
}

TEST(ConfigTest, DynamicScalingTakesLongerTexts) {
  DecoderConfig config = read(small());
  EXPECT_EQ(most_positions(config), 256);
  config.rope = {.type = "dynamic", .factor = 2.5};
  EXPECT_EQ(most_positions(config), 640);
  config.rope.factor = 0.5;
  EXPECT_EQ(most_positions(config), 256);
  config.rope.factor = 1e30;
  EXPECT_EQ(most_positions(config), kAnyPositions);
  config.rope.type = "linear";
  EXPECT_EQ(most_positions(config), 256);
}

// A window as long as what the model was trained on acts on what dynamic scaling adds.
TEST(ConfigTest, MistralsWindowIsMeasuredByTheLongestTexts) {
  Json value = small();
  value["model_type"] = "mistral";
  value["sliding_window"] = 256;
  value["rope_parameters"] = {{"rope_type", "dynamic"}, {"factor", 2.0}};
  EXPECT_TRUE(read(value).slides(0));
}

TEST(ConfigTest, RefusesAttentionBothWays) {
  for (const char* type : {"llama", "mistral", "qwen2", "qwen3", "gemma3_text"}) {
    Json value = small();
    value["model_type"] = type;
    value["hidden_act"] = type == std::string("gemma3_text") ? "gelu_pytorch_tanh" : "silu";
    value["is_causal"] = true;
    EXPECT_EQ(message(value), "(no error)");
    value["is_causal"] = false;
    expect_mention(message(value), "\"is_causal\"");
  }
}

TEST(ConfigTest, RefusesImpossibleSizes) {
  for (const char* key : {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
                          "num_attention_heads"}) {
    for (const Json& bad : {Json(0), Json(-1), Json(1.5), Json("8"), Json(true),
                            Json(uint64_t{1} << 63), Json(1e30)}) {
      expect_mention(message_with(key, bad), key);
    }
    Json value = small();
    value.erase(key);
    expect_mention(message(value), key);
  }
  expect_mention(message_with("num_key_value_heads", 2), "num_key_value_heads");
  expect_mention(message_with("num_key_value_heads", 6), "num_key_value_heads");
  expect_mention(message_with("head_dim", 7), "even");
  Json value = small();
  value["vocab_size"] = 1 << 30;
  value["hidden_size"] = 3 << 20;
  expect_mention(message(value), "2^40");
}

TEST(ConfigTest, CountsParameters) {
  Json value = small();
  // Embedding and head 2*97*36, and per layer q, o 2*36*36, k, v 2*36*12, MLP 3*36*20, norms 2*36.
  const int64_t layer = 2 * 36 * 36 + 2 * 36 * 12 + 3 * 36 * 20 + 2 * 36;
  EXPECT_EQ(parameter_count(read(value)), 2 * 97 * 36 + 2 * layer + 36);
  value["tie_word_embeddings"] = true;
  EXPECT_EQ(parameter_count(read(value)), 97 * 36 + 2 * layer + 36);
  value["attention_bias"] = true;
  value["mlp_bias"] = true;
  EXPECT_EQ(parameter_count(read(value)),
            97 * 36 + 2 * (layer + 36 + 12 + 12 + 36 + 20 + 20 + 36) + 36);
}

}  // namespace
}  // namespace relata::model
