#include "relata/extract/calibrate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "fake_engine.h"

namespace relata::extract {
namespace {

using Outcomes = std::vector<ScoredOutcome>;

// Scores whose true probability is sigmoid(logit(score) / 2 - 1): too sure, and too high.
Outcomes overconfident(int count) {
  std::mt19937 random(7);
  Outcomes out;
  for (int i = 0; i < count; ++i) {
    const double score = 0.02 + 0.96 * (static_cast<double>(random()) / 4294967296.0);
    const double z = std::log(score / (1 - score)) / 2 - 1;
    const bool right = static_cast<double>(random()) / 4294967296.0 < 1 / (1 + std::exp(-z));
    out.push_back({score, right, i / 10});
  }
  return out;
}

TEST(Calibrate, TemperatureFindsTheTrueMap) {
  const Calibration fit = fit_temperature(overconfident(20000)).value();
  // Standard errors at 20,000 draws are about 0.05 and 0.02.
  EXPECT_NEAR(fit.temperature, 2.0, 0.2);
  EXPECT_NEAR(fit.offset, -1.0, 0.1);
  EXPECT_LT(fit.apply(0.3), fit.apply(0.4));
}

// Where the surer answers are the wrong ones no map that keeps the order helps: all get the share
// of the right ones.
TEST(Calibrate, ScoresThatSayNothingGetTheShareOfTheRight) {
  for (const double surest : {0.9, 0.9999, 1.0}) {
    Outcomes outcomes;
    for (int i = 0; i < 100; ++i) {
      const bool right = i % 5 != 0;
      outcomes.push_back({right ? 0.5 + 0.001 * i : surest, right, i});
    }
    const Calibration fit = fit_temperature(outcomes).value();
    for (const ScoredOutcome& one : outcomes) EXPECT_NEAR(fit.apply(one.score), 0.8, 0.03);
    EXPECT_LT(fit.apply(0.5), fit.apply(0.6));
  }
}

// Each part of the documents is left out once; what is then left must have both kinds.
TEST(Calibrate, TooFewDocumentsAreSaidToBe) {
  const Outcomes one_document = {{0.2, false, 0}, {0.4, true, 0}, {0.6, true, 0}};
  const Outcomes one_wrong = {{0.2, false, 0}, {0.4, true, 1}, {0.6, true, 2}};
  for (const Outcomes& outcomes : {one_document, one_wrong}) {
    ASSERT_TRUE(fit_temperature(outcomes).ok());
    const auto crossed = cross_calibrated("temperature", outcomes);
    ASSERT_FALSE(crossed.ok());
    EXPECT_NE(crossed.error().message.find("too few documents"), std::string::npos);
  }
}

TEST(Calibrate, TheErrorFallsOnUnseenGroups) {
  const Outcomes raw = overconfident(5000);
  for (const char* method : {"temperature", "isotonic"}) {
    const Outcomes after = cross_calibrated(method, raw).value();
    ASSERT_EQ(after.size(), raw.size());
    EXPECT_GT(expected_calibration_error(raw), 0.1) << method;
    EXPECT_LT(expected_calibration_error(after), 0.03) << method;
    for (size_t i = 0; i < raw.size(); ++i) EXPECT_EQ(after[i].correct, raw[i].correct);
  }
}

// Worked by hand: 0.1 wrong, 0.2 right, 0.3 wrong, 0.4 right, 0.5 right; 0.2 and 0.3 pool to 1/2.
TEST(Calibrate, IsotonicPoolsViolators) {
  const Calibration fit =
      fit_isotonic({{0.1, false}, {0.2, true}, {0.3, false}, {0.4, true}, {0.5, true}}).value();
  EXPECT_DOUBLE_EQ(fit.apply(0.1), 0.0);
  EXPECT_DOUBLE_EQ(fit.apply(0.0), 0.0);
  EXPECT_DOUBLE_EQ(fit.apply(0.2), 0.5);
  EXPECT_DOUBLE_EQ(fit.apply(0.25), 0.5);
  EXPECT_NEAR(fit.apply(0.35), 0.75, 1e-12);  // half way to 1
  EXPECT_DOUBLE_EQ(fit.apply(0.9), 1.0);
}

// Of all monotone maps on a grid none has less squared error.
TEST(Calibrate, IsotonicIsTheBestMonotoneMap) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    Outcomes outcomes;
    for (int i = 0; i < 5; ++i) outcomes.push_back({i / 10.0, random() % 2 == 0});
    const auto fit = fit_isotonic(outcomes);
    if (!fit.ok()) continue;  // all of one kind
    const auto error = [&](const std::vector<double>& values) {
      double sum = 0;
      for (size_t i = 0; i < 5; ++i) {
        sum += std::pow(values[i] - (outcomes[i].correct ? 1 : 0), 2);
      }
      return sum;
    };
    std::vector<double> own;
    for (int i = 0; i < 5; ++i) own.push_back(fit.value().apply(i / 10.0));
    for (int code = 0; code < 7 * 7 * 7 * 7 * 7; ++code) {
      std::vector<double> other;
      for (int i = 0, rest = code; i < 5; ++i, rest /= 7) other.push_back(rest % 7 / 6.0);
      if (!std::is_sorted(other.begin(), other.end())) continue;
      ASSERT_LE(error(own), error(other) + 1e-12);
    }
  }
}

