#include "reference.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>

#include "relata/kernels/attention.h"

namespace relata::nn {
namespace {

constexpr const char* kVariable = "RELATA_KERNELS";
constexpr std::string_view kPlain = "reference";

// What the variable is set to; "": it is not.
std::string wanted_kernels() {
  const char* value = std::getenv(kVariable);
  return value == nullptr ? "" : value;
}

}  // namespace

Status check_kernels() {
  const std::string wanted = wanted_kernels();
  if (wanted.empty() || wanted == kPlain) return {};
  return usage_error(std::string(kVariable) + "=" + wanted + ": no such kernels",
                     "known is: reference");
}

bool use_reference(at::Device device) {
  static const bool kForced = wanted_kernels() == kPlain;
  return kForced || !device.is_cpu();
}

bool use_reference(const at::Tensor& t) { return use_reference(t.device()); }

namespace reference {

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& delta,
                                               const at::Tensor& weight, double eps,
                                               at::ScalarType out, double dropout) {
  at::Tensor sum = x;
  if (delta.defined()) {
    const at::Tensor term = delta.to(at::kFloat);
    sum = x + (dropout > 0 && at::GradMode::is_enabled() ? at::dropout(term, dropout, true) : term);
  }
  const at::Tensor inverse = (sum.square().mean(-1, true) + eps).rsqrt();
  return {sum, (sum * inverse * weight.to(at::kFloat)).to(out)};
}

at::Tensor gated(const at::Tensor& gate_up, Activation activation) {
  const auto halves = gate_up.chunk(2, -1);
  return activated(halves[0], activation) * halves[1];
}

at::Tensor linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& weight,
                                const at::Tensor& compute_weight, const at::Tensor& targets,
                                const at::Tensor& weights, double divisor) {
  const at::Tensor matrix =
      weight.requires_grad() ? weight.to(hidden.scalar_type()) : compute_weight;
  const at::Tensor logprobs = at::log_softmax(at::linear(hidden, matrix).to(at::kFloat), -1);
  const at::Tensor chosen = logprobs.gather(1, targets.unsqueeze(1)).squeeze(1);
  return -(chosen * weights).sum() / divisor;
}

at::Tensor relative_bias(const at::Tensor& relative, const at::Tensor& places) {
  const int64_t farthest = relative.size(1) / 2;
  const at::Tensor columns = places.clamp(-farthest, farthest) + farthest;
  return relative.index_select(1, columns.flatten().to(relative.device()))
      .view({relative.size(0), places.size(0), places.size(1)});
}

namespace {

// The segments of one tree, and how many of its rows are computed.
struct Tree {
  int64_t begin = 0, length = 0, computed = 0;
  std::vector<size_t> segments;
};

std::vector<Tree> trees_of(const Segments& segments) {
  std::vector<Tree> trees;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].parent < 0) trees.push_back({segments[i].begin, 0, 0, {}});
    Tree& tree = trees.back();
    tree.length += segments[i].length;
    if (!segments[i].cached) tree.computed += segments[i].length;
    tree.segments.push_back(i);
  }
  return trees;
}

// The computed rows of a tree, from its first.
at::Tensor computed_rows(const Tree& tree, const Segments& segments) {
  std::vector<at::Tensor> parts;
  for (const size_t s : tree.segments) {
    if (segments[s].cached) continue;
    const int64_t begin = segments[s].begin - tree.begin;
    parts.push_back(at::arange(begin, begin + segments[s].length, at::kLong));
  }
  return parts.empty() ? at::empty({0}, at::kLong) : at::cat(parts);
}

// The tokens of a tree, in its rows' order.
struct Tokens {
  at::Tensor segment;  // [T] int64, counted from the tree's first
  at::Tensor place;    // [T] int64, on the token's path from the root
  at::Tensor above;    // [segments, segments] bool: whether the second is the first or above it
};

