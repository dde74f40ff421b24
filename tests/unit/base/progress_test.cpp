#include "relata/base/progress.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <limits>
#include <thread>

#include "relata/base/log.h"
#include "temp_folder.h"

namespace relata {
namespace {

class ProgressTest : public testing::Test {
 protected:
  void SetUp() override { testing::internal::CaptureStderr(); }
  void TearDown() override { set_progress_mode(ProgressMode::kAuto); }
  static std::string shown() { return testing::internal::GetCapturedStderr(); }
};

TEST(FormatDuration, ShowsTwoUnits) {
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(12.4), "12s");
  EXPECT_EQ(format_duration(59.7), "1m00s");
  EXPECT_EQ(format_duration(185), "3m05s");
  EXPECT_EQ(format_duration(3725), "1h02m");
  EXPECT_EQ(format_duration(93600), "26h00m");
  EXPECT_EQ(format_duration(-1), "--");
  EXPECT_EQ(format_duration(std::numeric_limits<double>::infinity()), "--");
  EXPECT_EQ(format_duration(std::numeric_limits<double>::quiet_NaN()), "--");
}

TEST_F(ProgressTest, OffShowsNothing) {
  set_progress_mode(ProgressMode::kOff);
  Progress progress("train", 10, "steps");
  progress.update(5);
  progress.finish();
  EXPECT_EQ(shown(), "");
}

TEST_F(ProgressTest, AutoWithoutATerminalShowsPlainLines) {
  set_progress_mode(ProgressMode::kAuto);
  {
    Progress progress("train", 10, "steps");
    for (int i = 0; i <= 10; ++i) progress.update(i, "loss 1.5");
  }
  const std::string text = shown();
  EXPECT_TRUE(text.starts_with("train: 10/10 steps in 0")) << text;
  EXPECT_TRUE(text.ends_with("  loss 1.5\n")) << text;
  EXPECT_EQ(text.find_first_of("\r\x1b"), std::string::npos);
}

TEST_F(ProgressTest, BarIsRedrawnInPlaceAndEndsInALine) {
  set_progress_mode(ProgressMode::kBar);
  Progress progress("train", 10, "steps");
  progress.update(0);
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  progress.update(5, "loss 1.5");
  progress.finish();
  progress.finish();
  progress.update(9);
  const std::string text = shown();
  EXPECT_TRUE(text.starts_with("\rtrain   0% [--------------------] 0/10 steps")) << text;
  EXPECT_TRUE(contains(text, "\rtrain  50% [##########----------] 5/10 steps")) << text;
  EXPECT_TRUE(contains(text, "ETA 0s  loss 1.5")) << text;
  EXPECT_TRUE(contains(text, "\rtrain: 5/10 steps in 0.")) << text;
  EXPECT_TRUE(text.ends_with("\n"));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(ProgressTest, LogLinesStandAboveTheBar) {
  set_progress_mode(ProgressMode::kBar);
  Progress progress("x", 2, "docs");
  progress.update(1);
  log_warning("careful");
  const std::string text = shown();
  EXPECT_TRUE(contains(text, "\rwarning: careful\nx  50% [")) << text;
  testing::internal::CaptureStderr();
  progress.finish();
  (void)shown();
}

TEST_F(ProgressTest, UnknownTotalShowsTheCount) {
  set_progress_mode(ProgressMode::kLines);
  {
    Progress progress("read", 0, "lines");
    progress.update(0);
    progress.update(42);
  }
  EXPECT_TRUE(shown().starts_with("read: 42 lines in 0"));
}

// The number before `unit` in the text.
double number_before(const std::string& text, const std::string& unit) {
  const size_t end = text.find(unit);
  if (end == std::string::npos) return -1;
  const size_t begin = text.find_last_of(' ', end - 1);
  return std::stod(text.substr(begin + 1, end - begin - 1));
}

TEST_F(ProgressTest, TheRateCountsTheTimeSinceTheBeginning) {
  set_progress_mode(ProgressMode::kLines);
  {
    Progress progress("generating", 1, "requests");
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    progress.update(0);
    progress.update(1);
  }
  const std::string text = shown();
  const double rate = number_before(text, " requests/s");
  EXPECT_GT(rate, 0) << text;
  EXPECT_LE(rate, 5.0) << text;  // one request in 0.2 s or more
  EXPECT_GE(number_before(text, "s  "), 0.2) << text;
}

TEST_F(ProgressTest, WhatWasDoneBeforeIsNoSpeed) {
  set_progress_mode(ProgressMode::kLines);
  {
    Progress progress("extracting", 1000, "pairs");
    progress.skip(990);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    progress.update(1000);
  }
  const std::string text = shown();
  const double rate = number_before(text, " pairs/s");
  EXPECT_GT(rate, 0) << text;
  EXPECT_LE(rate, 50.0) << text;  // ten pairs in 0.2 s or more
}

TEST_F(ProgressTest, WorkOfNoTimeShowsNoRate) {
  set_progress_mode(ProgressMode::kLines);
  const auto start = std::chrono::steady_clock::now();
  {
    Progress progress("generating", 1, "requests");
    progress.update(1);
  }
  const std::string text = shown();
  if (std::chrono::steady_clock::now() - start > std::chrono::milliseconds(40)) {
    GTEST_SKIP() << "the machine is too busy";
  }
  EXPECT_EQ(text, "generating: 1/1 requests in 0s\n");
}

TEST_F(ProgressTest, LongNotesDoNotWrap) {
  set_progress_mode(ProgressMode::kBar);
  Progress progress("x", 2, "docs");
  progress.update(1, std::string(60, 'n') + "关系关系关系关系关系关系关系关系关系关系");
  const std::string text = shown();
  EXPECT_LT(text.size(), 110u);
  testing::internal::CaptureStderr();
  progress.finish();
  (void)shown();
}

}  // namespace
}  // namespace relata