TEST(Calibrate, SeparableScoresHaveAnAnswer) {
  const Calibration fit =
      fit_temperature({{0.1, false}, {0.2, false}, {0.8, true}, {0.9, true}}).value();
  EXPECT_TRUE(std::isfinite(fit.temperature) && std::isfinite(fit.offset));
  EXPECT_LT(fit.apply(0.1), 0.5);
  EXPECT_GT(fit.apply(0.9), 0.5);
}

TEST(Calibrate, NothingToFitOnIsAnError) {
  EXPECT_FALSE(fit_temperature({}).ok());
  EXPECT_FALSE(fit_isotonic({{0.5, true}, {0.6, true}}).ok());
  EXPECT_FALSE(fit_isotonic({{0.5, true}, {1.6, false}}).ok());
  EXPECT_FALSE(fit_calibration("magic", overconfident(10)).ok());
}

TEST(Calibrate, BinsAndError) {
  const Outcomes outcomes = {{0.05, false}, {0.95, true}, {0.95, false}, {1.0, true}};
  const auto bins = reliability_bins(outcomes);
  ASSERT_EQ(bins.size(), 10u);
  EXPECT_EQ(bins[0].count, 1);
  EXPECT_EQ(bins[9].count, 3);
  EXPECT_NEAR(bins[9].accuracy, 2.0 / 3, 1e-12);
  EXPECT_NEAR(expected_calibration_error(outcomes), (0.05 + 2.9 - 2.0) / 4, 1e-12);
}

TEST(Calibrate, ThresholdsKeepEqualScoresTogether) {
  const Outcomes outcomes = {{0.9, true}, {0.7, true}, {0.7, false}, {0.2, false}};
  const ThresholdChoice best = best_f1_threshold(outcomes, 3);
  EXPECT_EQ(best.threshold, 0.7);
  EXPECT_EQ(best.kept, 3);
  EXPECT_NEAR(best.f1, 4.0 / 6, 1e-12);
  const auto sure = precision_threshold(outcomes, 3, 0.9);
  ASSERT_TRUE(sure);
  EXPECT_EQ(sure->threshold, 0.9);
  EXPECT_FALSE(precision_threshold({{0.9, false}}, 1, 0.5));
}

// Extraction has one map, fitted on all: its set is not the cross-fitted one.
TEST(Calibrate, AThresholdKeepsWhatExtractionKeeps) {
  const Outcomes raw = overconfident(60);
  for (const char* method : {"temperature", "isotonic"}) {
    const Calibration fit = fit_calibration(method, raw).value();
    const Outcomes applied = calibrated(fit, raw);
    const auto choice = precision_threshold(applied, 40, 0.5);
    ASSERT_TRUE(choice) << method;
    int64_t kept = 0, right = 0;
    for (const ScoredOutcome& one : raw) {
      if (fit.apply(one.score) < choice->threshold) continue;
      ++kept;
      right += one.correct ? 1 : 0;
    }
    EXPECT_EQ(kept, choice->kept);
    EXPECT_GE(2 * right, kept);
    const ThresholdChoice same = threshold_outcome(applied, 40, choice->threshold);
    EXPECT_EQ(same.kept, choice->kept);
    EXPECT_EQ(same.precision, choice->precision);
    EXPECT_EQ(same.recall, choice->recall);
    EXPECT_EQ(same.f1, choice->f1);
  }
  const ThresholdChoice none = threshold_outcome(raw, 40, 1.0);
  EXPECT_EQ(none.threshold, 1.0);
  EXPECT_EQ(none.kept, 0);
  EXPECT_EQ(threshold_outcome(raw, 40, 0.0).kept, 60);
}

