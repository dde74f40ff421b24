#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "dispatch.h"
#include "matmul.h"
#include "reference.h"
#include "relata/kernels/product.h"
#include "relata/nn/ops.h"

namespace relata::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct LinearFunction : Function<LinearFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& compute_weight, const at::Tensor& bias) {
    const bool has_bias = bias.defined() && bias.numel() > 0;
    const bool train_weight = weight.requires_grad();
    context->save_for_backward({train_weight ? x : at::Tensor(), compute_weight});
    if (train_weight) context->saved_data["weight"] = weight;
    context->saved_data["train_bias"] = has_bias && bias.requires_grad();
    context->saved_data["train_input"] = x.requires_grad();
    return nn::multiply_transposed(
        x, compute_weight,
        has_bias ? std::optional<at::Tensor>(bias.to(x.scalar_type())) : std::nullopt);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const at::Tensor dy = grads[0].contiguous();
    at::Tensor dx, dbias;
    if (context->saved_data["train_input"].toBool()) dx = nn::multiply(dy, saved[1]);
    const c10::IValue& weight = context->saved_data["weight"];
    if (weight.isTensor()) add_gradient(weight.toTensor(), nn::multiply(dy.t(), saved[0]));
    if (context->saved_data["train_bias"].toBool()) dbias = dy.to(at::kFloat).sum(0);
    return {dx, {}, {}, dbias};
  }
};

struct EmbeddingFunction : Function<EmbeddingFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight,
                            const at::Tensor& ids) {
    context->save_for_backward({ids});
    context->saved_data["weight"] = weight;
    return at::embedding(weight, ids).to(at::kFloat);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const at::Tensor weight = context->saved_data["weight"].toTensor();
    at::Tensor& gradient = weight.mutable_grad();
    if (!gradient.defined()) gradient = at::zeros_like(weight, at::kFloat);
    if (gradient.scalar_type() != at::kFloat) gradient = gradient.to(at::kFloat);
    const at::Tensor ids = context->get_saved_variables()[0];
    const at::Tensor dy = grads[0].contiguous();
    if (use_reference(dy)) {
      gradient.index_add_(0, ids, dy);
      return {{}, {}};
    }
    const auto* id = data<int64_t>(ids);
    const auto* source = data<float>(dy);
    auto* target = data<float>(gradient);
    const int64_t width = dy.size(1);
    // Columns are split between threads, so that rows that meet are added in token order.
    at::parallel_for(0, width, 64, [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < ids.numel(); ++i) {
        for (int64_t d = begin; d < end; ++d) target[id[i] * width + d] += source[i * width + d];
      }
    });
    return {{}, {}};
  }
};

std::optional<c10::OperatorHandle> find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchema({name, ""});
}

}  // namespace

void add_gradient(const at::Tensor& weight, at::Tensor gradient) {
  at::Tensor& slot = weight.mutable_grad();
  if (!slot.defined()) {
    slot = std::move(gradient);
    return;
  }
  if (slot.scalar_type() != at::kFloat) slot = slot.to(at::kFloat);
  slot.add_(gradient);
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& compute_weight,
                  const at::Tensor& bias) {
  return LinearFunction::apply(x, weight, compute_weight,
                               bias.defined() ? bias : at::empty({0}, x.options()));
}

PackedWeight pack_weight(const at::Tensor& weight) {
  const int64_t rows = weight.size(0), width = weight.size(1);
  const at::Tensor source = weight.contiguous();
  if (source.scalar_type() == at::kFloat && kernels::can_multiply_panels()) {
    const int64_t panels = kernels::panels_of(rows);
    at::Tensor packed = at::empty({panels, width, kernels::kPanel}, source.options());
    at::parallel_for(0, panels, 1, [&](int64_t begin, int64_t end) {
      for (int64_t panel = begin; panel < end; ++panel) {
        kernels::pack_panel(data<float>(source), rows, width, panel,
                            data<float>(packed) + panel * width * kernels::kPanel);
      }
    });
    return {packed, rows, true};
  }
  if (source.scalar_type() == at::kBFloat16 && !has_bfloat16_products()) return {};
  using Pack = at::Tensor(const at::Tensor&, std::optional<c10::SymInt>);
  static const auto kPack = find_operator("mkldnn::_reorder_linear_weight");
  static const auto kMultiply = find_operator("mkldnn::_linear_pointwise");
  if (!kPack || !kMultiply || !at::globalContext().userEnabledMkldnn()) return {};
  return {kPack->typed<Pack>().call(source, std::nullopt), rows, false};
}

namespace {

at::Tensor multiply_panels(const at::Tensor& x, const PackedWeight& weight,
                           const at::Tensor& bias) {
  // So many rows of x stay in the second-level cache while the panels pass.
  constexpr int64_t kRowsTogether = 256;
  const at::Tensor input = x.contiguous();
  const at::Tensor term = bias.defined() ? bias.to(at::kFloat).contiguous() : at::Tensor();
  const int64_t rows = input.size(0), panels = weight.data.size(0);
  at::Tensor y = at::empty({rows, weight.rows}, input.options());
  const kernels::PanelProduct product{data<float>(input),
                                      data<float>(weight.data),
                                      term.defined() ? data<float>(term) : nullptr,
                                      data<float>(y),
                                      weight.rows,
                                      input.size(1)};
  const int64_t chunks = (rows + kRowsTogether - 1) / kRowsTogether;
  at::parallel_for(0, chunks * panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t chunk = i / panels;
      kernels::multiply_panel(product, i % panels, rows * chunk / chunks,
                              rows * (chunk + 1) / chunks);
    }
  });
  return y;
}

}  // namespace

at::Tensor packed_linear(const at::Tensor& x, const PackedWeight& weight, const at::Tensor& bias) {
  if (weight.in_panels) return multiply_panels(x, weight, bias);
  using Multiply = at::Tensor(
      const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
      c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static const auto kMultiply = find_operator("mkldnn::_linear_pointwise")->typed<Multiply>();
  const auto term = bias.defined() ? std::optional(bias.to(x.scalar_type())) : std::nullopt;
  return kMultiply.call(x, weight.data, term, "none", c10::List<std::optional<at::Scalar>>(), "");
}

at::Tensor embedding(const at::Tensor& weight, const at::Tensor& ids) {
  if (!weight.requires_grad() || !at::GradMode::is_enabled()) {
    return at::embedding(weight.detach(), ids).to(at::kFloat);
  }
  return EmbeddingFunction::apply(weight, ids);
}

}  // namespace relata::nn
