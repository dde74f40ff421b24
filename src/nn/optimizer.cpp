#include "relata/nn/optimizer.h"

#include <ATen/Parallel.h>

#include "dispatch.h"
#include "reference.h"

namespace relata::nn {
namespace {

constexpr int64_t kRun = 1 << 16;  // weights that one thread takes at a time

int64_t runs_of(int64_t n) { return (n + kRun - 1) / kRun; }

}  // namespace

void adamw(const AdamWStep& step, const AdamWTensors& tensors, const at::Tensor& gradient) {
  if (use_reference(gradient)) {
    reference::adamw(step, tensors, gradient);
    return;
  }
  const at::Tensor dense = gradient.contiguous();
  const int64_t n = dense.numel();
  const kernels::AdamWRange all{data<float>(tensors.value), data<float>(tensors.first),
                                data<float>(tensors.second), data<kernels::Bf16>(tensors.copy),
                                data<float>(tensors.average)};
  dispatch(dense.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    at::parallel_for(0, runs_of(n), 1, [&](int64_t first, int64_t last) {
      const int64_t begin = first * kRun;
      const kernels::AdamWRange part{all.value + begin, all.first + begin, all.second + begin,
                                     all.copy ? all.copy + begin : nullptr,
                                     all.average ? all.average + begin : nullptr};
      kernels::adamw(step, part, data<T>(dense) + begin, std::min(n, last * kRun) - begin);
    });
  });
}

double sum_squares(const at::Tensor& gradient) {
  if (use_reference(gradient)) return gradient.to(at::kFloat).square().sum().item<double>();
  const at::Tensor dense = gradient.contiguous();
  const int64_t n = dense.numel();
  std::vector<double> sums(static_cast<size_t>(runs_of(n)));
  dispatch(dense.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    at::parallel_for(0, runs_of(n), 1, [&](int64_t first, int64_t last) {
      for (int64_t run = first; run < last; ++run) {
        sums[run] =
            kernels::sum_squares(data<T>(dense) + run * kRun, std::min(kRun, n - run * kRun));
      }
    });
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace relata::nn
