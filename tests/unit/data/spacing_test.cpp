#include "relata/data/spacing.h"

#include <gtest/gtest.h>

#include "../redocred_files.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

TEST(NaturalSpacing, MarksStandAtTheirWords) {
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"in Rome , Italy ( EU ) .", "in Rome, Italy (EU)."},
      {"It cost $ 5 million ; 3 % went .", "It cost $5 million; 3% went."},
      {"Ada 's friend did n't go .", "Ada's friend didn't go."},
      {"the workers ' union", "the workers' union"},
      {"He said \" no \" and \" yes \" .", "He said \"no\" and \"yes\"."},
      {"a ' fine ' day", "a 'fine' day"},
      {"a well - known and / or", "a well-known and/or"},
      {"from 1990 – 1995 – or later", "from 1990–1995 – or later"},
      {"a - b", "a-b"},
      {"ends - ", "ends - "},
      {"- begins", "- begins"},
      {"“ Zürich ” …", "“Zürich”…"},
      {"two  , blanks", "two  , blanks"},
      {"one \" quote\nnext \" line \"", "one \"quote\nnext \"line\""},
      {"it is, as ever, (well) written.", "it is, as ever, (well) written."},
      {"", ""},
  };
  for (const auto& [before, after] : wanted) {
    EXPECT_EQ(natural_spacing(before), after);
    EXPECT_EQ(natural_spacing(after), after);
  }
}

TEST(NaturalSpacing, OffsetsAndNamesFollow) {
  Document document;
  document.text = "Ada 's firm ( Tarn & Co. ) is in Lund , Sweden .";
  document.sentences = {{0, document.text.size()}};
  const auto range = [&](const std::string& needle) {
    return find_occurrences(document.text, needle)[0];
  };
  document.entities = {{"e0", "Ada", "", {range("Ada")}, {}},
                       {"e1", "Tarn & Co.", "", {range("Tarn & Co.")}, {"Tarn , Co."}},
                       {"e2", "Lund , Sweden", "", {range("Lund , Sweden")}, {}}};
  document.relations = {{0, 1, "owns", {}, {{0, document.text.size()}}}};
  document.events = {{"ev0", "be", range("is"), {{"place", range("Lund"), -1}}}};
  const Document after = natural_spacing(document);
  EXPECT_EQ(after.text, "Ada's firm (Tarn & Co.) is in Lund, Sweden.");
  const auto text_of = [&](const ByteRange& r) {
    return after.text.substr(r.begin, r.end - r.begin);
  };
  EXPECT_EQ(text_of(after.sentences[0]), after.text);
  EXPECT_EQ(text_of(after.relations[0].evidence[0]), after.text);
  EXPECT_EQ(text_of(after.entities[1].mentions[0]), "Tarn & Co.");
  EXPECT_EQ(after.entities[1].names, std::vector<std::string>{"Tarn, Co."});
  EXPECT_EQ(text_of(after.entities[2].mentions[0]), "Lund, Sweden");
  EXPECT_EQ(after.entities[2].text, "Lund, Sweden");
  EXPECT_EQ(text_of(after.events[0].trigger), "is");
  EXPECT_EQ(text_of(after.events[0].arguments[0].range), "Lund");
}

TEST(NaturalSpacing, OffsetsInMetaFollow) {
  Document document;
  document.text = "Zoë ( 42 ) left , and right hands .";
  document.meta = {{"fragments", {{"T1", {{11, 15}, {28, 33}}}, {"T2", "odd"}}},
                   {"pages", {0, 18, 35, 99}},
                   {"year", 18}};
  const Document after = natural_spacing(document);
  EXPECT_EQ(after.text, "Zoë (42) left, and right hands.");
  EXPECT_EQ(after.meta["fragments"]["T1"], Json({{9, 13}, {25, 30}}));
  EXPECT_EQ(after.meta["fragments"]["T2"], "odd");
  EXPECT_EQ(after.meta["pages"], Json({0, 15, 31, 99}));
  EXPECT_EQ(after.meta["year"], 18);
}

TEST(NaturalSpacing, RedocredLosesBlanksOnly) {
  const auto packed = [](std::string text) {
    std::erase(text, ' ');
    return text;
  };
  ReadOptions read;
  read.format = "docred";
  const auto documents = read_dataset(RedocredDev().path, read).value().documents;
  for (const Document& document : documents) {
    const Document after = natural_spacing(document);
    EXPECT_LT(after.text.size(), document.text.size());
    EXPECT_EQ(packed(after.text), packed(document.text));
    ASSERT_EQ(after.entities.size(), document.entities.size());
    for (size_t e = 0; e < after.entities.size(); ++e) {
      for (size_t m = 0; m < after.entities[e].mentions.size(); ++m) {
        const ByteRange& now = after.entities[e].mentions[m];
        const ByteRange& was = document.entities[e].mentions[m];
        EXPECT_EQ(packed(after.text.substr(now.begin, now.end - now.begin)),
                  packed(document.text.substr(was.begin, was.end - was.begin)));
        EXPECT_NE(after.text[now.begin], ' ');
      }
    }
  }
}

}  // namespace
}  // namespace relata::data
