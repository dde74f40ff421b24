#include "relata/data/stats.h"

#include <gtest/gtest.h>

namespace relata::data {
namespace {

NamedDataset part(const std::string& name, const std::string& rows) {
  ReadOptions options;
  options.format = "cre-tsv";
  auto dataset = parse_dataset(rows, name, options);
  EXPECT_TRUE(dataset.ok()) << dataset.error().message;
  return {name, *dataset};
}

std::vector<NamedDataset> two_parts() {
  return {part("train.txt",
               "Ann\tAcme\tworks_for\tAnn joined Acme.\n"
               "Ann\tAcme\tunknown\tAnn joined Acme.\n"
               "Bob\tOslo\tlives_in\tBob has been in Oslo for long.\n"),
          part("test.txt",
               "Ann\tAcme\tfounded\tAnn joined Acme.\n"
               "Ann\tAcme\tworks_for\tAcme is where Ann works.\n"
               "Eve\tRome\tlives_in\tEve moved. Now Rome has her.\n")};
}

TEST(Stats, CountLengthsDistancesAndLabels) {
  const Json picture = dataset_picture({two_parts()[0]});
  EXPECT_EQ(picture["documents"], 2);
  EXPECT_EQ(picture["relations"], 3);
  EXPECT_EQ(picture["code_points"]["max"], 30);
  EXPECT_EQ(picture["relation_distance"]["min"], 8);
  EXPECT_EQ(picture["relation_distance"]["max"], 13);
  EXPECT_EQ(picture["relation_sentences_apart"]["max"], 0);
  EXPECT_EQ(picture["relation_types"]["unknown"], 1);
  EXPECT_EQ(picture["contradictions"]["negative_and_other_label"], 1);
  EXPECT_FALSE(picture.contains("overlap"));
}

TEST(Stats, FindLeakageDuplicatesAndContradictions) {
  const Json picture = dataset_picture(two_parts());
  EXPECT_EQ(picture["documents"], 5);
  EXPECT_EQ(picture["duplicates"]["documents"], 1);
  EXPECT_EQ(picture["contradictions"]["different_labels"], 1);
  EXPECT_EQ(picture["parts"]["test.txt"]["documents"], 3);
  EXPECT_EQ(picture["parts"]["test.txt"]["relation_sentences_apart"]["max"], 1);
  const Json& overlap = picture["overlap"][0];
  EXPECT_EQ(overlap["in"], "train.txt");
  EXPECT_EQ(overlap["of"], "test.txt");
  EXPECT_EQ(overlap["texts"]["shared"], 1);
  EXPECT_EQ(overlap["texts"]["of"], 3);
  EXPECT_EQ(overlap["entity_names"]["shared"], 2);
  EXPECT_EQ(overlap["pairs"]["shared"], 1);
  EXPECT_EQ(overlap["triples"]["shared"], 1);
  EXPECT_EQ(overlap["labels_only_here"], Json({"founded"}));
}

TEST(Stats, EntitiesOfOneNameInOneDocumentAreDifferent) {
  Document document;
  document.text = "Ann and Ann met Bob.";
  document.entities = {{"a", "Ann", "", {{0, 3}}, {}},
                       {"b", "Ann", "", {{8, 11}}, {}},
                       {"c", "Bob", "", {{16, 19}}, {}}};
  document.relations = {{0, 2, "knows", std::nullopt, {}}, {1, 2, "met", std::nullopt, {}}};
  const Json picture = dataset_picture({{"x", {"jsonl", {document}, {}, {}, {}}}});
  EXPECT_EQ(picture["duplicates"]["pairs_stated_again"], 0);
  EXPECT_EQ(picture["contradictions"]["different_labels"], 0);
}

TEST(Stats, HistogramsHoldEveryValue) {
  const Json picture = dataset_picture(two_parts());
  for (const char* key : {"code_points", "sentences", "pairs_per_document", "relation_distance"}) {
    const Json& summary = picture[key];
    size_t count = 0;
    size_t end = summary["histogram"][0][0];
    for (const Json& bin : summary["histogram"]) {
      EXPECT_EQ(bin[0].get<size_t>(), end);
      end = bin[1].get<size_t>();
      count += bin[2].get<size_t>();
    }
    EXPECT_GT(end, summary["max"].get<size_t>());
    EXPECT_EQ(count, key == std::string("relation_distance") ? 6u : 5u) << key;
  }
}

TEST(Stats, PagesHoldWhatWasCounted) {
  const Json picture = dataset_picture(two_parts());
  const std::string text = picture_text(picture);
  EXPECT_NE(text.find("documents: 5"), std::string::npos);
  EXPECT_NE(text.find("of test.txt, also in train.txt:\n  texts: 1 of 3 (33.3 %)"),
            std::string::npos)
      << text;
  const std::string html = picture_html(picture);
  EXPECT_NE(html.find("<svg"), std::string::npos);
  EXPECT_NE(html.find("works_for"), std::string::npos);
  EXPECT_EQ(html.find("http"), std::string::npos);  // nothing from elsewhere
}

TEST(Stats, PagesEscapeLabels) {
  const Json picture = dataset_picture({part("x", "a\tb\t<script>\ta b\n")});
  EXPECT_EQ(picture_html(picture).find("<script>"), std::string::npos);
}

TEST(Stats, EmptyDatasetsHaveAPicture) {
  const Json picture = dataset_picture({{"empty", {}}});
  EXPECT_EQ(picture["documents"], 0);
  EXPECT_TRUE(picture["code_points"].is_null());
  EXPECT_FALSE(picture_text(picture).empty());
  EXPECT_FALSE(picture_html(picture).empty());
}

}  // namespace
}  // namespace relata::data
