// An encoder's forward and backward pass against plain LibTorch code that follows the paper (Devlin
// et al. 2019) over one sequence at a time.
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "relata/model/decoder.h"

namespace relata::model {
namespace {

DecoderConfig tiny() {
  DecoderConfig c;
  c.model_type = "bert";
  c.vocab_size = 31;
  c.hidden_size = 21;
  c.intermediate_size = 34;
  c.num_layers = 2;
  c.num_heads = c.num_kv_heads = 3;
  c.head_dim = 7;
  c.max_positions = c.position_rows = 16;
  c.token_types = 2;
  c.labels = 1;
  c.causal = c.gated = false;
  c.layer_norm = c.norm_after = c.tie_embeddings = true;
  c.qkv_bias = c.output_bias = c.mlp_bias = true;
  c.activation = nn::Activation::Gelu;
  c.rms_norm_eps = 1e-6;
  c.initializer_range = 0.3;
  return c;
}

const std::vector<std::vector<int32_t>> kRows = {
    {2, 4, 7, 9, 3}, {2, 5, 3}, {2, 8, 6, 6, 3}, {2, 30, 29, 28, 27, 26, 3}};

std::shared_ptr<Decoder> random_encoder() {
  auto model = Decoder::random(tiny(), 5);
  at::NoGradGuard no_grad;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(6);
  for (auto& [name, weight] : model->named_weights()) {  // norms and biases too
    if (weight.dim() == 1) weight.add_(at::empty_like(weight).normal_(0.0, 0.2, generator));
  }
  return model;
}

using Weights = std::map<std::string, at::Tensor>;

// The encoder as the paper has it, in float64, of weights by their names in a checkpoint.
class Plain {
 public:
  explicit Plain(const Decoder& model) : config_(model.config()) {
    for (const auto& [name, weight] : model.named_weights()) {
      weights_[name] = weight.detach().to(at::kDouble).clone().requires_grad_(true);
    }
  }
  const Weights& weights() const { return weights_; }

  at::Tensor states(const std::vector<int32_t>& ids) const {
    const auto length = static_cast<int64_t>(ids.size());
    const std::string e = "bert.embeddings.";
    at::Tensor x = table(e, "word_embeddings").index_select(0, at::tensor(ids, at::kLong)) +
                   table(e, "position_embeddings").narrow(0, 0, length) +
                   table(e, "token_type_embeddings").narrow(0, 0, 1);
    x = norm(x, e + "LayerNorm");
    for (int64_t i = 0; i < config_.num_layers; ++i) {
      const std::string layer = "bert.encoder.layer." + std::to_string(i) + ".";
      x = norm(x + attended(x, layer), layer + "attention.output.LayerNorm");
      const at::Tensor inner = at::gelu(linear(x, layer + "intermediate.dense"));
      x = norm(x + linear(inner, layer + "output.dense"), layer + "output.LayerNorm");
    }
    return x;
  }

  at::Tensor score(const at::Tensor& states) const {
    return linear(at::tanh(linear(states.narrow(0, 0, 1), "bert.pooler.dense")), "classifier");
  }

 private:
  at::Tensor table(const std::string& prefix, const std::string& name) const {
    return weights_.at(prefix + name + ".weight");
  }
  at::Tensor linear(const at::Tensor& x, const std::string& name) const {
    return at::linear(x, weights_.at(name + ".weight"), weights_.at(name + ".bias"));
  }
  at::Tensor norm(const at::Tensor& x, const std::string& name) const {
    const at::Tensor centred = x - x.mean(-1, true);
    const at::Tensor variance = centred.square().mean(-1, true);
    return centred / (variance + config_.rms_norm_eps).sqrt() * weights_.at(name + ".weight") +
           weights_.at(name + ".bias");
  }
  at::Tensor attended(const at::Tensor& x, const std::string& layer) const {
    std::vector<at::Tensor> heads;
    const at::Tensor q = linear(x, layer + "attention.self.query");
    const at::Tensor k = linear(x, layer + "attention.self.key");
    const at::Tensor v = linear(x, layer + "attention.self.value");
    for (int64_t h = 0; h < config_.num_heads; ++h) {
      const auto part = [&](const at::Tensor& t) {
        return t.narrow(1, h * config_.head_dim, config_.head_dim);
      };
      const at::Tensor scores =
          at::matmul(part(q), part(k).t()) / std::sqrt(static_cast<double>(config_.head_dim));
      heads.push_back(at::matmul(at::softmax(scores, -1), part(v)));
    }
    return linear(at::cat(heads, 1), layer + "attention.output.dense");
  }

