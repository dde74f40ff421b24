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

RotatedHeads split_and_rotate(const at::Tensor& qkv, const Rotation& rotation, Heads heads) {
  const at::Tensor input = qkv.contiguous();
  const int64_t tokens = input.size(0);
  const int64_t stride = input.size(1);
  const int64_t half = heads.width / 2;
  RotatedHeads out{at::empty({tokens, heads.query, heads.width}, input.options()),
                   at::empty({tokens, heads.key_value, heads.width}, input.options()),
                   {}};
  const int64_t q_width = heads.query * heads.width;
  const int64_t k_width = heads.key_value * heads.width;
  dispatch(input.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    at::parallel_for(0, tokens, kRowGrain, [&](int64_t begin, int64_t end) {
      const float* cos = data<float>(rotation.cos) + begin * half;
      const float* sin = data<float>(rotation.sin) + begin * half;
      const T* source = data<T>(input) + begin * stride;
      kernels::rotate_heads(source, stride, data<T>(out.q) + begin * q_width, q_width, cos, sin,
                            end - begin, heads.query, heads.width, 1);
      kernels::rotate_heads(source + q_width, stride, data<T>(out.k) + begin * k_width, k_width,
                            cos, sin, end - begin, heads.key_value, heads.width, 1);
    });
  });
  out.v = input.narrow(1, q_width + k_width, k_width)
              .reshape({tokens, heads.key_value, heads.width})
              .contiguous();
  return out;
}

at::Tensor decode_attention(const at::Tensor& q, const std::vector<at::Tensor>& keys,
                            const std::vector<at::Tensor>& values,
                            const std::vector<int64_t>& lengths, Heads heads) {
  const int64_t batch = q.size(0);
  const int64_t groups = heads.query / heads.key_value;
  at::Tensor out = at::empty({batch, heads.query * heads.width}, q.options());
  const float scale = 1.0F / std::sqrt(static_cast<float>(heads.width));
  dispatch(q.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    at::parallel_for(0, batch * heads.query, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scores;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t b = i / heads.query;
        const int64_t kv = (i % heads.query) / groups;
        const int64_t offset = kv * keys[b].size(1) * heads.width;
        scores.resize(lengths[b]);
        kernels::attend_one(data<T>(q) + i * heads.width, data<T>(keys[b]) + offset,
                            data<T>(values[b]) + offset, data<T>(out) + i * heads.width,
                            scores.data(), lengths[b], heads.width, scale);
      }
    });
  });
  return out;
}

}  // namespace relata::nn
