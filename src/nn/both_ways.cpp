#include "both_ways.h"

#include <optional>

#include "reference.h"

namespace relata::nn {
namespace {

// How many segments from `first` on are as long as it.
size_t alike(const Segments& segments, size_t first) {
  size_t count = 1;
  while (first + count < segments.size() &&
         segments[first + count].length == segments[first].length) {
    ++count;
  }
  return count;
}

// Relative scores of a sequence [1, heads, length, length].
std::optional<at::Tensor> relative_scores(const AttentionSpec& spec, int64_t length,
                                          at::ScalarType type) {
  if (!spec.relative.defined()) return {};
  const at::Tensor places = at::arange(length, at::kLong);
  return reference::relative_bias(spec.relative, places.unsqueeze(0) - places.unsqueeze(1))
      .unsqueeze(0)
      .to(type);
}

}  // namespace

at::Tensor attention_both_ways(const at::Tensor& qkv, const Segments& segments,
                               const AttentionSpec& spec) {
  const Heads& heads = spec.heads;
  TORCH_CHECK(heads.query == heads.key_value, "as many heads of keys as of queries");
  const auto scale = spec.scale > 0 ? std::optional<double>(spec.scale) : std::nullopt;
  const at::Tensor input = qkv.contiguous();
  std::vector<at::Tensor> outs;
  int64_t next = 0;
  for (size_t i = 0; i < segments.size();) {
    const auto count = static_cast<int64_t>(alike(segments, i));
    const int64_t length = segments[i].length;
    for (size_t s = i; s < i + static_cast<size_t>(count); ++s) {
      TORCH_CHECK(segments[s].parent < 0 && !segments[s].cached && segments[s].begin == next,
                  "sequences lie one after the other and share nothing");
      next += length;
    }
    // [3, sequences, heads, tokens, E]
    const at::Tensor parts = input.narrow(0, segments[i].begin, count * length)
                                 .view({count, length, 3, heads.query, heads.width})
                                 .permute({2, 0, 3, 1, 4});
    const at::Tensor mixed = at::scaled_dot_product_attention(
        parts[0], parts[1], parts[2], relative_scores(spec, length, qkv.scalar_type()), 0.0, false,
        scale);
    outs.push_back(mixed.transpose(1, 2).reshape({count * length, heads.query * heads.width}));
    i += static_cast<size_t>(count);
  }
  TORCH_CHECK(next == input.size(0), "segments cover all rows");
  if (outs.size() == 1) return outs.front();
  return outs.empty() ? at::empty({0, heads.query * heads.width}, qkv.options()) : at::cat(outs, 0);
}

}  // namespace relata::nn
