// What a format is guessed from, and that nothing is lost where it is not known.
#include <gtest/gtest.h>

#include "relata/data/formats.h"

namespace relata::data {
namespace {

std::string guess(const std::string& content, const std::string& path) {
  const auto format = guess_format(content, path);
  return format.ok() ? *format : format.error().message;
}

std::string error_of(const std::string& content, const std::string& path = "f.jsonl",
                     const std::string& format = "") {
  ReadOptions options;
  options.format = format;
  const auto dataset = parse_dataset(content, path, options);
  EXPECT_FALSE(dataset.ok()) << content;
  return dataset.ok() ? "" : dataset.error().message;
}

Dataset parse(const std::string& content, const std::string& path, const std::string& format = "") {
  ReadOptions options;
  options.format = format;
  auto dataset = parse_dataset(content, path, options);
  EXPECT_TRUE(dataset.ok()) << dataset.error().message;
  return dataset.ok() ? *dataset : Dataset{};
}

TEST(Guessing, LooksAtManyRecords) {
  const std::string plain = R"({"text":"Ada leads Tarn ."})"
                            "\n";
  EXPECT_EQ(guess(plain + R"({"text":"a","triple_list":[]})", "f.jsonl"), "nyt");
  EXPECT_EQ(guess("[" + plain + R"(, {"text":"a","spo_list":[]}])", "f.json"), "spo");
  EXPECT_EQ(guess(plain + plain + R"({"text":"a","spans":[]})", "f.jsonl"), "spacy");
  EXPECT_EQ(guess(plain + plain, "f.jsonl"), "jsonl");
  // A record that is broken, or cut off by the end of what is looked at, hides none before it.
  EXPECT_EQ(guess(plain + R"({"text":"a","spans":[)", "f.jsonl"), "spacy");
}

TEST(Guessing, SpansAloneAreProdigys) {
  const std::string row =
      R"({"text":"Tarn Works owns Lund Mill.","spans":[{"start":0,"end":10,"label":"Org"}]})";
  const Dataset dataset = parse(row, "f.jsonl");
  EXPECT_EQ(dataset.format, "spacy");
  ASSERT_EQ(dataset.documents.at(0).entities.size(), 1u);
  EXPECT_EQ(dataset.documents[0].entities[0].text, "Tarn Works");
  const Dataset grouped =
      parse(R"({"text":"Tarn leads","spans":{"sc":[{"start":0,"end":4,"label":"Org"}],"b":[]}})",
            "f", "spacy");
  ASSERT_EQ(grouped.documents.at(0).entities.size(), 1u);
  EXPECT_EQ(error_of(R"({"text":"Tarn","spans":7})", "f", "spacy"),
            "f:1: spans is not a list of spans");
  EXPECT_EQ(
      error_of(R"({"text":"Tarn","spans":[{"start":0,"end":3,"text":"Tarn"}]})", "f", "spacy"),
      "f:1: spans[0] is [0, 3), which does not cover \"Tarn\"");
}

TEST(Guessing, UnknownMembersOfTheRecordAreRefused) {
  EXPECT_EQ(error_of(R"({"text":"a","entites":[]})"),
            "f.jsonl:1: the record has the unknown member \"entites\"; did you mean \"entities\"?");
  EXPECT_EQ(error_of(R"({"text":"a","label":"X"})"),
            "f.jsonl:1: the record has the unknown member \"label\"");
  EXPECT_EQ(error_of(R"({"text":"a","entities":[{"id":"e","text":"a","tpye":"X"}]})"),
            "f.jsonl:1: entities[0] has the unknown member \"tpye\"; did you mean \"type\"?");
  EXPECT_EQ(error_of(R"({"text":"a","entities":[{"id":"e","text":"a"}],"relations":[)"
                     R"({"head":"e","tail":"e","type":"r","label":"r"}]})"),
            "f.jsonl:1: relations[0] has the unknown member \"label\"");
  EXPECT_EQ(error_of(R"({"text":"a","events":[{"id":"v","triger":[0,1]}]})"),
            "f.jsonl:1: events[0] has the unknown member \"triger\"; did you mean \"trigger\"?");
  EXPECT_EQ(
      error_of(R"({"text":"a","events":[{"id":"v","arguments":[{"role":"r","span":[0,1]}]}]})"),
      "f.jsonl:1: events[0].arguments[0] has the unknown member \"span\"");
  EXPECT_EQ(parse(R"({"text":"a","meta":{"anything":[1]}})", "f.jsonl").documents.size(), 1u);
}

TEST(Guessing, TellsTheMembersThatNoFormatHas) {
  EXPECT_EQ(guess(R"([{"body":"a","tags":[]}])", "a.json"),
            "a.json: the format cannot be guessed; no format that is known has records with "
            "\"body\", \"tags\"");
  EXPECT_NE(guess(R"([{"body":"a"}])", "a.txt"), "text");
}

TEST(Guessing, OnlyTextIsText) {
  for (const char* path : {"a.xml", "a.conllu", "a.csv", "a.CSV", "a.yaml", "a.ndjson"}) {
    EXPECT_TRUE(guess("Some words here.\n", path).starts_with(std::string(path) + ": ")) << path;
  }
  for (const char* path : {"a.txt", "a", "-", "a.md", "No. 5", "stdin", "dir.d/a"}) {
    EXPECT_EQ(guess("Some words here.\n", path), "text") << path;
  }
  EXPECT_NE(guess("<?xml version=\"1.0\"?><d>a</d>", "a.txt"), "text");
  EXPECT_NE(guess("# s\n1\tA\ta\tDET\t_\t_\t0\n2\tB\tb\tN\t_\t_\t1\n", "a.txt"), "text");
  EXPECT_EQ(guess("a\tb\nc\td\n", "a.txt"), "text");
  EXPECT_EQ(parse("<d>", "a.xml", "text").documents.size(), 1u);
}

TEST(Guessing, ColumnsWithAFewWrongTagsAreNoText) {
  std::string rows;
  for (int i = 0; i < 20; ++i) rows += "Ada B-PER\nwent O\n\n";
  EXPECT_EQ(guess(rows + "Oslo LOC\nx\n", "a.txt"), "conll-ner");
  EXPECT_EQ(guess("Ada B-PER\nin O\nOslo LOC\n", "a.txt"), "conll-ner");
}

TEST(Csv, HeaderMayBeWrittenInManyWays) {
  const auto check = [](const std::string& content) {
    const Dataset dataset = parse(content, "f.csv");
    EXPECT_EQ(dataset.format, "csv") << content;
    ASSERT_EQ(dataset.documents.size(), 1u) << content;
    EXPECT_EQ(dataset.documents[0].text, "Ada leads Tarn.") << content;
    EXPECT_EQ(dataset.documents[0].relations.at(0).type, "leads") << content;
  };
  check("head,tail,relation,sentence\r\nAda,Tarn,leads,Ada leads Tarn.\r\n");
  check("head,tail,relation,sentence\rAda,Tarn,leads,Ada leads Tarn.\r");
  check("Head, Tail ,RELATION,\"sentence\"\nAda,Tarn,leads,Ada leads Tarn.\n");
  check("head;tail;relation;sentence\nAda;Tarn;leads;Ada leads Tarn.\n");
  check("sentence\trelation\thead\ttail\nAda leads Tarn.\tleads\tAda\tTarn");
  check("head|tail|relation|sentence\r\n\"Ada\"|Tarn|leads|Ada leads Tarn.\r\n");
  EXPECT_EQ(error_of("head;tail;relation;sentence\r\rAda;Tarn;leads\r", "f.csv"),
            "f.csv:3: 3 columns, 4 wanted, as in the header");
  EXPECT_EQ(error_of("head,tail,label,sentence\n", "f.csv"),
            "f.csv: the format cannot be guessed; its first line does not name the columns head, "
            "tail, relation and sentence");
}

TEST(Text, LinesMayEndInCarriageReturns) {
  const Dataset dataset = parse("one\rtwo\r\rthree", "f.txt");
  ASSERT_EQ(dataset.documents.size(), 3u);
  EXPECT_EQ(dataset.documents[2].id, "f-4");
}

}  // namespace
}  // namespace relata::data
