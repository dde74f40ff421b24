// The Llama architecture over packed sequences, its checkpoints and its LoRA adapters.
//
// legend: N tokens of all sequences of a batch, no padding; D model width; V vocabulary.
// Touvron et al. 2023; names of weights are those of Transformers' LlamaForCausalLM.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/model/config.h"
#include "relata/model/lora_config.h"
#include "relata/nn/ops.h"

namespace relata::model {

// LoRA (Hu et al. 2021) on a row range of a fused projection: y[:, row..row+rows) += s B A x.
struct Lora {
  std::string name;  // PEFT's module path, e.g. "model.layers.0.self_attn.q_proj"
  int64_t row = 0;
  int64_t rows = 0;
  at::Tensor a;  // [rank, in]
  at::Tensor b;  // [rows, rank]
};

// A weight as nn::pack_weight() makes it, and the state of the weights it was made from.
struct Packed {
  nn::PackedWeight weight;
  int64_t update = -1;
};

// A projection [out, in]; several checkpoint matrices may be fused into one.
struct Projection {
  at::Tensor weight;  // undefined after keep_packed_only()
  at::Tensor bias;    // may be undefined
  std::vector<Lora> loras;
  Packed pack;
};

struct Layer {
  at::Tensor attention_norm;  // [D]
  Projection qkv;             // q, k, v rows
  Projection output;
  at::Tensor mlp_norm;  // [D]
  Projection gate_up;   // gate rows, up rows
  Projection down;
};

// Keys and values of a run of tokens, a layer each, laid out as nn::CacheView says.
struct KvRun {
  struct Layer {
    at::Tensor keys, values;
    void* key_data;  // a tensor's own data_ptr() is slow for what is asked at every token
    void* value_data;
  };
  std::vector<Layer> layers;
  int64_t capacity = 0;
  int64_t length = 0;
  nn::CacheView view(size_t layer) const {
    return {layers[layer].key_data, layers[layer].value_data, capacity, length};
  }
};

// Keys and values of one sequence: runs that it shares with others, then its own, which grows.
struct KvCache {
  std::vector<std::shared_ptr<const KvRun>> shared;
  KvRun own;
  int64_t length() const {
    int64_t sum = own.length;
    for (const auto& run : shared) sum += run->length;
    return sum;
  }
};

// A packed batch. `positions` are the rotary positions of the tokens.
struct Batch {
  at::Tensor ids;        // [N] int64
  at::Tensor positions;  // [N] int64
  nn::Segments segments;
  // One sequence after the other, each causal, positions from 0.
  static Batch of(const std::vector<std::vector<int32_t>>& sequences);
};

// Sequences packed into one batch; rows[s][i] is the packed row of token i of sequence s. Rows may
// be shared (prefix_tree.h).
struct PackedSequences {
  Batch batch;
  std::vector<std::vector<int64_t>> rows;
};

struct ForwardOptions {
  double dropout = 0.0;                 // on embeddings and on what each block adds
  uint32_t dropout_seed = 0;            // of this batch
  bool gradient_checkpointing = false;  // keep only each layer's input, compute the rest again
};

class Llama {
 public:
  // Fresh weights: normal with the configuration's initializer_range; seeded, the same on every
  // machine. `dtype` of storage.
  static std::shared_ptr<Llama> random(const LlamaConfig& config, uint64_t seed,
                                       at::ScalarType dtype = at::kFloat);
  // `dtype`: "auto" (as stored), "float32", "bfloat16". Every tensor's name and shape is checked
  // against the configuration; the error names the first that is missing, extra or mis-shaped.
  static Result<std::shared_ptr<Llama>> load(const std::string& folder, const std::string& dtype);
  // config.json and model.safetensors, which Transformers loads. Tokenizer files are the caller's.
  Status save(const std::string& folder) const;

  // LoRA with A uniform (Kaiming, as PEFT) and B zero; freezes every other weight.
  Status add_lora(const LoraConfig& config, uint64_t seed);
  Status load_adapter(const std::string& folder);
  Status save_adapter(const std::string& folder) const;

