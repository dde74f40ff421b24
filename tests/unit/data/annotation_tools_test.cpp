// What annotation tools and annotators write beside the annotations themselves.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

Result<Dataset> parse(const std::string& content, const std::string& format,
                      const std::string& on_error = "stop") {
  ReadOptions options;
  options.format = format;
  options.on_error = on_error;
  return parse_dataset(content, "f", options);
}

std::string error_of(const Result<Dataset>& dataset) {
  EXPECT_FALSE(dataset.ok());
  return dataset.ok() ? "" : dataset.error().message;
}

TEST(Prodigy, WhatWasRejectedOrIgnoredIsLeftOut) {
  const auto row = [](const std::string& answer) {
    return R"({"text":"Tarn owns.","spans":[{"start":0,"end":4,"label":"Org"}])" + answer + "}\n";
  };
  const auto dataset = parse(row(R"(,"answer":"accept")") + row(R"(,"answer":"reject")") +
                                 row(R"(,"answer":"ignore")") + row(R"(,"answer":"reject")") +
                                 row("") + row(R"(,"answer":null)"),
                             "");
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->documents.size(), 3u);
  const std::map<std::string, size_t> noted = {{"records left out, whose answer is \"reject\"", 2},
                                               {"records left out, whose answer is \"ignore\"", 1}};
  EXPECT_EQ(dataset->noted, noted);
  EXPECT_EQ(error_of(parse(row(R"(,"answer":"maybe")"), "spacy")),
            "f:1: answer is \"maybe\", not accept, reject or ignore");
}

class BratFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "bratXXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<Dataset> read(const std::string& annotations, const std::string& on_error = "stop") {
    EXPECT_TRUE(write_file_atomic(folder_ + "/a.txt", "Ada Lund owns Tarn.").ok());
    EXPECT_TRUE(write_file_atomic(folder_ + "/a.ann", annotations).ok());
    ReadOptions options;
    options.on_error = on_error;
    return read_dataset(folder_ + "/a.ann", options);
  }

  std::string folder_;
};

constexpr const char* kSpans =
    "T1\tPer 0 3\tAda\nT2\tOrg 14 18\tTarn\nT3\tOwn 9 13\towns\nT4\tPer 4 8\tLund\n";

TEST_F(BratFolder, TakesTheTabThatTheServerWritesBehindALine) {
  for (const std::string tail : {"", "\t", " ", "\t\r", " \t "}) {
    const auto dataset = read(kSpans + ("R1\towns Arg1:T1 Arg2:T2" + tail + "\n") +
                              "E1\tOwn:T3 Who:T1 What:T2" + tail + "\nA1\tNegation E1" + tail +
                              "\nM1\tLevel E1 High" + tail + "\n*\tEquiv T1 T4" + tail + "\n");
    ASSERT_TRUE(dataset.ok()) << dataset.error().message;
    const Document& document = dataset->documents.at(0);
    ASSERT_EQ(document.relations.size(), 1u);
    EXPECT_EQ(document.events.at(0).arguments.size(), 2u);
    EXPECT_EQ(document.meta.at("attributes"),
              Json::parse(R"([["A1", "Negation", "E1"], ["M1", "Level", "E1", "High"]])"));
    ASSERT_EQ(document.entities.size(), 2u);
    EXPECT_EQ(document.entities[0].mentions.size(), 2u);
  }
}

TEST_F(BratFolder, RefusesEquivalenceOfWhatIsNotThere) {
  const std::string lines = std::string(kSpans) + "*\tEquiv T1 T4 T9\n";
  EXPECT_EQ(error_of(read(lines)),
            folder_ + "/a.ann:5: * is about T9, which is no span of the file");
  const auto fixed = read(lines, "fix");
  ASSERT_TRUE(fixed.ok());
  EXPECT_EQ(fixed->fixed.size(), 1u);
  EXPECT_EQ(fixed->documents.at(0).entities.at(0).mentions.size(), 2u);
  EXPECT_EQ(error_of(read(std::string(kSpans) + "*\tSame T1 T4\n")),
            folder_ + "/a.ann:5: \"Same\" is not Equiv");
}

TEST_F(BratFolder, KeepsTheTypesOfEquivalentSpans) {
  const auto dataset = read(std::string(kSpans) + "*\tEquiv T1 T2\n");
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->documents.at(0).meta.at("mention_types"), Json({{"T2", "Org"}}));
}

}  // namespace
}  // namespace relata::data
