// Configurations of published models as their files state them, and weights that do not fit.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "relata/base/file.h"
#include "relata/model/config.h"
#include "relata/model/decoder.h"
#include "relata/model/export.h"
#include "relata/model/safetensors.h"

namespace relata::model {
namespace {

// What the config.json of each model says, as far as it is read here.
const char* const kLlama2 = R"({"model_type": "llama", "hidden_act": "silu", "hidden_size": 4096,
  "intermediate_size": 11008, "max_position_embeddings": 4096, "num_attention_heads": 32,
  "num_hidden_layers": 32, "num_key_value_heads": 32, "rms_norm_eps": 1e-05, "rope_scaling": null,
  "tie_word_embeddings": false, "torch_dtype": "float16", "vocab_size": 32000})";
const char* const kVicuna = R"({"model_type": "llama", "hidden_act": "silu", "hidden_size": 4096,
  "intermediate_size": 11008, "max_position_embeddings": 4096, "num_attention_heads": 32,
  "num_hidden_layers": 32, "num_key_value_heads": 32, "rms_norm_eps": 1e-05, "vocab_size": 32000})";
const char* const kMistral7b = R"({"model_type": "mistral", "hidden_act": "silu",
  "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 32768,
  "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
  "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 32000})";
const char* const kChatGlm2 = R"({"model_type": "chatglm", "add_bias_linear": false,
  "add_qkv_bias": true, "apply_residual_connection_post_layernorm": false,
  "ffn_hidden_size": 13696, "hidden_size": 4096, "kv_channels": 128, "layernorm_epsilon": 1e-05,
  "multi_query_attention": true, "multi_query_group_num": 2, "num_attention_heads": 32,
  "num_layers": 28, "padded_vocab_size": 65024, "post_layer_norm": true, "rmsnorm": true,
  "seq_length": 32768, "tie_word_embeddings": false, "torch_dtype": "float16",
  "eos_token_id": 2})";
const char* const kBaichuan2 = R"({"model_type": "baichuan", "hidden_act": "silu",
  "hidden_size": 5120, "intermediate_size": 13696, "model_max_length": 4096,
  "num_attention_heads": 40, "num_hidden_layers": 40, "rms_norm_eps": 1e-06,
  "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 125696,
  "z_loss_weight": 0})";

Json parsed(const char* text) { return Json::parse(text); }

DecoderConfig read(const Json& value) {
  return decoder_config_from_json(value, "m/config.json").value();
}

std::string refusal(const Json& value) {
  const auto config = decoder_config_from_json(value, "m/config.json");
  return config.ok() ? "(no error)" : config.error().message + " | " + config.error().hint;
}

void expect_mention(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "\nhas no " << part;
}

struct Published {
  const char* config;
  int64_t rank;
  std::vector<std::string> targets;
  int64_t trained;
};

// The counts that CRE-LLM's and AutoRE's runs print.
TEST(Architectures, LoraTrainsAsManyWeightsAsPublished) {
  const std::vector<Published> published = {
      {kLlama2, 8, {"q_proj", "v_proj"}, 4'194'304},
      {kChatGlm2, 8, {"query_key_value"}, 1'949'696},
      {kBaichuan2, 8, {"W_pack"}, 6'553'600},
      {kMistral7b, 100, {"q_proj", "v_proj"}, 42'598'400},
      {kVicuna, 100, {"q_proj", "v_proj"}, 52'428'800},
      {kChatGlm2, 100, {"query_key_value"}, 24'371'200},  // ChatGLM3's sizes are the same
  };
  for (const Published& p : published) {
    LoraConfig lora;
    lora.rank = p.rank;
    lora.targets = p.targets;
    EXPECT_EQ(lora_parameter_count(read(parsed(p.config)), lora).value(), p.trained) << p.config;
  }
  LoraConfig wrong;
  wrong.targets = {"q_proj"};
  const auto none = lora_parameter_count(read(parsed(kChatGlm2)), wrong);
  ASSERT_FALSE(none.ok());
  expect_mention(none.error().hint, "query_key_value, dense, dense_h_to_4h, dense_4h_to_h");
}

