#include "relata/model/memory.h"

#include <algorithm>

#include "relata/base/gguf.h"
#include "relata/kernels/nf4.h"
#include "relata/model/export.h"
#include "weights/checkpoint.h"
#include "weights/types.h"

namespace relata::model {
namespace {

constexpr int64_t kHalf = 2;               // bytes of bfloat16
constexpr int64_t kFloat = 4;              // of float32
constexpr int64_t kPanel = 1 << 24;        // numbers of a quantised weight dequantised at once
constexpr int64_t kLossRows = 512;         // whose logits exist at once
constexpr int64_t kProgram = 166'000'000;  // LibTorch loaded, and its threads; measured
// What lives until the backward pass and what does not lie in one heap, and holes are left between
// them. Measured (bench/memory.py): 1.3 times the tensors' own bytes, and none of that where every
// large tensor has a mapping of its own (MALLOC_MMAP_THRESHOLD_).
constexpr double kHoles = 1.3;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t nf4_bytes(int64_t count, bool twice) {
  const int64_t blocks = ceil_div(count, kernels::kNf4Block);
  const int64_t scales =
      twice ? blocks + kFloat * ceil_div(blocks, kernels::kNf4Nested) : kFloat * blocks;
  return ceil_div(count, 2) + scales;
}

int64_t block_bytes(int64_t count, const std::string& type) {
  for (uint32_t i = 0; i <= static_cast<uint32_t>(GgmlType::kQ10); ++i) {
    const auto known = static_cast<GgmlType>(i);
    if (is_known(known) && type == name_of(known)) {
      return count / ggml_block(known).elements * ggml_block(known).bytes;
    }
  }
  return kHalf * count;
}

// A layer's widths, and what an adapter of it keeps beside.
struct LayerSizes {
  int64_t hidden, query, qkv, inner;
  bool adapts_qkv = false, adapts_gate_up = false, adapts_down = false;
  int64_t ranks = 0;  // of all its matrices
};

LayerSizes layer_sizes(const DecoderConfig& c, const LoraConfig& lora) {
  LayerSizes out{c.hidden_size, c.num_heads * c.head_dim,
                 (c.num_heads + 2 * c.num_kv_heads) * c.head_dim, c.intermediate_size};
  const Naming& names = architecture_of(c).names;
  const std::string prefix = names.layer + "0.";
  const auto count = [&](const std::string& name) {
    const bool targeted = lora.targeted(prefix + name);
    if (targeted) out.ranks += lora.rank_of(prefix + name);
    return targeted;
  };
  for (const std::string& name : names.qkv) out.adapts_qkv = count(name) || out.adapts_qkv;
  for (const std::string& name : names.gate_up) {
    out.adapts_gate_up = count(name) || out.adapts_gate_up;
  }
  count(names.output);
  out.adapts_down = count(names.down);
  return out;
}

// Of one token in one layer: both norms' inputs, what attention and activation keep, and inputs of
// adapted projections. `element`: bytes of a number that is computed with.
int64_t kept_per_token(const LayerSizes& s, int64_t heads, int64_t element) {
  const int64_t norms = 2 * (kFloat * s.hidden + kFloat);
  const int64_t attention = element * (s.qkv + s.query) + kFloat * heads;
  int64_t adapted = s.adapts_qkv ? s.hidden : 0;
  adapted += s.adapts_gate_up ? s.hidden : 0;
  adapted += s.adapts_down ? s.inner : 0;
  return norms + attention + element * (2 * s.inner + adapted + s.ranks);
}

}  // namespace

namespace {

struct StoredSizes {
  int64_t weights = 0;  // in memory
  int64_t file = 0;     // as they are stored
  int64_t panel = 0;    // numbers of the widest matrix that is turned into floats at each use
};

Result<StoredSizes> stored_sizes(const std::string& path, const LoadOptions& options) {
  RELATA_TRY(const DecoderConfig config, read_decoder_config(path));
  RELATA_TRY(const auto source, open_weights(path));
  const Architecture& architecture = architecture_of(config);
  const Naming& names = is_gguf(path) ? architecture.gguf_names : architecture.names;
  const auto projections = Checkpoint::projection_names(config, names);
  const int64_t element = options.dtype == "float32" ? kFloat : kHalf;
  StoredSizes out;
  for (const std::string& name : source->names()) {
    const StoredTensor stored = *source->find(name);
    int64_t count = 1;
    for (const int64_t size : stored.shape) count *= size;
    const bool makes_nf4 =
        !options.quantize.empty() && projections.contains(name) && !stored.quantized;
    const bool is_nf4 = stored.type == "NF4";
    if (is_nf4) {
      out.file += nf4_bytes(count, options.double_quantization);
    } else if (stored.quantized) {
      out.file += block_bytes(count, stored.type);
    } else {
      out.file += count * (stored.type == "F32" ? kFloat : kHalf);
    }
    const bool packed =
        stored.shape.size() > 1 && !options.dequantize && (stored.quantized || makes_nf4);
    if (packed) out.panel = std::max(out.panel, count);
    if (stored.shape.size() < 2) {
      out.weights += kFloat * count;
    } else if (!packed) {
      out.weights += element * count;
    } else if (makes_nf4 || is_nf4) {
      out.weights += nf4_bytes(count, options.double_quantization);
    } else {
      out.weights += block_bytes(count, stored.type);
    }
  }
  return out;
}

}  // namespace

Result<int64_t> weight_bytes(const std::string& path, const LoadOptions& options) {
  RELATA_TRY(const StoredSizes sizes, stored_sizes(path, options));
  return sizes.weights;
}

Result<LoraMemory> forecast_lora(const std::string& path, const LoraStep& step) {
  RELATA_TRY(const DecoderConfig c, read_decoder_config(path));
  RELATA_CHECK(check_one_stack(c, path, "have its memory forecast"));
  RELATA_TRY(const int64_t trained, lora_parameter_count(c, step.lora));
  LoraMemory out;
  out.program = kProgram;
  RELATA_TRY(const StoredSizes stored, stored_sizes(path, step.load));
  out.weights = stored.weights;
  out.file = stored.file;
  const bool half = step.load.dtype != "float32";
  const int64_t element = half ? kHalf : kFloat;
  // Value and two moments in float32, the gradient and in bfloat16 a copy.
  out.adapter = trained * (3 * kFloat + (half ? 2 * kHalf : kFloat));
  const LayerSizes sizes = layer_sizes(c, step.lora);
  const int64_t layer = kept_per_token(sizes, c.num_heads, element);
  const int64_t stream = (kFloat + element) * c.hidden_size;
  const int64_t kept =
      step.gradient_checkpointing ? c.num_layers * stream + layer : c.num_layers * layer;
  out.activations =
      static_cast<int64_t>(kHoles * static_cast<double>(step.tokens * (kept + stream)));
  // Gradients of one layer's widest tensors while the layer's own lie there too.
  const int64_t backward = step.tokens * (element * (3 * sizes.inner + sizes.qkv) + 2 * stream);
  const int64_t loss = std::min(step.tokens, kLossRows) * c.vocab_size * element;
  // Parts of a fused matrix are turned into floats together.
  const int64_t fused = std::max(2 * sizes.inner, sizes.qkv) * sizes.hidden;
  const int64_t panel = stored.panel > 0 ? std::max(stored.panel, fused) : 0;
  out.scratch = std::max(backward, loss) + element * std::min(kPanel, panel);
  return out;
}

Result<int64_t> forecast_answering(const std::string& path, const LoadOptions& options,
                                   int64_t tokens) {
  constexpr int64_t kTogether = 4096;  // tokens of prompts that are computed at once
  RELATA_TRY(const DecoderConfig c, read_decoder_config(path));
  RELATA_CHECK(check_one_stack(c, path, "have its memory forecast"));
  RELATA_CHECK(check_causal(c, path));
  LoadOptions how = options;
  if (how.dtype == "auto") {
    RELATA_TRY(const auto source, open_weights(path));
    RELATA_TRY(const at::Device device, find_device(how.device));
    RELATA_TRY(const at::ScalarType type,
               scalar_type(automatic_dtype(*source, c, is_gguf(path), device), path));
    how.dtype = type == at::kFloat ? "float32" : "bfloat16";
  }
  RELATA_TRY(const StoredSizes stored, stored_sizes(path, how));
  const int64_t element = how.dtype == "float32" ? kFloat : kHalf;
  const LayerSizes sizes = layer_sizes(c, {});
  const int64_t cache = element * 2 * c.num_layers * c.num_kv_heads * c.head_dim * tokens;
  // What a layer computes lies there twice while the next one is computed; measured.
  const int64_t layer = 2 * (element * (3 * sizes.inner + sizes.qkv + sizes.query) +
                             (kFloat + element) * c.hidden_size);
  // Products of float32 have a copy of the head packed beside the rows of the embeddings.
  const bool copied = how.dtype == "float32" && how.dequantize && c.tie_embeddings;
  const int64_t head = copied ? kFloat * c.vocab_size * c.hidden_size : 0;
  return kProgram + stored.weights +
         std::max(stored.file, head + cache + std::min(tokens, kTogether) * layer);
}

}  // namespace relata::model
