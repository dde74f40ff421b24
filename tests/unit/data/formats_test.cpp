#include "relata/data/formats.h"

#include <gtest/gtest.h>

#include "relata/base/file.h"

namespace relata::data {
namespace {

const std::string kFiles = RELATA_TEST_FILES "/data/";

std::string content_of(const std::string& name) {
  const auto content = read_file(kFiles + name);
  EXPECT_TRUE(content.ok()) << content.error().message;
  return content.ok() ? *content : "";
}

Dataset read(const std::string& name, const std::string& format = "") {
  ReadOptions options;
  options.format = format;
  auto dataset = read_dataset(kFiles + name, options);
  EXPECT_TRUE(dataset.ok()) << dataset.error().message;
  return dataset.ok() ? *dataset : Dataset{};
}

std::string write(const std::vector<Document>& documents, const std::string& format,
                  const std::string& instruction = "") {
  const auto out = write_dataset(documents, {format, instruction});
  EXPECT_TRUE(out.ok()) << out.error().message;
  return out.ok() ? *out : "";
}

Error parse_error(const std::string& content, const std::string& format,
                  const std::string& path = "f") {
  ReadOptions options;
  options.format = format;
  const auto dataset = parse_dataset(content, path, options);
  EXPECT_FALSE(dataset.ok()) << content;
  return dataset.ok() ? Error{} : dataset.error();
}

TEST(Formats, AreGuessedFromTheContent) {
  EXPECT_EQ(read("pairs.txt").format, "cre-tsv");
  EXPECT_EQ(read("pairs_crlf.txt").format, "cre-tsv");
  EXPECT_EQ(read("pairs.csv").format, "csv");
  EXPECT_EQ(read("fewrel.json").format, "fewrel");
  EXPECT_EQ(read("documents.jsonl").format, "jsonl");
  const auto guess = [](const std::string& content, const std::string& path) {
    const auto format = guess_format(content, path);
    return format.ok() ? *format : format.error().message;
  };
  EXPECT_EQ(guess("Plain words.\n", "a.txt"), "text");
  EXPECT_EQ(guess("[Reuters] Plain words.\n", "a.txt"), "text");
  EXPECT_EQ(guess(R"([{"input":"a","output":"b"}])", "-"), "cre-llm");
  EXPECT_EQ(guess(R"({"entities":[{"id":"a"}],"text":"a"})", "-"), "jsonl");
  EXPECT_EQ(guess("a\tb\n", "a.tsv"), "cre-tsv");
  EXPECT_EQ(guess("[1, 2]", "a.json"), "a.json: the format cannot be guessed");
  EXPECT_EQ(guess("\xEF\xBB\xBF \r\n\t\n", "a.txt"), "a.txt: the file is empty");
}

TEST(Formats, NamesAreChecked) {
  EXPECT_EQ(parse_error("a", "crellm").message, "unknown format \"crellm\"; did you mean cre-llm?");
  EXPECT_EQ(parse_error("a", "crellm").code, ErrorCode::kUsage);
  const auto written = write_dataset({}, {"fewrel", ""});
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().message, "the format fewrel cannot be written");
  EXPECT_EQ(written.error().code, ErrorCode::kUsage);
  EXPECT_FALSE(parse_dataset("a", "f", {"text", "ignore"}).ok());
}

TEST(CreTsv, GroupsRowsBySentence) {
  const Dataset dataset = read("pairs.txt");
  ASSERT_EQ(dataset.documents.size(), 2u);
  const Document& first = dataset.documents[0];
  EXPECT_EQ(first.id, "pairs-1");
  ASSERT_EQ(first.entities.size(), 2u);
  EXPECT_EQ(first.entities[0].text, "张三");
  EXPECT_EQ(first.entities[0].mentions.size(), 2u);
  ASSERT_EQ(first.relations.size(), 3u);
  EXPECT_EQ(first.relations[2].type, "邻居");
  EXPECT_EQ(first.meta["rows"], Json({1, 2, 4}));
}

TEST(CreTsv, LineEndsAndByteOrderMarkDoNotMatter) {
  const Dataset lf = read("pairs.txt");
  const Dataset crlf = read("pairs_crlf.txt");
  ASSERT_EQ(lf.documents.size(), crlf.documents.size());
  EXPECT_EQ(write(lf.documents, "cre-tsv"), write(crlf.documents, "cre-tsv"));
}

TEST(CreTsv, IsWrittenInTheOrderItWasRead) {
  std::string want;
  for (const char c : content_of("pairs.txt")) {
    if (c != '\n' || !want.ends_with('\n')) want.push_back(c);
  }
  const Dataset dataset = read("pairs.txt");
  EXPECT_EQ(write(dataset.documents, "cre-tsv"), want);
  const auto again = parse_dataset(write(dataset.documents, "jsonl"), "x", {});
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(write(again->documents, "cre-tsv"), want);
  const auto csv = parse_dataset(write(dataset.documents, "csv"), "x", {});
  ASSERT_TRUE(csv.ok()) << csv.error().message;
  EXPECT_EQ(write(csv->documents, "cre-tsv"), want);
}

TEST(CreTsv, ErrorsNameTheLine) {
  const std::string good = "a\tb\tr\ta b\n\n";
  const Error few = parse_error(good + "a\tb\ta b\n", "cre-tsv", "data/x.txt");
  EXPECT_EQ(few.message, "data/x.txt:3: 3 columns, 4 wanted (head, tail, relation, sentence)");
  EXPECT_EQ(few.code, ErrorCode::kBadInput);
  EXPECT_FALSE(few.hint.empty());
  EXPECT_EQ(parse_error(good + "a\tb\tr\ta b\tc", "cre-tsv").message,
            "f:3: 5 columns, 4 wanted (head, tail, relation, sentence)");
  EXPECT_EQ(parse_error(good + "word", "cre-tsv").message,
            "f:3: 1 column, 4 wanted (head, tail, relation, sentence)");
  EXPECT_EQ(parse_error(good + "a\tz\tr\ta b", "cre-tsv").message,
            "f:3: the tail \"z\" is not in its sentence");
  EXPECT_EQ(parse_error(good + "\tb\tr\ta b", "cre-tsv").message, "f:3: the head is empty");
  EXPECT_EQ(parse_error(good + "a\tb\t\ta b", "cre-tsv").message, "f:3: the relation is empty");
  EXPECT_EQ(parse_error(good + "a\tb\tr\ta b \xC3(", "cre-tsv").message,
            "f:3: invalid UTF-8 at byte 11 of the line");
  EXPECT_EQ(parse_error("", "cre-tsv").message, "f: the file is empty");
}

TEST(CreTsv, SkipsBadRowsWhenAsked) {
  const auto dataset =
      parse_dataset("a\tb\tr\ta b\nx\ty\nz\tb\tr\ta b\nb\ta\tr\ta b\n", "f", {"cre-tsv", "skip"});
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->skipped,
            (std::vector<std::string>{"f:2: 2 columns, 4 wanted (head, tail, relation, sentence)",
                                      "f:3: the head \"z\" is not in its sentence"}));
  ASSERT_EQ(dataset->documents.size(), 1u);
  EXPECT_EQ(dataset->documents[0].relations.size(), 2u);
  EXPECT_TRUE(dataset->documents[0].meta.is_null());
}

