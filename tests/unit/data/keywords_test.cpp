#include "relata/data/keywords.h"

#include <gtest/gtest.h>

namespace relata::data {
namespace {

ByteRange at(size_t begin, size_t end) { return {begin, end}; }

// Acceptance check 2 of the study of RUIE.
TEST(Keywords, AreFoundByPlaceOrByWord) {
  EXPECT_EQ(tagged_text("It is known from Laos.", {{"Laos", at(17, 21)}}),
            "It is known from <Keyword> Laos </Keyword>.");
  EXPECT_EQ(tagged_text("New York University is old", {{"New York", at(0, 8)},
                                                       {"New York University", at(0, 19)},
                                                       {"York University", at(4, 19)}}),
            "<Keyword> New York University </Keyword> is old");
  EXPECT_EQ(tagged_text("cats and cat", {{"cat", at(0, 3)}}), "cats and <Keyword> cat </Keyword>");
  EXPECT_EQ(tagged_text("the (CD4+) cell", {{"(CD4+)", std::nullopt}}), "the (CD4+) cell");
  EXPECT_EQ(tagged_text("the (CD4+) cell", {{"(CD4+)", at(4, 10)}}),
            "the <Keyword> (CD4+) </Keyword> cell");
  EXPECT_EQ(tagged_text("é Zoë ran", {{"Zoë", at(0, 99)}, {"absent", std::nullopt}}),
            "é <Keyword> Zoë </Keyword> ran");
}

TEST(Keywords, ThatTouchStayApart) {
  EXPECT_EQ(tagged_text("1.2", {{"1.", at(0, 2)}, {"2", at(2, 3)}}),
            "<Keyword> 1. </Keyword><Keyword> 2 </Keyword>");
}

TEST(Keywords, WithinAWordOfAnyScriptAreDropped) {
  // "Zo" before a letter of two bytes; its only other place is within a word too.
  EXPECT_EQ(tagged_text("Zoë and Zoo", {{"Zo", at(0, 2)}}), "Zoë and Zoo");
  EXPECT_EQ(tagged_text("Zoë and Zo", {{"Zo", at(0, 2)}}), "Zoë and <Keyword> Zo </Keyword>");
  EXPECT_EQ(tagged_text("Москвы", {{"Москв", at(0, 10)}}), "Москвы");
}

TEST(Keywords, EndWhereAScriptWithoutSpacesGoesOn) {
  EXPECT_EQ(tagged_text("张三在北京", {{"张三", at(0, 6)}}), "<Keyword> 张三 </Keyword>在北京");
  EXPECT_EQ(tagged_text("パリにいる", {{"パリ", at(0, 6)}}), "<Keyword> パリ </Keyword>にいる");
  EXPECT_EQ(tagged_text("서울에서", {{"서울", at(0, 6)}}), "<Keyword> 서울 </Keyword>에서");
}

}  // namespace
}  // namespace relata::data
