#include "relata/nn/ops.h"

#include <ATen/Parallel.h>

namespace relata::nn {
namespace {

using kernels::Bf16;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

template <class T>
T* data(const at::Tensor& t) {
  return t.defined() ? static_cast<T*>(t.data_ptr()) : nullptr;
}

// Calls body with a null pointer of the kernel type that stands for `type`.
template <class Body>
void dispatch(at::ScalarType type, const Body& body) {
  if (type == at::kFloat) {
    body(static_cast<float*>(nullptr));
  } else if (type == at::kBFloat16) {
    body(static_cast<Bf16*>(nullptr));
  } else {
    TORCH_CHECK(false, "compute type must be float32 or bfloat16");
  }
}

constexpr int64_t kRowGrain = 16;

struct AddRmsNorm : Function<AddRmsNorm> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x,
                               const at::Tensor& delta, const at::Tensor& weight, double eps,
                               at::ScalarType out, double probability, int64_t seed) {
    const int64_t rows = x.size(0);
    const int64_t width = x.size(1);
    const bool has_delta = delta.defined() && delta.numel() > 0;
    const at::Tensor input = x.contiguous();
    const at::Tensor addend = has_delta ? delta.contiguous() : at::Tensor();
    const at::Tensor scale = weight.to(at::kFloat).contiguous();
    at::Tensor x_out = at::empty_like(input);
    at::Tensor y = at::empty({rows, width}, input.options().dtype(out));
    at::Tensor inv = at::empty({rows}, input.options());
    const kernels::Dropout dropout{static_cast<float>(probability), static_cast<uint32_t>(seed)};
    dispatch(out, [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      at::parallel_for(0, rows, kRowGrain, [&](int64_t begin, int64_t end) {
        const int64_t at = begin * width;
        kernels::AddNorm<T> a{data<float>(input) + at, has_delta ? data<T>(addend) + at : nullptr,
                              data<float>(scale),      data<float>(x_out) + at,
                              data<T>(y) + at,         data<float>(inv) + begin};
        kernels::add_norm_forward(a, begin, end - begin, width, static_cast<float>(eps), dropout);
      });
    });
    context->save_for_backward({x_out, scale, inv});
    context->saved_data["has_delta"] = has_delta;
    context->saved_data["probability"] = probability;
    context->saved_data["seed"] = seed;
    context->saved_data["train_weight"] = weight.requires_grad();
    return {x_out, y};
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& x_out = saved[0];
    const at::Tensor& scale = saved[1];
    const at::Tensor& inv = saved[2];
    const int64_t rows = x_out.size(0);
    const int64_t width = x_out.size(1);
    const bool has_delta = context->saved_data["has_delta"].toBool();
    const kernels::Dropout dropout{
        static_cast<float>(context->saved_data["probability"].toDouble()),
        static_cast<uint32_t>(context->saved_data["seed"].toInt())};
    const at::Tensor dy = grads[1].contiguous();
    const at::Tensor from_above = grads[0].defined() ? grads[0].contiguous() : at::Tensor();
    at::Tensor dx = at::empty_like(x_out);
    at::Tensor ddelta = has_delta ? at::empty_like(dy) : at::Tensor();
    // One block of rows per thread, summed in block order: the result does not depend on timing.
    const int64_t blocks = std::min<int64_t>(at::get_num_threads(), std::max<int64_t>(rows, 1));
    at::Tensor dweight = at::zeros({blocks, width}, x_out.options());
    dispatch(dy.scalar_type(), [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
        for (int64_t block = first; block < last; ++block) {
          const int64_t begin = rows * block / blocks;
          const int64_t end = rows * (block + 1) / blocks;
          const int64_t at = begin * width;
          kernels::AddNormGrad<T> a{data<T>(dy) + at,
                                    from_above.defined() ? data<float>(from_above) + at : nullptr,
                                    data<float>(x_out) + at,
                                    data<float>(scale),
                                    data<float>(inv) + begin,
                                    data<float>(dx) + at,
                                    has_delta ? data<T>(ddelta) + at : nullptr,
                                    data<float>(dweight) + block * width};
          kernels::add_norm_backward(a, begin, end - begin, width, dropout);
        }
      });
    });
    at::Tensor weight_grad =
        context->saved_data["train_weight"].toBool() ? dweight.sum(0) : at::Tensor();
    return {dx, ddelta, weight_grad, {}, {}, {}, {}};
  }
};

