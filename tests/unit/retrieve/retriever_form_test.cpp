#include "relata/retrieve/retriever_form.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "relata/base/file.h"

namespace relata::retrieve {
namespace {

class RetrieverFormTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/retriever_form";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  std::string folder_;
};

TEST_F(RetrieverFormTest, IsReadAsWritten) {
  EXPECT_FALSE(read_retriever_form(folder_).value());
  for (const bool tags : {true, false}) {
    ASSERT_TRUE(write_retriever_form({tags}, folder_).ok());
    EXPECT_EQ(read_retriever_form(folder_).value().value().tags, tags);
  }
}

TEST_F(RetrieverFormTest, OfAnotherVersionOrDamagedIsRefusedByName) {
  for (const char* content : {"[]", "{", R"({"format_version": 2, "tags": true})",
                              R"({"format_version": 1, "tag": 1})"}) {
    ASSERT_TRUE(write_file_atomic(folder_ + "/relata_retriever.json", content).ok());
    const auto read = read_retriever_form(folder_);
    ASSERT_FALSE(read.ok()) << content;
    EXPECT_NE(read.error().message.find("relata_retriever.json"), std::string::npos);
  }
}

}  // namespace
}  // namespace relata::retrieve
