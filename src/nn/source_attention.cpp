// Attention of targets to their sources.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <optional>

#include "cached_attention.h"
#include "dispatch.h"
#include "reference.h"
#include "relata/kernels/cached_attention.h"
#include "relata/nn/ops.h"

namespace relata::nn {
namespace {

// A rotation that turns nothing.
Rotation no_rotation(int64_t rows, int64_t width, at::Device device) {
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  return {at::ones({rows, width / 2}, options), at::zeros({rows, width / 2}, options)};
}

// Keys and values [S, 2 H E] of the sources that are computed now, into their runs.
void keep(const at::Tensor& key_values, const std::vector<SourceSpan>& spans, const Heads& heads) {
  Segments segments;
  std::vector<CacheView> runs;
  for (const SourceSpan& span : spans) {
    segments.push_back(span.source);
    runs.push_back(span.run);
  }
  append_to_runs(key_values, no_rotation(key_values.size(0), heads.width, key_values.device()),
                 segments, runs, {0, heads.key_value, heads.width});
}

// Every source is in a run.
at::Tensor from_runs(const at::Tensor& q, const std::vector<SourceSpan>& spans,
                     const AttentionSpec& spec) {
  const Heads& heads = spec.heads;
  const at::Tensor input = q.contiguous();
  const Rotation rotation = no_rotation(input.size(0), heads.width, input.device());
  at::Tensor out = at::empty_like(input);
  dispatch(input.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const kernels::CachedAttention<T> a{
        shape_of(heads, spec.scale), data<T>(input), data<float>(rotation.cos),
        data<float>(rotation.sin),   data<T>(out),   input.size(1)};
    const auto count = static_cast<int64_t>(spans.size()) * heads.key_value;
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      kernels::AttentionScratch scratch;
      for (int64_t i = begin; i < end; ++i) {
        const SourceSpan& span = spans[static_cast<size_t>(i / heads.key_value)];
        if (span.length == 0) continue;
        const int64_t head = i % heads.key_value;
        const int64_t offset = head * span.run.capacity * heads.width;
        const std::vector<kernels::SharedRun<T>> seen = {
            {static_cast<const T*>(span.run.keys) + offset,
             static_cast<const T*>(span.run.values) + offset, span.source.length, span.begin,
             span.length, 0}};
        kernels::attend_runs(a, seen, head, {span.begin, span.length}, scratch);
      }
    });
  });
  return out;
}

at::Tensor plain(const at::Tensor& q, const at::Tensor& key_values,
                 const std::vector<SourceSpan>& spans, const AttentionSpec& spec) {
  const Heads& heads = spec.heads;
  const auto scale = spec.scale > 0 ? std::optional<double>(spec.scale) : std::nullopt;
  const auto by_head = [&](const at::Tensor& rows) {  // [1, H, tokens, E]
    return rows.reshape({rows.size(0), heads.query, heads.width}).transpose(0, 1).unsqueeze(0);
  };
  std::vector<at::Tensor> outs;
  for (const SourceSpan& span : spans) {
    if (span.length == 0) continue;
    const Heads parts{0, heads.key_value, heads.width};
    const at::Tensor rows = span.source.cached
                                ? rows_of_run(span.run, parts, q.options())
                                : key_values.narrow(0, span.source.begin, span.source.length);
    const auto halves = rows.chunk(2, 1);
    const at::Tensor mixed = at::scaled_dot_product_attention(
        by_head(q.narrow(0, span.begin, span.length)), by_head(halves[0]), by_head(halves[1]), {},
        0.0, false, scale);
    outs.push_back(mixed.squeeze(0).transpose(0, 1).reshape({span.length, q.size(1)}));
  }
  return outs.empty() ? at::empty_like(q) : at::cat(outs, 0);
}

}  // namespace

at::Tensor source_attention(const at::Tensor& q, const at::Tensor& key_values,
                            const std::vector<SourceSpan>& spans, const AttentionSpec& spec) {
  TORCH_CHECK(spec.heads.query == spec.heads.key_value, "as many heads of keys as of queries");
  int64_t next = 0;
  for (const SourceSpan& span : spans) {
    TORCH_CHECK(span.begin == next, "spans cover all rows, in order");
    next += span.length;
  }
  TORCH_CHECK(next == q.size(0), "spans cover all rows, in order");
  if (key_values.defined()) keep(key_values, spans, spec.heads);
  const bool all_kept = std::all_of(spans.begin(), spans.end(),
                                    [](const SourceSpan& s) { return s.run.keys != nullptr; });
  if (all_kept && !at::GradMode::is_enabled() && !use_reference(q)) {
    return from_runs(q, spans, spec);
  }
  return plain(q, key_values, spans, spec);
}

}  // namespace relata::nn
