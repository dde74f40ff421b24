// Qwen2 and 2.5 (Yang et al. 2024): Llama with biases of query, key and value. Qwen3 (Yang et al.
// 2025): norms of query and key heads instead.
#include <cmath>

#include "arch/architecture.h"
#include "arch/common.h"

namespace relata::model {
namespace {

constexpr int64_t kPositions = 32768;
constexpr int64_t kWindow = 4096;
constexpr int64_t kFullLayers = 28;  // "max_window_layers" of a file that has none
constexpr int64_t kQwen3HeadDim = 128;

void read_common(MemberReader& file, const ShapeDefaults& defaults, DecoderConfig& config) {
  read_shape(file, defaults, config);
  expect_activation(file, "hidden_act", {"silu", "swish"}, "silu");
  // A null switches the window off; a missing key means what Transformers assumes.
  const bool off = file.contains("sliding_window") && !file.has("sliding_window");
  if (file.boolean("use_sliding_window", false) && !off) {
    config.sliding_window = file.integer("sliding_window", kWindow, 1, kMaxSize);
    const int64_t full = file.integer("max_window_layers", kFullLayers, 0, kMaxSize);
    read_sliding_layers(file, config, [full](int64_t layer) { return layer >= full; });
  }
  read_rope(file, config, {}, config.rope);
  config.sliding_rope = config.rope;
}

void write_common(const DecoderConfig& config, Json& value) {
  const bool slides = config.sliding_window > 0;
  value["use_sliding_window"] = slides;
  value["sliding_window"] = slides ? Json(config.sliding_window) : Json(nullptr);
  value["layer_types"] = layer_types_to_json(config);
  int64_t full = 0;
  for (int64_t i = 0; i < config.num_layers; ++i) full += config.slides(i) ? 0 : 1;
  value["max_window_layers"] = full;
}

void read_qwen2(MemberReader& file, DecoderConfig& config) {
  ShapeDefaults defaults;
  defaults.positions = kPositions;
  read_common(file, defaults, config);
  config.qkv_bias = true;
}

void write_qwen2(const DecoderConfig& config, Json& value) {
  value["architectures"] = Json::array({"Qwen2ForCausalLM"});
  value.erase("head_dim");  // always hidden_size / num_attention_heads
  write_common(config, value);
}

void read_qwen3(MemberReader& file, DecoderConfig& config) {
  ShapeDefaults defaults;
  defaults.positions = kPositions;
  defaults.head_dim = kQwen3HeadDim;
  read_common(file, defaults, config);
  config.qk_norm = true;
  config.qkv_bias = config.output_bias = file.boolean("attention_bias", false);
}

void write_qwen3(const DecoderConfig& config, Json& value) {
  value["architectures"] = Json::array({"Qwen3ForCausalLM"});
  value["attention_bias"] = config.qkv_bias;
  write_common(config, value);
}

}  // namespace

const Architecture kQwen2 = [] {
  Architecture a;
  a.model_type = "qwen2";
  a.read = read_qwen2;
  a.write = write_qwen2;
  a.names = llama_names();
  a.gguf = "qwen2";
  a.gguf_names = llama_gguf_names();
  return a;
}();

const Architecture kQwen3 = [] {
  Architecture a;
  a.model_type = "qwen3";
  a.read = read_qwen3;
  a.write = write_qwen3;
  a.names = llama_names();
  a.names.query_norm = "self_attn.q_norm";
  a.names.key_norm = "self_attn.k_norm";
  a.gguf = "qwen3";
  a.gguf_names = llama_gguf_names();
  a.gguf_names.query_norm = "attn_q_norm";
  a.gguf_names.key_norm = "attn_k_norm";
  a.read_gguf = [](const GgufFile&, DecoderConfig& config) -> Status {
    config.qk_norm = true;
    return {};
  };
  return a;
}();

}  // namespace relata::model
