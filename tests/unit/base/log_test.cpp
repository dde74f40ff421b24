#include "relata/base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <thread>
#include <vector>

#include "relata/base/file.h"
#include "temp_folder.h"

namespace relata {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override {
    set_log_level(LogLevel::kNormal);
    EXPECT_TRUE(set_log_file("").ok());
  }
  static std::string shown_at(LogLevel level) {
    set_log_level(level);
    testing::internal::CaptureStderr();
    log_info("i");
    log_warning("w");
    log_debug("d");
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, LevelsDecideWhatIsShown) {
  EXPECT_EQ(shown_at(LogLevel::kQuiet), "warning: w\n");
  EXPECT_EQ(shown_at(LogLevel::kNormal), "i\nwarning: w\n");
  EXPECT_EQ(shown_at(LogLevel::kVerbose), "i\nwarning: w\nd\n");
}

TEST_F(LogTest, FileGetsEveryLevelAndIsAppendedTo) {
  const TempFolder folder;
  for (int run = 0; run < 2; ++run) {
    ASSERT_TRUE(set_log_file(folder / "logs/run.log").ok());
    shown_at(LogLevel::kQuiet);
  }
  std::istringstream lines(slurp(folder / "logs/run.log"));
  std::vector<std::string> kinds;
  for (std::string line; std::getline(lines, line);) {
    ASSERT_GT(line.size(), 21u);
    EXPECT_EQ(line.substr(19, 2), "Z ");
    kinds.push_back(line.substr(21));
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"info i", "warning w", "debug d", "info i",
                                             "warning w", "debug d"}));
}

TEST_F(LogTest, ErrorsAreForTheFileAlone) {
  const TempFolder folder;
  ASSERT_TRUE(set_log_file(folder / "a.log").ok());
  testing::internal::CaptureStderr();
  log_error("it ended");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_TRUE(contains(slurp(folder / "a.log"), "Z error it ended\n"));
}

TEST_F(LogTest, UnusableFileIsAnErrorAndKeepsTheOldOne) {
  const TempFolder folder;
  ASSERT_TRUE(set_log_file(folder / "a.log").ok());
  const auto status = set_log_file(folder.path());
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
  shown_at(LogLevel::kQuiet);
  EXPECT_TRUE(contains(slurp(folder / "a.log"), "info i"));
}

TEST_F(LogTest, FullDiskIsReportedOnce) {
  ASSERT_TRUE(set_log_file("/dev/full").ok());
  testing::internal::CaptureStderr();
  log_info("one");
  log_info("two");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "one\nwarning: cannot write the log file any more: No space left on device\ntwo\n");
}

TEST_F(LogTest, ControlCharactersDoNotReachTheTerminal) {
  testing::internal::CaptureStderr();
  log_info("a\x1b[31mb\r\xff 关系\tc");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "a\\u001b[31mb\\u000d\\xff 关系\tc\n");
}

TEST_F(LogTest, WhatCannotBeSeenIsEscapedInMessages) {
  const TempFolder folder;
  ASSERT_TRUE(set_log_file(folder / "a.log").ok());
  testing::internal::CaptureStderr();
  log_warning("\xEF\xBB\xBFhead \u202E\u200B\u00AD\u0085\U000E0041 é 关 😀\u00A0.");
  const std::string shown = "\\ufeffhead \\u202e\\u200b\\u00ad\\u0085\\U000e0041 é 关 😀\u00A0.\n";
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning: " + shown);
  const auto logged = read_file(folder / "a.log");
  ASSERT_TRUE(logged.ok());
  EXPECT_TRUE(logged->ends_with(shown)) << *logged;
}

TEST_F(LogTest, LinesOfThreadsStayWhole) {
  const TempFolder folder;
  ASSERT_TRUE(set_log_file(folder / "a.log").ok());
  testing::internal::CaptureStderr();
  {
    std::vector<std::jthread> threads;
    for (char name = 'a'; name < 'e'; ++name) {
      threads.emplace_back([name] {
        for (int i = 0; i < 200; ++i) log_info(std::string(300, name));
      });
    }
  }
  std::istringstream shown(testing::internal::GetCapturedStderr());
  int count = 0;
  for (std::string line; std::getline(shown, line); ++count) {
    ASSERT_EQ(line, std::string(300, line[0]));
  }
  EXPECT_EQ(count, 800);
  const std::string file = slurp(folder / "a.log");
  EXPECT_EQ(std::count(file.begin(), file.end(), '\n'), 800);
}

}  // namespace
}  // namespace relata
