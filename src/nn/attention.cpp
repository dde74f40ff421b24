#include "relata/kernels/attention.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "both_ways.h"
#include "cached_attention.h"
#include "dispatch.h"
#include "reference.h"
#include "relata/nn/ops.h"

namespace relata::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

std::vector<kernels::AttentionTree> trees_of(const Segments& segments) {
  std::vector<kernels::AttentionTree> trees;
  std::vector<std::vector<kernels::Span>> paths(segments.size());  // ancestors and itself
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment& s = segments[i];
    TORCH_CHECK(s.parent < static_cast<int64_t>(i), "a segment comes after its parent");
    if (s.parent < 0) {
      trees.push_back({s.begin, 0, {}});
    } else {
      paths[i] = paths[s.parent];
    }
    kernels::AttentionTree& tree = trees.back();
    TORCH_CHECK(s.begin == tree.begin + tree.length, "the segments of a tree lie side by side");
    tree.length += s.length;
    if (!s.cached) tree.segments.push_back({{s.begin, s.length}, paths[i]});
    paths[i].push_back({s.begin, s.length});
  }
  return trees;
}

// Some rows of a tree for one key/value head, and where their sums lie.
struct Piece {
  const kernels::AttentionTree* tree;
  int64_t head;
  kernels::Span rows;
  int64_t sums = 0;
  int64_t together = 0;  // of the first piece of a tree's head: how many there are; of others 0
};

// All that a tree's head consists of lies side by side.
std::vector<Piece> pieces_of(const std::vector<kernels::AttentionTree>& trees,
                             const kernels::AttentionShape& shape) {
  std::vector<Piece> pieces;
  int64_t sums = 0;
  for (const kernels::AttentionTree& tree : trees) {
    const auto cuts = kernels::attention_pieces(shape, tree);
    for (int64_t head = 0; head < shape.key_value_heads; ++head) {
      for (size_t i = 0; i < cuts.size(); ++i) {
        pieces.push_back({&tree, head, cuts[i], sums, i == 0 ? std::ssize(cuts) : 0});
        sums += kernels::attention_sums_size(shape, tree);
      }
    }
  }
  return pieces;
}

// Calls work(piece, scratch) for all of them.
template <class Work>
void for_each_piece(const std::vector<Piece>& pieces, const Work& work) {
  at::parallel_for(0, static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end) {
    kernels::AttentionScratch scratch;
    for (int64_t i = begin; i < end; ++i) work(pieces[i], scratch);
  });
}

template <class T>
void backward_pieces(const kernels::AttentionGrad<T>& a,
                     const std::vector<kernels::AttentionTree>& trees) {
  const std::vector<Piece> pieces = pieces_of(trees, a.shape);
  if (pieces.empty()) return;
  const int64_t size =
      pieces.back().sums + kernels::attention_sums_size(a.shape, *pieces.back().tree);
  const at::Tensor sums = at::empty({size}, at::kFloat);
  float* memory = sums.mutable_data_ptr<float>();
  for_each_piece(pieces, [&](const Piece& piece, kernels::AttentionScratch& scratch) {
    kernels::attention_backward(a, *piece.tree, piece.head, piece.rows, memory + piece.sums,
                                scratch);
  });
  for_each_piece(pieces, [&](const Piece& piece, kernels::AttentionScratch&) {
    if (piece.together == 0) return;
    kernels::store_key_gradients(a, *piece.tree, piece.head, memory + piece.sums, piece.together);
  });
}

