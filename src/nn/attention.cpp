#include "relata/kernels/attention.h"

#include <ATen/Parallel.h>

#include "dispatch.h"
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
    tree.segments.push_back({{s.begin, s.length}, paths[i]});
    paths[i].push_back({s.begin, s.length});
  }
  return trees;
}

kernels::AttentionShape shape_of(const Heads& heads) {
  return {heads.query, heads.key_value, heads.width};
}

// Calls work(tree, key/value head, scratch) for all of them.
template <class Work>
void for_each_tree(const std::vector<kernels::AttentionTree>& trees, int64_t heads,
                   const Work& work) {
  const auto count = static_cast<int64_t>(trees.size()) * heads;
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    kernels::AttentionScratch scratch;
    for (int64_t i = begin; i < end; ++i) work(trees[i / heads], i % heads, scratch);
  });
}

struct TreeAttention : Function<TreeAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv,
                            const Rotation& rotation, const Segments& segments, Heads heads) {
    const at::Tensor input = qkv.contiguous();
    const int64_t tokens = input.size(0);
    at::Tensor out = at::empty({tokens, heads.query * heads.width}, input.options());
    at::Tensor logsumexp = at::empty({tokens, heads.query}, rotation.cos.options());
    const auto trees = trees_of(segments);
    dispatch(input.scalar_type(), [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      const kernels::Attention<T> a{
          shape_of(heads),           data<T>(input), data<float>(rotation.cos),
          data<float>(rotation.sin), data<T>(out),   data<float>(logsumexp)};
      for_each_tree(trees, heads.key_value,
                    [&](const kernels::AttentionTree& tree, int64_t head,
                        kernels::AttentionScratch& scratch) {
                      kernels::attention_forward(a, tree, head, scratch);
                    });
    });
    context->save_for_backward({input, out, logsumexp, rotation.cos, rotation.sin});
    std::vector<int64_t> shape = {heads.query, heads.key_value, heads.width};
    for (const Segment& s : segments) {
      shape.insert(shape.end(), {s.begin, s.length, s.parent});
    }
    context->saved_data["shape"] = shape;
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto shape = context->saved_data["shape"].toIntVector();
    const Heads heads{shape[0], shape[1], shape[2]};
    Segments segments;
    for (size_t i = 3; i < shape.size(); i += 3) {
      segments.push_back({shape[i], shape[i + 1], shape[i + 2]});
    }
    const auto trees = trees_of(segments);
    const at::Tensor dout = grads[0].contiguous();
    at::Tensor dqkv = at::empty_like(saved[0]);
    dispatch(dout.scalar_type(), [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      const kernels::AttentionGrad<T> a{
          shape_of(heads),   data<T>(saved[0]),     data<float>(saved[3]), data<float>(saved[4]),
          data<T>(saved[1]), data<float>(saved[2]), data<T>(dout),         data<T>(dqkv)};
      for_each_tree(trees, heads.key_value,
                    [&](const kernels::AttentionTree& tree, int64_t head,
                        kernels::AttentionScratch& scratch) {
                      kernels::attention_backward(a, tree, head, scratch);
                    });
    });
    return {dqkv, {}, {}, {}};
  }
};

}  // namespace

at::Tensor attention(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                     Heads heads) {
  return TreeAttention::apply(qkv, rotation, segments, heads);
}

void fill_caches(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                 std::vector<CacheView>& caches, Heads heads) {
  const at::Tensor input = qkv.contiguous();
  const int64_t stride = input.size(1);
  const int64_t width = heads.width;
  const int64_t half = width / 2;
  dispatch(input.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const auto count = static_cast<int64_t>(segments.size()) * heads.key_value;
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      std::vector<T> turned(static_cast<size_t>(width));
      for (int64_t i = begin; i < end; ++i) {
        const Segment& segment = segments[i / heads.key_value];
        const CacheView& cache = caches[i / heads.key_value];
        const int64_t head = i % heads.key_value;
        T* keys = static_cast<T*>(cache.keys) + head * cache.capacity * width;
        T* values = static_cast<T*>(cache.values) + head * cache.capacity * width;
        for (int64_t t = 0; t < segment.length; ++t) {
          const int64_t row = segment.begin + t;
          const T* key = data<T>(input) + row * stride + (heads.query + head) * width;
          kernels::rotate_heads(key, stride, turned.data(), width,
                                data<float>(rotation.cos) + row * half,
                                data<float>(rotation.sin) + row * half, 1, 1, width, 1);
          kernels::store_key(turned.data(), keys, t, width);
          std::copy_n(key + heads.key_value * width, width, values + t * width);
        }
      }
    });
  });
  for (size_t s = 0; s < segments.size(); ++s) caches[s].length = segments[s].length;
}

at::Tensor decode_attention(const at::Tensor& qkv, const Rotation& rotation,
                            const std::vector<std::vector<CacheView>>& caches, Heads heads) {
  const at::Tensor input = qkv.contiguous();
  const auto batch = static_cast<int64_t>(caches.size());
  const int64_t width = heads.width;
  const int64_t half = width / 2;
  const int64_t groups = heads.query / heads.key_value;
  const int64_t stride = input.size(1);
  at::Tensor out = at::empty({batch, heads.query * width}, input.options());
  const float scale = 1.0F / std::sqrt(static_cast<float>(width));
  dispatch(input.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    at::parallel_for(0, batch * heads.key_value, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch;
      std::vector<kernels::CacheRun<T>> runs;
      std::vector<T> turned(static_cast<size_t>(width));
      for (int64_t i = begin; i < end; ++i) {
        const int64_t b = i / heads.key_value;
        const int64_t head = i % heads.key_value;
        const float* cos = data<float>(rotation.cos) + b * half;
        const float* sin = data<float>(rotation.sin) + b * half;
        const T* row = data<T>(input) + b * stride;
        const T* key = row + (heads.query + head) * width;
        runs.clear();
        for (const CacheView& cache : caches[b]) {
          const int64_t offset = head * cache.capacity * width;
          runs.push_back({static_cast<T*>(cache.keys) + offset,
                          static_cast<T*>(cache.values) + offset, cache.length});
        }
        const CacheView& own = caches[b].back();
        const int64_t offset = head * own.capacity * width;
        kernels::rotate_heads(key, stride, turned.data(), width, cos, sin, 1, 1, width, 1);
        kernels::store_key(turned.data(), static_cast<T*>(own.keys) + offset, own.length, width);
        std::copy_n(key + heads.key_value * width, width,
                    static_cast<T*>(own.values) + offset + own.length * width);
        ++runs.back().length;
        scratch.resize(static_cast<size_t>(kernels::attend_one_scratch(runs, width)));
        for (int64_t h = head * groups; h < (head + 1) * groups; ++h) {
          kernels::rotate_heads(row + h * width, stride, turned.data(), width, cos, sin, 1, 1,
                                width, 1);
          kernels::attend_one(turned.data(), runs, data<T>(out) + (b * heads.query + h) * width,
                              scratch.data(), width, scale);
        }
      }
    });
  });
  return out;
}

}  // namespace relata::nn
