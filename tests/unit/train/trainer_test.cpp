// The loop: schedules, losses, early stopping, and what must not be trained on or saved.
#include "relata/train/trainer.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <limits>
#include <set>

#include "../../../src/train/batch.h"
#include "run_test.h"

namespace relata::train {
namespace {

using Names = std::vector<std::string>;

void expect_error(const Result<TrainSummary>& result, ErrorCode code, const Names& words) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, code) << result.error().message;
  for (const std::string& word : words) {
    EXPECT_NE(result.error().message.find(word), std::string::npos)
        << result.error().message << "\nhas no " << word;
  }
}

TEST_F(TrainRun, WarmsUpByStepsWhichWinOverTheShare) {
  config_.max_steps = 8;
  config_.lr_scheduler_type = "linear";
  config_.warmup_steps = 4;
  config_.warmup_ratio = 0.9;
  ASSERT_TRUE(run(tiny_model()).ok());
  const auto rates = logged("learning_rate");
  ASSERT_EQ(rates.size(), 8U);
  const std::vector<double> factors = {0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25};
  for (size_t i = 0; i < rates.size(); ++i) EXPECT_NEAR(rates[i], 0.01 * factors[i], 1e-12) << i;
}

TEST_F(TrainRun, WarmsUpByAShareOfTheSteps) {
  config_.max_steps = 8;
  config_.lr_scheduler_type = "constant";
  config_.warmup_ratio = 0.25;
  ASSERT_TRUE(run(tiny_model()).ok());
  const auto rates = logged("learning_rate");
  ASSERT_EQ(rates.size(), 8U);
  EXPECT_DOUBLE_EQ(rates[0], 0.0);
  EXPECT_DOUBLE_EQ(rates[1], 0.005);
  for (size_t i = 2; i < rates.size(); ++i) EXPECT_DOUBLE_EQ(rates[i], 0.01);
}

TEST_F(TrainRun, LearnsItsRows) {
  config_.max_steps = 60;
  ASSERT_TRUE(run(tiny_model()).ok());
  const auto losses = logged("loss");
  EXPECT_NEAR(losses.front(), std::log(31.0), 0.1);  // an untrained model knows nothing
  EXPECT_LT(losses.back(), 0.5 * losses.front());
}

TEST_F(TrainRun, StopsEarlyAndKeepsTheBestWeights) {
  config_.max_steps = 20;
  config_.eval_steps = 1;
  config_.early_stopping_patience = 3;
  const auto model = tiny_model();
  const std::vector<double> metrics = {0.1, 0.4, 0.3, 0.4, 0.2, 0.9};
  std::vector<at::Tensor> seen;
  const auto summary = run(model, [&]() -> Result<double> {
    seen.push_back(weights_of(*model));
    return metrics.at(seen.size() - 1);
  });
  ASSERT_TRUE(summary.ok()) << summary.error().message;
  EXPECT_EQ(summary->steps, 5);  // the second was the best, and three followed that were not better
  EXPECT_EQ(summary->best_step, 2);
  EXPECT_EQ(summary->best_metric, 0.4);
  EXPECT_TRUE(at::equal(weights_of(*model), seen[1]));
  EXPECT_FALSE(at::equal(weights_of(*model), seen[4]));
}

TEST_F(TrainRun, ThePromptsLossEndsWithItsShareOfTheRun) {
  for (Row& row : rows_) row.secondary = {0, 1, 1, 1, 1, 0, 0};
  config_.per_device_train_batch_size = 16;  // every step has all rows
  config_.learning_rate = 0;                 // and every step the same weights
  ASSERT_TRUE(run(tiny_model()).ok());
  const double answers = logged("loss").front();
  config_.prompt_loss_weight = 0.5;
  config_.prompt_loss_share = 0.5;
  config_.overwrite_output_dir = true;
  ASSERT_TRUE(run(tiny_model()).ok());
  const auto losses = logged("loss");
  ASSERT_EQ(losses.size(), 4U);
  // Both losses are means over an untrained model's predictions, near log 31 each. The sums differ
  // only in the order of their terms.
  EXPECT_NEAR(losses[0], 1.5 * std::log(31.0), 0.1);
  EXPECT_NEAR(losses[1], losses[0], 1e-6);
  EXPECT_NEAR(losses[2], answers, 1e-6);
  EXPECT_NEAR(losses[3], answers, 1e-6);
}