struct TreeAttention : Function<TreeAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv,
                            const Rotation& rotation, const Segments& segments,
                            const AttentionSpec& spec) {
    const Heads& heads = spec.heads;
    const at::Tensor input = qkv.contiguous();
    const int64_t tokens = input.size(0);
    at::Tensor out = at::empty({tokens, heads.query * heads.width}, input.options());
    at::Tensor logsumexp = at::empty({tokens, heads.query}, rotation.cos.options());
    const auto trees = trees_of(segments);
    dispatch(input.scalar_type(), [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      const kernels::Attention<T> a{
          shape_of(heads, spec.scale), data<T>(input), data<float>(rotation.cos),
          data<float>(rotation.sin),   data<T>(out),   data<float>(logsumexp)};
      for_each_piece(pieces_of(trees, a.shape),
                     [&](const Piece& piece, kernels::AttentionScratch& scratch) {
                       kernels::attention_forward(a, *piece.tree, piece.head, piece.rows, scratch);
                     });
    });
    context->save_for_backward({input, out, logsumexp, rotation.cos, rotation.sin});
    std::vector<int64_t> shape = {heads.query, heads.key_value, heads.width};
    for (const Segment& s : segments) {
      shape.insert(shape.end(), {s.begin, s.length, s.parent, s.cached ? 1 : 0});
    }
    context->saved_data["shape"] = shape;
    context->saved_data["scale"] = spec.scale;
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto shape = context->saved_data["shape"].toIntVector();
    const Heads heads{shape[0], shape[1], shape[2]};
    Segments segments;
    for (size_t i = 3; i < shape.size(); i += 4) {
      segments.push_back({shape[i], shape[i + 1], shape[i + 2], shape[i + 3] != 0});
    }
    const auto trees = trees_of(segments);
    const at::Tensor dout = grads[0].contiguous();
    at::Tensor dqkv = at::empty_like(saved[0]);
    dispatch(dout.scalar_type(), [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      const kernels::AttentionGrad<T> a{shape_of(heads, context->saved_data["scale"].toDouble()),
                                        data<T>(saved[0]),
                                        data<float>(saved[3]),
                                        data<float>(saved[4]),
                                        data<T>(saved[1]),
                                        data<float>(saved[2]),
                                        data<T>(dout),
                                        data<T>(dqkv)};
      backward_pieces(a, trees);
    });
    return {dqkv, {}, {}, {}};
  }
};

// A batch in which cached runs have rows as well, already rotated ones.
struct Extended {
  at::Tensor qkv;
  Rotation rotation;
  Segments segments;
  at::Tensor computed;  // [N] the rows that are computed
};

Extended extend(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                const std::vector<CacheView>& runs, Heads heads) {
  Extended out;
  std::vector<at::Tensor> rows, cos, sin, computed;
  int64_t next = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment& s = segments[i];
    if (s.cached) {
      rows.push_back(rows_of_run(runs[i], heads, qkv.options()));
      cos.push_back(at::ones({s.length, rotation.cos.size(1)}, rotation.cos.options()));
      sin.push_back(at::zeros({s.length, rotation.cos.size(1)}, rotation.cos.options()));
    } else {
      rows.push_back(qkv.narrow(0, s.begin, s.length));
      cos.push_back(rotation.cos.narrow(0, s.begin, s.length));
      sin.push_back(rotation.sin.narrow(0, s.begin, s.length));
      computed.push_back(at::arange(next, next + s.length, at::kLong));
    }
    out.segments.push_back({next, s.length, s.parent, s.cached});
    next += s.length;
  }
  out.qkv = at::cat(rows, 0);
  out.rotation = {at::cat(cos, 0), at::cat(sin, 0)};
  out.computed = at::cat(computed, 0).to(qkv.device());
  return out;
}

// Whether the batch is what one step of decoding is: single tokens, each the next of a cached run
// that is its own.
bool is_decoding(const Segments& segments, const std::vector<CacheView>& runs) {
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment& s = segments[i];
    if (s.cached) continue;
    if (s.length != 1 || s.parent < 0 || !segments[s.parent].cached) return false;
    if (runs[i].keys == nullptr || runs[i].keys != runs[s.parent].keys) return false;
  }
  return !segments.empty();
}

// The runs of one key/value head that a token sees, outermost first. Its own key has just been
// appended to the last of them.
template <class T>
void runs_of_path(const Segments& segments, const std::vector<CacheView>& runs, int64_t last,
                  int64_t head, const AttentionSpec& spec,
                  std::vector<kernels::CacheRun<T>>& path) {
  const int64_t width = spec.heads.width;
  path.clear();
  int64_t tokens = 1;
  for (int64_t s = last; s >= 0; s = segments[s].parent) {
    const int64_t offset = head * runs[s].capacity * width;
    path.push_back({static_cast<T*>(runs[s].keys) + offset,
                    static_cast<T*>(runs[s].values) + offset, runs[s].length});
    tokens += runs[s].length;
  }
  ++path.front().length;
  std::reverse(path.begin(), path.end());
  int64_t unseen = spec.window > 0 ? std::max<int64_t>(0, tokens - spec.window) : 0;
  for (kernels::CacheRun<T>& run : path) {
    const int64_t count = std::min(unseen, run.length);
    const int64_t blocks = count / kernels::kKeyBlock * kernels::kKeyBlock;
    run = {run.keys + blocks * width, run.values + blocks * width, run.length - blocks,
           count - blocks};
    unseen -= count;
  }
}

