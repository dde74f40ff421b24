#include <gtest/gtest.h>

#include <chrono>

#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

const std::string kShared = RELATA_SHARED "/data/";

Dataset parse(const std::string& content, const ReadOptions& options = {}) {
  auto dataset = parse_dataset(content, "f.json", options);
  EXPECT_TRUE(dataset.ok()) << dataset.error().message << "\n" << content;
  return dataset.ok() ? *dataset : Dataset{};
}

std::string write(const std::vector<Document>& documents, const std::string& instruction = "",
                  const std::string& format = "cre-llm") {
  const auto out = write_dataset(documents, {format, instruction});
  EXPECT_TRUE(out.ok()) << out.error().message;
  return out.ok() ? *out : "";
}

std::string record(const std::string& input, const std::string& output) {
  return Json({{"instruction", "Q"}, {"input", input}, {"output", output}}).dump(2);
}

std::string indented(const std::string& records) { return Json::parse(records).dump(2); }

TEST(CreLlm, MarksHeadThenTailAndMergesRecords) {
  const auto pairs = parse_dataset(
      "A B\tB\tx\tA B meets B\nB\tA B\ty\tA B meets B\n"
      "A B\tB\tx\tA B meets B\n",
      "t", {});
  ASSERT_TRUE(pairs.ok());
  EXPECT_EQ(write(pairs->documents, "Q"),
            "[\n  {\n    \"instruction\": \"Q\",\n"
            "    \"input\": \"[A [B]] meets [B] ([A B],?,[B])\",\n"
            "    \"output\": \"([A B],x,[B]),([A B],x,[B])\"\n  },\n"
            "  {\n    \"instruction\": \"Q\",\n"
            "    \"input\": \"A [B] meets [B] ([B],?,[A B])\",\n"
            "    \"output\": \"([B],y,[A B])\"\n  }\n]");
}

TEST(CreLlm, OtherTrainingFormatsAskTheSame) {
  const auto pairs = parse_dataset("A\tB\tx\tA B\n", "t", {});
  ASSERT_TRUE(pairs.ok());
  EXPECT_EQ(write(pairs->documents, "Q", "alpaca"), write(pairs->documents, "Q") + "\n");
  EXPECT_EQ(Json::parse(write(pairs->documents, "Q", "sharegpt")),
            Json::parse(R"json([{"conversations": [
                {"from": "human", "value": "Q\n[A] [B] ([A],?,[B])"},
                {"from": "gpt", "value": "([A],x,[B])"}]}])json"));
}

TEST(CreLlm, RecoversTheSentence) {
  struct Case {
    std::string input;
    std::string sentence;
  };
  for (const Case& c :
       {Case{"[A [B]] meets [B] ([A B],?,[B])", "A B meets B"},
        Case{"A [B] meets [B] ([B],?,[A B])", "A B meets B"}, Case{"[[A]] ([A],?,[A])", "A"},
        Case{"[x] [[A]] [B] ([A],?,[B])", "[x] [A] B"},
        Case{"[A ([B],?,[C]) D] [E] ([A ([B],?,[C]) D],?,[E])", "A ([B],?,[C]) D E"}}) {
    const std::string content = "[" + record(c.input, "") + "]";
    const Dataset dataset = parse(content);
    ASSERT_EQ(dataset.documents.size(), 1u);
    EXPECT_EQ(dataset.documents[0].text, c.sentence);
    EXPECT_FALSE(dataset.documents[0].meta.contains("input"));
    EXPECT_EQ(write(dataset.documents), indented(content));
  }
}

TEST(CreLlm, KeepsInputsThatWereMarkedByHand) {
  const std::string content = "[" + record("[A] and [C] ([A],?,[C])", "([A],x,[C])") + "," +
                              record("[[A] B] and C ([A],?,[A B])", "([A],y,[A B]),([A],z,[A B])") +
                              "]";
  const Dataset dataset = parse(content);
  ASSERT_EQ(dataset.documents.size(), 2u);
  EXPECT_EQ(dataset.documents[1].text, "A B and C");
  EXPECT_EQ(write(dataset.documents), indented(content));
}

TEST(CreLlm, KeepsOrderWithoutAnswers) {
  const std::string content = "[" + record("[A] [B] ([A],?,[B])", "") + "," +
                              record("[C] [D] ([C],?,[D])", "([C],x,[D])") + "," +
                              record("[A] [B] ([B],?,[A])", "([B],x,[A])") + "]";
  const Dataset dataset = parse(content);
  ASSERT_EQ(dataset.documents.size(), 2u);
  EXPECT_EQ(pair_queries(dataset.documents).size(), 3u);
  EXPECT_EQ(write(dataset.documents), indented(content));
  const Dataset again = parse(write(dataset.documents, "", "jsonl"));
  EXPECT_EQ(write(again.documents), indented(content));
}

