// What a model is made of, and its config.json as Transformers 4 and 5 write it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/nn/activation.h"

namespace relata::model {

// Rotary position embedding and its scalings (linear, dynamic, llama3, yarn), named as in
// Transformers' `rope_scaling` / `rope_parameters`.
struct RopeConfig {
  std::string type = "default";
  double theta = 10000.0;
  double factor = 1.0;
  double low_freq_factor = 1.0;       // llama3
  double high_freq_factor = 4.0;      // llama3
  int64_t original_max_position = 0;  // llama3, yarn; 0: max_position_embeddings
  double beta_fast = 32.0;            // yarn
  double beta_slow = 1.0;             // yarn
  double attention_factor = 0.0;      // yarn; 0: derived from factor, mscale and mscale_all_dim
  double mscale = 0.0;                // yarn; 0: unset
  double mscale_all_dim = 0.0;        // yarn; 0: unset
  bool truncate = true;               // yarn; whole dimensions as bounds of the ramp
  std::vector<double> divisors{};     // of the frequencies, type "divisors" (GGUF's rope_freqs)
};

// A decoder-only model, an encoder of BERT's kind (`causal` false), or an encoder-decoder of T5's
// (`encoder_layers` above 0). What architectures differ in is said here, so that one forward pass
// serves all (decoder.h); arch/ says how each architecture's files say it.
struct DecoderConfig {
  std::string model_type = "llama";  // of an architecture in arch/
  int64_t vocab_size = 32000;
  int64_t hidden_size = 512;
  int64_t intermediate_size = 1376;
  int64_t num_layers = 8;
  int64_t num_heads = 8;
  int64_t num_kv_heads = 8;
  int64_t head_dim = 64;
  int64_t max_positions = 2048;
  double rms_norm_eps = 1e-5;  // or of layer norms
  double initializer_range = 0.02;
  bool tie_embeddings = false;
  bool qkv_bias = false;
  bool output_bias = false;  // of the attention's output projection
  bool mlp_bias = false;
  bool qk_norm = false;     // an RMS norm of every query and key head
  bool post_norms = false;  // norms also of what attention and feed-forward give
  nn::Activation activation = nn::Activation::Silu;  // of the feed-forward layer
  bool normalised_head = false;                      // rows of the head have length 1 (Baichuan2)
  bool alibi = false;  // scores that fall with distance, instead of rotation
  double embedding_scale = 1.0;
  double attention_scale = 0.0;  // of scores; 0: 1 / sqrt(head_dim)
  int64_t sliding_window = 0;    // of the layers in sliding_layers; 0: none
  std::vector<bool> sliding_layers;
  int64_t rotary_dim = 0;  // dimensions of a head that are rotated; 0: all
  RopeConfig rope;
  RopeConfig sliding_rope;  // of the layers in sliding_layers

  // What encoders differ in.
  bool causal = true;       // false: a token sees all of its sequence
  bool layer_norm = false;  // norms take the mean away too, and have biases
  bool norm_after = false;  // norms are of the sum of a block's input and what the block adds, and
                            // what they give is the next block's input (Vaswani et al. 2017)
  bool gated = true;        // feed-forward of gate times up, or of up alone
  int64_t embedding_size = 0;   // width of the embeddings, which a projection takes to hidden_size
                                // (Clark et al. 2020); 0: they have hidden_size
  int64_t position_offset = 0;  // the first token's row of learned positions
  int64_t position_rows = 0;    // learned positions instead of rotation; 0: none
  int64_t token_types = 0;      // kinds of segments, which have embeddings; 0: none
  int64_t labels = 0;           // outputs of a head over the first token; 0: none
  nn::Activation label_activation = nn::Activation::Tanh;  // within that head

  // What encoder-decoders differ in. Shapes are those of both stacks.
  int64_t encoder_layers = 0;  // that read a source both ways; the num_layers of the decoder attend
                               // to what they give, too. 0: there is no encoder
  int64_t start_id = 0;        // the token that every target begins with
  int64_t relative_buckets = 0;  // kinds of distances, for each of which every head of a stack has
                                 // a score (Raffel et al. 2020); 0: none
  int64_t relative_distance = 128;  // from here on all distances are of one kind
  double head_scale = 1.0;          // of the states that the head reads

  std::string dtype = "float32";  // as stored: float32, bfloat16, float16; of quantised blocks
                                  // bfloat16 (stored_types.h says what they are)
  int64_t bos_id = 1;             // -1: none
  std::vector<int64_t> eos_ids = {2};

  int64_t embedding_width() const { return embedding_size > 0 ? embedding_size : hidden_size; }
  bool slides(int64_t layer) const {
    return sliding_window > 0 && sliding_layers[static_cast<size_t>(layer)];
  }
};

// Of a Hugging Face folder or a .gguf file.
Result<DecoderConfig> read_decoder_config(const std::string& path);
// Every size is checked (positive, heads divide, products below 2^40). `where` names the file.
// Unsupported features (an activation, a model_type) are errors that name them.
Result<DecoderConfig> decoder_config_from_json(const Json& value, const std::string& where);
// Loads in Transformers 4 and 5 (both `rope_theta`/`rope_scaling` and `rope_parameters`).
Json decoder_config_to_json(const DecoderConfig& config);

// An error for models that write no text. `where` names the model.
Status check_causal(const DecoderConfig& config, const std::string& where);
// An error for encoder-decoders, which cannot do `what` ("be trained from token rows ...").
Status check_one_stack(const DecoderConfig& config, const std::string& where,
                       const std::string& what);

// `max_positions` of models that have no limit.
constexpr int64_t kAnyPositions = int64_t{1} << 30;
// The longest sequence that the model takes: `max_positions`, or what dynamic scaling makes of it.
int64_t most_positions(const DecoderConfig& config);

int64_t parameter_count(const DecoderConfig& config);

// Inverse frequencies [head_dim / 2], 0 for what is not rotated, and the factor on cos and sin, for
// sequences up to `length` (used by dynamic scaling). Source: Transformers' modeling_rope_utils,
// re-derived.
struct RopeFrequencies {
  std::vector<float> inverse;
  float attention_scale = 1.0F;
};
RopeFrequencies rope_frequencies(const DecoderConfig& config, const RopeConfig& rope,
                                 int64_t length);

}  // namespace relata::model
