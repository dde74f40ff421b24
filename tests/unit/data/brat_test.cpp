// brat standoff: folders of texts with their annotations.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "annotated_formats.h"

namespace relata::data {
namespace {

using annotated::arguments_of;
using annotated::entities_of;
using annotated::kFiles;
using annotated::parse;
using annotated::parse_error;
using annotated::read;

TEST(Brat, ReadsPairsOfFiles) {
  const Dataset dataset = read("brat/doc.ann");
  EXPECT_EQ(dataset.format, "brat");
  const Document& document = dataset.documents.at(0);
  EXPECT_EQ(entities_of(document), "Aspirin/Drug ibuprofen tablets/Drug headaches/Symptom");
  EXPECT_EQ(document.entities[0].mentions.size(), 2u);
  EXPECT_EQ(document.entities[1].names, std::vector<std::string>{"ibuprofen tablets"});
  EXPECT_EQ(arguments_of(document, document.events.at(0)),
            "Stopping:stop Cause=Aspirin Cause2=ibuprofen 😀 tablets Theme=headaches");
  EXPECT_EQ(arguments_of(document, document.events.at(1)), "Working:works Agent=It Why=stop");
  EXPECT_EQ(document.relations.size(), 1u);
  EXPECT_EQ(document.meta["event_relations"][0]["tail"], "E1");
  EXPECT_EQ(document.meta["attributes"][1], Json({"A2", "Certainty", "E1", "High"}));
  EXPECT_EQ(read("brat/plain.ann").documents.at(0).entities.size(), 0u);
}

TEST(Brat, IsWrittenAsItWasRead) {
  const Dataset dataset = read("brat/doc.ann");
  std::vector<std::string> lost;
  WriteOptions options;
  options.format = "brat";
  const auto files = write_dataset_files(dataset.documents, options, &lost);
  ASSERT_TRUE(files.ok()) << files.error().message;
  ASSERT_EQ(files->size(), 2u);
  EXPECT_TRUE(lost.empty()) << lost.front();
  const auto lines = [](const std::string& text) {
    std::multiset<std::string> out;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      out.insert(text.substr(at, end - at));
      at = end + 1;
    }
    return out;
  };
  EXPECT_EQ((*files)[0].name, "doc.txt");
  EXPECT_EQ((*files)[0].content, dataset.documents[0].text);
  EXPECT_EQ(lines((*files)[1].content), lines(read_file(kFiles + "brat/doc.ann").value()));
  EXPECT_FALSE(write_dataset(dataset.documents, options).ok());
}

// Ids with gaps, which attributes and notes name; relations of spans within a set.
TEST(Brat, KeepsIdsAndWhatIsSaidOfRelations) {
  const std::string folder = testing::TempDir() + "/relata_brat_ids/";
  ASSERT_TRUE(write_file_atomic(folder + "d.txt", "Ann met Bob. She left him.").ok());
  const std::vector<std::string> lines = {"T1\tPER 0 3\tAnn",
                                          "T5\tPRO 13 16\tShe",
                                          "T3\tPER 8 11\tBob",
                                          "T8\tMeet 4 7\tmet",
                                          "T9\tLeave 17 21\tleft",
                                          "*\tEquiv T1 T5",
                                          "E4\tMeet:T8 Who:T1",
                                          "E7\tLeave:T9 Who:T5",
                                          "R3\tLeft Arg1:T5 Arg2:T3",
                                          "R6\tKnows Knower:T1 Known:T3",
                                          "R9\tBefore Arg1:E4 Arg2:E7",
                                          "A2\tNegated R6",
                                          "M4\tCertainty R9 High",
                                          "N3\tReference T3 MeSH:1\tBob",
                                          "#2\tAnnotatorNotes R3\tor was it Bob?",
                                          "#7\tAnnotatorNotes A2\tsurely"};
  std::string ann;
  for (const std::string& line : lines) ann += line + "\n";
  const Dataset dataset = parse(ann, "brat", "stop", folder + "d.ann");
  WriteOptions options;
  options.format = "brat";
  std::vector<std::string> lost;
  const auto written = [&](Document document) {
    // Through relata's own record.
    const auto again = document_from_json(Json::parse(to_json_line(document)), "x");
    EXPECT_TRUE(again.ok());
    const auto files = write_dataset_files({*again}, options, &lost);
    EXPECT_TRUE(files.ok());
    return files.ok() ? (*files)[1].content : "";
  };
  Document document = dataset.documents.at(0);
  const std::string same = written(document);
  for (const std::string& line : lines) {
    EXPECT_NE(("\n" + same).find("\n" + line + "\n"), std::string::npos) << line << "\n" << same;
  }
  EXPECT_TRUE(lost.empty()) << lost.front();
  // Notes about relations that have become others are about nothing.
  std::swap(document.relations[0].head, document.relations[0].tail);
  const std::string other = written(document);
  EXPECT_NE(other.find("\tLeft Arg1:T3 Arg2:T1\n"), std::string::npos) << other;
  EXPECT_EQ(other.find("Negated"), std::string::npos) << other;
  EXPECT_FALSE(lost.empty());
}

TEST(Brat, WritesWhatOtherFormatsHold) {
  Document document;
  document.id = "../a/b";
  document.text = "Ann met\nBob in Oslo.";
  document.entities = {{"x", "Ann", "big name", {{0, 3}}, {}},
                       {"y", "met\nBob", "", {{4, 11}}, {}},
                       {"z", "Nowhere", "LOC", {}, {}}};
  document.relations = {{0, 1, "knows", 0.5, {}}, {0, 2, "in", std::nullopt, {}}};
  document.events = {{"e", "Meet", {4, 7}, {{"Place", {15, 19}, -1}, {"Who", {}, 0}}}};
  std::vector<std::string> lost;
  WriteOptions options;
  options.format = "brat";
  const auto files = write_dataset_files({document, document}, options, &lost);
  ASSERT_TRUE(files.ok());
  EXPECT_EQ((*files)[0].name, "_._a_b.txt");
  EXPECT_EQ((*files)[3].name, "_._a_b#2.ann");
  EXPECT_EQ((*files)[1].content,
            "T1\tbig_name 0 3\tAnn\nT2\tEntity 4 7;8 11\tmet Bob\nT3\tMeet 4 7\tmet\n"
            "T4\tArgument 15 19\tOslo\nE1\tMeet:T3 Place:T4 Who:T1\n"
            "R1\tknows Arg1:T1 Arg2:T2\n");
  const std::set<std::string> kinds(lost.begin(), lost.end());
  EXPECT_TRUE(kinds.contains("2 scores of relations"));
  EXPECT_TRUE(kinds.contains("2 entities that are not in the text"));
  EXPECT_TRUE(kinds.contains("2 relations of entities that are not in the text"));
}

// An argument points to one mention there; that others were meant as well is told.
TEST(Brat, PlacesOfArgumentsThatAreLost) {
  Document document;
  document.id = "a";
  document.text = "Ann met Bob, and Ann left.";
  document.entities = {{"x", "Ann", "PER", {{0, 3}, {17, 20}}, {}},
                       {"y", "Bob", "PER", {{8, 11}}, {}}};
  document.events = {{"e", "Meet", {4, 7}, {{"Who", {}, 0}, {"Whom", {}, 1}}}};
  const std::vector<std::string> one = {"1 places of arguments"};
  std::vector<std::string> lost;
  WriteOptions options;
  options.format = "brat";
  ASSERT_TRUE(write_dataset_files({document}, options, &lost).ok());
  EXPECT_EQ(lost, one);
  options.format = "label-studio";
  lost.clear();
  ASSERT_TRUE(write_dataset({document}, options, &lost).ok());
  EXPECT_NE(std::find(lost.begin(), lost.end(), one.front()), lost.end());
  document.events[0].arguments[0].range = {17, 20};
  lost.clear();
  ASSERT_TRUE(write_dataset({document}, options, &lost).ok());
  EXPECT_EQ(std::find(lost.begin(), lost.end(), one.front()), lost.end());
}

TEST(Brat, ErrorsNameFileAndLine) {
  const std::string folder = testing::TempDir() + "/relata_brat/";
  ASSERT_TRUE(write_file_atomic(folder + "d.txt", "Ann met Bob.").ok());
  const auto error = [&](const std::string& ann) {
    const std::string message = parse_error(ann, "brat", folder + "d.ann");
    return message.substr(message.find("d.ann"));
  };
  EXPECT_EQ(error("T1\tPER 1 4\tAnn\n"), "d.ann:1: offsets 1-4 hold \"nn \", not \"Ann\"");
  EXPECT_EQ(error("T1 PER 0 3 Ann\n"), "d.ann:1: no tab behind the id");
  EXPECT_EQ(error("T1\tPER 0\tAnn\n"), "d.ann:1: \"0\" are no two offsets");
  EXPECT_EQ(error("T1\tPER 0 3\tAnn\nT1\tPER 8 11\tBob\n"), "d.ann:2: T1 is not unique");
  EXPECT_EQ(error("E1\tMeet:T9\n"), "d.ann:1: E1 has the trigger T9, which is no span of the file");
  EXPECT_EQ(error("T1\tPER 0 3\tAnn\nR1\tr Arg1:T1 Arg2:T5\n"),
            "d.ann:2: R1 is about T5, which is nothing in the file");
  EXPECT_EQ(error("X1\tfoo\n"), "d.ann:1: the id begins with none of T, E, R, A, M, N, # and *");
  const Dataset fixed =
      parse("T1\tPER 1 4\tAnn\nT2\tPER 0 3\tZoe\nE1\tMeet:T9\n", "brat", "fix", folder + "d.ann");
  EXPECT_EQ(entities_of(fixed.documents.at(0)), "Ann/PER");
  EXPECT_EQ(fixed.fixed.size(), 3u);
  EXPECT_NE(parse_error("T1\tPER 0 3\tAnn\n", "brat", folder + "none.ann").find("none.txt"),
            std::string::npos);
}

TEST(Brat, FoldersAreReadOnceForEachPair) {
  EXPECT_EQ(without_companions({"a/x.ann", "a/x.txt", "a/visual.conf", "b/x.txt", "b/v.conf"}),
            (std::vector<std::string>{"a/x.ann", "b/x.txt", "b/v.conf"}));
}

}  // namespace
}  // namespace relata::data
