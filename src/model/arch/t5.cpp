// T5 (Raffel et al. 2020), its version 1.1 and Flan-T5 (Chung et al. 2022), and mT5 (Xue et al.
// 2021): encoder-decoders whose scores are not scaled and have a learned part for each distance.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "arch/architecture.h"
#include "arch/common.h"

namespace relata::model {
namespace {

constexpr int64_t kHeadDim = 64;
constexpr int64_t kBuckets = 32;
constexpr int64_t kMostBuckets = 1 << 16;
constexpr int64_t kDistance = 128;
constexpr int64_t kMostDistance = 1 << 20;
constexpr int64_t kMostBlocks = 1 << 15;

struct FeedForward {
  const char* name;
  bool gated;
  nn::Activation activation;
};

// "gelu" means another function where it is gated.
constexpr std::array kFeedForwards = {
    FeedForward{"relu", false, nn::Activation::Relu},
    FeedForward{"gated-gelu", true, nn::Activation::GeluTanh},
    FeedForward{"gated-relu", true, nn::Activation::Relu},
    FeedForward{"gated-silu", true, nn::Activation::Silu},
    FeedForward{"gelu_new", false, nn::Activation::GeluTanh},
    FeedForward{"gated-gelu_new", true, nn::Activation::GeluTanh},
    FeedForward{"gelu", false, nn::Activation::Gelu},
    FeedForward{"silu", false, nn::Activation::Silu},
};

void read_feed_forward(MemberReader& file, const char* fallback, DecoderConfig& config) {
  constexpr const char* kKey = "feed_forward_proj";
  const std::string name = file.string(kKey, fallback);
  const auto* found = std::find_if(kFeedForwards.begin(), kFeedForwards.end(),
                                   [&](const FeedForward& f) { return name == f.name; });
  if (found == kFeedForwards.end()) {
    std::string known;
    for (const FeedForward& f : kFeedForwards)
      known += (known.empty() ? "" : ", ") + std::string(f.name);
    return file.refuse(kKey, "one of " + known);
  }
  config.gated = found->gated;
  config.activation = found->activation;
}

void read_relative(MemberReader& file, DecoderConfig& config) {
  config.relative_buckets =
      file.integer("relative_attention_num_buckets", kBuckets, 4, kMostBuckets);
  config.relative_distance =
      file.integer("relative_attention_max_distance", kDistance, 2, kMostDistance);
  if (config.relative_distance <= config.relative_buckets / 2) {
    file.refuse("relative_attention_max_distance",
                "above half of \"relative_attention_num_buckets\" (" +
                    std::to_string(config.relative_buckets) + ")");
  }
}

void read_sizes(MemberReader& file, DecoderConfig& config) {
  config.vocab_size = file.required_integer("vocab_size", 1, kMaxSize);
  config.hidden_size = file.required_integer("d_model", 1, kMaxSize);
  config.intermediate_size = file.required_integer("d_ff", 1, kMaxSize);
  config.encoder_layers = file.required_integer("num_layers", 1, kMostBlocks);
  config.num_layers = file.integer("num_decoder_layers", config.encoder_layers, 1, kMostBlocks);
  config.num_heads = file.required_integer("num_heads", 1, kMaxSize);
  config.num_kv_heads = config.num_heads;
  config.head_dim = file.integer("d_kv", kHeadDim, 2, kMaxSize);
  if (config.head_dim % 2 != 0) file.refuse("d_kv", "an even number");
  config.max_positions = kAnyPositions;
  config.rms_norm_eps = file.positive("layer_norm_epsilon", 1e-6);
  if (!file.error()) check_sizes(file, config);
}

void read_encoder_decoder(MemberReader& file, const char* feed_forward, DecoderConfig& config) {
  config.rope.type = "none";
  config.attention_scale = 1.0;
  read_sizes(file, config);
  read_relative(file, config);
  read_feed_forward(file, feed_forward, config);
  if (!file.boolean("is_encoder_decoder", true)) file.refuse("is_encoder_decoder", "true");
  config.bos_id = -1;
  if (!file.contains("eos_token_id")) config.eos_ids = {1};
  // Targets begin with the padding token where the file names no other.
  config.start_id = file.integer("decoder_start_token_id",
                                 file.integer("pad_token_id", 0, 0, kMaxSize), 0, kMaxSize);
  if (config.start_id >= config.vocab_size) {
    file.refuse("decoder_start_token_id", "below \"vocab_size\"");
  }
}

// The first version scales what its head reads. Files of Transformers before 5 say so by
// "tie_word_embeddings"; later ones always have that on.
void read_t5(MemberReader& file, DecoderConfig& config) {
  read_encoder_decoder(file, "relu", config);
  const bool scaled =
      file.boolean("scale_decoder_outputs", file.boolean("tie_word_embeddings", true));
  config.tie_embeddings = scaled;
  if (scaled && !file.error()) {
    config.head_scale = 1.0 / std::sqrt(static_cast<double>(config.hidden_size));
  }
}

void read_mt5(MemberReader& file, DecoderConfig& config) {
  read_encoder_decoder(file, "gated-gelu", config);
  config.tie_embeddings = false;
}

void write_encoder_decoder(const DecoderConfig& config, Json& value) {
  for (const char* key :
       {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "head_dim", "max_position_embeddings", "hidden_act", "rms_norm_eps",
        "initializer_range", "rope_theta", "rope_scaling", "rope_parameters", "bos_token_id"}) {
    value.erase(key);
  }
  value["d_model"] = config.hidden_size;
  value["d_kv"] = config.head_dim;
  value["d_ff"] = config.intermediate_size;
  value["num_layers"] = config.encoder_layers;
  value["num_decoder_layers"] = config.num_layers;
  value["num_heads"] = config.num_heads;
  value["relative_attention_num_buckets"] = config.relative_buckets;
  value["relative_attention_max_distance"] = config.relative_distance;
  value["layer_norm_epsilon"] = config.rms_norm_eps;
  for (const FeedForward& f : kFeedForwards) {
    if (f.gated != config.gated || f.activation != config.activation) continue;
    value["feed_forward_proj"] = f.name;
    break;
  }
  value["is_encoder_decoder"] = true;
  value["decoder_start_token_id"] = config.start_id;
}

void write_t5(const DecoderConfig& config, Json& value) {
  write_encoder_decoder(config, value);
  value["architectures"] = Json::array({"T5ForConditionalGeneration"});
  const bool scaled = config.head_scale != 1.0;
  value["tie_word_embeddings"] = scaled;
  value["scale_decoder_outputs"] = scaled;
}

void write_mt5(const DecoderConfig& config, Json& value) {
  write_encoder_decoder(config, value);
  value["architectures"] = Json::array({"MT5ForConditionalGeneration"});
  value["tie_word_embeddings"] = false;
}

Naming stack_names(const std::string& stack, const std::string& feed_forward) {
  Naming names;
  names.layer = stack + ".block.";
  names.norm = stack + ".final_layer_norm";
  names.attention_norm = "layer.0.layer_norm";
  names.relative = "layer.0.SelfAttention.relative_attention_bias";
  names.qkv = {"layer.0.SelfAttention.q", "layer.0.SelfAttention.k", "layer.0.SelfAttention.v"};
  names.output = "layer.0.SelfAttention.o";
  names.mlp_norm = feed_forward + ".layer_norm";
  names.gate_up = {feed_forward + ".DenseReluDense.wi_0", feed_forward + ".DenseReluDense.wi_1"};
  names.up = feed_forward + ".DenseReluDense.wi";
  names.down = feed_forward + ".DenseReluDense.wo";
  return names;
}

Naming t5_names() {
  Naming names = stack_names("decoder", "layer.2");
  names.embedding = "shared";
  names.head = "lm_head";
  names.encoder = {stack_names("encoder", "layer.1")};
  names.source_norm = "layer.1.layer_norm";
  names.source_qkv = {"layer.1.EncDecAttention.q", "layer.1.EncDecAttention.k",
                      "layer.1.EncDecAttention.v"};
  names.source_output = "layer.1.EncDecAttention.o";
  names.unquantised = "wo";  // its values are too large for half precision
  names.copies = {"encoder.embed_tokens", "decoder.embed_tokens"};
  // The first checkpoints have it; no version reads it.
  names.ignored = {"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias."};
  return names;
}

Architecture encoder_decoder(const char* model_type, void (*read)(MemberReader&, DecoderConfig&),
                             void (*write)(const DecoderConfig&, Json&)) {
  Architecture a;
  a.model_type = model_type;
  a.read = read;
  a.write = write;
  a.names = t5_names();
  a.tied_by_weights = true;
  a.lora_targets = {"q", "v"};
  return a;
}

}  // namespace

const Architecture kT5 = encoder_decoder("t5", read_t5, write_t5);
const Architecture kMt5 = encoder_decoder("mt5", read_mt5, write_mt5);

}  // namespace relata::model
