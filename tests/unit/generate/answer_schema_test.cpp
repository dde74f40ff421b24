#include "../../../src/generate/answer_schema.h"

#include <gtest/gtest.h>

namespace relata::generate {
namespace {

using Kind = AnswerField::Kind;

AnswerShape names() {
  AnswerShape shape;
  shape.item = {{Kind::Choice, "", {"owns", "child of"}, "relation"}};
  return shape;
}

AnswerShape pairs() {
  AnswerShape shape;
  shape.item = {{Kind::Literal, "(", {}},
                {Kind::Span, "", {}, "head"},
                {Kind::Literal, " | ", {}},
                {Kind::Span, "", {}, "tail"},
                {Kind::Literal, ")", {}}};
  return shape;
}

TEST(AnswerSchema, HasChoicesAndFieldsByName) {
  const Json list = answer_schema(names())["properties"]["items"];
  EXPECT_EQ(list["items"], (Json{{"type", "string"}, {"enum", {"owns", "child of"}}}));
  EXPECT_FALSE(list.contains("minItems") || list.contains("maxItems"));
  const Json item = answer_schema(pairs())["properties"]["items"]["items"];
  EXPECT_EQ(item["required"], (Json{"head", "tail"}));
  EXPECT_EQ(item["additionalProperties"], false);
  AnswerShape one = names();
  one.nothing = "";
  one.max_items = 1;
  const Json limited = answer_schema(one)["properties"]["items"];
  EXPECT_EQ(limited["minItems"], 1);
  EXPECT_EQ(limited["maxItems"], 1);
}

TEST(AnswerSchema, AnswersReadAsTheShapeWritesThem) {
  const auto text = answer_of_json(
      pairs(), R"({"items": [{"head": "A", "tail": "B"}, {"tail": "D", "head": "C"}]})");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "(A | B)\n(C | D)");
  const auto items = parse_answer_items(pairs(), *text).value();
  EXPECT_EQ(items, (std::vector<std::vector<std::string>>{{"A", "B"}, {"C", "D"}}));
  EXPECT_EQ(answer_of_json(names(), R"({"items": ["owns", "child of"]})"), "owns\nchild of");
  EXPECT_EQ(answer_of_json(names(), R"({"items": []})"), "none");
}

TEST(AnswerSchema, WhatWasCutOffKeepsItsWholeItems) {
  EXPECT_EQ(answer_of_json(names(), R"({"items": ["owns", "chi)"), "owns\n");
  EXPECT_EQ(answer_of_json(names(), R"({ "items" : ["owns", "child of",)"), "owns\nchild of\n");
  EXPECT_EQ(answer_of_json(names(), R"({"items": ["a \"b\" ]}", "c)"), "a \"b\" ]}\n");
  EXPECT_EQ(answer_of_json(pairs(), R"({"items": [{"head": "A", "tail": "B"}, {"head": "C", "t)"),
            "(A | B)\n");
  EXPECT_FALSE(answer_of_json(names(), R"({"items)"));
  EXPECT_FALSE(answer_of_json(names(), "owns]}\"owns\""));
}

TEST(AnswerSchema, WhatIsNotOfTheSchemaIsNoAnswer) {
  for (const char* text : {"owns", "", "[]", "{}", R"({"items": "owns"})", R"({"items": [7]})",
                           R"({"items": ["ow)", R"({"items": [{"head": "A"}]})"}) {
    EXPECT_FALSE(answer_of_json(names(), text)) << text;
  }
  EXPECT_FALSE(answer_of_json(pairs(), R"({"items": [{"head": "A"}]})"));
  EXPECT_FALSE(answer_of_json(pairs(), R"({"items": ["A | B"]})"));
}

}  // namespace
}  // namespace relata::generate