  DecoderConfig config_;
  Weights weights_;
};

Pass first_rows(Pass pass) {
  std::vector<int64_t> rows;
  for (const nn::Segment& s : pass.segments) rows.push_back(s.begin);
  pass.rows = at::tensor(rows, at::kLong);
  return pass;
}

TEST(EncoderPass, StatesAreThoseOfThePaper) {
  const auto model = random_encoder();
  const Plain plain(*model);
  at::NoGradGuard no_grad;
  const at::Tensor packed = model->forward(Pass::of(kRows));
  int64_t begin = 0;
  for (const auto& row : kRows) {
    const at::Tensor wanted = plain.states(row);
    const at::Tensor found = packed.narrow(0, begin, wanted.size(0)).to(at::kDouble);
    // Float32 against float64 through two layers whose states are of size one.
    EXPECT_LE((found - wanted).abs().max().item<double>(), 1e-5);
    begin += wanted.size(0);
  }
}

// Of a sum over the states, weighted at random, and over the scores of the head of labels.
TEST(EncoderPass, GradientsAreThoseOfThePaper) {
  const auto model = random_encoder();
  const Plain plain(*model);
  auto generator = at::make_generator<at::CPUGeneratorImpl>(7);
  const at::Tensor factors =
      at::empty({20, tiny().hidden_size}, at::kFloat).normal_(0.0, 1.0, generator);
  const at::Tensor states = model->forward(Pass::of(kRows));
  const at::Tensor scores = model->label_logits(model->forward(first_rows(Pass::of(kRows))));
  ((states * factors).sum() + scores.sum()).backward();

  at::Tensor loss = at::zeros({}, at::kDouble);
  int64_t begin = 0;
  for (const auto& row : kRows) {
    const at::Tensor own = plain.states(row);
    loss = loss + (own * factors.narrow(0, begin, own.size(0)).to(at::kDouble)).sum() +
           plain.score(own).sum();
    begin += own.size(0);
  }
  loss.backward();

  for (const auto& p : model->trainable()) {
    ASSERT_TRUE(p.value.grad().defined()) << p.name;
    at::NoGradGuard no_grad;
    p.value.copy_(p.value.grad());
  }
  for (const auto& [name, weight] : model->named_weights()) {
    const at::Tensor wanted = plain.weights().at(name).grad();
    ASSERT_TRUE(wanted.defined()) << name;
    const double apart = (weight.to(at::kDouble) - wanted).norm().item<double>();
    // Keys' biases shift all scores of a softmax alike: their gradients are rounding.
    const double size = std::max(wanted.norm().item<double>(), 1.0);
    EXPECT_LE(apart, 1e-5 * size) << name;
  }
}

TEST(EncoderPass, DropoutAndCheckpointingGiveOneLoss) {
  const auto model = random_encoder();
  const auto loss_of = [&](bool checkpointing) {
    at::manual_seed(9);
    Pass pass = Pass::of(kRows);
    pass.dropout = 0.1;
    pass.gradient_checkpointing = checkpointing;
    for (const auto& p : model->trainable()) p.value.mutable_grad() = at::Tensor();
    const at::Tensor loss = model->forward(pass).square().sum();
    loss.backward();
    return std::pair(loss.item<double>(), model->trainable().front().value.grad().clone());
  };
  const auto [loss, gradient] = loss_of(false);
  const auto [again, same] = loss_of(true);
  EXPECT_NEAR(loss, again, 1e-6 * loss);
  EXPECT_LE((gradient - same).norm().item<double>(), 1e-5 * gradient.norm().item<double>());
}

}  // namespace
}  // namespace relata::model
