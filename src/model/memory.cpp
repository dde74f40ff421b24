#include "relata/model/memory.h"

#include <algorithm>

#include "relata/base/gguf.h"
#include "relata/kernels/nf4.h"
#include "relata/model/export.h"
#include "weights/checkpoint.h"

namespace relata::model {
namespace {

constexpr int64_t kHalf = 2;         // bytes of bfloat16
constexpr int64_t kFloat = 4;        // of float32
constexpr int64_t kPanel = 1 << 24;  // numbers of a quantised weight turned into bfloat16 at once
constexpr int64_t kLossRows = 512;   // whose logits exist at once
constexpr int64_t kProgram = 230'000'000;  // LibTorch loaded, and what its allocator holds

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
// adapted projections.
int64_t kept_per_token(const LayerSizes& s, int64_t heads) {
  const int64_t norms = 2 * (kFloat * s.hidden + kFloat);
  const int64_t attention = kHalf * (s.qkv + s.query) + kFloat * heads;
  int64_t adapted = s.adapts_qkv ? s.hidden : 0;
  adapted += s.adapts_gate_up ? s.hidden : 0;
  adapted += s.adapts_down ? s.inner : 0;
  return norms + attention + kHalf * (2 * s.inner + adapted + s.ranks);
}

}  // namespace

Result<int64_t> weight_bytes(const std::string& path, const LoadOptions& options) {
  RELATA_TRY(const DecoderConfig config, read_decoder_config(path));
  RELATA_TRY(const auto source, open_weights(path));
  const Architecture& architecture = architecture_of(config);
  const Naming& names = is_gguf(path) ? architecture.gguf_names : architecture.names;
  const auto projections = Checkpoint::projection_names(config, names);
  const int64_t element = options.dtype == "float32" ? kFloat : kHalf;
  int64_t total = 0;
  for (const std::string& name : source->names()) {
    const StoredTensor stored = *source->find(name);
    int64_t count = 1;
    for (const int64_t size : stored.shape) count *= size;
    const bool makes_nf4 =
        !options.quantize.empty() && projections.contains(name) && !stored.quantized;
    if (stored.shape.size() < 2) {
      total += kFloat * count;
    } else if (options.dequantize || !(stored.quantized || makes_nf4)) {
      total += element * count;
    } else if (makes_nf4 || stored.type == "NF4") {
      total += nf4_bytes(count, options.double_quantization);
    } else {
      total += block_bytes(count, stored.type);
    }
  }
  return total;
}

Result<LoraMemory> forecast_lora(const std::string& path, const LoraStep& step) {
  RELATA_TRY(const DecoderConfig c, read_decoder_config(path));
  RELATA_CHECK(check_one_stack(c, path, "have its memory forecast"));
  RELATA_TRY(const int64_t trained, lora_parameter_count(c, step.lora));
  LoraMemory out;
  out.program = kProgram;
  RELATA_TRY(out.weights, weight_bytes(path, step.load));
  // Value and two moments in float32, gradient and copy in bfloat16.
  out.adapter = trained * (3 * kFloat + 2 * kHalf);
  const LayerSizes sizes = layer_sizes(c, step.lora);
  const int64_t layer = kept_per_token(sizes, c.num_heads);
  const int64_t stream = (kFloat + kHalf) * c.hidden_size;
  const int64_t kept =
      step.gradient_checkpointing ? c.num_layers * stream + layer : c.num_layers * layer;
  out.activations = step.tokens * (kept + stream);
  // Gradients of one layer's widest tensors while the layer's own lie there too.
  const int64_t backward = step.tokens * (kHalf * (3 * sizes.inner + sizes.qkv) + 2 * stream);
  const int64_t loss = std::min(step.tokens, kLossRows) * c.vocab_size * kHalf;
  const int64_t widest = std::max(2 * sizes.inner, sizes.qkv) * sizes.hidden;
  out.scratch = std::max(backward, loss) + kHalf * std::min(kPanel, widest);
  return out;
}

}  // namespace relata::model
