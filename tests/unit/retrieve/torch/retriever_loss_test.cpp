#include "torch/retriever_loss.h"

#include <gtest/gtest.h>

#include <cmath>

namespace relata::retrieve {
namespace {

constexpr double kRounding = 1e-4;  // of the figures as they are stated

RetrieverBatch small_batch() {
  return {at::tensor({1.0F, 0.0F, 0.0F, 1.0F}).view({2, 2}),
          at::tensor({0.8F, 0.6F, 0.6F, 0.8F, 0.0F, 1.0F, 1.0F, 0.0F}).view({4, 2}),
          at::tensor({2.0F, 0.0F, 1.0F, -1.0F}).view({2, 2})};
}

double loss(const RetrieverBatch& batch, double temperature, double divergence,
            double contrastive) {
  RetrieverLoss options;
  options.temperature = temperature;
  options.divergence = divergence;
  options.contrastive = contrastive;
  return retriever_loss(batch, options).item<double>();
}

// Figures of acceptance check 8 of the study of RUIE, computed there by hand.
TEST(RetrieverLoss, IsThatOfTheStudy) {
  EXPECT_NEAR(loss(small_batch(), 0.5, 0, 1), 1.3404, kRounding);
  EXPECT_NEAR(loss(small_batch(), 0.5, 1, 0), 0.0977, kRounding);
  EXPECT_NEAR(loss(small_batch(), 0.5, 1, 0.2), 0.3658, kRounding);
}

TEST(RetrieverLoss, FollowsTheFigureOfThePaper) {
  const at::Tensor query = at::tensor({1.0F, 0.0F, 0.0F, 0.0F}).view({1, 4});
  const at::Tensor passages = at::zeros({3, 4});
  passages.select(1, 0).copy_(at::tensor({0.925F, 0.901F, 0.895F}));
  const RetrieverBatch batch{query, passages, at::tensor({6.894F, 2.083F, -0.472F}).view({1, 3})};
  EXPECT_NEAR(loss(batch, 0.01, 1, 0), 0.1005, kRounding);
}

// Of the second question of small_batch() at temperature 0.5: its own products are 2 and 0, those
// with the first one's passages 1.2 and 1.6; d+ q' is 0, q q' 0 and d+ d+' 0.6 / 0.5 = 1.2.
TEST(RetrieverLoss, CanDoWithoutSomeNegatives) {
  RetrieverLoss options;
  options.temperature = 0.5;
  options.divergence = 0;
  options.contrastive = 1;
  // The first's: own 1.6 and 1.2, the others' 0 and 2; d+ q' 1.2, q q' 0, d+ d+' 1.2.
  const double first = std::exp(1.6) + std::exp(1.2) + std::exp(0.0) + std::exp(2.0);
  const double second = std::exp(1.2) + std::exp(1.6) + std::exp(2.0) + std::exp(0.0);
  const double questions = std::exp(0.0), positives = std::exp(1.2);
  const auto wanted = [&](double with_first, double with_second) {
    return (std::log(first + std::exp(1.2) + with_first) - 1.6 +
            std::log(second + std::exp(0.0) + with_second) - 2.0) /
           2;
  };
  const auto found = [&] { return retriever_loss(small_batch(), options).item<double>(); };
  EXPECT_NEAR(found(), wanted(questions + positives, questions + positives), 1e-5);
  options.query_negatives = false;
  EXPECT_NEAR(found(), wanted(positives, positives), 1e-5);
  options.passage_negatives = false;
  EXPECT_NEAR(found(), wanted(0, 0), 1e-5);
  options.query_negatives = true;
  EXPECT_NEAR(found(), wanted(questions, questions), 1e-5);
}

// Acceptance check 7.
TEST(RewardLoss, IsThatOfTheStudy) {
  const at::Tensor scores = at::tensor({2.0F, 1.0F, 0.0F, -1.0F}).view({1, 4});
  EXPECT_NEAR(reward_loss(scores).item<double>(), 0.4402, kRounding);
  // The mean over questions, not over their passages.
  const at::Tensor two = at::cat({scores, at::zeros({1, 4})});
  EXPECT_NEAR(reward_loss(two).item<double>(), (0.4402 + std::log(4.0)) / 2, kRounding);
}

// Every gradient by central differences in float64.
TEST(RetrieverLoss, GradientsAreThoseOfDifferences) {
  RetrieverBatch batch = small_batch();
  for (at::Tensor* part : {&batch.queries, &batch.passages, &batch.teacher}) {
    *part = part->to(at::kDouble);
  }
  RetrieverLoss options;
  options.temperature = 0.5;
  for (at::Tensor* part : {&batch.queries, &batch.passages}) {
    part->requires_grad_(true);
    retriever_loss(batch, options).backward();
    const at::Tensor gradient = part->grad().clone();
    part->requires_grad_(false);
    constexpr double kStep = 1e-6;
    auto* value = part->data_ptr<double>();
    for (int64_t i = 0; i < part->numel(); ++i) {
      const double before = value[i];
      value[i] = before + kStep;
      const double above = retriever_loss(batch, options).item<double>();
      value[i] = before - kStep;
      const double below = retriever_loss(batch, options).item<double>();
      value[i] = before;
      EXPECT_NEAR(gradient.view(-1)[i].item<double>(), (above - below) / (2 * kStep), 1e-7);
    }
  }
}

}  // namespace
}  // namespace relata::retrieve
