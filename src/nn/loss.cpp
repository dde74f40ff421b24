#include "loss.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "dispatch.h"
#include "matmul.h"
#include "reference.h"
#include "relata/kernels/loss.h"
#include "relata/nn/ops.h"

namespace relata::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// Replaces the logits of a chunk of rows by the loss's gradient; returns the weighted loss.
double turn_into_gradients(at::Tensor& logits, const at::Tensor& targets, const at::Tensor& weights,
                           double divisor) {
  const int64_t rows = logits.size(0);
  const int64_t vocabulary = logits.size(1);
  std::vector<double> losses(static_cast<size_t>(rows));
  const auto* target = data<int64_t>(targets);
  const auto* weight = data<float>(weights);
  dispatch(logits.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    at::parallel_for(0, rows, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(static_cast<size_t>(vocabulary));
      for (int64_t r = begin; r < end; ++r) {
        const auto factor = static_cast<float>(weight[r] / divisor);
        losses[r] = weight[r] * kernels::cross_entropy(data<T>(logits) + r * vocabulary, vocabulary,
                                                       target[r], factor, scratch.data());
      }
    });
  });
  double total = 0.0;
  for (const double loss : losses) total += loss;
  return total;
}

// The matrix that makes logits: dense, and perhaps trained, or quantised.
struct Head {
  at::Tensor weight, compute_weight;
  const QuantizedMatrix* quantized = nullptr;
  bool trained() const { return weight.defined() && weight.requires_grad(); }
  at::Tensor multiply(const at::Tensor& x) const {
    return quantized != nullptr ? quantized->multiply(x, {})
                                : nn::multiply_transposed(x, compute_weight);
  }
  at::Tensor multiply_transposed(const at::Tensor& y) const {
    return quantized != nullptr ? quantized->multiply_transposed(y)
                                : nn::multiply(y, compute_weight);
  }
};

struct LinearCrossEntropy : Function<LinearCrossEntropy> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden,
                            const at::Tensor& weight, const at::Tensor& compute_weight,
                            const at::Tensor& targets, const at::Tensor& weights, double divisor,
                            const QuantizedMatrix* quantized) {
    constexpr int64_t kChunk = 512;
    const Head head{weight, compute_weight, quantized};
    const int64_t rows = hidden.size(0);
    const bool train_hidden = hidden.requires_grad();
    const bool train_weight = head.trained();
    at::Tensor dhidden = train_hidden ? at::empty_like(hidden) : at::Tensor();
    at::Tensor dweight;
    double total = 0.0;
    for (int64_t begin = 0; begin < rows; begin += kChunk) {
      const int64_t count = std::min(kChunk, rows - begin);
      const at::Tensor h = hidden.narrow(0, begin, count);
      at::Tensor logits = head.multiply(h);
      total += turn_into_gradients(logits, targets.narrow(0, begin, count),
                                   weights.narrow(0, begin, count), divisor);
      if (train_hidden) {
        dhidden.narrow(0, begin, count).copy_(head.multiply_transposed(logits));
      }
      if (!train_weight) continue;
      const at::Tensor part = nn::multiply(logits.t(), h);
      if (rows <= kChunk) {
        dweight = part;
      } else {
        if (!dweight.defined()) dweight = at::zeros(head.weight.sizes(), at::kFloat);
        dweight.add_(part);
      }
    }
    context->save_for_backward({dhidden, dweight});
    if (train_weight) context->saved_data["weight"] = head.weight;
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
    if (dweight.defined()) add_gradient(context->saved_data["weight"].toTensor(), dweight);
    return {dhidden, {}, {}, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& weight,
                                const at::Tensor& compute_weight, const at::Tensor& targets,
                                const at::Tensor& weights, double divisor) {
  if (use_reference(hidden)) {
    return reference::linear_cross_entropy(hidden, weight, compute_weight, targets, weights,
                                           divisor);
  }
  return LinearCrossEntropy::apply(hidden, weight, compute_weight, targets, weights, divisor,
                                   static_cast<const QuantizedMatrix*>(nullptr));
}

at::Tensor linear_cross_entropy(const at::Tensor& hidden, const QuantizedMatrix& head,
                                const at::Tensor& targets, const at::Tensor& weights,
                                double divisor) {
  if (use_reference(hidden)) {
    const at::Tensor matrix = head.dense(hidden.scalar_type());
    return reference::linear_cross_entropy(hidden, matrix, matrix, targets, weights, divisor);
  }
  const at::Tensor none = at::empty({0}, hidden.options());
  return LinearCrossEntropy::apply(hidden, none, none, targets, weights, divisor, &head);
}

}  // namespace relata::nn
