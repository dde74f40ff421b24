// Lists read in several threads give what one thread gives, also where a guess goes wrong.
#include "../../../src/eval/docred/record_list.h"

#include <gtest/gtest.h>

#include <random>

#include "relata/base/json.h"

namespace relata::eval {
namespace {

struct Texts {
  std::optional<JsonProblem> read(JsonView record) {
    if (record.find("bad")) return JsonProblem{record.find("bad").offset(), "a bad record"};
    texts.push_back(record.to_json().dump(-1, ' ', false, Json::error_handler_t::replace));
    return std::nullopt;
  }
  std::vector<std::string> texts;
};

Result<std::vector<std::string>> read(const std::string& text, size_t parts) {
  RELATA_TRY(std::vector<Texts> read, read_records(text, "list.json", parts, Texts{}));
  EXPECT_EQ(read.size(), parts);
  std::vector<std::string> all;
  for (const Texts& part : read) all.insert(all.end(), part.texts.begin(), part.texts.end());
  return all;
}

// Records, some with strings and lists inside that look like the beginning of a record.
std::string random_list(std::mt19937& random, const std::string& separator) {
  std::string text = "[";
  const size_t count = random() % 40;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += separator;
    Json record = {{"title", "t" + std::to_string(i)}};
    switch (random() % 4) {
      case 0:
        record["x"] = ", {\"title\": \"t\"}, {\"title\":\"u\"}";
        break;
      case 1:
        record["x"] = {{{"title", "inner"}}, {{"title", "inner"}}};
        break;
      default:
        record["x"] = std::string(random() % 30, 'a');
    }
    text += random() % 2 == 0 ? record.dump() : record.dump(2);
  }
  return text + "]";
}

TEST(RecordList, AnyNumberOfPartsReadsTheSame) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    const std::string text = random_list(random, round % 2 == 0 ? ", " : "\n,\n");
    const Json whole = Json::parse(text);
    std::vector<std::string> want;
    for (const Json& record : whole) want.push_back(record.dump());
    for (const size_t parts : {1, 2, 3, 7}) {
      const auto got = read(text, parts);
      ASSERT_TRUE(got.ok()) << got.error().message << "\n" << text;
      ASSERT_EQ(*got, want) << parts << "\n" << text;
    }
  }
}

TEST(RecordList, AnyNumberOfPartsFindsTheFirstProblem) {
  std::mt19937 random(12);
  for (int round = 0; round < 300; ++round) {
    std::string text = random_list(random, ",");
    const size_t at = random() % text.size();
    switch (round % 4) {
      case 0:
        text.resize(at);
        break;
      case 1:
        text[at] = "{}[]\",\\:\xFF"[random() % 9];
        break;
      case 2:
        text.insert(text.size() - 1, text.size() > 2 ? ",{\"bad\":1}" : "{\"bad\":1}");
        break;
      default:
        text += "]";
    }
    const auto want = read(text, 1);
    for (const size_t parts : {2, 3, 7}) {
      const auto got = read(text, parts);
      ASSERT_EQ(got.ok(), want.ok()) << text;
      if (want.ok()) {
        EXPECT_EQ(*got, *want) << text;
      } else {
        EXPECT_EQ(got.error().message, want.error().message) << text;
      }
    }
  }
}

TEST(RecordList, ProblemsHaveTheirPlace) {
  for (const auto& [text, problem] : std::vector<std::pair<std::string, std::string>>{
           {"", "list.json:1:1: a list wanted"},
           {"{}", "list.json:1:1: a list wanted"},
           {"[{}\n {}]", "list.json:2:2: a comma or ] is missing between records"},
           {"[{},\n", "list.json:2:1: the text ends where a value should begin"},
           {"[{}", "list.json:1:4: the list is not closed"},
           {"[{}]\n[", "list.json:2:1: the file goes on behind its list"},
           {"[] x", "list.json:1:4: the file goes on behind its list"},
           {"[{},\n\n {\"bad\": 3}]", "list.json:3:10: a bad record"},
           {"[\"\xFF\"]", "list.json:1:3: invalid UTF-8"}}) {
    const auto got = read(text, 1);
    ASSERT_FALSE(got.ok()) << text;
    EXPECT_EQ(got.error().message, problem);
  }
  EXPECT_EQ(read("\xEF\xBB\xBF [ ] \n", 3)->size(), 0U);
}

}  // namespace
}  // namespace relata::eval
