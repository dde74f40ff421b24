#include "relata/nn/weight.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <mutex>
#include <optional>
#include <stdexcept>

#include "block_panels.h"
#include "loss.h"
#include "quantized_matrix.h"
#include "reference.h"
#include "relata/nn/ops.h"

namespace relata::nn {

namespace {

constexpr double kShortest = 1e-12;

at::Tensor unit(const at::Tensor& rows) {
  const at::Tensor x = rows.to(at::kFloat);
  return x / x.norm(2, 1, true).clamp_min(kShortest);
}

using SharedMatrix = std::shared_ptr<const QuantizedMatrix>;

// The matrix lives in the graph's node, as long as the backward pass may need it.
struct MatrixBox : torch::CustomClassHolder {
  explicit MatrixBox(SharedMatrix m) : matrix(std::move(m)) {}
  SharedMatrix matrix;
};

struct QuantizedProduct : torch::autograd::Function<QuantizedProduct> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const SharedMatrix& matrix, const at::Tensor& bias) {
    context->saved_data["matrix"] =
        c10::IValue::make_capsule(c10::make_intrusive<MatrixBox>(matrix));
    return matrix->multiply(x, bias.numel() > 0 ? bias : at::Tensor());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const auto box = context->saved_data["matrix"].toCapsule();
    const at::Tensor dy = grads[0].contiguous();
    const auto& matrix = static_cast<const MatrixBox&>(*box).matrix;
    return {matrix->multiply_transposed(dy), {}, {}};
  }
};

at::Tensor multiply_quantized(const at::Tensor& x, const SharedMatrix& matrix,
                              const at::Tensor& bias) {
  if (!at::GradMode::is_enabled() || !x.requires_grad()) return matrix->multiply(x.detach(), bias);
  return QuantizedProduct::apply(x, matrix, bias.defined() ? bias : at::empty({0}, x.options()));
}

}  // namespace

struct Weight::Form {
  at::Tensor value;
  SharedMatrix quantized;             // instead of a value
  std::optional<BlockPanels> panels;  // instead of that, for inference
  int64_t out = 0, in = 0;
  bool unit_rows = false;
  std::mutex mutex;  // guards what follows
  at::Tensor copy;
  PackedWeight pack;
  at::ScalarType pack_type = at::kFloat;
  bool copy_current = false, pack_current = false;

  // Then products are LibTorch's own, whose gradients go through the scaling.
  bool trains_unit_rows() const {
    return unit_rows && value.requires_grad() && at::GradMode::is_enabled();
  }

  // What products read, before rounding to their type.
  at::Tensor read() const { return unit_rows ? unit(value) : value; }

  at::Tensor dense(at::ScalarType type) {
    if (panels) return panels->dense(type);
    if (quantized) return quantized->dense(type);
    if (value.scalar_type() == type && !unit_rows) return value.detach();
    const std::lock_guard lock(mutex);
    if (!copy_current || copy.scalar_type() != type) {
      at::NoGradGuard no_grad;
      copy = read().detach().to(type);
      copy_current = true;
    }
    return copy;
  }

  // The packed form for products in `type`; not defined where there is none.
  PackedWeight packed(at::ScalarType type) {
    if (value.defined() && use_reference(value)) return {};
    const std::lock_guard lock(mutex);
    if (!pack_current || pack_type != type) {
      if (!value.defined()) return pack;  // only one packed form was kept
      at::NoGradGuard no_grad;
      pack = pack_weight(read().detach().to(type));
      pack_type = type;
      pack_current = true;
    }
    return pack;
  }
};

Weight::Weight(at::Tensor value, bool unit_rows) : form_(std::make_shared<Form>()) {
  form_->unit_rows = unit_rows;
  form_->out = value.size(0);
  form_->in = value.size(1);
  form_->value = std::move(value);
}

Weight::Weight(std::vector<QuantizedRows> parts) : form_(std::make_shared<Form>()) {
  form_->quantized = std::make_shared<const QuantizedMatrix>(std::move(parts));
  form_->out = form_->quantized->out();
  form_->in = form_->quantized->in();
}