// is_decoding(): each token attends to the runs of its path and, appended to the last, itself.
at::Tensor decode(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                  const std::vector<CacheView>& runs, const AttentionSpec& spec) {
  const Heads& heads = spec.heads;
  append_to_runs(qkv, rotation, segments, runs, heads);
  const at::Tensor input = qkv.contiguous();
  const int64_t width = heads.width;
  const int64_t half = width / 2;
  const int64_t groups = heads.query / heads.key_value;
  const int64_t stride = input.size(1);
  at::Tensor out = at::empty({input.size(0), heads.query * width}, input.options());
  const float scale = shape_of(heads, spec.scale).scale;
  const auto* relative = data<float>(spec.relative);
  const int64_t farthest = relative == nullptr ? 0 : spec.relative.size(1) / 2;
  std::vector<size_t> tokens;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (!segments[i].cached) tokens.push_back(i);
  }
  dispatch(input.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const auto count = static_cast<int64_t>(tokens.size()) * heads.key_value;
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch;
      std::vector<kernels::CacheRun<T>> path;
      std::vector<T> turned(static_cast<size_t>(groups * width));
      for (int64_t i = begin; i < end; ++i) {
        const Segment& segment = segments[tokens[i / heads.key_value]];
        const int64_t head = i % heads.key_value;
        runs_of_path(segments, runs, segment.parent, head, spec, path);
        scratch.resize(static_cast<size_t>(kernels::attend_group_scratch(path, width)));
        const int64_t first = head * groups;  // of its query heads
        kernels::rotate_heads(
            data<T>(input) + segment.begin * stride + first * width, stride, turned.data(),
            groups * width, data<float>(rotation.cos) + segment.begin * half,
            data<float>(rotation.sin) + segment.begin * half, 1, groups, width, 1);
        kernels::attend_group(
            turned.data(), path, data<T>(out) + (segment.begin * heads.query + first) * width,
            {groups, width, scale, spec.slopes.empty() ? nullptr : spec.slopes.data() + first,
             relative == nullptr ? nullptr : relative + first * spec.relative.size(1), farthest},
            scratch.data());
      }
    });
  });
  return out;
}

// Whether some token's sight is longer than the window.
bool window_matters(const Segments& segments, int64_t window) {
  std::vector<int64_t> ends(segments.size());
  for (size_t i = 0; i < segments.size(); ++i) {
    ends[i] = segments[i].length + (segments[i].parent < 0 ? 0 : ends[segments[i].parent]);
    if (ends[i] > window) return true;
  }
  return false;
}

}  // namespace

at::Tensor attention(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                     const std::vector<CacheView>& runs, const AttentionSpec& spec) {
  if (!spec.causal) {
    TORCH_CHECK(!rotation.cos.defined() && spec.window == 0 && spec.slopes.empty(),
                "attention both ways knows no rotation, window or slope");
    return attention_both_ways(qkv, segments, spec);
  }
  const bool any_cached =
      std::any_of(segments.begin(), segments.end(), [](const Segment& s) { return s.cached; });
  const bool windowed = spec.window > 0 && window_matters(segments, spec.window);
  const bool biased = !spec.slopes.empty() || spec.relative.defined();
  if (!runs.empty() && !use_reference(qkv) && !at::GradMode::is_enabled() && !windowed && !biased &&
      can_attend_cached(segments, runs)) {
    return cached_attention(qkv, rotation, segments, runs, spec);
  }
  if (any_cached && !use_reference(qkv) && !at::GradMode::is_enabled() &&
      is_decoding(segments, runs)) {
    return decode(qkv, rotation, segments, runs, spec);
  }
  const bool plain = use_reference(qkv) || biased || windowed;
  const auto attend = [&](const at::Tensor& rows, const Rotation& turn, const Segments& parts) {
    return plain ? reference::attention(rows, turn, parts, spec)
                 : TreeAttention::apply(rows, turn, parts, spec);
  };
  at::Tensor out;
  if (any_cached) {
    const Extended all = extend(qkv, rotation, segments, runs, spec.heads);
    out = attend(all.qkv, all.rotation, all.segments).index_select(0, all.computed);
  } else {
    out = attend(qkv, rotation, segments);
  }
  if (!runs.empty()) append_to_runs(qkv, rotation, segments, runs, spec.heads);
  return out;
}

}  // namespace relata::nn