struct SwiGlu : Function<SwiGlu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    const at::Tensor input = gate_up.contiguous();
    const int64_t rows = input.size(0);
    const int64_t width = input.size(1) / 2;
    at::Tensor out = at::empty({rows, width}, input.options());
    dispatch(input.scalar_type(), [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      at::parallel_for(0, rows, kRowGrain, [&](int64_t begin, int64_t end) {
        kernels::swiglu_forward(data<T>(input) + begin * 2 * width, data<T>(out) + begin * width,
                                end - begin, width);
      });
    });
    context->save_for_backward({input});
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const at::Tensor input = context->get_saved_variables()[0];
    const at::Tensor dout = grads[0].contiguous();
    const int64_t rows = input.size(0);
    const int64_t width = input.size(1) / 2;
    at::Tensor dinput = at::empty_like(input);
    dispatch(input.scalar_type(), [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      at::parallel_for(0, rows, kRowGrain, [&](int64_t begin, int64_t end) {
        kernels::swiglu_backward(data<T>(dout) + begin * width, data<T>(input) + begin * 2 * width,
                                 data<T>(dinput) + begin * 2 * width, end - begin, width);
      });
    });
    return {dinput};
  }
};

struct LinearFunction : Function<LinearFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& compute_weight, const at::Tensor& bias) {
    const bool has_bias = bias.defined() && bias.numel() > 0;
    context->save_for_backward({x, compute_weight});
    context->saved_data["train_weight"] = weight.requires_grad();
    context->saved_data["train_bias"] = has_bias && bias.requires_grad();
    context->saved_data["train_input"] = x.requires_grad();
    return at::linear(
        x, compute_weight,
        has_bias ? std::optional<at::Tensor>(bias.to(x.scalar_type())) : std::nullopt);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const at::Tensor dy = grads[0].contiguous();
    at::Tensor dx, dweight, dbias;
    if (context->saved_data["train_input"].toBool()) dx = at::matmul(dy, saved[1]);
    if (context->saved_data["train_weight"].toBool()) {
      dweight = at::matmul(dy.t(), saved[0]).to(at::kFloat);
    }
    if (context->saved_data["train_bias"].toBool()) dbias = dy.to(at::kFloat).sum(0);
    return {dx, dweight, {}, dbias};
  }
};

at::Tensor expand_heads(const at::Tensor& x, int64_t groups) {
  return groups == 1 ? x : x.repeat_interleave(groups, 1);
}

// [L, heads, E] rows of a packed [N, heads, E] tensor as the [1, heads, L, E] that attention takes.
at::Tensor segment_view(const at::Tensor& packed, const Segment& s) {
  return packed.narrow(0, s.begin, s.length).transpose(0, 1).unsqueeze(0);
}

struct SegmentAttention {
  at::Tensor out;                      // [N, H, E]
  std::vector<at::Tensor> logsumexps;  // per segment
};

SegmentAttention run_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const Segments& segments) {
  SegmentAttention result{at::empty_like(q), {}};
  result.logsumexps.reserve(segments.size());
  for (const Segment& s : segments) {
    const bool causal = !s.mask.defined();
    std::optional<at::Tensor> mask;
    if (!causal) mask = s.mask.to(q.scalar_type());
    auto [out, logsumexp] = at::_scaled_dot_product_flash_attention_for_cpu(
        segment_view(q, s), segment_view(k, s), segment_view(v, s), 0.0, causal, mask);
    segment_view(result.out, s).copy_(out);
    result.logsumexps.push_back(logsumexp);
  }
  return result;
}

