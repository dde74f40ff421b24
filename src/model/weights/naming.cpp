#include "weights/naming.h"

#include <numeric>

namespace relata::model {
namespace {

// Stored rows of heads whose rotation turns neighbouring pairs (2j, 2j + 1) of their first
// `rotated` rows: the kernels turn the pairs (j, j + E / 2) of a head of E, so the even rows come
// to the first half and the odd ones to the second, and what is not rotated to the rest of both.
std::vector<int64_t> paired_rows(int64_t heads, int64_t width, int64_t rotated) {
  std::vector<int64_t> head(static_cast<size_t>(width));
  for (int64_t half = 0; half < 2; ++half) {
    for (int64_t j = 0; j < width / 2; ++j) {
      const int64_t from =
          j < rotated / 2 ? 2 * j + half : rotated + half * (width - rotated) / 2 + j - rotated / 2;
      head[static_cast<size_t>(half * width / 2 + j)] = from;
    }
  }
  std::vector<int64_t> rows;
  for (int64_t h = 0; h < heads; ++h) {
    for (const int64_t row : head) rows.push_back(h * width + row);
  }
  return rows;
}

void append(std::vector<int64_t>& rows, const std::vector<int64_t>& more, int64_t offset) {
  for (const int64_t row : more) rows.push_back(row + offset);
}

}  // namespace

std::string attention_norm_name(const Naming& names, int64_t layer, int64_t layers) {
  const auto of_block = [&](int64_t i) {
    return names.layer + std::to_string(i) + "." + names.attention_norm;
  };
  if (names.first_norm.empty()) return layer == layers ? names.norm : of_block(layer);
  return layer == 0 ? names.first_norm : of_block(layer - 1);
}

BlockNames block_names(const Naming& names, const DecoderConfig& config, int64_t index) {
  const bool of_encoder = index < config.encoder_layers;
  const Naming& own = of_encoder ? names.encoder.front() : names;
  const int64_t layer = of_encoder ? index : index - config.encoder_layers;
  return {own, own.layer + std::to_string(layer) + "."};
}

Naming with_prefix(Naming names) {
  for (std::string* name : {&names.embedding, &names.positions, &names.types, &names.first_norm,
                            &names.embedding_projection, &names.layer}) {
    if (!name->empty()) *name = names.prefix + *name;
  }
  return names;
}

std::vector<int64_t> inverse_rows(const std::vector<int64_t>& stored_rows) {
  std::vector<int64_t> out(stored_rows.size());
  for (size_t i = 0; i < stored_rows.size(); ++i) {
    out[static_cast<size_t>(stored_rows[i])] = static_cast<int64_t>(i);
  }
  return out;
}

std::vector<Slice> slices_of(Block& block, int64_t layer, const DecoderConfig& c,
                             const Naming& all_names) {
  const auto [names, prefix] = block_names(all_names, c, layer);
  const int64_t q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
  std::vector<int64_t> queries, keys;
  if (names.interleaved) {
    const int64_t rotated = c.rotary_dim > 0 ? c.rotary_dim : c.head_dim;
    queries = paired_rows(c.num_heads, c.head_dim, rotated);
    keys = paired_rows(c.num_kv_heads, c.head_dim, rotated);
  }
  std::vector<Slice> out;
  if (names.qkv.size() == 3) {
    out.push_back({prefix + names.qkv[0], &block.qkv, 0, q, queries});
    out.push_back({prefix + names.qkv[1], &block.qkv, q, kv, keys});
    out.push_back({prefix + names.qkv[2], &block.qkv, q + kv, kv, {}});
  } else {
    std::vector<int64_t> all;
    if (names.interleaved) {
      std::vector<int64_t> values(static_cast<size_t>(kv));
      std::iota(values.begin(), values.end(), 0);
      append(all, queries, 0);
      append(all, keys, q);
      append(all, values, q + kv);
    }
    out.push_back({prefix + names.qkv[0], &block.qkv, 0, q + 2 * kv, all});
  }
  out.push_back({prefix + names.output, &block.output, 0, c.hidden_size, {}});
  if (block.source_query.weight.defined()) {
    out.push_back({prefix + names.source_qkv[0], &block.source_query, 0, q, {}});
    out.push_back({prefix + names.source_qkv[1], &block.source_key_value, 0, kv, {}});
    out.push_back({prefix + names.source_qkv[2], &block.source_key_value, kv, kv, {}});
    out.push_back({prefix + names.source_output, &block.source_output, 0, c.hidden_size, {}});
  }
  const int64_t inner = c.intermediate_size;
  if (!c.gated && !names.up.empty()) {
    out.push_back({prefix + names.up, &block.gate_up, 0, inner, {}});
  } else if (names.gate_up.size() == 2) {
    out.push_back({prefix + names.gate_up[0], &block.gate_up, 0, inner, {}});
    out.push_back({prefix + names.gate_up[1], &block.gate_up, inner, inner, {}});
  } else {
    out.push_back({prefix + names.gate_up[0], &block.gate_up, 0, (c.gated ? 2 : 1) * inner, {}});
  }
  out.push_back({prefix + names.down, &block.down, 0, c.hidden_size, {}});
  return out;
}

Error no_target(Block& block, const DecoderConfig& config) {
  std::string modules;
  for (const Slice& slice : slices_of(block, 0, config, architecture_of(config).names)) {
    modules += (modules.empty() ? "" : ", ") + slice.module.substr(slice.module.rfind('.') + 1);
  }
  return usage_error("lora_target matches no module of the model",
                     "its modules are " + modules + "; or use all");
}

}  // namespace relata::model
