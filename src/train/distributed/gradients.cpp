#include "distributed/gradients.h"

#include <ATen/core/grad_mode.h>

#include <span>

namespace relata::train {

// One message: all gradients, and for each weight whether there is one.
Status sum_gradients(std::vector<model::Decoder::Parameter>& parameters, ProcessGroup& processes) {
  at::NoGradGuard no_grad;
  int64_t total = 0;
  for (const auto& p : parameters) total += p.value.numel();
  const auto count = static_cast<int64_t>(parameters.size());
  const at::Tensor all = at::zeros({total + count}, at::kFloat);
  int64_t begin = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto& p = parameters[static_cast<size_t>(i)];
    const int64_t size = p.value.numel();
    if (p.value.grad().defined()) {
      all.narrow(0, begin, size).view(p.value.sizes()).copy_(p.value.grad());
      all[total + i] = 1;
    }
    begin += size;
  }
  RELATA_CHECK(processes.sum(std::span(all.data_ptr<float>(), static_cast<size_t>(total + count))));
  begin = 0;
  for (int64_t i = 0; i < count; ++i) {
    const at::Tensor& value = parameters[static_cast<size_t>(i)].value;
    const at::Tensor summed = all.narrow(0, begin, value.numel()).view(value.sizes());
    begin += value.numel();
    if (all[total + i].item<float>() == 0) continue;
    // In float32 as a sum over micro-batches is, whatever one gradient is computed in.
    value.mutable_grad() = summed.to(value.device());
  }
  return {};
}

}  // namespace relata::train
