// PubTator, and CDR as a table of pairs.
#include <gtest/gtest.h>

#include "annotated_formats.h"

namespace relata::data {
namespace {

using annotated::entities_of;
using annotated::parse;
using annotated::parse_error;
using annotated::read;

TEST(Pubtator, OffsetsCountTheSeparatorBehindAnEmptyTitle) {
  const std::string head = "1|t|\n1|a|Aspirin helps.\n";
  const Dataset dataset = parse(head + "1\t1\t8\tAspirin\tChemical\tD1\n", "pubtator");
  EXPECT_EQ(dataset.documents.at(0).text, " Aspirin helps.");
  EXPECT_EQ(entities_of(dataset.documents[0]), "Aspirin/Chemical");
  EXPECT_EQ(parse_error(head + "1\t0\t7\tAspirin\tChemical\tD1\n", "pubtator"),
            "f:3: offsets 0-7 hold \" Aspiri\", not \"Aspirin\"");
}

TEST(Pubtator, ReadsConceptsAsEntities) {
  const Dataset dataset = read("abstracts.pubtator");
  EXPECT_EQ(dataset.format, "pubtator");
  ASSERT_EQ(dataset.documents.size(), 2u);
  const Document& document = dataset.documents[0];
  EXPECT_EQ(document.id, "101");
  EXPECT_EQ(entities_of(document),
            "Zincol/Chemical fever/Disease coughs and colds/Disease coughs and colds/Disease");
  EXPECT_EQ(document.entities[0].mentions.size(), 2u);
  EXPECT_EQ(document.meta["entity_ids"]["e3"], "D03");
  ASSERT_EQ(document.relations.size(), 2u);
  EXPECT_EQ(document.relations[1].tail, 3);
  EXPECT_EQ(document.meta["novelty"], Json({"Novel", "No"}));
  EXPECT_EQ(dataset.documents[1].text, "Nothing here.");
}

TEST(Pubtator, ChecksOffsetsAndMendsThem) {
  const std::string head = "1|t|A zincol.\n1|a|More.\n";
  EXPECT_EQ(parse_error(head + "1\t1\t7\tzincol\tChemical\tC1\n", "pubtator"),
            "f:3: offsets 1-7 hold \" zinco\", not \"zincol\"");
  EXPECT_EQ(parse_error(head + "1\t90\t96\tzincol\tChemical\tC1\n", "pubtator"),
            "f:3: offsets 90-96 are no range of the text's 15 code points");
  EXPECT_EQ(parse_error(head + "1\tR\tC1\tC2\n", "pubtator"),
            "f:3: no mention has the concept \"C1\"");
  EXPECT_EQ(parse_error(head + "2\t2\t8\tzincol\tChemical\tC1\n", "pubtator"),
            "f:3: the id is \"2\", the document's is \"1\"");
  EXPECT_EQ(parse_error(head + "1\tonly\n", "pubtator"), "f:3: neither a mention nor a relation");
  const Dataset fixed = parse(head + "1\t1\t7\tzincol\tChemical\tC1\n", "pubtator", "fix");
  EXPECT_EQ(entities_of(fixed.documents.at(0)), "zincol/Chemical");
  EXPECT_EQ(fixed.fixed.size(), 1u);
  const Dataset skipped =
      parse(head + "1\t1\t7\tzincol\tChemical\tC1\n\n2|t|Good.\n2|a|Text.\n", "pubtator", "skip");
  ASSERT_EQ(skipped.documents.size(), 1u);
  EXPECT_EQ(skipped.documents[0].id, "2");
}

TEST(Pubtator, WantsAnId) {
  const std::string table =
      "7\tZincol cures fever "
      ".\t1:CID:2\tL2R\tNON-CROSS\t0-1\t2-3\tC1\tZincol\tChemical\t0\t1\t0\tD1\t"
      "fever\tDisease\t2\t3\t0\n";
  EXPECT_EQ(parse(table + "8\tNo colds .\n", "pubtator").documents.size(), 2u);
  EXPECT_EQ(parse_error(table + "\tNo colds .\n", "pubtator"), "f:2: the document's id is empty");
}

TEST(Pubtator, ReadsCdrAsATableOfPairs) {
  const Dataset dataset = read("pairs.cdr");
  EXPECT_EQ(dataset.format, "pubtator");
  ASSERT_EQ(dataset.documents.size(), 1u);
  const Document& document = dataset.documents[0];
  EXPECT_EQ(document.text, "Zincol cures fever . No colds .");
  EXPECT_EQ(document.sentences.size(), 2u);
  EXPECT_EQ(entities_of(document), "Zincol/Chemical fever/Disease cold/Disease");
  EXPECT_EQ(document.entities[2].names, std::vector<std::string>{"cold"});
  EXPECT_EQ(document.relations[0].type, "CID");
  EXPECT_EQ(document.relations[1].type, "NR");
  EXPECT_EQ(document.relations[1].tail, 2);
}

}  // namespace
}  // namespace relata::data
