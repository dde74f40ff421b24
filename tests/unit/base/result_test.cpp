#include "relata/base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace relata {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return input_error("odd", "give an even number");
  return number / 2;
}

Result<int> quarter(int number) {
  RELATA_TRY(const int first, half(number));
  RELATA_TRY(const int second, half(first));
  return second;
}

Status check_even(int number) {
  RELATA_CHECK(half(number));
  return {};
}

TEST(Result, CarriesTheValueOrTheError) {
  EXPECT_EQ(quarter(8).value(), 2);
  const auto failed = quarter(6);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kBadInput);
  EXPECT_EQ(failed.error().message, "odd");
  EXPECT_EQ(failed.error().hint, "give an even number");
}

TEST(Result, StatusPassesTheErrorOn) {
  EXPECT_TRUE(check_even(2).ok());
  EXPECT_EQ(check_even(3).error().message, "odd");
}

TEST(Result, WrongAlternativeIsALogicError) {
  EXPECT_THROW(half(3).value(), std::logic_error);
  EXPECT_THROW((void)half(2).error(), std::logic_error);
  EXPECT_THROW((void)check_even(2).error(), std::logic_error);
  EXPECT_THROW(check_even(1).value(), std::logic_error);
}

TEST(Result, HoldsMoveOnlyValues) {
  auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const std::unique_ptr<int> moved = make().value();
  EXPECT_EQ(*moved, 7);
}

}  // namespace
}  // namespace relata
