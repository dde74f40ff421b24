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
  for (const RetrieverForm form : {RetrieverForm{true, false}, {false, true}, {true, true}}) {
    ASSERT_TRUE(write_retriever_form(form, folder_).ok());
    const auto read = read_retriever_form(folder_).value().value();
    EXPECT_EQ(read.tags, form.tags);
    EXPECT_EQ(read.sentences, form.sentences);
  }
}

TEST_F(RetrieverFormTest, FoldersOfTheFirstVersionReadBlocks) {
  const char* content = R"({"format_version": 1, "tags": false})";
  ASSERT_TRUE(write_file_atomic(folder_ + "/relata_retriever.json", content).ok());
  const auto read = read_retriever_form(folder_).value().value();
  EXPECT_FALSE(read.tags);
  EXPECT_FALSE(read.sentences);
}

TEST_F(RetrieverFormTest, OfAnotherVersionOrDamagedIsRefusedByName) {
  for (const char* content :
       {"[]", "{", R"({"format_version": 3, "tags": true})",
        R"({"format_version": 2, "text_form": "line"})", R"({"format_version": 1, "tag": 1})"}) {
    ASSERT_TRUE(write_file_atomic(folder_ + "/relata_retriever.json", content).ok());
    const auto read = read_retriever_form(folder_);
    ASSERT_FALSE(read.ok()) << content;
    EXPECT_NE(read.error().message.find("relata_retriever.json"), std::string::npos);
  }
}

}  // namespace
}  // namespace relata::retrieve
