// What annotation tools and annotators write beside the annotations themselves.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

Result<Dataset> parse(const std::string& content, const std::string& format,
                      const std::string& on_error = "stop") {
  ReadOptions options;
  options.format = format;
  options.on_error = on_error;
  return parse_dataset(content, "f", options);
}

std::string error_of(const Result<Dataset>& dataset) {
  EXPECT_FALSE(dataset.ok());
  return dataset.ok() ? "" : dataset.error().message;
}

TEST(Prodigy, WhatWasRejectedOrIgnoredIsLeftOut) {
  const auto row = [](const std::string& answer) {
    return R"({"text":"Tarn owns.","spans":[{"start":0,"end":4,"label":"Org"}])" + answer + "}\n";
  };
  const auto dataset = parse(row(R"(,"answer":"accept")") + row(R"(,"answer":"reject")") +
                                 row(R"(,"answer":"ignore")") + row(R"(,"answer":"reject")") +
                                 row("") + row(R"(,"answer":null)"),
                             "");
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->documents.size(), 3u);
  const std::map<std::string, size_t> noted = {{"records left out, whose answer is \"reject\"", 2},
                                               {"records left out, whose answer is \"ignore\"", 1}};
  EXPECT_EQ(dataset->noted, noted);
  EXPECT_EQ(error_of(parse(row(R"(,"answer":"maybe")"), "spacy")),
            "f:1: answer is \"maybe\", not accept, reject or ignore");
}

class BratFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "bratXXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<Dataset> read(const std::string& annotations, const std::string& on_error = "stop") {
    EXPECT_TRUE(write_file_atomic(folder_ + "/a.txt", "Ada Lund owns Tarn.").ok());
    EXPECT_TRUE(write_file_atomic(folder_ + "/a.ann", annotations).ok());
    ReadOptions options;
    options.on_error = on_error;
    return read_dataset(folder_ + "/a.ann", options);
  }

  std::string folder_;
};

constexpr const char* kSpans =
    "T1\tPer 0 3\tAda\nT2\tOrg 14 18\tTarn\nT3\tOwn 9 13\towns\nT4\tPer 4 8\tLund\n";

TEST_F(BratFolder, TakesTheTabThatTheServerWritesBehindALine) {
  for (const std::string tail : {"", "\t", " ", "\t\r", " \t "}) {
    const auto dataset = read(kSpans + ("R1\towns Arg1:T1 Arg2:T2" + tail + "\n") +
                              "E1\tOwn:T3 Who:T1 What:T2" + tail + "\nA1\tNegation E1" + tail +
                              "\nM1\tLevel E1 High" + tail + "\n*\tEquiv T1 T4" + tail + "\n");
    ASSERT_TRUE(dataset.ok()) << dataset.error().message;
    const Document& document = dataset->documents.at(0);
    ASSERT_EQ(document.relations.size(), 1u);
    EXPECT_EQ(document.events.at(0).arguments.size(), 2u);
    EXPECT_EQ(document.meta.at("attributes"),
              Json::parse(R"([["A1", "Negation", "E1"], ["M1", "Level", "E1", "High"]])"));
    ASSERT_EQ(document.entities.size(), 2u);
    EXPECT_EQ(document.entities[0].mentions.size(), 2u);
  }
}

// Readers take the first U+FEFF for a byte order mark.
TEST_F(BratFolder, KeepsTheMarkThatATextBeginsWith) {
  Document document;
  document.id = "a";
  document.text = "\uFEFFAda owns.";
  document.entities = {{"T1", "Ada", "Per", {{3, 6}}, {}}};
  WriteOptions options;
  options.format = "brat";
  const auto files = write_dataset_files({document}, options, nullptr);
  ASSERT_TRUE(files.ok()) << files.error().message;
  for (const DatasetFile& file : *files) {
    ASSERT_TRUE(write_file_atomic(folder_ + "/" + file.name, file.content).ok());
  }
  const auto again = read_dataset(folder_ + "/a.ann", {});
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->documents.at(0).text, document.text);
  EXPECT_EQ(again->documents.at(0).entities.at(0).mentions, document.entities[0].mentions);
  options.format = "text";
  const auto text = write_dataset({document, document}, options);
  ASSERT_TRUE(text.ok());
  const auto lines = parse(*text, "text");
  ASSERT_TRUE(lines.ok());
  ASSERT_EQ(lines->documents.size(), 2u);
  for (const Document& line : lines->documents) EXPECT_EQ(line.text, document.text);
}