TEST(CreTsv, RefusesToWriteWhatItCannotHold) {
  const auto csv = read("pairs.csv");
  const auto out = write_dataset(csv.documents, {"cre-tsv", ""});
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().message,
            "document pairs-3: the sentence has a tab or a line break, which cre-tsv cannot hold");
}

TEST(Csv, ReadsQuotedFieldsAndAnyColumnOrder) {
  const Dataset dataset = read("pairs.csv");
  ASSERT_EQ(dataset.documents.size(), 3u);
  EXPECT_EQ(dataset.documents[0].text, "Mill Lane, the old one, crosses the Tarn.");
  EXPECT_EQ(dataset.documents[1].text, "Ada said \"hello\" to Bo.");
  EXPECT_EQ(dataset.documents[2].text, "Bo lives\nin Ny.");
  EXPECT_EQ(write(dataset.documents, "csv"),
            "head,tail,relation,sentence\n"
            "Mill Lane,Tarn,crosses,\"Mill Lane, the old one, crosses the Tarn.\"\n"
            "Ada,Bo,greets,\"Ada said \"\"hello\"\" to Bo.\"\n"
            "Bo,Ny,lives_in,\"Bo lives\nin Ny.\"\n");
}

TEST(Csv, ErrorsNameTheLine) {
  const std::string header = "head,tail,relation,sentence\r\n";
  EXPECT_EQ(parse_error("head,tail,sentence\n", "csv").message,
            "f:1: the header has no column \"relation\"");
  EXPECT_EQ(parse_error(header + "a,b,r\n", "csv").message,
            "f:2: 3 columns, 4 wanted, as in the header");
  EXPECT_EQ(parse_error(header + "a,b,r,\"a\nb\"\na,c,r,a b\n", "csv").message,
            "f:4: the tail \"c\" is not in its sentence");
  EXPECT_EQ(parse_error(header + "a,b,r,\"a b\n", "csv").message,
            "f:2: a quoted field is not closed");
  EXPECT_EQ(parse_error(header + "a,b,r,\"a b\"c\n", "csv").message,
            "f:2: text after a closing quote");
  EXPECT_EQ(parse_error(header + "a,b,r,a b\xFF\n", "csv").message,
            "f:2: invalid UTF-8 at byte 10 of the line");
}

