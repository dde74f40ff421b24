#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "fake_engine.h"
#include "relata/extract/pair.h"

namespace relata::extract {
namespace {

using Strings = std::vector<std::string>;

TEST(Decide, BestAndThoseAboveTheThreshold) {
  const data::Schema schema = company_schema();
  PairPrediction out = decide(schema, {0.2, 0.35, 0.1, 0.35}, 0.2);
  EXPECT_EQ(out.labels, (Strings{"拥有", "P177"}));
  EXPECT_EQ(out.scores, (std::vector<double>{0.35, 0.35}));
  EXPECT_EQ(out.posterior.size(), 4u);
  EXPECT_EQ(decide(schema, {0.1, 0.2, 0.4, 0.3}, 0.15).labels, (Strings{"被拥有", "P177", "拥有"}));
  EXPECT_EQ(decide(schema, {0.1, 0.2, 0.4, 0.3}, 0.5).labels, Strings{"被拥有"});
}

TEST(Decide, NegativeStandsAlone) {
  EXPECT_EQ(decide(company_schema(), {0.4, 0.3, 0.3, 0.0}, 0.2).labels, Strings{"unknown"});
}

TEST(Decide, WrongSizesThrow) {
  EXPECT_THROW(decide(company_schema(), {1.0}, 0.5), std::logic_error);
}

TEST(BiasPosterior, AddsToTheLogarithm) {
  const auto out = bias_posterior(company_schema(), {0.25, 0.25, 0.25, 0.25}, std::log(3.0));
  EXPECT_NEAR(out[0], 0.5, 1e-12);
  EXPECT_NEAR(out[1], 1.0 / 6, 1e-12);
  EXPECT_NEAR(bias_posterior(company_schema(), {0.5, 0.5, 0, 0}, 1e6)[0], 1.0, 1e-12);
  EXPECT_NEAR(bias_posterior(company_schema(), {0.5, 0.5, 0, 0}, -1e6)[0], 0.0, 1e-12);
}

// Micro-F1 by definition, through decide() itself.
double plain_f1(const data::Schema& schema, const std::vector<std::vector<double>>& posteriors,
                const std::vector<Strings>& gold, double threshold, double bias) {
  double correct = 0;
  double predicted = 0;
  double wanted = 0;
  for (size_t i = 0; i < posteriors.size(); ++i) {
    Strings labels = decide(schema, bias_posterior(schema, posteriors[i], bias), threshold).labels;
    Strings truth = gold[i];
    std::erase(labels, "unknown");
    std::erase(truth, "unknown");
    std::sort(truth.begin(), truth.end());
    truth.erase(std::unique(truth.begin(), truth.end()), truth.end());
    predicted += static_cast<double>(labels.size());
    wanted += static_cast<double>(truth.size());
    for (const auto& label : labels) {
      correct += static_cast<double>(std::count(truth.begin(), truth.end(), label));
    }
  }
  return predicted + wanted == 0 ? 0.0 : 2 * correct / (predicted + wanted);
}

TEST(TuneDecision, FindsTheGridsMaximum) {
  const data::Schema schema = company_schema();
  std::mt19937 random(7);
  std::gamma_distribution<double> gamma(0.4, 1.0);
  std::vector<std::vector<double>> posteriors;
  std::vector<Strings> gold;
  for (int i = 0; i < 120; ++i) {
    std::vector<double> row(4);
    double sum = 0;
    for (double& value : row) sum += value = gamma(random) + 1e-6;
    for (double& value : row) value /= sum;
    row[0] *= 3;  // the model says "unknown" too often
    sum = row[0] + row[1] + row[2] + row[3];
    for (double& value : row) value /= sum;
    Strings labels;
    for (size_t k = 1; k < 4; ++k) {
      if (row[k] / (1 - row[0]) > 0.3 && row[0] < 0.8) {
        labels.push_back(schema.relation_types[k].id);
        labels.push_back(schema.relation_types[k].id);
      }
    }
    if (labels.empty() || i % 9 == 0) labels.push_back("unknown");
    if (i % 20 == 0) labels.push_back("not in the schema");
    posteriors.push_back(row);
    gold.push_back(labels);
  }
  double best = 0;
  for (int t = 1; t <= 19; ++t) {
    for (int b = -12; b <= 12; ++b) {
      best = std::max(best, plain_f1(schema, posteriors, gold, t / 20.0, b / 4.0));
    }
  }
  const TunedDecision tuned = tune_decision(schema, posteriors, gold);
  EXPECT_DOUBLE_EQ(tuned.f1, best);
  EXPECT_DOUBLE_EQ(plain_f1(schema, posteriors, gold, tuned.threshold, tuned.negative_bias), best);
  EXPECT_GT(best, plain_f1(schema, posteriors, gold, 0.5, 0.0));
  EXPECT_LT(tuned.negative_bias, 0.0);
}

TEST(TuneDecision, TiesGoToTheDefault) {
  const data::Schema schema = company_schema();
  TunedDecision tuned =
      tune_decision(schema, {{0, 1, 0, 0}, {1, 0, 0, 0}}, {{"拥有", "拥有"}, {"unknown"}});
  EXPECT_EQ(tuned.threshold, 0.5);
  EXPECT_EQ(tuned.negative_bias, 0.0);
  EXPECT_EQ(tuned.f1, 1.0);
  tuned = tune_decision(schema, {}, {});
  EXPECT_EQ(tuned.threshold, 0.5);
  EXPECT_EQ(tuned.f1, 0.0);
}

TEST(TuneDecision, TakesTheSmallestChange) {
  // 0.55 against 0.45: a bias of -0.25 is the least that lets the relation win.
  const TunedDecision tuned = tune_decision(company_schema(), {{0.55, 0.45, 0, 0}}, {{"拥有"}});
  EXPECT_EQ(tuned.negative_bias, -0.25);
  EXPECT_EQ(tuned.f1, 1.0);
}

TEST(TuneDecision, OneLabelEachWhereGoldHasOne) {
  // Both labels of each pair would give the better F1, 0.67 for 0.5.
  const data::Schema schema = company_schema();
  const std::vector<std::vector<double>> posteriors = {{0, 0.6, 0.4, 0}, {0, 0.4, 0.6, 0}};
  const std::string one = schema.relation_types[1].id, other = schema.relation_types[2].id;
  const TunedDecision tuned = tune_decision(schema, posteriors, {{one}, {one}});
  EXPECT_EQ(tuned.threshold, 1.0);
  EXPECT_EQ(tuned.f1, 0.5);
  EXPECT_EQ(decide(schema, posteriors[0], tuned.threshold).labels.size(), 1U);
  EXPECT_LT(tune_decision(schema, posteriors, {{one, other}, {one, other}}).threshold, 0.5);
}

}  // namespace
}  // namespace relata::extract
