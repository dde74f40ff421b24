#include "relata/kernels/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace relata::kernels {
namespace {

TEST(CrossEntropy, LossAndGradient) {
  constexpr int64_t kVocabulary = 45;
  std::vector<float> logits(kVocabulary), scratch(kVocabulary);
  double total = 0;
  for (int64_t i = 0; i < kVocabulary; ++i) {
    logits[i] = std::sin(static_cast<float>(i)) * 8.0F + 30.0F;  // far from zero: must not overflow
    total += std::exp(static_cast<double>(logits[i]) - 30.0);
  }
  const std::vector<float> before = logits;
  const double loss = cross_entropy(logits.data(), kVocabulary, 7, 0.5F, scratch.data());
  EXPECT_NEAR(loss, std::log(total) - (before[7] - 30.0), 1e-5);
  for (int64_t i = 0; i < kVocabulary; ++i) {
    const double probability = std::exp(static_cast<double>(before[i]) - 30.0) / total;
    EXPECT_NEAR(logits[i], 0.5 * (probability - (i == 7 ? 1.0 : 0.0)), 1e-6);
  }
}

TEST(CrossEntropy, InBfloat16) {
  std::vector<Bf16> logits(20);
  std::vector<float> scratch(20);
  for (Bf16& x : logits) store(x, 100.0F);
  EXPECT_NEAR(cross_entropy(logits.data(), 20, 3, 1.0F, scratch.data()), std::log(20.0), 1e-6);
  EXPECT_NEAR(to_float(logits[0]), 0.05, 0.05 / 256);
  EXPECT_NEAR(to_float(logits[3]), -0.95, 0.95 / 256);
}

TEST(LogitSummary, LargestAndLogSum) {
  std::vector<float> logits(33, 90.0F);
  logits[32] = 91.0F;
  const LogitSummary summary = summarise_logits(logits.data(), 33);
  EXPECT_EQ(summary.largest, 91.0F);
  EXPECT_NEAR(summary.logsumexp, 90.0 + std::log(32.0 + std::exp(1.0)), 1e-5);
}

}  // namespace
}  // namespace relata::kernels