TEST(CreLlm, ErrorsNameTheLine) {
  const std::string good = "[" + record("[A] [B] ([A],?,[B])", "([A],x,[B])") + ",\n";
  const auto error = [&](const std::string& rest) {
    const auto dataset = parse_dataset(good + rest + "]", "f.json", {"cre-llm"});
    EXPECT_FALSE(dataset.ok());
    return dataset.ok() ? "" : dataset.error().message;
  };
  EXPECT_EQ(error("{\"input\": \"a\"}"), "f.json:6: record 2: the record has no \"instruction\"");
  EXPECT_EQ(error("5"), "f.json:6: record 2: the record is 5, not an object");
  const std::string bad_input =
      "f.json:6: record 2: the input is not a sentence with its entities in brackets, a space and "
      "([head],?,[tail])";
  for (const char* input : {"", "([A],?,[B])", "[A] [B] ([A],?,[])", "[A] C ([A],?,[B])"}) {
    EXPECT_EQ(error(record(input, "")), bad_input) << input;
  }
  for (const char* output : {"x", "([A],x,[C])", "([A],,[B])", "([A],x,[B]),", "([A],x,[B]);"}) {
    EXPECT_EQ(error(record("[A] [B] ([A],?,[B])", output)),
              "f.json:6: record 2: the output is not a list of ([A],relation,[B])")
        << output;
  }
  const auto skipped = parse_dataset(good + "5]", "f.json", {"cre-llm", "skip"});
  ASSERT_TRUE(skipped.ok());
  EXPECT_EQ(skipped->documents.size(), 1u);
  EXPECT_EQ(skipped->skipped.size(), 1u);
}

TEST(CreLlm, LongNestedBracketsAreQuick) {
  const std::string deep = std::string(20000, '[') + "A" + std::string(20000, ']');
  const auto begin = std::chrono::steady_clock::now();
  ReadOptions options{"cre-llm", "skip"};
  (void)parse_dataset("[" + record(deep + " ([A],?,[A])", "") + "]", "f", options);
  std::string many;
  for (int i = 0; i < 5000; ++i) many += " ([],?,[";
  (void)parse_dataset("[" + record(many + "])", "") + "]", "f", options);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

struct Published {
  std::string tsv;
  size_t rows;
  size_t records;
  size_t bytes;
  std::string sha256;  // its beginning; "" where only the git blob id is known
  std::string git_blob;
  std::string json;  // the shipped file, if there is one
};

std::ostream& operator<<(std::ostream& out, const Published& file) { return out << file.tsv; }

class PublishedCreLlm : public testing::TestWithParam<Published> {};

TEST_P(PublishedCreLlm, IsRebuiltExactly) {
  const Published& want = GetParam();
  if (!file_exists(kShared + "cre_llm") || !file_exists(kShared + want.tsv)) {
    GTEST_SKIP() << kShared << want.tsv << " is not here";
  }
  const auto shipped = read_file(kShared + "cre_llm/FinRE/valid.json");
  ASSERT_TRUE(shipped.ok());
  const std::string instruction = Json::parse(*shipped)[0]["instruction"];
  ASSERT_TRUE(sha256_hex(instruction).starts_with("6ccf0d69ce6a725b"));

  const auto begin = std::chrono::steady_clock::now();
  const auto dataset = read_dataset(kShared + want.tsv, {});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->format, "cre-tsv");
  RecordProperty("seconds", std::to_string(seconds.count()));
  size_t rows = 0;
  for (const Document& document : dataset->documents) rows += document.relations.size();
  EXPECT_EQ(rows, want.rows);
  EXPECT_EQ(pair_queries(dataset->documents).size(), want.records);

  const std::string built = write(dataset->documents, instruction);
  EXPECT_EQ(built.size(), want.bytes);
  EXPECT_TRUE(sha256_hex(built).starts_with(want.sha256)) << sha256_hex(built);
  EXPECT_TRUE(git_blob_id(built).starts_with(want.git_blob)) << git_blob_id(built);
  EXPECT_EQ(Json::parse(built).size(), want.records);
  if (!want.json.empty()) {
    const auto json = read_file(kShared + want.json);
    ASSERT_TRUE(json.ok());
    EXPECT_TRUE(built == *json);
  }

  const Dataset from_json = parse(built);
  EXPECT_EQ(from_json.format, "cre-llm");
  EXPECT_EQ(from_json.documents.size(), dataset->documents.size());
  for (size_t i = 0; i < dataset->documents.size(); ++i) {
    ASSERT_EQ(from_json.documents[i].text, dataset->documents[i].text);
  }
  EXPECT_TRUE(write(from_json.documents) == built);
  const Dataset from_jsonl = parse(write(dataset->documents, "", "jsonl"));
  EXPECT_TRUE(write(from_jsonl.documents, instruction) == built);
}

INSTANTIATE_TEST_SUITE_P(
    All, PublishedCreLlm,
    testing::Values(Published{"finre/train.txt", 13486, 12294, 4253522, "", "41ae0c6c", ""},
                    Published{"finre/valid.txt", 1489, 1353, 470236, "9ec81ab64ef646b7", "",
                              "cre_llm/FinRE/valid.json"},
                    Published{"finre/test.txt", 3727, 3359, 1168297, "00dc64c7ff52774f", "",
                              "cre_llm/FinRE/test.json"},
                    Published{"sanwen/train.txt", 17227, 17092, 4603150, "", "d28dd736", ""},
                    Published{"sanwen/valid.txt", 1793, 1786, 491596, "392d97e5fce3622d", "",
                              "cre_llm/SanWen/valid.json"}));

TEST(PublishedFewRel, AllFilesAreRead) {
  if (!file_exists(kShared + "fewrel")) GTEST_SKIP() << kShared << "fewrel is not here";
  for (const auto& [name, items] :
       {std::pair("val_wiki", 11200), std::pair("val_nyt", 2500), std::pair("val_pubmed", 1000),
        std::pair("val_semeval", 8851)}) {
    const auto dataset = read_dataset(kShared + "fewrel/" + name + ".json", {});
    ASSERT_TRUE(dataset.ok()) << dataset.error().message;
    EXPECT_EQ(dataset->format, "fewrel");
    EXPECT_EQ(static_cast<int>(dataset->documents.size()), items);
  }
}

}  // namespace
}  // namespace relata::data