bool Weight::quantized() const { return form_->quantized != nullptr || form_->panels; }

const std::vector<QuantizedRows>& Weight::parts() const {
  static const std::vector<QuantizedRows> kNone;
  return form_->quantized ? form_->quantized->parts() : kNone;
}

int64_t Weight::out() const { return form_->out; }
int64_t Weight::in() const { return form_->in; }
const at::Tensor& Weight::value() const { return form_->value; }
at::Tensor Weight::dense(at::ScalarType type) const { return form_->dense(type); }

at::Tensor Weight::multiply(const at::Tensor& x, const at::Tensor& bias) const {
  if (form_->panels) return form_->panels->multiply(x, bias);
  if (form_->quantized) return multiply_quantized(x, form_->quantized, bias);
  if (!at::GradMode::is_enabled()) {
    const PackedWeight pack = form_->packed(x.scalar_type());
    if (pack.defined()) return packed_linear(x, pack, bias);
  }
  if (form_->trains_unit_rows()) {
    const auto term = bias.defined() ? std::optional(bias.to(x.scalar_type())) : std::nullopt;
    return at::linear(x, unit(form_->value).to(x.scalar_type()), term);
  }
  return linear(x, form_->value, form_->dense(x.scalar_type()), bias);
}

at::Tensor Weight::rows(const at::Tensor& ids) const {
  if (form_->panels) return form_->panels->rows(ids);
  if (form_->quantized) return form_->quantized->rows(ids);
  const at::Tensor rows = nn::embedding(form_->value, ids);
  return form_->unit_rows ? unit(rows) : rows;
}

at::Tensor Weight::loss(const at::Tensor& hidden, const at::Tensor& targets,
                        const at::Tensor& weights, double divisor) const {
  if (form_->quantized) {
    return linear_cross_entropy(hidden, *form_->quantized, targets, weights, divisor);
  }
  if (form_->trains_unit_rows()) {
    return reference::linear_cross_entropy(hidden, unit(form_->value), {}, targets, weights,
                                           divisor);
  }
  return linear_cross_entropy(hidden, form_->value, form_->dense(hidden.scalar_type()), targets,
                              weights, divisor);
}

void Weight::to(at::Device device) {
  if (form_->panels) throw std::logic_error("a packed weight stays on the CPU");
  if (form_->quantized) {
    std::vector<QuantizedRows> parts;
    for (const QuantizedRows& part : form_->quantized->parts()) parts.push_back(part.to(device));
    form_->quantized = std::make_shared<const QuantizedMatrix>(std::move(parts));
    return;
  }
  if (!form_->value.defined()) throw std::logic_error("a packed weight stays on the CPU");
  const bool trained = form_->value.requires_grad();
  form_->value = form_->value.detach().to(device).requires_grad_(trained);
  form_->copy = at::Tensor();
  form_->pack = {};
  changed();
}

void Weight::changed() {
  const std::lock_guard lock(form_->mutex);
  form_->copy_current = form_->pack_current = false;
}

void Weight::changed_with_copy() {
  const std::lock_guard lock(form_->mutex);
  form_->pack_current = false;
  if (form_->unit_rows) form_->copy_current = false;
}

at::Tensor Weight::kept_copy(at::ScalarType type) const {
  const std::lock_guard lock(form_->mutex);
  const bool current =
      !form_->unit_rows && form_->copy_current && form_->copy.scalar_type() == type;
  return current ? form_->copy : at::Tensor();
}

void Weight::keep_packed_only(at::ScalarType type) {
  at::NoGradGuard no_grad;
  if (form_->quantized) {
    if (use_reference(form_->quantized->parts().front().device())) return;
    form_->panels = BlockPanels::pack(form_->quantized->parts());
    if (form_->panels) form_->quantized = nullptr;
  }
  if (quantized()) return;
  if (!form_->packed(type).defined()) return;
  form_->value = at::Tensor();
  form_->copy = at::Tensor();
  form_->copy_current = false;
}

}  // namespace relata::nn
