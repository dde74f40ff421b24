// The JSON view against nlohmann's parser, which is the oracle here.
#include "relata/base/json_view.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "../../../src/base/clean.h"

namespace relata {
namespace {

// What the view's parser makes of the whole text; null where it refuses.
std::optional<Json> parse(const std::string& text) {
  JsonParser parser;
  if (parser.parse(text, 0)) return std::nullopt;
  if (text.find_first_not_of(" \t\r\n", parser.end()) != std::string::npos) return std::nullopt;
  return parser.root().to_json();
}

void expect_same(const std::string& text) {
  if (internal::find_bad_utf8(text) != std::string::npos) return;  // checked elsewhere
  const Json want = Json::parse(text, nullptr, false);
  const auto got = parse(text);
  EXPECT_EQ(got.has_value(), !want.is_discarded()) << text;
  if (got && !want.is_discarded() && text.find("e") == std::string::npos) {
    EXPECT_EQ(*got, want) << text;
  }
}

TEST(JsonView, ReadsWhatTheOracleReads) {
  for (const char* text : {"null",
                           "true",
                           "false",
                           "0",
                           "-0",
                           "12",
                           "-3.5",
                           "1E2",
                           "01",
                           "1.",
                           ".5",
                           "-",
                           "+1",
                           "1e",
                           "\"\"",
                           "\"a\\u0041\\n\\\"\"",
                           "\"\\ud83d\\ude00\"",
                           "\"\\ud83d\"",
                           "\"\\udc00x\"",
                           "\"\\ud83d\\u0041\"",
                           "\"\\x\"",
                           "\"a\nb\"",
                           "\"\\u12\"",
                           "[]",
                           "[1]",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "{}",
                           "{\"a\":1}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{\"a\" 1}",
                           "{\"a\":}",
                           "[[[]]]",
                           "[1]]",
                           "",
                           " ",
                           "nul",
                           "truee",
                           "{\"a\":{\"b\":[1,{\"c\":\"d\"}]}}",
                           "\"é漢\"",
                           "NaN",
                           "'a'",
                           "[9223372036854775807,-9223372036854775808]"}) {
    expect_same(text);
  }
}

TEST(JsonView, AgreesOnChangedText) {
  const std::string seed =
      R"({"text": "Gr\u00fc\u00dfe, \"Bo\" \\ 漢", "list": [1, -2.5, 3e2, true, null, [], {}], "a": {"b": "c"}})";
  std::mt19937 random(7);
  const std::string marks = "{}[]\",:\\u0189eE+-.tfn \n\x01";
  for (int i = 0; i < 20000; ++i) {
    std::string text = seed;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = marks[random() % marks.size()];
          break;
        case 1:
          text.erase(at, 1 + random() % 4);
          break;
        default:
          text.insert(at, 1, marks[random() % marks.size()]);
      }
      if (text.empty()) break;
    }
    if (!text.empty()) expect_same(text);
  }
}

TEST(JsonView, FindsMembersAndPaths) {
  const std::string text = R"({"a": [{"b": 1}, {"b": 2, "c": "x", "b": 3}]})";
  JsonParser parser;
  ASSERT_FALSE(parser.parse(text, 0));
  const JsonView root = parser.root();
  const JsonView second = root.find("a").at(1);
  EXPECT_EQ(second.find("b").integer(), 3);
  EXPECT_EQ(root.path_to(second.find("c")), "a[1].c");
  EXPECT_EQ(second.find("c").offset(), text.find("\"x\""));
  EXPECT_EQ(root.path_to(root), "");
  EXPECT_FALSE(root.find("z"));
  EXPECT_FALSE(root.find("a").find("z"));
}