struct Attention : Function<Attention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv,
                            const Rotation& rotation, const Segments& segments, Heads heads) {
    RotatedHeads rotated = split_and_rotate(qkv, rotation, heads);
    const int64_t groups = heads.query / heads.key_value;
    const at::Tensor k = expand_heads(rotated.k, groups);
    const at::Tensor v = expand_heads(rotated.v, groups);
    SegmentAttention attended = run_attention(rotated.q, k, v, segments);
    variable_list saved = {rotated.q, k, v, attended.out, rotation.cos, rotation.sin};
    saved.insert(saved.end(), attended.logsumexps.begin(), attended.logsumexps.end());
    context->save_for_backward(saved);
    // Masks and ranges are plain data; keep them beside the graph.
    std::vector<int64_t> ranges;
    c10::List<at::Tensor> masks;
    for (const Segment& s : segments) {
      ranges.push_back(s.begin);
      ranges.push_back(s.length);
      masks.push_back(s.mask.defined() ? s.mask : at::empty({0}));
    }
    context->saved_data["ranges"] = ranges;
    context->saved_data["masks"] = masks;
    context->saved_data["key_value"] = heads.key_value;
    return attended.out.view({qkv.size(0), heads.query * heads.width});
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3];
    const auto ranges = context->saved_data["ranges"].toIntVector();
    const auto masks = context->saved_data["masks"].toTensorList();
    const Heads heads{q.size(1), context->saved_data["key_value"].toInt(), q.size(2)};
    const at::Tensor dout = grads[0].contiguous().view_as(q);
    at::Tensor dq = at::empty_like(q), dk = at::empty_like(k), dv = at::empty_like(v);
    for (size_t i = 0; i < ranges.size() / 2; ++i) {
      const Segment s{ranges[2 * i], ranges[2 * i + 1], {}};
      const at::Tensor mask = masks.get(i);
      const bool causal = mask.numel() == 0;
      std::optional<at::Tensor> bias;
      if (!causal) bias = mask.to(q.scalar_type());
      auto [gq, gk, gv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
          segment_view(dout, s), segment_view(q, s), segment_view(k, s), segment_view(v, s),
          segment_view(out, s), saved[6 + i], 0.0, causal, bias);
      segment_view(dq, s).copy_(gq);
      segment_view(dk, s).copy_(gk);
      segment_view(dv, s).copy_(gv);
    }
    const int64_t tokens = q.size(0);
    const int64_t groups = heads.query / heads.key_value;
    if (groups > 1) {
      dk = dk.view({tokens, heads.key_value, groups, heads.width}).sum(2);
      dv = dv.view({tokens, heads.key_value, groups, heads.width}).sum(2);
    }
    const int64_t stride = (heads.query + 2 * heads.key_value) * heads.width;
    at::Tensor dqkv = at::empty({tokens, stride}, q.options());
    const int64_t half = heads.width / 2;
    dispatch(q.scalar_type(), [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      at::parallel_for(0, tokens, kRowGrain, [&](int64_t begin, int64_t end) {
        const float* cos = data<float>(saved[4]) + begin * half;
        const float* sin = data<float>(saved[5]) + begin * half;
        const int64_t rows = end - begin;
        T* target = data<T>(dqkv) + begin * stride;
        const int64_t q_width = heads.query * heads.width;
        const int64_t k_width = heads.key_value * heads.width;
        kernels::rotate_heads(data<T>(dq) + begin * q_width, q_width, target, stride, cos, sin,
                              rows, heads.query, heads.width, -1);
        kernels::rotate_heads(data<T>(dk) + begin * k_width, k_width, target + q_width, stride, cos,
                              sin, rows, heads.key_value, heads.width, -1);
      });
    });
    dqkv.narrow(1, (heads.query + heads.key_value) * heads.width, heads.key_value * heads.width)
        .copy_(dv.reshape({tokens, heads.key_value * heads.width}));
    return {dqkv, {}, {}, {}};
  }
};