TEST_F(TrainRun, TokenDropoutHidesPromptTokensOnly) {
  std::vector<int64_t> all(rows_.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
  const StepWeights sums = step_weights(rows_, all);
  config_.token_dropout = 1.0;
  config_.token_dropout_id = 2;  // no row has it
  const auto hidden = pack_rows(*tiny_model(), rows_, all, {sums, 0.0, 5}, config_);
  // Rows are alike now but for the two tokens that are trained on: 1, 2, 2, 2, 2, a, (b).
  const at::Tensor ids = hidden.pass.ids;
  std::set<int64_t> kept;
  for (int64_t i = 0; i < ids.numel(); ++i) kept.insert(ids[i].item<int64_t>());
  std::set<int64_t> wanted = {1, 2};
  for (const Row& row : rows_) wanted.insert({row.ids[5], row.ids[6]});
  for (const int64_t id : kept) EXPECT_TRUE(wanted.contains(id)) << id;
  // What is predicted is never hidden.
  std::set<int64_t> targets;
  for (int64_t i = 0; i < hidden.targets.numel(); ++i) {
    targets.insert(hidden.targets[i].item<int64_t>());
  }
  EXPECT_FALSE(targets.contains(2));
  EXPECT_NEAR(hidden.weights.sum().item<double>(), 1.0, 1e-5);
}

TEST_F(TrainRun, TokenDropoutHidesItsShareByItsSeed) {
  Row row;
  row.ids.assign(20001, 7);
  row.weights.assign(row.ids.size(), 0.0F);
  row.weights.back() = 1.0F;
  const std::vector<Row> rows = {row};
  const StepWeights sums = step_weights(rows, {0});
  config_.token_dropout = 0.3;
  config_.token_dropout_id = 2;
  const auto model = tiny_model();
  const auto hidden = [&](uint64_t seed) {
    return pack_rows(*model, rows, {0}, {sums, 0.0, seed}, config_).pass.ids.eq(2);
  };
  const double share = hidden(5).to(at::kDouble).sum().item<double>() / 20000.0;
  EXPECT_NEAR(share, 0.3, 0.02);  // six standard deviations of sqrt(0.3 * 0.7 / 20000)
  EXPECT_TRUE(at::equal(hidden(5), hidden(5)));
  EXPECT_FALSE(at::equal(hidden(5), hidden(6)));
}

TEST_F(TrainRun, RefusesAGradientThatIsNotFinite) {
  const auto model = tiny_model();
  {
    // The loss stays finite, the squares of its gradient do not.
    at::NoGradGuard no_grad;
    for (auto& p : model->trainable()) {
      if (p.name == "head") p.value.mul_(1e27);
    }
    model->weights_changed();
  }
  const at::Tensor before = weights_of(*model);
  config_.save_steps = 1;
  expect_error(run(model), ErrorCode::kBadInput, {"gradient of", "step 1"});
  EXPECT_TRUE(at::equal(weights_of(*model), before));
  EXPECT_EQ(checkpoints(), Names{});
}

TEST_F(TrainRun, RefusesWeightsThatAreNotFiniteByName) {
  const auto model = tiny_model();
  {
    at::NoGradGuard no_grad;
    for (auto& p : model->trainable()) {
      if (p.name == "norm") p.value[3] = std::numeric_limits<float>::quiet_NaN();
    }
    model->weights_changed();
  }
  expect_error(run(model), ErrorCode::kBadInput, {"weight norm", "not finite"});
}

TEST_F(TrainRun, NamesAFrozenWeightThatIsNotFinite) {
  const auto model = tiny_model();
  model::LoraConfig lora;
  ASSERT_TRUE(model->add_adapter("pair", lora, 1).ok());
  for (auto& [name, value] : model->named_weights()) {
    if (name == "model.layers.1.mlp.up_proj.weight") {
      value.fill_(std::numeric_limits<float>::quiet_NaN());
    }
  }
  model->weights_changed();
  expect_error(run(model), ErrorCode::kBadInput,
               {"loss is not finite", "model.layers.1.mlp.up_proj.weight"});
}

TEST_F(TrainRun, ChecksItsConfiguration) {
  config_.token_dropout = 0.1;
  config_.token_dropout_id = 999999;
  expect_error(run(tiny_model()), ErrorCode::kUsage, {"token_dropout_id", "31"});
  config_.token_dropout_id = 2;
  config_.learning_rate = -1;
  expect_error(run(tiny_model()), ErrorCode::kUsage, {"learning_rate"});
}

}  // namespace
}  // namespace relata::train
