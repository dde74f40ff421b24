// Decoder-only language models over packed prefix trees, encoders, and encoder-decoders: one
// forward pass for training, prefill, decoding, scoring and encoding; checkpoints and LoRA
// adapters.
//
// An encoder (config.causal false) is the same pass over segments without parents and without runs.
// In a pass of an encoder-decoder the root of each tree is a source, which the encoder's blocks
// compute, and all below it is its targets, which the decoder's blocks compute
// (docs/decisions/0016).
//
// legend: N tokens of all segments of a pass, no padding; D model width; V vocabulary.
// Names of weights are those of Transformers' class of the model's architecture.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "relata/base/result.h"
#include "relata/model/config.h"
#include "relata/model/device.h"
#include "relata/model/kv_run.h"
#include "relata/model/lora_config.h"
#include "relata/nn/linear.h"
#include "relata/nn/ops.h"

namespace relata::model {

// What is computed at once. Segments form prefix trees; some of their nodes may be cached.
struct Pass {
  at::Tensor ids;        // [N] int64
  at::Tensor positions;  // [N] int64, from 0
  at::Tensor types;      // [N] int64, of models with token types; undefined: all 0
  nn::Segments segments;
  std::vector<int>
      adapters;  // per segment, -1: the base; empty: the first adapter, if there is one
  // Per segment, or empty: of a cached one, its run; of a computed one, the run that its keys and
  // values are appended to, or null. A run must have room; its length is set by forward().
  std::vector<KvRun*> runs;
  // Of encoder-decoders, per segment: whether it is a source. Its run has what the decoder's blocks
  // attend to of it, for each of them.
  std::vector<bool> sources;
  // [M] int64: the rows whose hidden states are wanted, of no source; undefined: all such
  at::Tensor rows;

  double dropout = 0.0;                 // on embeddings and on what each block adds
  uint32_t dropout_seed = 0;            // of this pass
  bool gradient_checkpointing = false;  // keep only each layer's input, compute the rest again

  // One sequence after the other, each causal, positions from 0.
  static Pass of(const std::vector<std::vector<int32_t>>& sequences);
};

// A pass of sequences; rows[s][i] is the row of token i of sequence s. Rows may be shared
// (prefix_tree.h).
struct PackedSequences {
  Pass pass;
  std::vector<std::vector<int64_t>> rows;
};

// How the weights of a checkpoint lie in memory.
struct LoadOptions {
  // Of what is not quantised: "auto" (as stored; bfloat16 beside GGUF's blocks; float32 where the
  // CPU has no fast products of bfloat16), "float32", "bfloat16". Also the type that is computed
  // in.
  std::string dtype = "auto";
  // What is stored quantised (GGUF's blocks, NF4) is turned into that type. false: it stays as it
  // is stored and is turned into it panel by panel at each use: less memory, more time. Such
  // weights cannot be trained, only adapters of them.
  bool dequantize = true;
  // "nf4": float matrices of the layers' projections are quantised as they are read (QLoRA,
  // Dettmers et al. 2023), bit for bit as bitsandbytes does; "": as stored.
  std::string quantize = "";
  bool double_quantization = true;
  std::string device = default_device();  // device.h
};

struct Norm {
  at::Tensor weight;  // [D]
  at::Tensor bias;    // [D], or undefined
};

// Where norms come after (norm_after), a block's attention_norm is the one of what is below it: of
// the embeddings, or of the block before; the last block's own is the model's final norm.
struct Block {
  Norm attention_norm, mlp_norm;
  at::Tensor attention_post_norm, mlp_post_norm;  // [D], or undefined
  at::Tensor query_norm, key_norm;                // [head_dim], or undefined
  nn::Linear qkv;                                 // query, key, value rows
  nn::Linear output;
  nn::Linear gate_up;  // gate rows, up rows; or up rows alone
  nn::Linear down;
  // Between attention and feed-forward, in the decoder of an encoder-decoder: attention to the
  // source.
  Norm source_norm;
  nn::Linear source_query, source_key_value, source_output;
};

// Const members may be called from several threads at once, with runs of their own.
class Decoder {
 public:
  // Fresh weights: normal with the configuration's initializer_range; seeded, the same on every
  // machine. `dtype` of storage.
  static std::shared_ptr<Decoder> random(const DecoderConfig& config, uint64_t seed,
                                         at::ScalarType dtype = at::kFloat);
  // A Hugging Face folder or a .gguf file. Every tensor's name and shape is checked against the
  // configuration before memory is taken; the error names the first that is missing, extra or
  // mis-shaped.
  static Result<std::shared_ptr<Decoder>> load(const std::string& path, const LoadOptions& options);
  // config.json and model.safetensors, which Transformers loads, in the type of storage. Error: a
  // model with quantised weights.
  Status save(const std::string& folder) const;
  // Whether any weight is kept quantised.
  bool quantized() const;

  // LoRA with A uniform (Kaiming, as PEFT) and B zero; freezes every other weight. The number of
  // the new adapter.
  Result<int> add_adapter(const std::string& name, const LoraConfig& config, uint64_t seed);
  // Where the adapter says what base it was trained on (identity.h), another one is refused;
  // `any_base` makes that a warning.
  Result<int> load_adapter(const std::string& name, const std::string& folder,
                           bool any_base = false);
  // Has adapters that are saved from now on say that they were trained on this base, by the content
  // of the files it was loaded from. Cost: reads them.
  Status record_base();
  Status save_adapter(int adapter, const std::string& folder) const;
  // Adds the adapter's product to the weights it adapts, and removes all adapters.
  Status merge_adapter(int adapter);
  struct Adapter {
    std::string name;
    LoraConfig config;
    std::string folder = {};  // what it was loaded from; "": nothing
  };
  const std::vector<Adapter>& adapters() const { return adapters_; }
  int find_adapter(const std::string& name) const;  // -1: none