TEST(JsonView, NumbersOutOfRange) {
  JsonParser parser;
  ASSERT_FALSE(parser.parse("[1e999, -1e999, 1e-999, 0.5, 9223372036854775808]", 0));
  const JsonView root = parser.root();
  EXPECT_EQ(root.at(0).number(), HUGE_VAL);
  EXPECT_EQ(root.at(1).number(), -HUGE_VAL);
  EXPECT_EQ(root.at(2).number(), 0);
  EXPECT_EQ(root.at(3).number(), 0.5);
  EXPECT_FALSE(root.at(4).integer());
  // As JSON: no infinity, which is written as null, and whole numbers up to 64 bits.
  EXPECT_EQ(root.to_json().dump(), R"(["1e999","-1e999",0.0,0.5,9223372036854775808])");
  EXPECT_EQ(parse("[18446744073709551615, -9223372036854775808]")->dump(),
            "[18446744073709551615,-9223372036854775808]");
}

TEST(JsonView, SaysWhichOddCharacterItMet) {
  const std::pair<std::string, std::string> cases[] = {
      {"\xEF\xBB\xBF{}", R"(no JSON value, but "\ufeff")"},
      {"[1, \xE2\x80\x8B"
       "2]",
       R"(no JSON value, but "\u200b")"},
      {"{\"a\": 1\xE2\x80\x8B}", R"(a comma or } is missing, but "\u200b")"},
      {"{\xC2\xAD\"a\": 1}", R"(a name in quotes is missing, but "\u00ad")"},
      {"\xFF", R"(no JSON value, but "\xff")"},
      {"[\x01]", R"(no JSON value, but "\u0001")"},
      {"\xE2\x80\x9C"
       "a",
       "no JSON value, but \"\xE2\x80\x9C\""},
      {"NaN", "no JSON value"},
      {"[1 2]", "a comma or ] is missing"},
      {"\"a\nb\"", "a string has a bare control character or line break"},
  };
  JsonParser parser;
  for (const auto& [text, what] : cases) {
    const auto problem = parser.parse(text, 0);
    ASSERT_TRUE(problem) << text;
    EXPECT_EQ(problem->what, what);
  }
}

TEST(JsonView, LimitsNesting) {
  JsonParser parser;
  const auto problem = parser.parse(std::string(100000, '['), 0);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->what, "the values are nested too deeply");
  for (const std::string inner : {"", "1", "\"a\"", "null", "{}"}) {
    for (const int levels : {256, 257}) {
      const bool more = inner == "{}";
      const std::string text =
          std::string(levels - more, '[') + inner + std::string(levels - more, ']');
      EXPECT_EQ(parser.parse(text, 0).has_value(), levels == 257) << inner;
    }
  }
}

// What bounds the memory that one record takes.
TEST(JsonView, LimitsTheNumberOfValues) {
  JsonParser parser(5);
  EXPECT_FALSE(parser.parse("[1,2,3,4]", 0));
  const auto problem = parser.parse("[1,2,3,4,5]", 0);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->offset, 9u);
  EXPECT_TRUE(problem->what.starts_with("one record has more values")) << problem->what;
  EXPECT_FALSE(parser.parse("{\"a\":1,\"b\":2}", 0));
  EXPECT_TRUE(parser.parse("{\"a\":1,\"b\":2,\"c\":3}", 0));
}

TEST(JsonView, StringsOfAllLengthsKeepTheirEscapes) {
  JsonParser parser;
  std::string list = "[";
  std::vector<std::string> want;
  for (size_t size : {0u, 1u, 7u, 8u, 9u, 63u, 65535u, 65536u, 200000u}) {
    want.push_back(std::string(size, 'a') + "\n" + std::string(size, 'b'));
    list += (list.size() > 1 ? "," : "") + Json(want.back()).dump();
  }
  list += "]";
  for (int again = 0; again < 2; ++again) {
    ASSERT_FALSE(parser.parse(list, 0));
    size_t i = 0;
    for (const JsonView item : parser.root()) EXPECT_EQ(item.string(), want[i++]);
    EXPECT_EQ(i, want.size());
  }
}

}  // namespace
}  // namespace relata