TEST_F(BratFolder, RefusesEquivalenceOfWhatIsNotThere) {
  const std::string lines = std::string(kSpans) + "*\tEquiv T1 T4 T9\n";
  EXPECT_EQ(error_of(read(lines)),
            folder_ + "/a.ann:5: * is about T9, which is no span of the file");
  const auto fixed = read(lines, "fix");
  ASSERT_TRUE(fixed.ok());
  EXPECT_EQ(fixed->fixed.size(), 1u);
  EXPECT_EQ(fixed->documents.at(0).entities.at(0).mentions.size(), 2u);
  EXPECT_EQ(error_of(read(std::string(kSpans) + "*\tSame T1 T4\n")),
            folder_ + "/a.ann:5: \"Same\" is not Equiv");
}

TEST_F(BratFolder, KeepsTheTypesOfEquivalentSpans) {
  const auto dataset = read(std::string(kSpans) + "*\tEquiv T1 T2\n");
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->documents.at(0).meta.at("mention_types"), Json({{"T2", "Org"}}));
}

// A region with the given control beside its label.
std::string task_with(const std::string& addition, const std::string& place) {
  return R"([{"data":{"text":"Ann runs Acme."},"annotations":[{"result":[)"
         R"({"id":"a","from_name":"label","to_name":"text","type":"labels",)"
         R"("value":{"start":0,"end":3,"text":"Ann","labels":["PER"]}},)"
         R"({"id":"a","from_name":"more","to_name":"text",)" +
         addition + place + "]}]}]";
}

TEST(LabelStudioTasks, ControlsAddToTheirRegion) {
  const std::pair<std::string, std::string> controls[] = {
      {R"("type":"choices","value":{"choices":["sure"]})", R"(["sure"])"},
      {R"("type":"rating","value":{"rating":4})", "4"},
      {R"("type":"number","value":{"number":3.5})", "3.5"},
      {R"("type":"taxonomy","value":{"taxonomy":[["a","b"]]})", R"([["a","b"]])"},
      {R"("type":"datetime","value":{"datetime":"2024-01-01"})", R"("2024-01-01")"},
      {R"("type":"textarea","value":{"text":["a note"]})", R"(["a note"])"},
  };
  for (const auto& [control, kept] : controls) {
    const std::string bare = control.substr(0, control.size() - 1);
    for (const std::string& place : {std::string("}}"), std::string(R"(,"start":0,"end":3}})")}) {
      const auto dataset = parse(task_with(bare, place), "");
      ASSERT_TRUE(dataset.ok()) << dataset.error().message << control;
      const Document& document = dataset->documents.at(0);
      ASSERT_EQ(document.entities.size(), 1u) << control;
      EXPECT_EQ(document.entities[0].id, "a");
      EXPECT_EQ(document.entities[0].type, "PER");
      EXPECT_EQ(document.meta.at("regions").at("a").at("more"), Json::parse(kept)) << control;
    }
  }
}

TEST(LabelStudioTasks, AControlElsewhereThanItsRegionIsRefused) {
  for (const char* control : {R"("type":"choices","value":{"choices":["sure"])",
                              R"("type":"rating","value":{"rating":4)"}) {
    const std::string task = task_with(control, R"(,"start":4,"end":8}})");
    EXPECT_NE(error_of(parse(task, "")).find("is not where its region \"a\" is, [0,3]"),
              std::string::npos)
        << error_of(parse(task, ""));
    const auto fixed = parse(task, "", "fix");
    ASSERT_TRUE(fixed.ok()) << fixed.error().message;
    EXPECT_EQ(fixed->fixed.size(), 1u);
    const Document& document = fixed->documents.at(0);
    ASSERT_EQ(document.entities.size(), 1u);
    EXPECT_EQ(document.entities[0].type, "PER");
    EXPECT_TRUE(document.meta.at("regions").at("a").contains("more"));
  }
}

TEST(LabelStudioTasks, ASecondControlsLabelsAndScoresAreKept) {
  const auto dataset =
      parse(task_with(R"("type":"labels","value":{"start":0,"end":3,"labels":["HEAD","PER"],)",
                      R"("score":0.5}})"),
            "");
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  const Document& document = dataset->documents.at(0);
  ASSERT_EQ(document.entities.size(), 1u);
  EXPECT_EQ(document.entities[0].type, "PER");
  EXPECT_EQ(document.meta.at("more_labels"), Json({{"a", {"HEAD"}}}));
  EXPECT_EQ(document.meta.at("regions"), Json::parse(R"({"a":{"more":{"score":0.5}}})"));
}

