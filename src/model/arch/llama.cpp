// Llama (Touvron et al. 2023), which most others descend from, and Mistral (Jiang et al. 2023).
#include <algorithm>

#include "arch/architecture.h"
#include "arch/common.h"

namespace relata::model {
namespace {

constexpr int64_t kMistralPositions = 131072;
constexpr int64_t kMistralKvHeads = 8;
constexpr int64_t kMistralWindow = 4096;

void read_llama(MemberReader& file, DecoderConfig& config) {
  read_shape(file, {}, config);
  expect_activation(file, "hidden_act", {"silu", "swish"}, "silu");
  config.qkv_bias = config.output_bias = file.boolean("attention_bias", false);
  config.mlp_bias = file.boolean("mlp_bias", false);
  read_rope(file, config, {}, config.rope);
}

void write_llama(const DecoderConfig& config, Json& value) {
  value["architectures"] = Json::array({"LlamaForCausalLM"});
  value["attention_bias"] = config.qkv_bias;
  value["mlp_bias"] = config.mlp_bias;
}

void read_mistral(MemberReader& file, DecoderConfig& config) {
  ShapeDefaults defaults;
  defaults.positions = kMistralPositions;
  defaults.kv_heads = kMistralKvHeads;
  read_shape(file, defaults, config);
  expect_activation(file, "hidden_act", {"silu", "swish"}, "silu");
  read_rope(file, config, {}, config.rope);
  config.sliding_rope = config.rope;
  // A null switches the window off; a missing key means the first Mistral's.
  const int64_t window = file.integer(
      "sliding_window", file.contains("sliding_window") ? 0 : kMistralWindow, 1, kMaxSize);
  if (window > 0 && window < most_positions(config)) {
    config.sliding_window = window;
    // Ministral, which says in "layer_types" which layers slide, is stored as Mistral, too.
    read_sliding_layers(file, config, [](int64_t) { return true; });
  }
}

void write_mistral(const DecoderConfig& config, Json& value) {
  value["architectures"] = Json::array({"MistralForCausalLM"});
  value["sliding_window"] = config.sliding_window > 0 ? Json(config.sliding_window) : Json(nullptr);
  // By this key Transformers takes a file for Ministral's.
  const auto& layers = config.sliding_layers;
  if (std::find(layers.begin(), layers.end(), false) != layers.end()) {
    value["layer_types"] = layer_types_to_json(config);
  }
}

}  // namespace

Naming llama_names() {
  Naming names;
  names.embedding = "model.embed_tokens";
  names.norm = "model.norm";
  names.head = "lm_head";
  names.layer = "model.layers.";
  names.attention_norm = "input_layernorm";
  names.mlp_norm = "post_attention_layernorm";
  names.qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
  names.output = "self_attn.o_proj";
  names.gate_up = {"mlp.gate_proj", "mlp.up_proj"};
  names.down = "mlp.down_proj";
  return names;
}

Naming llama_gguf_names() {
  Naming names;
  names.embedding = "token_embd";
  names.norm = "output_norm";
  names.head = "output";
  names.layer = "blk.";
  names.attention_norm = "attn_norm";
  names.mlp_norm = "ffn_norm";
  names.qkv = {"attn_q", "attn_k", "attn_v"};
  names.output = "attn_output";
  names.gate_up = {"ffn_gate", "ffn_up"};
  names.down = "ffn_down";
  return names;
}

const Architecture kLlama = [] {
  Architecture a;
  a.model_type = "llama";
  a.read = read_llama;
  a.write = write_llama;
  a.names = llama_names();
  a.gguf = "llama";
  a.gguf_names = llama_gguf_names();
  a.gguf_names.interleaved = true;
  return a;
}();

// llama.cpp knows no Mistral: its files say that they are Llama's, as which they are read again,
// and have no window.
const Architecture kMistral = [] {
  Architecture a;
  a.model_type = "mistral";
  a.read = read_mistral;
  a.write = write_mistral;
  a.names = llama_names();
  a.gguf = "llama";
  a.gguf_names = llama_gguf_names();
  a.gguf_names.interleaved = true;
  return a;
}();

}  // namespace relata::model
