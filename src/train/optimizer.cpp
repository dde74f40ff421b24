#include "optimizer.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "relata/kernels/optimizer.h"

namespace relata::train {
namespace {

constexpr int64_t kRun = 1 << 16;  // weights that one thread takes at a time

// Calls body(typed pointer to the gradient) for a gradient in either type.
template <class Body>
void with_gradient(const at::Tensor& gradient, const Body& body) {
  if (gradient.scalar_type() == at::kBFloat16) {
    body(static_cast<const kernels::Bf16*>(gradient.const_data_ptr()));
  } else {
    TORCH_CHECK(gradient.scalar_type() == at::kFloat, "gradients are float32 or bfloat16");
    body(gradient.const_data_ptr<float>());
  }
}

kernels::AdamWRange range_of(const at::Tensor& value, const at::Tensor& first,
                             const at::Tensor& second, const at::Tensor& copy,
                             const at::Tensor& average) {
  return {value.data_ptr<float>(), first.data_ptr<float>(), second.data_ptr<float>(),
          copy.defined() ? static_cast<kernels::Bf16*>(copy.data_ptr()) : nullptr,
          average.defined() ? average.data_ptr<float>() : nullptr};
}

template <class T>
void update(const kernels::AdamW& step, const kernels::AdamWRange& all, const T* gradient,
            int64_t n) {
  const int64_t runs = (n + kRun - 1) / kRun;
  at::parallel_for(0, runs, 1, [&](int64_t first, int64_t last) {
    const int64_t begin = first * kRun;
    const int64_t end = std::min(n, last * kRun);
    const kernels::AdamWRange part{all.value + begin, all.first + begin, all.second + begin,
                                   all.copy ? all.copy + begin : nullptr,
                                   all.average ? all.average + begin : nullptr};
    kernels::adamw(step, part, gradient + begin, end - begin);
  });
}

}  // namespace

double gradient_norm(const std::vector<model::Llama::Parameter>& parameters) {
  double total = 0.0;
  for (const auto& p : parameters) {
    const at::Tensor& gradient = p.value.grad();
    if (!gradient.defined()) continue;
    const at::Tensor dense = gradient.contiguous();
    const int64_t n = dense.numel();
    std::vector<double> sums(static_cast<size_t>((n + kRun - 1) / kRun));
    with_gradient(dense, [&](const auto* values) {
      at::parallel_for(0, static_cast<int64_t>(sums.size()), 1, [&](int64_t first, int64_t last) {
        for (int64_t run = first; run < last; ++run) {
          sums[run] = kernels::sum_squares(values + run * kRun, std::min(kRun, n - run * kRun));
        }
      });
    });
    for (const double sum : sums) total += sum;
  }
  return std::sqrt(total);
}

void adamw_step(model::Llama& model, std::vector<model::Llama::Parameter>& parameters,
                TrainState& state, const AdamWOptions& options) {
  const auto t = static_cast<double>(options.step);
  kernels::AdamW step;
  step.learning_rate = static_cast<float>(options.learning_rate);
  step.beta1 = static_cast<float>(options.beta1);
  step.beta2 = static_cast<float>(options.beta2);
  step.epsilon = static_cast<float>(options.epsilon);
  step.correction1 = static_cast<float>(1.0 - std::pow(options.beta1, t));
  step.correction2 = static_cast<float>(std::sqrt(1.0 - std::pow(options.beta2, t)));
  step.gradient_scale = static_cast<float>(options.gradient_scale);
  step.average_step = static_cast<float>(1.0 - options.average_keep);
  for (size_t i = 0; i < parameters.size(); ++i) {
    auto& p = parameters[i];
    if (!p.value.grad().defined()) continue;
    const at::Tensor gradient = p.value.grad().contiguous();
    step.weight_decay = p.decay ? static_cast<float>(options.weight_decay) : 0.0F;
    const at::Tensor average = state.average.empty() ? at::Tensor() : state.average[i];
    const kernels::AdamWRange range = range_of(p.value.detach(), state.first[i], state.second[i],
                                               model.compute_copy(p.value), average);
    with_gradient(gradient,
                  [&](const auto* values) { update(step, range, values, p.value.numel()); });
    p.value.mutable_grad() = at::Tensor();
  }
}

}  // namespace relata::train
