#include "matmul.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include "relata/kernels/isa.h"
#include "relata/nn/ops.h"

namespace relata::nn {
namespace {

// From so many rows on the plain loops are the slower way.
constexpr int64_t kFewRows = 4;

bool goes_through_float(const at::Tensor& a) {
  return a.scalar_type() == at::kBFloat16 && a.is_cpu() && a.size(0) >= kFewRows &&
         !has_bfloat16_products();
}

}  // namespace

bool has_bfloat16_products() {
  static const bool kHas = [] {
    if (kernels::isa_limit() != kernels::Isa::kAvx512) return false;
    const auto asked =
        c10::Dispatcher::singleton().findSchema({"mkldnn::_is_mkldnn_bf16_supported", ""});
    return asked && asked->typed<bool()>().call();
  }();
  return kHas;
}

bool has_fast_bfloat16() {
#if defined(__x86_64__) && defined(__GNUC__)
  if (!has_bfloat16_products() || __builtin_cpu_supports("avx512bf16") == 0) return false;
  // Intel's processors are fast at it by AMX, which virtual machines may hide. What then remains,
  // vdpbf16ps every second cycle, does half of what two float32 products a cycle do.
  return __builtin_cpu_is("intel") == 0 || __builtin_cpu_supports("amx-bf16") != 0;
#else
  return has_bfloat16_products();
#endif
}

at::Tensor multiply_transposed(const at::Tensor& x, const at::Tensor& w,
                               const std::optional<at::Tensor>& bias) {
  if (!goes_through_float(x)) return at::linear(x, w, bias);
  const auto term = bias ? std::optional(bias->to(at::kFloat)) : std::nullopt;
  return at::linear(x.to(at::kFloat), w.to(at::kFloat), term).to(at::kBFloat16);
}

at::Tensor multiply(const at::Tensor& a, const at::Tensor& b) {
  if (!goes_through_float(a)) return at::matmul(a, b);
  return at::matmul(a.to(at::kFloat), b.to(at::kFloat)).to(at::kBFloat16);
}

}  // namespace relata::nn
