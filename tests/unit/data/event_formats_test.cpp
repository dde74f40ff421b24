// Data sets of events: CASIE, PHEE, RAMS, WikiEvents, CrudeOilNews.
#include <gtest/gtest.h>

#include "annotated_formats.h"

namespace relata::data {
namespace {

using annotated::arguments_of;
using annotated::covered;
using annotated::entities_of;
using annotated::kFiles;
using annotated::parse;
using annotated::parse_error;
using annotated::read;

TEST(Casie, ReadsEventsEntitiesAndHoppers) {
  const Dataset dataset = read("casie.json");
  EXPECT_EQ(dataset.format, "casie");
  const Document& document = dataset.documents.at(0);
  EXPECT_EQ(document.id, "9001");
  ASSERT_EQ(document.events.size(), 2u);
  EXPECT_EQ(arguments_of(document, document.events[0]),
            "Databreach:stole Attacker=Thieves Victim=Shopco");
  EXPECT_EQ(entities_of(document), "Thieves/Person Shopco/Organization Shopco/Organization");
  EXPECT_EQ(document.meta["hoppers"], Json::parse(R"([["E1","E2"]])"));
  EXPECT_EQ(document.meta["events"]["E2"]["realis"], "Generic");
  EXPECT_EQ(document.meta["entity_ids"]["T3"], "Q1");
}

TEST(Casie, FindsAndMendsWrongOffsets) {
  const auto content = read_file(kFiles + "casie.json");
  ASSERT_TRUE(content.ok());
  std::string shifted = *content;
  shifted.replace(shifted.find("\"startOffset\": 8"), 16, "\"startOffset\": 9");
  shifted.replace(shifted.find("\"endOffset\": 13"), 15, "\"endOffset\": 14");
  EXPECT_EQ(
      parse_error(shifted, "casie"),
      "f:1: cyberevent.hopper[0].events[0].nugget: offsets 9-14 hold \"tole \", not \"stole\"");
  EXPECT_TRUE(parse(shifted, "casie", "skip").documents.empty());
  const Dataset fixed = parse(shifted, "casie", "fix");
  ASSERT_EQ(fixed.documents.size(), 1u);
  EXPECT_EQ(covered(fixed.documents[0], fixed.documents[0].events[0].trigger), "stole");
  EXPECT_EQ(fixed.fixed.size(), 1u);
  // A nugget that is nowhere takes its event with it, not the document.
  std::string lost = *content;
  lost.replace(lost.find("\"text\": \"stole\""), 15, "\"text\": \"xxxxx\"");
  const Dataset dropped = parse(lost, "casie", "fix");
  ASSERT_EQ(dropped.documents.size(), 1u);
  EXPECT_EQ(dropped.documents[0].events.size(), 1u);
  EXPECT_EQ(dropped.fixed.size(), 1u);
}

TEST(Phee, ReadsNestedAndBrokenArguments) {
  const Dataset dataset = read("phee.jsonl");
  EXPECT_EQ(dataset.format, "phee");
  const Document& document = dataset.documents.at(0);
  ASSERT_EQ(document.events.size(), 1u);
  EXPECT_EQ(arguments_of(document, document.events[0]),
            "Adverse_event:after Subject=A child Subject.Age=child Effect=rash and later fever "
            "Treatment=zincol and tinol Treatment.Drug=zincol Treatment.Drug=tinol "
            "Treatment.Combination=and Treatment.Combination.Drug=zincol "
            "Treatment.Combination.Drug=tinol Negated=had");
  const int effect = document.events[0].arguments[2].entity;
  EXPECT_EQ(document.entities[effect].text, "rash fever");
  EXPECT_EQ(document.meta["fragments"]["T4"], Json::parse("[[12,16],[27,32]]"));
  EXPECT_EQ(document.meta["events"]["E1"]["Negated"], true);
}

TEST(Rams, ReadsTriggersAndLinks) {
  const Dataset dataset = read("rams.jsonl");
  EXPECT_EQ(dataset.format, "rams");
  const Document& document = dataset.documents.at(0);
  EXPECT_EQ(document.sentences.size(), 2u);
  EXPECT_EQ(arguments_of(document, document.events.at(0)),
            "transaction.transfer:sold giver=Ann recipient=Bob thing=the boat");
  EXPECT_EQ(document.entities.size(), 3u);
}

TEST(WikiEvents, ReadsMentionsOverSentences) {
  const Dataset dataset = read("wikievents.jsonl");
  EXPECT_EQ(dataset.format, "wikievents");
  const Document& document = dataset.documents.at(0);
  EXPECT_EQ(document.text, "Ann left York. She flew.");
  EXPECT_EQ(arguments_of(document, document.events.at(0)), "Movement:flew Mover=Ann");
  EXPECT_EQ(document.relations.at(0).type, "Located");
  EXPECT_EQ(covered(document, document.sentences.at(1)), "She flew.");
}

TEST(CrudeOilNews, ReadsSentencesWithEvents) {
  const Dataset dataset = read("crudeoil.json");
  EXPECT_EQ(dataset.format, "crudeoilnews");
  const Document& document = dataset.documents.at(0);
  EXPECT_EQ(document.id, "crudeoil");
  ASSERT_EQ(document.events.size(), 2u);
  EXPECT_EQ(arguments_of(document, document.events[0]),
            "Movement-up-gain:rose Item=Oil -LRB- Brent -RRB-");
  // Capitals and numbers behind roles are spellings of the same labels.
  EXPECT_EQ(arguments_of(document, document.events[1]),
            "Negative_sentiment:Fears Supplier_consumer=Gull Supplier_consumer=Tarn");
  EXPECT_EQ(entities_of(document), "Oil (Brent)/Commodity Gull/Country Tarn/Country");
  EXPECT_EQ(document.meta["cues"], Json::parse(R"([["Modality_cue", [35, 40]]])"));
  EXPECT_EQ(document.entities[0].names, std::vector<std::string>{"Oil (Brent)"});
  EXPECT_EQ(document.meta["events"]["d_E1"]["intensity_cue"], Json({27, 32}));
  EXPECT_EQ(document.meta["event_relations"][0]["head"], "d_E2");
}

}  // namespace
}  // namespace relata::data