  // The type activations are computed in: float32 or bfloat16.
  void set_compute_type(at::ScalarType type);
  at::ScalarType compute_type() const { return compute_type_; }

  // Moves all weights. Passes, targets and the weights of a loss are made on the CPU as ever; what
  // is computed from them lies on the device. To be called before other threads have the model, and
  // before its parameters are taken.
  void to(at::Device device);
  at::Device device() const { return norm_.weight.device(); }

  // Final, normalised hidden states [N, D] (of no source), or of pass.rows [M, D], which costs
  // less. Differentiable when gradients are enabled; then nothing can be kept in runs.
  at::Tensor forward(const Pass& pass) const;
  // Logits [M, V], float32, of hidden states [M, D].
  at::Tensor logits(const at::Tensor& hidden) const;
  // The same for the tokens `ids` [K] alone: [M, K].
  at::Tensor logits_of(const at::Tensor& hidden, const at::Tensor& ids) const;
  // Outputs [M, labels], float32, of the head of a classifier or cross-encoder, for the hidden
  // states [M, D] of sequences' first tokens.
  at::Tensor label_logits(const at::Tensor& first) const;
  // Loss of nn::linear_cross_entropy() with this model's head.
  at::Tensor loss(const at::Tensor& hidden, const at::Tensor& targets, const at::Tensor& weights,
                  double divisor) const;

  // An empty run with room for `capacity` tokens.
  KvRun make_run(int64_t capacity) const;

  // What training changes: fused weights, or the LoRA matrices. Names are stable across runs.
  struct Parameter {
    std::string name;
    at::Tensor value;
    bool decay = true;  // weight decay applies (matrices, not norms and biases)
    nn::Weight weight;  // undefined for norms and biases
  };
  std::vector<Parameter> trainable() const;
  // Every weight that is in memory as it is, neither quantised nor packed only, under its
  // checkpoint name, in the order of rows that the model computes with.
  std::vector<std::pair<std::string, at::Tensor>> named_weights() const;
  // To be called after the weights changed: drops their copies in the compute type.
  void weights_changed();
  // The same, where the copies that optimisers keep (nn::Weight::kept_copy) are up to date too.
  void weights_and_copies_changed();
  // Counts the changes: keys and values of another version are of other weights.
  uint64_t version() const { return version_; }

  // For a model that will only infer: frees the weights that have a packed form. Saving, training
  // and gradients are not possible afterwards.
  void keep_packed_only();

  const DecoderConfig& config() const { return config_; }
  const std::string& source() const { return source_; }  // what it was loaded from; "": nothing

 private:
  struct Stream;
  struct Stack;
  struct Source;
  struct Turns;
  struct LayerCall;
  friend struct CheckpointedLayer;
  friend class Checkpoint;

  explicit Decoder(DecoderConfig config);
  // Which matrices are quantised: no memory is taken for them. `projections`: as projections().
  struct Quantized {
    bool embedding = false, head = false;
    std::vector<bool> projections;
  };
  void allocate(const at::TensorOptions& options, const Quantized& quantized);
  std::string block_prefix(size_t index) const;  // of trained weights' names
  at::Tensor head_input(const at::Tensor& hidden) const;
  const nn::Weight& head() const { return config_.tie_embeddings ? embedding_ : head_; }
  nn::Rotation rotation(const at::Tensor& positions, const RopeConfig& rope, int64_t length) const;
  Stack stack(bool of_encoder) const;
  Turns turns(const Stack& stack, const Pass& pass) const;
  nn::AttentionSpec attention_spec(const LayerCall& call) const;
  std::pair<at::Tensor, at::Tensor> norm(const Stream& in, const Norm& norm, const Pass& pass,
                                         size_t site) const;
  at::Tensor post_norm(const at::Tensor& x, const at::Tensor& weight) const;
  at::Tensor attend(const LayerCall& call, const at::Tensor& h) const;
  at::Tensor attend_source(const LayerCall& call, const at::Tensor& h) const;
  Stream run_layer(const LayerCall& call, const Stream& in) const;
  at::Tensor run_stack(const Stack& stack, const Pass& pass, const Source* source) const;
  at::Tensor embed(const Pass& pass) const;
  std::vector<std::pair<std::string, nn::Linear*>> projections();
  void freeze();

  DecoderConfig config_;
  nn::Weight embedding_;  // [V, D], or [V, embedding_size]; so are the two below
  nn::Weight positions_;  // [position_rows, D]; undefined where positions are not learned
  nn::Weight types_;      // [token_types, D]; undefined where there are none
  // Between embeddings of another width and the first block, which then has no norm of what is
  // below it; undefined where they have the blocks' width.
  Norm embedding_norm_;
  nn::Linear embedding_projection_;  // [D, embedding_size]
  std::vector<Block> blocks_;        // the encoder's first, where there is one
  Norm norm_;
  Norm encoder_norm_;                       // undefined where there is no encoder
  at::Tensor relative_, encoder_relative_;  // [relative_buckets, H] float32, or undefined
  nn::Weight head_;                         // [V, D]; undefined when tied, and of encoders
  nn::Linear label_dense_;                  // [D, D], of models with labels
  nn::Linear label_output_;                 // [labels, D]
  std::vector<float> slopes_;
  std::vector<Adapter> adapters_;
  std::string source_;  // what it was loaded from
  std::string base_;    // record_base()
  at::ScalarType compute_type_ = at::kFloat;
  uint64_t version_ = 0;
};

}  // namespace relata::model