Tokens tokens_of(const Tree& tree, const Segments& segments, at::Device device) {
  const auto count = std::ssize(tree.segments);
  const auto first = static_cast<int64_t>(tree.segments.front());
  std::vector<int64_t> segment, place, depths;
  const at::Tensor above = at::zeros({count, count}, at::kBool);
  auto* cells = above.data_ptr<bool>();
  for (int64_t i = 0; i < count; ++i) {
    const Segment& own = segments[static_cast<size_t>(first + i)];
    int64_t depth = 0;
    if (own.parent >= 0) {
      const int64_t parent = own.parent - first;
      depth =
          depths[static_cast<size_t>(parent)] + segments[static_cast<size_t>(own.parent)].length;
      std::copy_n(cells + parent * count, count, cells + i * count);
    }
    cells[i * count + i] = true;
    depths.push_back(depth);
    segment.insert(segment.end(), static_cast<size_t>(own.length), i);
    for (int64_t t = 0; t < own.length; ++t) place.push_back(depth + t);
  }
  return {at::tensor(segment, at::kLong).to(device), at::tensor(place, at::kLong).to(device),
          above.to(device)};
}

// Added to the scores of a tree's rows [R] that are computed, or of all: [heads or 1, R, T], minus
// infinity where a token is not seen.
at::Tensor bias_of(const Tree& tree, const Segments& segments, const AttentionSpec& spec,
                   const at::Tensor& rows, at::Device device) {
  const auto [segment, place, above] = tokens_of(tree, segments, device);
  const auto asking = [&](const at::Tensor& of) {
    return rows.defined() ? of.index_select(0, rows) : of;
  };
  const at::Tensor distance = asking(place).unsqueeze(1) - place.unsqueeze(0);
  const at::Tensor seen = above.index_select(0, asking(segment)).index_select(1, segment);
  at::Tensor hidden = seen.logical_not().logical_or(distance < 0);
  if (spec.window > 0) hidden = hidden.logical_or(distance >= spec.window);
  at::Tensor bias =
      at::zeros({1, distance.size(0), tree.length}, distance.options().dtype(at::kFloat));
  if (!spec.slopes.empty()) {
    const at::Tensor slopes = at::tensor(spec.slopes, at::kFloat).view({-1, 1, 1}).to(device);
    bias = -slopes * distance.to(at::kFloat).unsqueeze(0);
  }
  if (spec.relative.defined()) bias = bias + relative_bias(spec.relative, -distance);
  return bias.masked_fill(hidden.unsqueeze(0), -INFINITY);
}

// x [T, heads, E] turned by the tokens' angles.
at::Tensor rotated(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const auto halves = x.chunk(2, -1);
  const at::Tensor c = cos.unsqueeze(1), s = sin.unsqueeze(1);
  return at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1);
}

}  // namespace

at::Tensor attention(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                     const AttentionSpec& spec) {
  const Heads& heads = spec.heads;
  const int64_t queries = heads.query * heads.width, keys = heads.key_value * heads.width;
  const int64_t groups = heads.query / heads.key_value;
  const double scale =
      spec.scale > 0 ? spec.scale : 1.0 / std::sqrt(static_cast<double>(heads.width));
  std::vector<at::Tensor> outs;
  for (const Tree& tree : trees_of(segments)) {
    const auto part = [&](int64_t column, int64_t width, int64_t count) {
      return qkv.narrow(0, tree.begin, tree.length)
          .narrow(1, column, width)
          .reshape({tree.length, count, heads.width})
          .to(at::kFloat);
    };
    const at::Tensor cos = rotation.cos.narrow(0, tree.begin, tree.length);
    const at::Tensor sin = rotation.sin.narrow(0, tree.begin, tree.length);
    const bool all = tree.computed == tree.length;
    const at::Tensor rows = all ? at::Tensor() : computed_rows(tree, segments).to(qkv.device());
    at::Tensor q = rotated(part(0, queries, heads.query), cos, sin);
    if (!all) q = q.index_select(0, rows);
    const at::Tensor k = rotated(part(queries, keys, heads.key_value), cos, sin)
                             .permute({1, 0, 2})
                             .repeat_interleave(groups, 0);
    const at::Tensor v =
        part(queries + keys, keys, heads.key_value).permute({1, 0, 2}).repeat_interleave(groups, 0);
    const at::Tensor bias = bias_of(tree, segments, spec, rows, qkv.device());
    const at::Tensor scores = at::matmul(q.permute({1, 0, 2}), k.transpose(1, 2)) * scale + bias;
    const at::Tensor mixed = at::matmul(at::softmax(scores, -1), v)
                                 .permute({1, 0, 2})
                                 .reshape({tree.computed, queries})
                                 .to(qkv.scalar_type());
    outs.push_back(
        all ? mixed
            : at::zeros({tree.length, queries}, mixed.options()).index_copy(0, rows, mixed));
  }
  return outs.empty() ? at::empty({0, queries}, qkv.options()) : at::cat(outs, 0);
}