TEST(FewRel, JoinsTokens) {
  const Dataset dataset = read("fewrel.json");
  ASSERT_EQ(dataset.documents.size(), 3u);
  const Document& second = dataset.documents[1];
  EXPECT_EQ(second.id, "P177-1");
  EXPECT_EQ(second.text, "Tarn , says Bo , lies below Gull Bridge .");
  EXPECT_EQ(second.entities[0].text, "Gull Bridge");
  EXPECT_EQ(second.relations[0].type, "P177");
  EXPECT_EQ(second.meta["entity_ids"]["e1"], "Q900002");
  const Document& third = dataset.documents[2];
  ASSERT_EQ(third.entities[0].mentions.size(), 2u);
  EXPECT_EQ(third.entities[0].text, "Ada Lund");
}

TEST(FewRel, ErrorsNameTheItem) {
  const std::string head = R"({"P1": [)"
                           "\n";
  const std::string good = R"({"tokens":["a","b"],"h":["a","Q1",[[0]]],"t":["b","Q2",[[1]]]})";
  EXPECT_EQ(parse_error(head + good + ",\n{}]}", "fewrel").message, "f:3: P1[1] has no \"tokens\"");
  EXPECT_EQ(
      parse_error(head + R"({"tokens":["a","b"],"h":["a","Q1",[[0]]],"t":["b","Q2",[[2]]]}]})",
                  "fewrel")
          .message,
      "f:2: P1[0].t[2][0] is not a list of neighbouring tokens of the sentence");
  EXPECT_EQ(parse_error(R"({"P1": 5})", "fewrel").message, "f:1: P1 is not a list of items");
  ReadOptions skip{"fewrel", "skip"};
  const auto dataset = parse_dataset(head + good + ",\n{}]}", "f", skip);
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->documents.size(), 1u);
  EXPECT_EQ(dataset->skipped.size(), 1u);
}

TEST(Text, HasADocumentALineOrAFile) {
  const auto lines = parse_dataset("one\r\n\r\ntwo", "d/t.txt", {"text"});
  ASSERT_TRUE(lines.ok());
  ASSERT_EQ(lines->documents.size(), 2u);
  EXPECT_EQ(lines->documents[1].id, "t-3");
  EXPECT_EQ(lines->documents[1].text, "two");
  const auto whole = parse_dataset("one\n\ntwo", "d/t.txt", {"text", "stop", true});
  ASSERT_TRUE(whole.ok());
  ASSERT_EQ(whole->documents.size(), 1u);
  EXPECT_EQ(whole->documents[0].text, "one\n\ntwo");
  EXPECT_EQ(write(whole->documents, "text"), "one  two\n");
}

