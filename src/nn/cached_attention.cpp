#include "cached_attention.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "dispatch.h"
#include "reference.h"
#include "relata/kernels/cached_attention.h"

namespace relata::nn {
namespace {

// Whether a computed segment's run is its parent's, which it goes on.
bool goes_on(const Segments& segments, const std::vector<CacheView>& runs, size_t i) {
  const Segment& s = segments[i];
  if (s.cached || s.parent < 0 || runs[i].keys == nullptr) return false;
  const auto parent = static_cast<size_t>(s.parent);
  return segments[parent].cached && runs[parent].keys == runs[i].keys;
}

// The rows of a segment and its descendants.
struct Rows {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t count = 0;
  bool side_by_side() const { return count == end - begin; }
};

std::vector<Rows> rows_below(const Segments& segments) {
  std::vector<Rows> rows(segments.size());
  for (size_t i = segments.size(); i-- > 0;) {
    const Segment& s = segments[i];
    const auto add = [](Rows& to, const Rows& from) {
      if (from.count == 0) return;
      to.begin = to.count == 0 ? from.begin : std::min(to.begin, from.begin);
      to.end = to.count == 0 ? from.end : std::max(to.end, from.end);
      to.count += from.count;
    };
    if (!s.cached) add(rows[i], {s.begin, s.begin + s.length, s.length});
    if (s.parent >= 0) add(rows[static_cast<size_t>(s.parent)], rows[i]);
  }
  return rows;
}

// Runs for computed segments whose keys and values nobody keeps.
std::vector<CacheView> with_own_runs(const at::Tensor& qkv, const Segments& segments,
                                     std::vector<CacheView> runs, const Heads& heads,
                                     std::vector<at::Tensor>& owned) {
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].cached || runs[i].keys != nullptr) continue;
    const int64_t capacity =
        (segments[i].length + kernels::kKeyBlock - 1) / kernels::kKeyBlock * kernels::kKeyBlock;
    for (void** place : {&runs[i].keys, &runs[i].values}) {
      owned.push_back(at::empty({heads.key_value, capacity, heads.width}, qkv.options()));
      *place = owned.back().data_ptr();
    }
    runs[i].capacity = capacity;
    runs[i].length = 0;
  }
  return runs;
}

// A node of the tree for the kernels, of any head.
struct Node {
  const CacheView* run;
  int64_t length;
  Rows rows;
  int64_t own_rows;
};

struct Tree {
  kernels::Span rows;
  std::vector<Node> nodes;
};

std::vector<Tree> trees_of(const Segments& segments, const std::vector<CacheView>& runs) {
  const std::vector<Rows> rows = rows_below(segments);
  std::vector<bool> continued(segments.size());
  for (size_t i = 0; i < segments.size(); ++i) {
    if (goes_on(segments, runs, i)) continued[static_cast<size_t>(segments[i].parent)] = true;
  }
  std::vector<Tree> trees;
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment& s = segments[i];
    if (s.parent < 0) {
      trees.push_back({{rows[i].begin, rows[i].count}, {}});
    }
    // What goes on from a run has it in its own node.
    if (continued[i] || rows[i].count == 0) continue;
    const int64_t computed = s.cached ? 0 : s.length;
    const int64_t length = runs[i].length + computed;
    if (length > 0) trees.back().nodes.push_back({&runs[i], length, rows[i], computed});
  }
  return trees;
}

// Rows of a tree that one thread works on, for one head: a long prompt alone has work for all.
struct Piece {
  const Tree* tree;
  kernels::Span rows;
};

std::vector<Piece> pieces_of(const std::vector<Tree>& trees) {
  constexpr int64_t kRows = 128;
  std::vector<Piece> pieces;
  for (const Tree& tree : trees) {
    const int64_t end = tree.rows.begin + tree.rows.length;
    for (int64_t row = tree.rows.begin; row < end; row += kRows) {
      pieces.push_back({&tree, {row, std::min(kRows, end - row)}});
    }
  }
  return pieces;
}

template <class T>
void attend_piece(const kernels::CachedAttention<T>& a, const Piece& piece, int64_t head,
                  std::vector<kernels::SharedRun<T>>& shared, kernels::AttentionScratch& scratch) {
  shared.clear();
  for (const Node& node : piece.tree->nodes) {
    const int64_t first = std::max(node.rows.begin, piece.rows.begin);
    const int64_t end =
        std::min(node.rows.begin + node.rows.count, piece.rows.begin + piece.rows.length);
    if (first >= end) continue;
    const int64_t offset = head * node.run->capacity * a.shape.width;
    // A row's own key is as far from the run's end, however many rows before it are left out.
    shared.push_back({static_cast<const T*>(node.run->keys) + offset,
                      static_cast<const T*>(node.run->values) + offset, node.length, first,
                      end - first,
                      std::max<int64_t>(0, node.own_rows - (first - node.rows.begin))});
  }
  kernels::attend_runs(a, shared, head, piece.rows, scratch);
}

}  // namespace

kernels::AttentionShape shape_of(const Heads& heads, double scale) {
  return {
      heads.query, heads.key_value, heads.width,
      scale > 0 ? static_cast<float>(scale) : 1.0F / std::sqrt(static_cast<float>(heads.width))};
}

