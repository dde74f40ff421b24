#include "relata/base/process.h"

#include <gtest/gtest.h>

namespace relata {
namespace {

TEST(Process, ExchangesMoreThanAPipeHolds) {
  const std::string input(size_t{3} << 20, 'x');
  const auto result = run_process({"cat"}, input, {});
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->code, 0);
  EXPECT_EQ(result->output, input);
}

TEST(Process, TellsHowItEnded) {
  const auto result = run_process({"sh", "-c", "echo out; echo err >&2; exit 7"}, "", {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->code, 7);
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->errors, "err\n");
  EXPECT_EQ(run_process({"sh", "-c", "kill -9 $$"}, "", {})->code, 128 + 9);
  // Input that nobody reads is no problem.
  EXPECT_EQ(run_process({"true"}, std::string(size_t{1} << 20, 'x'), {})->code, 0);
}

TEST(Process, SaysWhatIsNotThere) {
  const auto result = run_process({"no-such-program-of-relata"}, "", {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kResource);
  EXPECT_NE(result.error().message.find("no-such-program-of-relata"), std::string::npos);
}

TEST(Process, EndsWhatPassesALimit) {
  ProcessLimits limits;
  limits.seconds = 0.2;
  const auto slow = run_process({"sleep", "600"}, "", limits);
  ASSERT_FALSE(slow.ok());
  EXPECT_EQ(slow.error().code, ErrorCode::kBadInput);
  limits = {};
  limits.output = 1000;
  EXPECT_FALSE(run_process({"yes"}, "", limits).ok());
}

}  // namespace
}  // namespace relata
