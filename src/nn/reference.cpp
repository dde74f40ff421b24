#include "reference.h"

#include <cmath>
#include <cstdlib>
#include <string_view>

namespace relata::nn {

bool use_reference(const at::Tensor& t) {
  static const bool kForced = [] {
    const char* value = std::getenv("RELATA_KERNELS");
    return value != nullptr && std::string_view(value) == "reference";
  }();
  return kForced || !t.is_cpu();
}

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

// Added to the scores of a tree's computed rows [heads or 1, computed, T]: minus infinity where a
// token is not seen.
at::Tensor bias_of(const Tree& tree, const Segments& segments, const AttentionSpec& spec) {
  at::Tensor distance = at::full({tree.computed, tree.length}, -1.0F, at::kFloat);
  std::vector<int64_t> depth(segments.size(), 0);
  int64_t row = 0;
  for (const size_t s : tree.segments) {
    const Segment& own = segments[s];
    if (own.parent >= 0) {
      depth[s] =
          depth[static_cast<size_t>(own.parent)] + segments[static_cast<size_t>(own.parent)].length;
    }
    if (own.cached) continue;
    const at::Tensor rows = at::arange(own.length, at::kFloat) + static_cast<double>(depth[s]);
    for (int64_t a = static_cast<int64_t>(s); a >= 0; a = segments[a].parent) {
      const at::Tensor columns =
          at::arange(segments[a].length, at::kFloat) + static_cast<double>(depth[a]);
      distance.narrow(0, row, own.length)
          .narrow(1, segments[a].begin - tree.begin, segments[a].length)
          .copy_(rows.unsqueeze(1) - columns.unsqueeze(0));
    }
    row += own.length;
  }
  at::Tensor hidden = distance < 0;
  if (spec.window > 0) hidden = hidden.logical_or(distance >= static_cast<double>(spec.window));
  at::Tensor bias = at::zeros({1, tree.computed, tree.length}, at::kFloat);
  if (!spec.slopes.empty()) {
    const at::Tensor slopes = at::tensor(spec.slopes, at::kFloat).view({-1, 1, 1});
    bias = -slopes * distance.unsqueeze(0);
  }
  if (spec.relative.defined()) bias = bias + relative_bias(spec.relative, -distance.to(at::kLong));
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
    const at::Tensor bias = bias_of(tree, segments, spec).to(qkv.device());
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

}  // namespace reference
}  // namespace relata::nn
