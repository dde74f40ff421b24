#include "optimizer.h"

#include <cmath>

#include "relata/model/damage.h"
#include "relata/nn/optimizer.h"

namespace relata::train {

double gradient_norm(const std::vector<model::Decoder::Parameter>& parameters) {
  double total = 0.0;
  for (const auto& p : parameters) {
    if (p.value.grad().defined()) total += nn::sum_squares(p.value.grad());
  }
  return std::sqrt(total);
}

std::string first_bad_gradient(const std::vector<model::Decoder::Parameter>& parameters) {
  for (const auto& p : parameters) {
    if (p.value.grad().defined() && !std::isfinite(nn::sum_squares(p.value.grad()))) return p.name;
  }
  return "";
}

std::string first_bad_tensor(const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (!model::all_finite(tensor)) return name;
  }
  return "";
}

void adamw_step(model::Decoder& model, std::vector<model::Decoder::Parameter>& parameters,
                TrainState& state, const AdamWOptions& options) {
  const auto t = static_cast<double>(options.step);
  nn::AdamWStep step;
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
    step.weight_decay = p.decay ? static_cast<float>(options.weight_decay) : 0.0F;
    nn::adamw(step,
              {p.value.detach(), state.first[i], state.second[i],
               p.weight.defined() ? p.weight.kept_copy(model.compute_type()) : at::Tensor(),
               state.average.empty() ? at::Tensor() : state.average[i]},
              p.value.grad());
    p.value.mutable_grad() = at::Tensor();
  }
  model.weights_and_copies_changed();
}

}  // namespace relata::train