  // The type activations are computed in: float32 or bfloat16.
  void set_compute_type(at::ScalarType type);
  at::ScalarType compute_type() const { return compute_type_; }

  // Final, normalised hidden states [N, D], or, with `rows` [M] int64, those of the packed rows
  // [M, D], which costs less. Differentiable when gradients are enabled.
  at::Tensor hidden(const Batch& batch, const ForwardOptions& options = {},
                    const at::Tensor& rows = {});
  // Logits [M, V], float32, of hidden states [M, D].
  at::Tensor logits(const at::Tensor& hidden);
  // Loss of linear_cross_entropy() with this model's head.
  at::Tensor loss(const at::Tensor& hidden, const at::Tensor& targets, const at::Tensor& weights,
                  double divisor);

  // Inference. prefill(): hidden states [sequences, D] of the last token of each sequence; the
  // keys and values of each are kept in `caches` with room for `extra` further tokens; what
  // sequences share is kept once. decode(): one token per sequence, appended.
  at::Tensor prefill(const PackedSequences& packed, std::vector<KvCache>& caches, int64_t extra);
  at::Tensor decode(const at::Tensor& ids, const std::vector<KvCache*>& caches);

  // What training changes: fused weights, or the LoRA matrices. Names are stable across runs.
  struct Parameter {
    std::string name;
    at::Tensor value;
    bool decay = true;  // weight decay applies (matrices, not norms and biases)
  };
  std::vector<Parameter> trainable() const;
  // Every weight under its checkpoint name, as views of the fused tensors.
  std::vector<std::pair<std::string, at::Tensor>> named_weights() const;
  // To be called after the weights changed: drops their copies in the compute type.
  void weights_changed() {
    ++generation_;
    ++updates_;
  }
  // The same, where compute_copy() of every changed weight was brought up to date too.
  void weights_and_copies_changed() { ++updates_; }
  // The copy of a weight in the compute type, for an optimiser that keeps it equal to the weight
  // itself; undefined when there is none or it is out of date.
  at::Tensor compute_copy(const at::Tensor& weight) const;

  // For a model that will only infer: frees the weights that have a packed form. Saving, training
  // and gradients are not possible afterwards.
  void keep_packed_only();

  const LlamaConfig& config() const { return config_; }
  const std::optional<LoraConfig>& lora() const { return lora_; }

 private:
  struct Cast {
    at::Tensor copy;
    int64_t generation = -1;
  };

  explicit Llama(LlamaConfig config);
  void allocate(at::ScalarType dtype);
  const at::Tensor& head() const { return config_.tie_embeddings ? embedding_ : head_; }
  at::Tensor computed(const at::Tensor& weight);
  at::Tensor project(const at::Tensor& x, Projection& projection);
  // Whether `pack` may stand for `weight` now; makes it when it is missing or out of date.
  bool packed(const at::Tensor& weight, Packed& pack);
  nn::Rotation rotation(const at::Tensor& positions, int64_t length);
  nn::Heads heads() const;
  struct Stream {
    at::Tensor x, delta;
  };
  Stream run_layer(size_t index, const Stream& in, const nn::Rotation& rotation,
                   const nn::Segments& segments, const ForwardOptions& options,
                   const at::Tensor& rows);
  at::Tensor finish(const Stream& stream, const ForwardOptions& options);
  at::Tensor embed(const at::Tensor& ids);
  std::vector<std::pair<std::string, Projection*>> projections();

  friend struct CheckpointedLayer;

  LlamaConfig config_;
  at::Tensor embedding_;  // [V, D]
  std::vector<Layer> layers_;
  at::Tensor norm_;  // [D]
  at::Tensor head_;  // [V, D]; undefined when tied
  std::optional<LoraConfig> lora_;
  at::ScalarType compute_type_ = at::kFloat;
  int64_t generation_ = 0;  // of the weights, as their copies know it
  int64_t updates_ = 0;     // counts every change of the weights
  Packed head_pack_;
  std::unordered_map<void*, Cast> casts_;
};

}  // namespace relata::model