TEST(Architectures, WeightsOfPublishedModels) {
  EXPECT_EQ(parameter_count(read(parsed(kLlama2))), 6'738'415'616);
  EXPECT_EQ(parameter_count(read(parsed(kMistral7b))), 7'241'732'096);
  EXPECT_EQ(parameter_count(read(parsed(kChatGlm2))), 6'243'584'000);
  EXPECT_EQ(parameter_count(read(parsed(kBaichuan2))), 13'896'668'160);
}

TEST(Architectures, BaichuansDifferByTheKeysTheyHave) {
  Json value = parsed(kBaichuan2);
  EXPECT_TRUE(read(value).alibi);
  EXPECT_TRUE(read(value).normalised_head);
  EXPECT_EQ(read(value).max_positions, 4096);
  value["max_position_embeddings"] = 4096;  // the 7B
  EXPECT_FALSE(read(value).alibi);
  value.erase("z_loss_weight");  // the first generation
  EXPECT_FALSE(read(value).normalised_head);
}

TEST(Architectures, ChatGlmRefusesWhatTheSixBillionDoNotHave) {
  for (const char* key : {"multi_query_attention", "rmsnorm", "post_layer_norm",
                          "apply_residual_connection_post_layernorm"}) {
    Json value = parsed(kChatGlm2);
    value[key] = !value[key].get<bool>();
    expect_mention(refusal(value), key);
  }
  Json value = parsed(kChatGlm2);
  value.erase("kv_channels");
  expect_mention(refusal(value), "kv_channels");
  value = parsed(kChatGlm2);
  value["rope_ratio"] = 50;
  expect_mention(refusal(value), "rope_ratio");
  value["_name_or_path"] = "THUDM/chatglm3-6b-32k";
  EXPECT_DOUBLE_EQ(read(value).rope.theta, 500000.0);
  value["_name_or_path"] = "THUDM/chatglm2-6b-32k";
  EXPECT_DOUBLE_EQ(read(value).rope.factor, 50.0);
}

TEST(Architectures, SlidingLayersAreReadWithCare) {
  Json value = parsed(kMistral7b);
  value["model_type"] = "qwen2";
  value["use_sliding_window"] = true;
  value["max_window_layers"] = 30;
  EXPECT_FALSE(read(value).slides(29));
  EXPECT_TRUE(read(value).slides(30));
  value["layer_types"] = Json::array({"sliding_attention"});
  expect_mention(refusal(value), "layer_types");
  value["layer_types"] = Json(std::vector<std::string>(32, "chunked_attention"));
  expect_mention(refusal(value), "layer_types");
  value["sliding_window"] = -1;
  expect_mention(refusal(value), "sliding_window");
  value["sliding_window"] = nullptr;  // none, whatever the layers say
  EXPECT_EQ(read(value).sliding_window, 0);
}

// As published: what is usual is left out of the text part, what is of the whole stands outside.
TEST(Architectures, ModelsThatReadImagesHaveATextPart) {
  const Json gemma = parsed(R"({"model_type": "gemma3", "eos_token_id": [1, 106],
    "torch_dtype": "bfloat16", "text_config": {"hidden_size": 2560, "intermediate_size": 10240,
    "model_type": "gemma3_text", "num_hidden_layers": 34, "sliding_window": 1024,
    "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}, "vision_config": {}})");
  const DecoderConfig text = read(gemma);
  EXPECT_EQ(text.model_type, "gemma3_text");
  EXPECT_EQ(text.vocab_size, 262208);
  EXPECT_EQ(text.num_heads, 8);
  EXPECT_EQ(text.num_kv_heads, 4);
  EXPECT_EQ(text.head_dim, 256);
  EXPECT_EQ(text.bos_id, 2);
  EXPECT_EQ(text.eos_ids, (std::vector<int64_t>{1, 106}));
  EXPECT_EQ(text.dtype, "bfloat16");
  EXPECT_TRUE(text.tie_embeddings);
  EXPECT_EQ(text.rope.type, "linear");
  EXPECT_EQ(text.sliding_rope.type, "default");

  const DecoderConfig llava = read(parsed(R"({"model_type": "llava", "torch_dtype": "float16",
    "text_config": {"max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "vocab_size": 32064}})"));
  EXPECT_EQ(llava.model_type, "llama");
  EXPECT_EQ(llava.hidden_size, 4096);
  EXPECT_FALSE(llava.tie_embeddings);

  Json other = gemma;
  other["model_type"] = "qwen2_vl";
  expect_mention(refusal(other), "model type \"qwen2_vl\" is not supported");
  expect_mention(refusal(other), "the text part of gemma3");
  other = gemma;
  other["text_config"]["model_type"] = "ministral3";
  expect_mention(refusal(other), "text_config: model type \"ministral3\" is not supported");
  other.erase("text_config");
  expect_mention(refusal(other), "\"text_config\" is missing");
}

TEST(Architectures, GemmaRefusesWhatIsNotComputed) {
  Json value = parsed(kMistral7b);
  value["model_type"] = "gemma3_text";
  value["hidden_activation"] = "gelu_pytorch_tanh";
  EXPECT_TRUE(read(value).post_norms);
  for (const auto& [key, bad] : {std::pair("final_logit_softcapping", Json(30.0)),
                                 std::pair("attn_logit_softcapping", Json(50.0)),
                                 std::pair("use_bidirectional_attention", Json(true)),
                                 std::pair("hidden_activation", Json("silu")),
                                 std::pair("query_pre_attn_scalar", Json(0))}) {
    Json changed = value;
    changed[key] = bad;
    expect_mention(refusal(changed), key);
  }
}

TEST(Architectures, GemmaTakesBasesThatAreMissingFromOutsideItsRotations) {
  Json value = parsed(kMistral7b);
  value["model_type"] = "gemma3_text";
  value["hidden_act"] = "gelu_pytorch_tanh";
  value.erase("rope_theta");
  const auto expect_bases = [&](double full, double sliding) {
    const DecoderConfig config = read(value);
    EXPECT_DOUBLE_EQ(config.rope.theta, full) << value.dump();
    EXPECT_DOUBLE_EQ(config.sliding_rope.theta, sliding) << value.dump();
  };
  expect_bases(1e6, 1e4);
  value["rope_parameters"] = {{"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}}},
                              {"sliding_attention", {{"rope_type", "default"}}}};
  expect_bases(1e6, 1e4);
  EXPECT_EQ(read(value).rope.type, "linear");
  EXPECT_EQ(read(value).sliding_rope.type, "default");
  value["rope_theta"] = 7e4;
  value["rope_local_base_freq"] = 300.0;
  expect_bases(7e4, 300.0);
  value["rope_parameters"]["sliding_attention"]["rope_theta"] = 500.0;
  value["rope_parameters"]["full_attention"]["rope_theta"] = 5e4;
  expect_bases(5e4, 500.0);
  value["rope_parameters"].erase("sliding_attention");
  expect_bases(5e4, 300.0);
  value["rope_parameters"] = {{"sliding_attention", {{"rope_theta", 500.0}}}};
  expect_bases(7e4, 500.0);
  value["rope_parameters"] = nullptr;
  value["rope_local_base_freq"] = 1.0;
  expect_mention(refusal(value), "\"rope_local_base_freq\" must be above 1");
}

// ---- weights
// -------------------------------------------------------------------------------------

class Weights : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "weights_" + std::to_string(::getpid());
    DecoderConfig c;
    c.model_type = "qwen3";
    c.vocab_size = 13;
    c.hidden_size = 8;
    c.intermediate_size = 12;
    c.num_layers = 2;
    c.num_heads = 2;
    c.num_kv_heads = 1;
    c.head_dim = 4;
    c.qk_norm = true;
    ASSERT_TRUE(Decoder::random(c, 1)->save(folder_).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string problem() const {
    const auto model = Decoder::load(folder_, {});
    return model.ok() ? "(no error)" : model.error().message;
  }
  void set(const std::string& key, const Json& value) const {
    Json config = read_json(folder_ + "/config.json").value();
    config[key] = value;
    ASSERT_TRUE(write_json(folder_ + "/config.json", config).ok());
  }
  // Writes the weights again, without `dropped` and with `added`, a copy of the last norm.
  void rewrite(const std::string& dropped, const std::string& added) const {
    const auto views = read_model_tensors(folder_).value();
    std::vector<TensorToWrite> list;
    for (const auto& [name, view] : views) {
      if (name != dropped) list.push_back({name, view.dtype, view.shape, view.bytes});
    }
    const TensorView& norm = views.at("model.norm.weight");
    if (!added.empty()) list.push_back({added, norm.dtype, norm.shape, norm.bytes});
    ASSERT_TRUE(write_safetensors(folder_ + "/model.safetensors", list).ok());
  }
  std::string folder_;
};

TEST_F(Weights, LoadWhenTheyFit) { EXPECT_EQ(problem(), "(no error)"); }

TEST_F(Weights, TheMissingOneIsNamed) {
  rewrite("model.layers.1.self_attn.k_norm.weight", "");
  expect_mention(problem(), "model.layers.1.self_attn.k_norm.weight is missing");
}

TEST_F(Weights, TheSuperfluousOneIsNamed) {
  rewrite("", "model.layers.1.self_attn.q_proj.bias");
  expect_mention(problem(), "model.layers.1.self_attn.q_proj.bias is not part");
}

TEST_F(Weights, ThoseOfOtherQuantisationsAreNamed) {
  rewrite("model.layers.1.self_attn.q_proj.weight", "model.layers.1.self_attn.q_proj.qweight");
  expect_mention(problem(), "self_attn.q_proj.qweight is of a quantisation that is not supported");
}

TEST_F(Weights, ScalesBesideThemAreAQuantisation) {
  rewrite("", "model.layers.0.mlp.up_proj.weight_scale_inv");
  expect_mention(problem(), "mlp.up_proj.weight_scale_inv is of a quantisation");
}

TEST_F(Weights, DerivedTensorsArePassedOver) {
  rewrite("", "model.layers.0.self_attn.rotary_emb.inv_freq");
  EXPECT_EQ(problem(), "(no error)");
}

TEST_F(Weights, AHeadThatDiffersFromTheEmbeddingsItIsTiedToIsUsed) {
  EXPECT_FALSE(Decoder::load(folder_, {}).value()->config().tie_embeddings);
  set("tie_word_embeddings", true);
  EXPECT_FALSE(Decoder::load(folder_, {}).value()->config().tie_embeddings);
  rewrite("lm_head.weight", "");
  EXPECT_TRUE(Decoder::load(folder_, {}).value()->config().tie_embeddings);
}

TEST_F(Weights, ShapesAreNamedBesideThoseOfTheConfiguration) {
  set("intermediate_size", 16);
  expect_mention(problem(),
                 "model.layers.0.mlp.gate_proj.weight has shape [12, 8], the configuration asks "
                 "for [16, 8]");
}

// Nothing of these sizes is ever allocated.
TEST_F(Weights, AbsurdSizesMeetTheFilesShapesFirst) {
  set("vocab_size", 2147483647);
  expect_mention(problem(), "model.embed_tokens.weight has shape [13, 8]");
  set("hidden_size", 2147483647);
  expect_mention(problem(), "2^40");
}

TEST_F(Weights, AnotherArchitecturesConfigurationIsNotTheirs) {
  set("model_type", "llama");
  set("num_hidden_layers", 1);
  expect_mention(problem(), "is not part of this architecture");
}

}  // namespace
}  // namespace relata::model
