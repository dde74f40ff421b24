#include "relata/retrieve/passages.h"

#include <gtest/gtest.h>

namespace relata::retrieve {
namespace {

data::Document document(const std::string& id, const std::string& text, Json meta = nullptr) {
  data::Document out;
  out.id = id;
  out.text = text;
  out.meta = std::move(meta);
  return out;
}

TEST(Passages, SentencesAreNumbered) {
  const auto passages =
      passages_of({document("d", "It rains. We stay."), document("e", "你好。")}, {});
  ASSERT_EQ(passages.size(), 3U);
  EXPECT_EQ(passages[0].id, "d#1");
  EXPECT_EQ(passages[0].text, "It rains.");
  EXPECT_EQ(passages[1].id, "d#2");
  EXPECT_EQ(passages[2].id, "e#1");
  EXPECT_EQ(passages[2].partition, "");
}

TEST(Passages, StatedSentencesCount) {
  data::Document stated = document("d", "ab cd");
  stated.sentences = {{0, 2}, {2, 2}, {3, 5}};
  const auto passages = passages_of({stated}, {});
  ASSERT_EQ(passages.size(), 2U);
  EXPECT_EQ(passages[1].text, "cd");
  EXPECT_EQ(passages[1].id, "d#3");
}

TEST(Passages, DocumentsAreWholeAndEmptyOnesLeftOut) {
  const PassageOptions whole{PassageUnit::Document, {}};
  const auto passages = passages_of({document("d", "A. B."), document("e", "")}, whole);
  ASSERT_EQ(passages.size(), 1U);
  EXPECT_EQ(passages[0].id, "d");
  EXPECT_EQ(passages[0].text, "A. B.");
}

TEST(Passages, TheirDocumentIsKnownAlsoWhereItsIdEndsInANumber) {
  const std::vector<data::Document> documents = {document("a", "A. B."), document("a#1", "C. D."),
                                                 document("", "E.")};
  for (const PassageUnit unit : {PassageUnit::Sentence, PassageUnit::Document}) {
    for (const data::Document& each : documents) {
      for (const Passage& passage : passages_of({each}, {unit, {}})) {
        EXPECT_EQ(document_of(passage.id, unit), each.id) << passage.id;
      }
    }
  }
}

TEST(Passages, MetaNamesThePartition) {
  const PassageOptions by_source{PassageUnit::Document, {"source"}};
  const auto passages =
      passages_of({document("a", "x", {{"source", "news"}}), document("b", "x", {{"source", 7}}),
                   document("c", "x", {{"other", "news"}}), document("d", "x", Json::array({1})),
                   document("e", "x", {{"source", nullptr}})},
                  by_source);
  ASSERT_EQ(passages.size(), 5U);
  EXPECT_EQ(passages[0].partition, "news");
  EXPECT_EQ(passages[1].partition, "7");
  for (size_t i = 2; i < 5; ++i) EXPECT_EQ(passages[i].partition, "");
}

TEST(Passages, SeveralMembersNameOnePartition) {
  const PassageOptions by_both{PassageUnit::Document, {"task", "owner"}};
  const data::Document first = document("a", "x", {{"task", "ner"}, {"owner", "ann"}});
  const auto passages = passages_of(
      {first, document("b", "x", {{"task", "re,1"}, {"owner", 7}}), document("c", "x")}, by_both);
  ASSERT_EQ(passages.size(), 3U);
  EXPECT_EQ(passages[0].partition, "task=ner,owner=ann");
  EXPECT_EQ(passages[1].partition, "task=re\\,1,owner=7");
  EXPECT_EQ(passages[2].partition, "task=,owner=");
  EXPECT_TRUE(has_partition_key(first, "owner"));
  EXPECT_FALSE(has_partition_key(first, "ownr"));
  EXPECT_FALSE(has_partition_key(document("d", "x", {{"owner", nullptr}}), "owner"));
}

}  // namespace
}  // namespace relata::retrieve
