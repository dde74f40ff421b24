#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <stdexcept>

#include "dispatch.h"
#include "reference.h"
#include "relata/nn/ops.h"

namespace relata::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct Normed {
  at::Tensor x, y, scale, inverse;  // inverse [N]: of the root mean squares
};

Normed add_and_norm(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                    double eps, at::ScalarType out, kernels::Dropout dropout) {
  const int64_t rows = x.size(0);
  const int64_t width = x.size(1);
  const at::Tensor input = x.contiguous();
  const at::Tensor addend = delta.defined() ? delta.contiguous() : at::Tensor();
  Normed normed{at::empty_like(input), at::empty({rows, width}, input.options().dtype(out)),
                weight.to(at::kFloat).contiguous(), at::empty({rows}, input.options())};
  dispatch(out, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    at::parallel_for(0, rows, kRowGrain, [&](int64_t begin, int64_t end) {
      const int64_t at = begin * width;
      kernels::AddNorm<T> a{
          data<float>(input) + at,   addend.defined() ? data<T>(addend) + at : nullptr,
          data<float>(normed.scale), data<float>(normed.x) + at,
          data<T>(normed.y) + at,    data<float>(normed.inverse) + begin};
      kernels::add_norm_forward(a, begin, end - begin, width, static_cast<float>(eps), dropout);
    });
  });
  return normed;
}

struct AddRmsNorm : Function<AddRmsNorm> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x,
                               const at::Tensor& delta, const at::Tensor& weight, double eps,
                               at::ScalarType out, double probability, int64_t seed) {
    const bool has_delta = delta.defined() && delta.numel() > 0;
    const kernels::Dropout dropout{static_cast<float>(probability), static_cast<uint32_t>(seed)};
    const Normed normed =
        add_and_norm(x, has_delta ? delta : at::Tensor(), weight, eps, out, dropout);
    context->save_for_backward({normed.x, normed.scale, normed.inverse});
    context->saved_data["has_delta"] = has_delta;
    context->saved_data["probability"] = probability;
    context->saved_data["seed"] = seed;
    context->saved_data["train_weight"] = weight.requires_grad();
    return {normed.x, normed.y};
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

at::Tensor swiglu(const at::Tensor& gate_up) {
  const int64_t rows = gate_up.size(0);
  const int64_t width = gate_up.size(1) / 2;
  at::Tensor out = at::empty({rows, width}, gate_up.options());
  dispatch(gate_up.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    at::parallel_for(0, rows, kRowGrain, [&](int64_t begin, int64_t end) {
      kernels::swiglu_forward(data<T>(gate_up) + begin * 2 * width, data<T>(out) + begin * width,
                              end - begin, width);
    });
  });
  return out;
}

struct SwiGlu : Function<SwiGlu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    const at::Tensor input = gate_up.contiguous();
    context->save_for_backward({input});
    return swiglu(input);
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

}  // namespace

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& delta,
                                               const at::Tensor& weight, double eps,
                                               at::ScalarType out, kernels::Dropout dropout) {
  if (use_reference(x)) {
    return reference::add_rms_norm(x, delta, weight, eps, out,
                                   static_cast<double>(dropout.probability));
  }
  if (!at::GradMode::is_enabled()) {
    const Normed normed = add_and_norm(x, delta, weight, eps, out, dropout);
    return {normed.x, normed.y};
  }
  const at::Tensor addend = delta.defined() ? delta : at::empty({0}, x.options().dtype(out));
  auto result =
      AddRmsNorm::apply(x, addend, weight, eps, out, static_cast<double>(dropout.probability),
                        static_cast<int64_t>(dropout.seed));
  return {result[0], result[1]};
}

std::pair<at::Tensor, at::Tensor> add_layer_norm(const at::Tensor& x, const at::Tensor& delta,
                                                 const LayerNorm& norm, double dropout) {
  at::Tensor sum = x;
  if (delta.defined()) {
    const at::Tensor term = delta.to(at::kFloat);
    sum = x + (dropout > 0 && at::GradMode::is_enabled() ? at::dropout(term, dropout, true) : term);
  }
  return {sum, at::layer_norm(sum, {sum.size(1)}, norm.weight.to(at::kFloat),
                              norm.bias.to(at::kFloat), norm.eps)};
}

at::Tensor activated(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::Silu:
      return at::silu(x);
    case Activation::GeluTanh:
      return at::gelu(x, "tanh");
    case Activation::Gelu:
      return at::gelu(x);
    case Activation::Relu:
      return at::relu(x);
    case Activation::Tanh:
      return at::tanh(x);
  }
  throw std::logic_error("no such activation");
}

at::Tensor gated(const at::Tensor& gate_up, Activation activation) {
  if (activation != Activation::Silu || use_reference(gate_up)) {
    return reference::gated(gate_up, activation);
  }
  return at::GradMode::is_enabled() ? SwiGlu::apply(gate_up) : swiglu(gate_up.contiguous());
}

at::Tensor norm_heads(const at::Tensor& qkv, const at::Tensor& query_weight,
                      const at::Tensor& key_weight, double eps, Heads heads) {
  const int64_t rows = qkv.size(0);
  const int64_t queries = heads.query * heads.width, keys = heads.key_value * heads.width;
  const auto normed = [&](int64_t column, int64_t count, const at::Tensor& weight) {
    const at::Tensor x = qkv.narrow(1, column, count * heads.width)
                             .reshape({rows * count, heads.width})
                             .to(at::kFloat);
    return add_rms_norm(x, {}, weight, eps, qkv.scalar_type(), {})
        .second.reshape({rows, count * heads.width});
  };
  return at::cat(
      {normed(0, heads.query, query_weight), normed(queries, heads.key_value, key_weight),
       qkv.narrow(1, queries + keys, keys)},
      1);
}

}  // namespace relata::nn
