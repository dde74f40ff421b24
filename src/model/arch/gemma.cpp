// Gemma 3, its text part (Gemma Team 2025): norms before and after, norms of query and key heads,
// windows in five layers of six, with a rotation of their own.
#include <cmath>
#include <string>
#include <vector>

#include "arch/architecture.h"
#include "arch/common.h"
#include "arch/gguf.h"

namespace relata::model {
namespace {

constexpr int64_t kPositions = 131072;
constexpr int64_t kHeadDim = 256;
constexpr int64_t kWindow = 4096;
constexpr int64_t kPattern = 6;  // every sixth layer sees all
constexpr double kTheta = 1e6;
constexpr double kSlidingTheta = 1e4;

void fill(DecoderConfig& config) {
  config.qk_norm = config.post_norms = true;
  config.activation = nn::Activation::GeluTanh;
  config.embedding_scale = std::sqrt(static_cast<double>(config.hidden_size));
}

bool slides_by_pattern(int64_t layer, int64_t pattern) { return (layer + 1) % pattern != 0; }

void read_gemma3(MemberReader& file, DecoderConfig& config) {
  ShapeDefaults defaults;
  defaults.positions = kPositions;
  defaults.head_dim = kHeadDim;
  defaults.tied = true;
  read_shape(file, defaults, config);
  if (!file.contains("bos_token_id")) config.bos_id = 2;
  if (!file.contains("eos_token_id")) config.eos_ids = {1};
  const char* key = file.has("hidden_activation") ? "hidden_activation" : "hidden_act";
  expect_activation(file, key, {"gelu_pytorch_tanh"}, "gelu_pytorch_tanh");
  for (const char* cap : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    if (file.has(cap)) file.fail(MemberReader::quoted(cap) + " is not supported");
  }
  if (file.boolean("use_bidirectional_attention", false)) {
    file.fail("\"use_bidirectional_attention\" is not supported",
              "models that generate can be used, not encoders");
  }
  fill(config);
  config.qkv_bias = config.output_bias = file.boolean("attention_bias", false);
  const double scalar = file.positive("query_pre_attn_scalar", static_cast<double>(kHeadDim));
  config.attention_scale = 1.0 / std::sqrt(scalar);
  config.sliding_window = file.integer("sliding_window", kWindow, 1, kMaxSize);
  const int64_t pattern = file.integer("sliding_window_pattern", kPattern, 1, kMaxSize);
  read_sliding_layers(file, config,
                      [pattern](int64_t layer) { return slides_by_pattern(layer, pattern); });
  read_rope(file, config, {"full_attention", "rope_theta", kTheta}, config.rope);
  read_rope(file, config, {"sliding_attention", "rope_local_base_freq", kSlidingTheta},
            config.sliding_rope);
}

void write_gemma3(const DecoderConfig& config, Json& value) {
  value["architectures"] = Json::array({"Gemma3ForCausalLM"});
  value.erase("hidden_act");
  value["hidden_activation"] = "gelu_pytorch_tanh";
  value["attention_bias"] = config.qkv_bias;
  // Transformers wants a whole number where it can be one.
  const double scalar = 1.0 / (config.attention_scale * config.attention_scale);
  const bool whole = std::abs(scalar - std::round(scalar)) < 1e-6;
  value["query_pre_attn_scalar"] = whole ? Json(std::llround(scalar)) : Json(scalar);
  value["sliding_window"] = config.sliding_window;
  value["layer_types"] = layer_types_to_json(config);
  value["rope_local_base_freq"] = config.sliding_rope.theta;
  Json full = rope_to_json(config, config.rope);
  full["rope_theta"] = config.rope.theta;
  Json sliding = rope_to_json(config, config.sliding_rope);
  sliding["rope_theta"] = config.sliding_rope.theta;
  value["rope_parameters"] = {{"full_attention", full}, {"sliding_attention", sliding}};
}

Status check_no_caps(const GgufFile& file) {
  for (const char* cap : {"gemma3.attn_logit_softcapping", "gemma3.final_logit_softcapping"}) {
    RELATA_TRY(const double value, file.get_number(cap, 0.0));
    if (value == 0.0) continue;
    return input_error(file.path() + ": " + cap + " is not supported",
                       "use a model without soft caps, as Gemma 3's own are");
  }
  return {};
}

// By a period, or layer by layer (Ollama).
Status read_gguf_pattern(const GgufFile& file, DecoderConfig& config) {
  const std::string key = "gemma3.attention.sliding_window_pattern";
  auto& layers = config.sliding_layers;
  if (file.has(key) && file.raw_value(key).type == GgufValueType::kArray) {
    RELATA_TRY(const std::vector<int64_t> slides, file.get_integers(key));
    if (slides.size() != layers.size()) {
      return input_error(file.path() + ": " + key + " has " + std::to_string(slides.size()) +
                             " values, the model " + std::to_string(layers.size()) + " layers",
                         kDamaged);
    }
    layers.assign(slides.begin(), slides.end());
    return {};
  }
  RELATA_TRY(const int64_t pattern, file.get_integer(key, kPattern));
  if (pattern < 1) return input_error(file.path() + ": " + key + " must be above 0", kDamaged);
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i] = slides_by_pattern(static_cast<int64_t>(i), pattern);
  }
  return {};
}

