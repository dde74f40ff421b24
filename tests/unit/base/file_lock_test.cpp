#include "relata/base/file_lock.h"

#include <gtest/gtest.h>

#include <optional>

#include "relata/base/file.h"

namespace relata {
namespace {

TEST(FileLock, HasOneHolder) {
  const std::string path = testing::TempDir() + "/file_lock_test";
  for (int round = 0; round < 2; ++round) {
    std::optional<FileLock> first = FileLock::take(path, "changes it").value();
    EXPECT_TRUE(file_exists(path + ".lock"));
    const auto second = FileLock::take(path, "changes it");
    ASSERT_FALSE(second.ok());
    EXPECT_NE(second.error().message.find("another process changes it"), std::string::npos);
    EXPECT_TRUE(file_exists(path + ".lock")) << "is the first's";
    first.reset();
    EXPECT_FALSE(file_exists(path + ".lock"));
  }
}

TEST(FileLock, LeftByAKilledHolderIsFree) {
  const std::string path = testing::TempDir() + "/file_lock_left";
  ASSERT_TRUE(write_file_atomic(path + ".lock", "").ok());
  EXPECT_TRUE(FileLock::take(path, "changes it").ok());
}

TEST(FileLock, WhereNothingCanBeWrittenIsAnError) {
  EXPECT_FALSE(FileLock::take("/proc/nowhere/index", "changes it").ok());
}

}  // namespace
}  // namespace relata