TEST(Calibrate, TheFigureHasADotForEachBin) {
  const Outcomes raw = {{0.15, false, 0}, {0.15, false, 1}, {0.85, true, 0}, {0.95, true, 1}};
  const std::string svg = reliability_svg(raw, {{0.5, true, 0}, {0.5, false, 1}});
  size_t dots = 0;
  for (size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1)) {
    ++dots;
  }
  EXPECT_EQ(dots, 3u + 1u) << svg;
  EXPECT_NE(svg.find(">before: expected calibration error 0.125<"), std::string::npos) << svg;
  EXPECT_NE(svg.find(">after, cross-fitted: expected calibration error 0.000<"), std::string::npos);
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
}

TEST(Calibrate, FilesKeepTheMap) {
  for (const char* method : {"temperature", "isotonic"}) {
    Calibration fit = fit_calibration(method, overconfident(200)).value();
    fit.threshold = 0.25;
    const Calibration read = calibration_from_json(calibration_to_json(fit), "c").value();
    for (const double score : {0.0, 0.1, 0.5, 0.99, 1.0}) {
      EXPECT_EQ(read.apply(score), fit.apply(score));
    }
    EXPECT_EQ(read.threshold, 0.25);
  }
  EXPECT_FALSE(calibration_from_json(Json::array(), "c").ok());
  EXPECT_FALSE(calibration_from_json({{"method", "isotonic"}}, "c").ok());
  EXPECT_FALSE(
      calibration_from_json(
          {{"method", "isotonic"}, {"scores", {0.5, 0.4}}, {"probabilities", {0.1, 0.2}}}, "c")
          .ok());
  EXPECT_FALSE(calibration_from_json({{"method", "temperature"}, {"temperature", 0}}, "c").ok());
}

TEST(Calibrate, FactsAreRightByAnyNameOfTheirEnds) {
  data::Document gold = make_document("d", "Ann Lee wed Bob. Ann is happy.", {"Ann Lee", "Bob"});
  gold.entities[0].mentions.push_back({17, 20});
  gold.relations = {{0, 1, "spouse", {}, {}}, {1, 0, "spouse", {}, {}}};
  data::Document found = make_document("d", gold.text, {"Ann", "Bob", "happy"});
  found.relations = {{0, 1, "spouse", 0.9, {}},
                     {0, 1, "child", 0.5, {}},
                     {0, 2, "spouse", 0.4, {}},
                     {1, 0, "spouse", {}, {}}};
  int64_t facts = 0;
  const auto outcomes = fact_outcomes({gold}, {found}, {}, &facts);
  EXPECT_EQ(facts, 2);
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_TRUE(outcomes[0].correct);
  EXPECT_FALSE(outcomes[1].correct);
  EXPECT_FALSE(outcomes[2].correct);
}

TEST(Calibrate, AFactIsRightOnceAndNoRelationIsNoFact) {
  data::Document gold = make_document("d", "Ann Lee wed Bob. Ann is happy.", {"Ann Lee", "Bob"});
  gold.entities[0].mentions.push_back({17, 20});
  gold.relations = {{0, 1, "spouse", {}, {}}, {1, 0, "no_relation", {}, {}}};
  data::Document found = make_document("d", gold.text, {"Ann", "Bob", "Ann Lee"});
  found.relations = {
      {0, 1, "spouse", 0.4, {}}, {2, 1, "spouse", 0.9, {}}, {1, 0, "no_relation", 0.8, {}}};
  int64_t facts = 0;
  const auto outcomes = fact_outcomes({gold}, {found}, {}, &facts);
  EXPECT_EQ(facts, 1);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_TRUE(outcomes[0].correct);
  EXPECT_EQ(outcomes[0].score, 0.9);
}

// Gold need not state the label by which answers say that nothing holds.
TEST(Calibrate, TheSchemaSaysWhatIsNoFact) {
  data::Document gold = make_document("d", "Ann wed Bob.", {"Ann", "Bob"});
  gold.relations = {{0, 1, "Other", {}, {}}};
  data::Document found = gold;
  found.relations = {{0, 1, "Other", 0.9, {}}, {1, 0, "none of these", 0.8, {}}};
  data::Schema schema;
  schema.relation_types.resize(2);
  schema.relation_types[0].id = "Other";
  schema.relation_types[1].id = "none of these";
  schema.relation_types[1].negative = true;
  int64_t facts = 0;
  const auto outcomes = fact_outcomes({gold}, {found}, schema, &facts);
  EXPECT_EQ(facts, 1);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_TRUE(outcomes[0].correct);
}

}  // namespace
}  // namespace relata::extract