struct LinearCrossEntropy : Function<LinearCrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden,
                            const at::Tensor& weight, const at::Tensor& compute_weight,
                            const at::Tensor& targets, const at::Tensor& weights, double divisor) {
    constexpr int64_t kChunk = 512;
    const int64_t rows = hidden.size(0);
    const bool train_hidden = hidden.requires_grad();
    const bool train_weight = weight.requires_grad();
    at::Tensor dhidden = train_hidden ? at::empty_like(hidden) : at::Tensor();
    at::Tensor dweight =
        train_weight ? at::zeros(weight.sizes(), hidden.options().dtype(at::kFloat)) : at::Tensor();
    double total = 0.0;
    for (int64_t begin = 0; begin < rows; begin += kChunk) {
      const int64_t count = std::min(kChunk, rows - begin);
      const at::Tensor h = hidden.narrow(0, begin, count);
      const at::Tensor t = targets.narrow(0, begin, count).unsqueeze(1);
      const at::Tensor w = weights.narrow(0, begin, count).unsqueeze(1);
      at::Tensor logprobs = at::linear(h, compute_weight).to(at::kFloat).log_softmax(-1);
      total -= (logprobs.gather(1, t) * w).sum().item<double>();
      if (!train_hidden && !train_weight) continue;
      at::Tensor dlogits = logprobs.exp_();
      dlogits.scatter_add_(1, t, at::full_like(w, -1.0));
      dlogits.mul_(w / divisor);
      const at::Tensor g = dlogits.to(hidden.scalar_type());
      if (train_hidden) dhidden.narrow(0, begin, count).copy_(at::matmul(g, compute_weight));
      if (train_weight) dweight.add_(at::matmul(g.t(), h));
    }
    context->save_for_backward({dhidden, dweight});
    return at::scalar_tensor(total / divisor, hidden.options().dtype(at::kFloat));
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const double scale = grads[0].item<double>();
    at::Tensor dhidden = saved[0], dweight = saved[1];
    if (scale != 1.0) {
      if (dhidden.defined()) dhidden = dhidden * scale;
      if (dweight.defined()) dweight = dweight * scale;
    }
    return {dhidden, dweight, {}, {}, {}, {}};
  }
};

}  // namespace

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& delta,
                                               const at::Tensor& weight, double eps,
                                               at::ScalarType out, kernels::Dropout dropout) {
  const at::Tensor addend = delta.defined() ? delta : at::empty({0}, x.options().dtype(out));
  auto result =
      AddRmsNorm::apply(x, addend, weight, eps, out, static_cast<double>(dropout.probability),
                        static_cast<int64_t>(dropout.seed));
  return {result[0], result[1]};
}

at::Tensor swiglu(const at::Tensor& gate_up) { return SwiGlu::apply(gate_up); }

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& compute_weight,
                  const at::Tensor& bias) {
  return LinearFunction::apply(x, weight, compute_weight,
                               bias.defined() ? bias : at::empty({0}, x.options()));
}

at::Tensor attention(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                     Heads heads) {
  return Attention::apply(qkv, rotation, segments, heads);
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

at::Tensor attend_segments(const RotatedHeads& rotated, const Segments& segments, Heads heads) {
  const int64_t groups = heads.query / heads.key_value;
  return run_attention(rotated.q, expand_heads(rotated.k, groups), expand_heads(rotated.v, groups),
                       segments)
      .out.view({rotated.q.size(0), heads.query * heads.width});
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

at::Tensor linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& weight,
                                const at::Tensor& compute_weight, const at::Tensor& targets,
                                const at::Tensor& weights, double divisor) {
  return LinearCrossEntropy::apply(hidden, weight, compute_weight, targets, weights, divisor);
}

}  // namespace relata::nn