TEST(LabelStudioTasks, ARegionOfControlsAloneIsOneEntity) {
  const auto dataset = parse(
      R"([{"data":{"text":"Ann runs"},"annotations":[{"result":[)"
      R"({"id":"a","from_name":"c","type":"choices","value":{"start":0,"end":3,"choices":["x"]}},)"
      R"({"id":"a","from_name":"r","type":"rating","value":{"start":0,"end":3,"rating":1}},)"
      R"({"from_name":"note","type":"textarea","value":{"text":["of the task"]}}]}]}])",
      "");
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  const Document& document = dataset->documents.at(0);
  EXPECT_EQ(document.entities.size(), 1u);
  EXPECT_EQ(document.meta.at("regions"), Json::parse(R"({"a":{"c":["x"],"r":1}})"));
  EXPECT_EQ(document.meta.at("controls"), Json::parse(R"({"note":["of the task"]})"));
}

TEST(LabelStudioTasks, TheTextIsWhereTheSpansAre) {
  const std::string region = R"("annotations":[{"result":[{"id":"a","type":"labels","value":)"
                             R"({"start":2,"end":5,"text":"Ann","labels":["P"]}}]}]})";
  const std::string empty = R"("annotations":[{"result":[]}]})";
  const std::string data = R"({"data":{"text":"a title","url":"x://","body":"  Ann runs"},)";
  const std::string other = R"({"data":{"url":"x://","body":"Bob"},)";
  const auto dataset = parse("[" + other + empty + "," + data + region + "]", "");
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->documents.at(0).text, "Bob");
  EXPECT_EQ(dataset->documents.at(1).text, "  Ann runs");
  EXPECT_EQ(error_of(parse("[" + other + empty + "]", "")),
            "f:1: record 1: data has no \"text\", nor one member that is text");
  ReadOptions options;
  options.text_key = "url";
  const auto stated = parse_dataset("[" + other + empty + "]", "f", options);
  ASSERT_TRUE(stated.ok());
  EXPECT_EQ(stated->documents.at(0).text, "x://");
  options.text_key = "none";
  EXPECT_EQ(error_of(parse_dataset("[" + other + empty + "]", "f", options)),
            "f:1: record 1: data has no \"none\"");
}

TEST(LabelStudioTasks, SkippedTasksAndFurtherAnnotationsAreCounted) {
  const std::string data = R"({"data":{"text":"Ann"},"annotations":[)";
  const auto dataset =
      parse("[" + data + R"({"was_cancelled":true,"result":[]}],"predictions":[{"result":[]}]},)" +
                data + R"({"result":[]},{"result":[]}]},)" + data + "]}]",
            "");
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->documents.size(), 2u);
  const std::map<std::string, size_t> noted = {
      {"tasks left out, whose annotations were all cancelled", 1},
      {"further annotations of tasks that have several, of which the first is read", 1}};
  EXPECT_EQ(dataset->noted, noted);
}

TEST(Pubtator, TellsOneConceptFromSeveral) {
  const auto concepts = [](const std::string& field) {
    const auto dataset =
        parse("1|t|A V600E.\n1|a|More.\n1\t2\t7\tV600E\tT\t" + field + "\n", "pubtator");
    std::vector<std::string> ids;
    for (const Json& id : dataset.value().documents.at(0).meta["entity_ids"]) ids.push_back(id);
    return ids;
  };
  using Ids = std::vector<std::string>;
  for (const std::string variant :
       {"tmVar:p|SUB|V|600|E;HGVS:p.V600E;VariantGroup:0;CorrespondingGene:673;RS#:113488022",
        "tmVar:c|DEL|12,13|A", "c|SUB|A|123|G;HGVS:c.123A>G;VariantGroup:1", "p|SUB|V|600|E"}) {
    EXPECT_EQ(concepts(variant), Ids{variant});
  }
  EXPECT_EQ(concepts("MESH:D001241|MESH:D007052"), (Ids{"MESH:D001241", "MESH:D007052"}));
  EXPECT_EQ(concepts("D001241|D007052"), (Ids{"D001241", "D007052"}));
  EXPECT_EQ(concepts("673;674"), (Ids{"673", "674"}));
}