// A file without a window has no layers that slide, which config.json says by its layers.
Status read_gguf_window(const GgufFile& file, DecoderConfig& config) {
  const std::string key = "gemma3.attention.sliding_window";
  config.sliding_window = kWindow;
  config.sliding_layers.assign(static_cast<size_t>(config.num_layers), false);
  RELATA_TRY(const int64_t window, file.get_integer(key, 0));
  if (window < 0) return input_error(file.path() + ": " + key + " must not be below 0", kDamaged);
  if (window == 0) return {};
  config.sliding_window = window;
  return read_gguf_pattern(file, config);
}

// A rotation's base by llama.cpp's name, or by Ollama's.
Result<double> read_gguf_base(const GgufFile& file, const std::string& name,
                              const std::string& other_name, double fallback) {
  const std::string prefix = "gemma3.rope.";
  const std::string key = prefix + (file.has(prefix + name) ? name : other_name);
  RELATA_TRY(const double base, file.get_number(key, fallback));
  if (!(base > 1.0) || !std::isfinite(base)) {
    return input_error(file.path() + ": " + key + " must be a number above 1", kDamaged);
  }
  return base;
}

Status read_gemma3_gguf(const GgufFile& file, DecoderConfig& config) {
  RELATA_CHECK(check_no_caps(file));
  fill(config);
  config.attention_scale = gguf_attention_scale(config);
  RELATA_CHECK(read_gguf_window(file, config));
  RELATA_TRY(config.rope.theta, read_gguf_base(file, "freq_base", "global.freq_base", kTheta));
  config.sliding_rope = {};  // any scaling is of the layers that see all
  RELATA_TRY(config.sliding_rope.theta,
             read_gguf_base(file, "freq_base_swa", "local.freq_base", kSlidingTheta));
  return {};
}

}  // namespace

const Architecture kGemma3 = [] {
  Architecture a;
  a.model_type = "gemma3_text";
  a.read = read_gemma3;
  a.write = write_gemma3;
  a.names = llama_names();
  a.names.attention_post_norm = "post_attention_layernorm";
  a.names.mlp_norm = "pre_feedforward_layernorm";
  a.names.mlp_post_norm = "post_feedforward_layernorm";
  a.names.query_norm = "self_attn.q_norm";
  a.names.key_norm = "self_attn.k_norm";
  a.names.norm_offset = 1.0;
  a.gguf = "gemma3";
  a.read_gguf = read_gemma3_gguf;
  a.gguf_names = llama_gguf_names();
  a.gguf_names.attention_post_norm = "post_attention_norm";
  a.gguf_names.mlp_post_norm = "post_ffw_norm";
  a.gguf_names.query_norm = "attn_q_norm";
  a.gguf_names.key_norm = "attn_k_norm";
  return a;
}();

}  // namespace relata::model
