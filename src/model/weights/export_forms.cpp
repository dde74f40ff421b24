// What the files of other programs can say.
#include <array>
#include <cmath>
#include <utility>

#include "arch/architecture.h"
#include "arch/gguf.h"
#include "weights/export_common.h"

namespace relata::model {
namespace {

bool same_rotation(const DecoderConfig& a, const RopeConfig& rope_a, const DecoderConfig& b,
                   const RopeConfig& rope_b) {
  for (const int64_t length : {a.max_positions, 4 * a.max_positions}) {
    const RopeFrequencies x = rope_frequencies(a, rope_a, length);
    const RopeFrequencies y = rope_frequencies(b, rope_b, length);
    if (x.inverse != y.inverse || x.attention_scale != y.attention_scale) return false;
  }
  return true;
}

Error cannot_say(const std::string& format, const DecoderConfig& config, const std::string& what,
                 const std::string& hint) {
  return usage_error(
      format + " has no way to say the " + what + " of this " + config.model_type + " model", hint);
}

// Gemma 3's code in llama.cpp has these built in.
bool is_usual_gemma(const DecoderConfig& c) {
  constexpr int64_t kPattern = 6;
  constexpr double kSlidingTheta = 1e4;
  for (int64_t i = 0; i < c.num_layers; ++i) {
    if (c.slides(i) != ((i + 1) % kPattern != 0)) return false;
  }
  return c.sliding_rope.type == "default" && c.sliding_rope.theta == kSlidingTheta;
}

}  // namespace

Status check_hf_form(const DecoderConfig& config) {
  const std::string format = "config.json";
  const std::string hint = "export it to gguf";
  if (config.rope.type == "divisors") {
    return cannot_say(format, config, "rotation frequencies (rope_freqs.weight)", hint);
  }
  // Written and read again, it must be the same model.
  const Json json = decoder_config_to_json(config);
  RELATA_TRY(const DecoderConfig again, decoder_config_from_json(json, format));
  const std::array same = {
      std::pair("biases", config.qkv_bias == again.qkv_bias &&
                              config.output_bias == again.output_bias &&
                              config.mlp_bias == again.mlp_bias),
      std::pair("norms", config.qk_norm == again.qk_norm && config.post_norms == again.post_norms &&
                             config.rms_norm_eps == again.rms_norm_eps),
      std::pair("scale of scores", std::abs(config.attention_scale - again.attention_scale) < 1e-9),
      std::pair("sliding window", config.sliding_window == again.sliding_window &&
                                      config.sliding_layers == again.sliding_layers),
      std::pair("rotation", config.rotary_dim == again.rotary_dim && config.alibi == again.alibi &&
                                same_rotation(config, config.rope, again, again.rope)),
      std::pair("sliding layers' rotation",
                config.sliding_window == 0 ||
                    same_rotation(config, config.sliding_rope, again, again.sliding_rope)),
      std::pair("head", config.normalised_head == again.normalised_head &&
                            config.tie_embeddings == again.tie_embeddings),
      std::pair("size of heads", config.head_dim == again.head_dim)};
  for (const auto& [what, good] : same) {
    if (!good) return cannot_say(format, config, what, hint);
  }
  return {};
}

Status check_gguf_names(const DecoderConfig& config) {
  if (!architecture_of(config).gguf.empty()) return {};
  return usage_error("model type \"" + config.model_type + "\" has no GGUF form here",
                     "export it to hf");
}

Status check_gguf_form(const DecoderConfig& config) {
  const std::string format = "GGUF";
  const std::string hint = "export it to hf";
  const Architecture& architecture = architecture_of(config);
  const bool gemma = architecture.gguf == "gemma3";
  RELATA_CHECK(check_gguf_names(config));
  if (config.sliding_window > 0 && !gemma) {
    return cannot_say(format, config, "sliding window", hint);
  }
  if (gemma && !is_usual_gemma(config)) {
    return cannot_say(format, config, "sliding layers or their rotation", hint);
  }
  if (config.attention_scale > 0 &&
      std::abs(config.attention_scale - gguf_attention_scale(config)) > 1e-9) {
    return cannot_say(format, config, "scale of scores", hint);
  }
  const bool encoder = architecture.gguf == "bert";
  if (encoder && config.labels > 0) return cannot_say(format, config, "head over labels", hint);
  if (encoder && config.activation != nn::Activation::Gelu) {
    return cannot_say(format, config, "activation", hint);
  }
  const bool biased = config.output_bias || config.mlp_bias || config.qkv_bias;
  const bool may_be_biased =
      encoder || architecture.gguf == "llama" ||
      (architecture.gguf == "qwen2" && !config.output_bias && !config.mlp_bias);
  if (biased && !may_be_biased) return cannot_say(format, config, "biases", hint);
  return {};
}

}  // namespace relata::model