namespace {

at::Tensor values_of(const CacheView& run, Heads heads, const at::TensorOptions& options) {
  return at::for_blob(run.values, {heads.key_value, run.capacity, heads.width})
      .options(options)
      .target_device(options.device())
      .make_tensor();
}

// [K, capacity / 16, E, 16]
at::Tensor keys_of(const CacheView& run, Heads heads, const at::TensorOptions& options) {
  constexpr int64_t kBlock = kernels::kKeyBlock;
  return at::for_blob(run.keys, {heads.key_value, run.capacity / kBlock, heads.width, kBlock})
      .options(options)
      .target_device(options.device())
      .make_tensor();
}

}  // namespace

at::Tensor rows_of_run(const CacheView& run, Heads heads, const at::TensorOptions& options) {
  const int64_t blocks = (run.length + kernels::kKeyBlock - 1) / kernels::kKeyBlock;
  const auto as_rows = [&](const at::Tensor& by_head) {  // [K, tokens, E] -> [length, K * E]
    return by_head.narrow(1, 0, run.length)
        .transpose(0, 1)
        .reshape({run.length, heads.key_value * heads.width});
  };
  const at::Tensor keys = keys_of(run, heads, options).narrow(1, 0, blocks).transpose(2, 3);
  return at::cat(
      {at::zeros({run.length, heads.query * heads.width}, options),
       as_rows(keys.reshape({heads.key_value, blocks * kernels::kKeyBlock, heads.width})),
       as_rows(values_of(run, heads, options))},
      1);
}

void append_to_runs(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                    const std::vector<CacheView>& runs, Heads heads) {
  const auto options = qkv.options();
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment& s = segments[i];
    const CacheView& run = runs[i];
    if (s.cached || run.keys == nullptr || s.length == 0) continue;
    const auto part = [&](int64_t head) {  // [length, K, E]
      return qkv.narrow(0, s.begin, s.length)
          .narrow(1, head * heads.width, heads.key_value * heads.width)
          .reshape({s.length, heads.key_value, heads.width});
    };
    const at::Tensor keys =
        rotated(part(heads.query).to(at::kFloat), rotation.cos.narrow(0, s.begin, s.length),
                rotation.sin.narrow(0, s.begin, s.length));
    const at::Tensor slots = at::arange(run.length, run.length + s.length,
                                        at::TensorOptions().dtype(at::kLong).device(qkv.device()));
    using at::indexing::Slice;
    keys_of(run, heads, options)
        .index_put_({Slice(), at::floor_divide(slots, kernels::kKeyBlock), Slice(),
                     slots.remainder(kernels::kKeyBlock)},
                    keys.to(options.dtype()));
    values_of(run, heads, options)
        .narrow(1, run.length, s.length)
        .copy_(part(heads.query + heads.key_value).transpose(0, 1));
  }
}

void adamw(const AdamWStep& step, const AdamWTensors& tensors, const at::Tensor& gradient) {
  const at::Tensor g = gradient.to(at::kFloat) * step.gradient_scale;
  tensors.first.lerp_(g, 1.0F - step.beta1);
  tensors.second.mul_(step.beta2).addcmul_(g, g, 1.0F - step.beta2);
  const at::Tensor root = tensors.second.sqrt() / step.correction2 + step.epsilon;
  tensors.value.mul_(1.0F - step.learning_rate * step.weight_decay)
      .addcdiv_(tensors.first, root, -step.learning_rate / step.correction1);
  if (tensors.copy.defined()) tensors.copy.copy_(tensors.value);
  if (tensors.average.defined()) tensors.average.lerp_(tensors.value, step.average_step);
}

}  // namespace reference
}  // namespace relata::nn