TEST(Jsonl, RoundTrips) {
  const Dataset dataset = read("documents.jsonl");
  const std::string written = write(dataset.documents, "jsonl");
  const auto again = parse_dataset(written, "x", {});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(write(again->documents, "jsonl"), written);
  const auto unnamed = parse_dataset("\n{\"text\":\"a\"}\n", "d/u.jsonl", {});
  ASSERT_TRUE(unnamed.ok());
  EXPECT_EQ(unnamed->documents[0].id, "u-2");
}

TEST(Jsonl, ErrorsNameTheLine) {
  EXPECT_TRUE(parse_error("{\"text\":\"a\"}\n{\"text\" 5}\n", "jsonl").message.starts_with("f:2:9"))
      << parse_error("{\"text\":\"a\"}\n{\"text\" 5}\n", "jsonl").message;
  EXPECT_EQ(parse_error("{\"text\":\"\xFF\"}", "jsonl").message,
            "f:1: invalid UTF-8 at byte 10 of the line");
}

// Every beginning of a valid JSON file is an error that names the file, never a crash.
TEST(Jsonl, RepeatedIdsAreNumberedWhereThatIsAskedFor) {
  std::string content;
  for (const char* id : {"a", "b", "a", "a#2", "a", "b"}) {
    content += std::string(R"({"id":")") + id + R"(","text":"Ada."})" + "\n";
  }
  ReadOptions options;
  options.format = "jsonl";
  EXPECT_FALSE(parse_dataset(content, "f", options).ok());
  for (const char* on_error : {"stop", "skip"}) {
    options.on_error = on_error;
    options.number_ids = true;
    const auto dataset = parse_dataset(content, "f", options);
    ASSERT_TRUE(dataset.ok()) << dataset.error().message;
    std::vector<std::string> ids;
    for (const Document& document : dataset->documents) ids.push_back(document.id);
    EXPECT_EQ(ids, (std::vector<std::string>{"a", "b", "a#2", "a#2#2", "a#3", "b#2"}));
    EXPECT_TRUE(dataset->skipped.empty());
    EXPECT_TRUE(dataset->fixed.empty());
    ASSERT_EQ(dataset->noted.size(), 1u);
    EXPECT_EQ(dataset->noted.begin()->second, 4u);
  }
}

TEST(Json, BreaksCleanlyAtEveryByte) {
  const Dataset pairs = read("pairs.txt");
  const std::string cre_llm = write(pairs.documents, "cre-llm", "Q");
  const std::string fewrel = content_of("fewrel.json");
  for (const auto& [format, content] :
       {std::pair("cre-llm", cre_llm), std::pair("fewrel", fewrel)}) {
    const size_t last = content.find_last_not_of(" \n");
    for (size_t size = 0; size < last; ++size) {
      const Error error = parse_error(content.substr(0, size), format);
      EXPECT_EQ(error.code, ErrorCode::kBadInput);
      EXPECT_TRUE(error.message.starts_with("f:")) << error.message;
    }
  }
}

TEST(PairQueries, ListEachPairOnce) {
  const Dataset pairs = read("pairs.txt");
  const auto queries = pair_queries(pairs.documents);
  ASSERT_EQ(queries.size(), 4u);
  EXPECT_EQ(queries[0].labels, (std::vector<std::string>{"师生", "邻居"}));
  EXPECT_EQ(queries[3].document, 1);
  const auto asked = pair_queries(read("documents.jsonl").documents);
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[1].head, 1);
  EXPECT_TRUE(asked[1].labels.empty());
}

TEST(DatasetStats, Counts) {
  const Json stats = dataset_stats(read("pairs.txt"));
  EXPECT_EQ(stats["documents"], 2);
  EXPECT_EQ(stats["relations"], 5);
  EXPECT_EQ(stats["pairs"], 4);
  EXPECT_EQ(stats["pairs_with_several_relations"], 1);
  EXPECT_EQ(stats["relation_types"]["unknown"], 2);
  EXPECT_EQ(stats["code_points"]["max"], 16);
}

}  // namespace
}  // namespace relata::data
