#include "../../../src/generate/answer_schema.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

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

std::optional<std::string> text_of(const AnswerShape& shape, std::string_view json) {
  const auto answer = answer_of_json(shape, json);
  return answer ? std::optional(answer->text) : std::nullopt;
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

TEST(AnswerSchema, ChoicesThatDependOnOthersMakeKindsOfItems) {
  AnswerShape shape;
  shape.item = {{Kind::Choice, "", {"lives in", "born in", "meets", "eats"}, "relation"},
                {Kind::Literal, " | ", {}},
                {Kind::Choice, "", {"Ann", "Bob", "Rome"}, "head"},
                {Kind::Literal, " | ", {}},
                {Kind::Choice, "", {"Ann", "Bob", "Rome"}, "tail"}};
  const std::vector<std::string> people = {"Ann", "Bob"};
  shape.item[2].behind[0] = {
      {"lives in", people}, {"born in", people}, {"meets", people}, {"eats", {}}};
  shape.item[4].behind[0] = {{"lives in", {"Rome"}}, {"born in", {"Rome"}}, {"meets", people}};
  const Json any = answer_schema(shape)["properties"]["items"]["items"]["anyOf"];
  ASSERT_EQ(any.size(), 2u);  // nothing eats
  EXPECT_EQ(any[0]["properties"]["relation"]["enum"], (Json{"lives in", "born in"}));
  EXPECT_EQ(any[0]["properties"]["head"]["enum"], (Json{"Ann", "Bob"}));
  EXPECT_EQ(any[0]["properties"]["tail"]["enum"], (Json{"Rome"}));
  EXPECT_EQ(any[1]["properties"]["relation"]["enum"], (Json{"meets"}));
  EXPECT_EQ(any[1]["properties"]["tail"]["enum"], (Json{"Ann", "Bob"}));
  EXPECT_EQ(any[1]["additionalProperties"], false);
  for (int i = 0; i < 1200; ++i) shape.item[4].choices.push_back("e" + std::to_string(i));
  shape.item[4].behind.clear();
  const Json item = answer_schema(shape)["properties"]["items"]["items"];
  EXPECT_FALSE(item.contains("anyOf"));  // too long for servers
  EXPECT_EQ(item["properties"]["head"]["enum"], (Json{"Ann", "Bob", "Rome"}));
}

TEST(AnswerSchema, AnswersReadAsTheShapeWritesThem) {
  const auto text =
      text_of(pairs(), R"({"items": [{"head": "A", "tail": "B"}, {"tail": "D", "head": "C"}]})");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "(A | B)\n(C | D)");
  const auto items = parse_answer_items(pairs(), *text).value();
  EXPECT_EQ(items, (std::vector<std::vector<std::string>>{{"A", "B"}, {"C", "D"}}));
  EXPECT_EQ(text_of(names(), R"({"items": ["owns", "child of"]})"), "owns\nchild of");
  EXPECT_EQ(text_of(names(), R"({"items": []})"), "none");
}

TEST(AnswerSchema, WhatWasCutOffKeepsItsWholeItems) {
  EXPECT_EQ(text_of(names(), R"({"items": ["owns", "chi)"), "owns\n");
  EXPECT_EQ(text_of(names(), R"({ "items" : ["owns", "child of",)"), "owns\nchild of\n");
  EXPECT_EQ(text_of(names(), R"({"items": ["a \"b\" ]}", "c)"), "a \"b\" ]}\n");
  EXPECT_EQ(text_of(pairs(), R"({"items": [{"head": "A", "tail": "B"}, {"head": "C", "t)"),
            "(A | B)\n");
  EXPECT_FALSE(text_of(names(), R"({"items)"));
  EXPECT_FALSE(text_of(names(), "owns]}\"owns\""));
}

TEST(AnswerSchema, WordsAroundTheObjectAreNoPartOfIt) {
  const std::string object = R"({"items": ["owns", "a } \" {"]})";
  const std::string text = "owns\na } \" {";
  for (const std::string& said :
       {"```json\n" + object + "\n```", "As {items}: " + object + " Right, {x}?",
        R"({"answer": )" + object + "}", R"({"items": ["draft"]} No: )" + object,
        object + object}) {
    EXPECT_EQ(text_of(names(), said), text) << said;
  }
  EXPECT_EQ(text_of(names(), "```json\n{\"items\": [\"owns\", \"chi"), "owns\n");
  const auto answer = answer_of_json(names(), "So: {\"items\": [\"owns\"]}.");
  EXPECT_EQ(answer->ends, std::vector<size_t>{21});
  EXPECT_FALSE(text_of(names(), std::string(100000, '{')));
}

TEST(AnswerSchema, ItemsHaveTheirPlacesInTheJson) {
  const std::string json =
      R"({"items": [{"head": "A", "tail": "]}"}, {"tail": "D", "head": "C"}]})";
  const auto answer = answer_of_json(pairs(), json);
  EXPECT_EQ(answer->parts, (std::vector<std::string>{"(A | ]})", "\n(C | D)"}));
  EXPECT_EQ(answer->ends, (std::vector<size_t>{json.find(", {\"tail"), json.size() - 2}));
  EXPECT_EQ(answer_of_json(names(), R"({"items": ["owns", "chi)")->ends, std::vector<size_t>{17});
  EXPECT_TRUE(answer_of_json(names(), R"({"items": []})")->parts.empty());
  EXPECT_TRUE(answer_of_json(names(), R"({"a": [1, "b"], "items": ["owns"]})")->ends.empty());
}

TEST(AnswerSchema, WhatIsNotOfTheSchemaIsNoAnswer) {
  for (const char* text : {"owns", "", "[]", "{}", R"({"items": "owns"})", R"({"items": [7]})",
                           R"({"items": ["ow)", R"({"items": [{"head": "A"}]})"}) {
    EXPECT_FALSE(text_of(names(), text)) << text;
  }
  EXPECT_FALSE(text_of(pairs(), R"({"items": [{"head": "A"}]})"));
  EXPECT_FALSE(text_of(pairs(), R"({"items": ["A | B"]})"));
}

}  // namespace
}  // namespace relata::generate