at::Tensor rows_of_run(const CacheView& run, Heads heads, const at::TensorOptions& options) {
  if (use_reference(options.device())) return reference::rows_of_run(run, heads, options);
  const int64_t width = heads.width;
  const int64_t stride = (heads.query + 2 * heads.key_value) * width;
  at::Tensor rows = at::zeros({run.length, stride}, options);
  dispatch(rows.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    at::parallel_for(0, heads.key_value, 1, [&](int64_t begin, int64_t end) {
      for (int64_t head = begin; head < end; ++head) {
        const T* keys = static_cast<const T*>(run.keys) + head * run.capacity * width;
        const T* values = static_cast<const T*>(run.values) + head * run.capacity * width;
        T* out = data<T>(rows) + (heads.query + head) * width;
        for (int64_t t = 0; t < run.length; ++t) {
          const T* block = keys + t / kernels::kKeyBlock * kernels::kKeyBlock * width;
          T* row = out + t * stride;
          for (int64_t e = 0; e < width; ++e) {
            row[e] = block[e * kernels::kKeyBlock + t % kernels::kKeyBlock];
          }
          std::copy_n(values + t * width, width, row + heads.key_value * width);
        }
      }
    });
  });
  return rows;
}

// Appends the rotated keys and the values of each computed segment to its run, if it has one.
void append_to_runs(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                    const std::vector<CacheView>& runs, Heads heads) {
  if (use_reference(qkv)) {
    reference::append_to_runs(qkv.detach(), rotation, segments, runs, heads);
    return;
  }
  const at::Tensor input = qkv.detach().contiguous();
  const int64_t stride = input.size(1);
  const int64_t width = heads.width;
  const int64_t half = width / 2;
  dispatch(input.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const auto count = static_cast<int64_t>(segments.size()) * heads.key_value;
    // Rows of a head, so many that they are worth a thread, each segment counted as the average.
    const int64_t grain =
        std::max<int64_t>(1, 64 * std::ssize(segments) / std::max<int64_t>(1, input.size(0)));
    at::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
      std::vector<T> turned(static_cast<size_t>(width));
      for (int64_t i = begin; i < end; ++i) {
        const Segment& segment = segments[i / heads.key_value];
        const CacheView& run = runs[i / heads.key_value];
        if (segment.cached || run.keys == nullptr) continue;
        const int64_t head = i % heads.key_value;
        T* keys = static_cast<T*>(run.keys) + head * run.capacity * width;
        T* values = static_cast<T*>(run.values) + head * run.capacity * width;
        for (int64_t t = 0; t < segment.length; ++t) {
          const int64_t row = segment.begin + t;
          const T* key = data<T>(input) + row * stride + (heads.query + head) * width;
          kernels::rotate_heads(key, stride, turned.data(), width,
                                data<float>(rotation.cos) + row * half,
                                data<float>(rotation.sin) + row * half, 1, 1, width, 1);
          kernels::store_key(turned.data(), keys, run.length + t, width);
          std::copy_n(key + heads.key_value * width, width, values + (run.length + t) * width);
        }
      }
    });
  });
}

bool can_attend_cached(const Segments& segments, const std::vector<CacheView>& runs) {
  std::vector<int> children(segments.size());
  for (const Segment& s : segments) {
    if (s.parent >= 0) ++children[static_cast<size_t>(s.parent)];
  }
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment& s = segments[i];
    if (s.cached || runs[i].keys == nullptr) continue;
    if (goes_on(segments, runs, i)) {
      if (children[static_cast<size_t>(s.parent)] != 1) return false;
    } else if (runs[i].length > 0) {
      return false;
    }
  }
  const std::vector<Rows> rows = rows_below(segments);
  return std::all_of(rows.begin(), rows.end(), [](const Rows& r) { return r.side_by_side(); });
}

at::Tensor cached_attention(const at::Tensor& qkv, const Rotation& rotation,
                            const Segments& segments, const std::vector<CacheView>& runs,
                            const AttentionSpec& spec) {
  const Heads& heads = spec.heads;
  const at::Tensor input = qkv.contiguous();
  std::vector<at::Tensor> owned;
  const std::vector<CacheView> views = with_own_runs(input, segments, runs, heads, owned);
  append_to_runs(input, rotation, segments, views, heads);
  const std::vector<Tree> trees = trees_of(segments, views);
  at::Tensor out = at::empty({input.size(0), heads.query * heads.width}, input.options());
  dispatch(input.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const kernels::CachedAttention<T> a{shape_of(heads, spec.scale), data<T>(input),
                                        data<float>(rotation.cos), data<float>(rotation.sin),
                                        data<T>(out)};
    const std::vector<Piece> pieces = pieces_of(trees);
    const auto count = static_cast<int64_t>(pieces.size()) * heads.key_value;
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      kernels::AttentionScratch scratch;
      std::vector<kernels::SharedRun<T>> shared;
      for (int64_t i = begin; i < end; ++i) {
        attend_piece(a, pieces[static_cast<size_t>(i / heads.key_value)], i % heads.key_value,
                     shared, scratch);
      }
    });
  });
  return out;
}

}  // namespace relata::nn