// Two texts, with what their regions have as "to_name".
std::string task_of_two_texts(const std::string& first, const std::string& second) {
  const auto region = [](const std::string& id, const std::string& control,
                         const std::string& place) {
    return R"({"id":")" + id + R"(","to_name":")" + control + R"(","from_name":"l",)" +
           R"("type":"labels","value":{)" + place + R"("labels":["T"]}},)";
  };
  return R"([{"data":{"premise":"Ada works.","hypothesis":"Ada rests at home."},)"
         R"("annotations":[{"result":[)" +
         region("r1", first, R"("start":0,"end":3,"text":"Ada",)") +
         region("r2", second, R"("start":0,"end":3,"text":"Ada",)") +
         region("r3", second, R"("start":4,"end":9,"text":"rests",)") +
         R"({"id":"r3","to_name":")" + second +
         R"(","from_name":"sure","type":"choices","value":{"choices":["yes"]}},)" +
         R"({"type":"relation","from_id":"r1","to_id":"r2","labels":["same"]},)" +
         R"({"type":"relation","from_id":"r2","to_id":"r3","labels":["does"]}]}]}])";
}

std::string texts_of(const Document& document) {
  std::string out;
  for (const Entity& entity : document.entities) out += (out.empty() ? "" : " ") + entity.text;
  return out;
}

TEST(LabelStudioTasks, RegionsOfAnotherTextAreLeftOut) {
  const std::string regions = "regions of another text of their task left out";
  const std::string relations = "relations of regions of another text of their task left out";
  using Noted = std::map<std::string, size_t>;
  // The controls are named like the members, or not: then what their regions state tells.
  for (const auto& [first, second] :
       {std::pair("premise", "hypothesis"), std::pair("text-1", "text-2")}) {
    const auto dataset = parse(task_of_two_texts(first, second), "label-studio");
    ASSERT_TRUE(dataset.ok()) << dataset.error().message;
    const Document& document = dataset->documents.at(0);
    EXPECT_EQ(document.text, "Ada rests at home.");
    EXPECT_EQ(texts_of(document), "Ada rests");
    ASSERT_EQ(document.relations.size(), 1u);
    EXPECT_EQ(document.relations[0].type, "does");
    EXPECT_EQ(dataset->noted, (Noted{{regions, 1}, {relations, 1}}));

    ReadOptions options;
    options.format = "label-studio";
    options.text_key = "premise";
    const auto premise = parse_dataset(task_of_two_texts(first, second), "f", options);
    ASSERT_TRUE(premise.ok()) << premise.error().message;
    EXPECT_EQ(premise->documents.at(0).text, "Ada works.");
    EXPECT_EQ(texts_of(premise->documents[0]), "Ada");
    EXPECT_TRUE(premise->documents[0].relations.empty());
    EXPECT_TRUE(premise->documents[0].meta.empty());  // the choice is of a region left out
    EXPECT_EQ(premise->noted, (Noted{{regions, 2}, {relations, 2}}));
  }
  // One control's regions are all of the text, whatever its name.
  const auto one = parse(task_of_two_texts("any", "any"), "label-studio");
  ASSERT_TRUE(one.ok()) << one.error().message;
  EXPECT_EQ(texts_of(one->documents.at(0)), "Ada Ada rests");
  EXPECT_TRUE(one->noted.empty());
}

TEST(LabelStudioTasks, RelationsThatEndInEventsAreLeftOut) {
  const auto region = [](const std::string& id, const std::string& from, const std::string& place) {
    return R"({"id":")" + id + R"(","from_name":")" + from + R"(","type":"labels","value":{)" +
           place + R"(,"labels":["T"]}},)";
  };
  const auto relation = [](const std::string& from, const std::string& to) {
    return R"({"type":"relation","from_id":")" + from + R"(","to_id":")" + to +
           R"(","labels":["r"]})";
  };
  const std::string regions = region("a", "label", R"("start":0,"end":3,"text":"Ada")") +
                              region("e", "event", R"("start":4,"end":9,"text":"works")") +
                              region("f", "event", R"("start":14,"end":19,"text":"rests")");
  const auto task = [&](const std::string& relations) {
    return R"([{"data":{"text":"Ada works and rests."},"annotations":[{"result":[)" + regions +
           relations + "]}]}]";
  };
  const auto dataset =
      parse(task(relation("e", "a") + "," + relation("e", "f") + "," + relation("a", "f")),
            "label-studio");
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  const Document& document = dataset->documents.at(0);
  EXPECT_EQ(document.events.at(0).arguments.size(), 1u);
  EXPECT_TRUE(document.relations.empty());
  const std::map<std::string, size_t> noted = {
      {"relations left out, whose ends are events or arguments, not entities", 2}};
  EXPECT_EQ(dataset->noted, noted);
  EXPECT_EQ(error_of(parse(task(relation("e", "x")), "label-studio")),
            "f:1: record 1: annotations[0].result[3] relates regions that are not in the task");
}

}  // namespace
}  // namespace relata::data
