#include "../../../src/train/train_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace relata::train {
namespace {

class TrainLogTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / "relata_log_XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string text() const { return read_file(folder_ + "/train_log.jsonl").value(); }
  std::string folder_;
};

TEST_F(TrainLogTest, LinesAreInTheFileWhenTheyAreAdded) {
  auto log = TrainLog::open(folder_, 0).value();
  ASSERT_TRUE(log.add({{"step", 1}}).ok());
  EXPECT_EQ(text(), "{\"step\":1}\n");
  ASSERT_TRUE(log.add({{"step", 2}}).ok());
  EXPECT_EQ(text(), "{\"step\":1}\n{\"step\":2}\n");
}

// A line costs the line, not the file: it is opened once, and held.
TEST_F(TrainLogTest, HoldsItsFileBetweenLines) {
  {
    auto log = TrainLog::open(folder_, 0).value();
    ASSERT_TRUE(log.add({{"step", 1}}).ok());
    const auto second = TrainLog::open(folder_, 0);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::kResource);
    EXPECT_EQ(text(), "{\"step\":1}\n");
  }
  EXPECT_TRUE(TrainLog::open(folder_, 0).ok());
}

TEST_F(TrainLogTest, KeepsTheLinesUpToTheStepThatIsResumed) {
  ASSERT_TRUE(write_file_atomic(folder_ + "/train_log.jsonl",
                                "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"st")
                  .ok());
  ASSERT_TRUE(TrainLog::open(folder_, 2).ok());
  EXPECT_EQ(text(), "{\"step\":1}\n{\"step\":2}\n");
  // Lines of another program end what is kept, whatever they are.
  for (const char* other : {"[1]", "7", "{\"step\":\"x\"}", "{}"}) {
    ASSERT_TRUE(write_file_atomic(folder_ + "/train_log.jsonl",
                                  std::string("{\"step\":1}\n") + other + "\n")
                    .ok());
    ASSERT_TRUE(TrainLog::open(folder_, 2).ok());
    EXPECT_EQ(text(), "{\"step\":1}\n") << other;
  }
}

}  // namespace
}  // namespace relata::train
