#include "steps/shown_text.h"

#include <gtest/gtest.h>

#include "fake_engine.h"
#include "relata/extract/calibrate.h"
#include "relata/extract/facts.h"
#include "relata/extract/step_rows.h"

namespace relata::extract {
namespace {

using data::Document;
using Strings = std::vector<std::string>;

std::string shown(const std::string& text) {
  return ShownDocument(make_document("d", text, {})).document().text;
}

TEST(ShownText, LineBreaksInsideParagraphsAreSpaces) {
  EXPECT_EQ(shown("was Isambard\nKingdom Brunel."), "was Isambard Kingdom Brunel.");
  EXPECT_EQ(shown("was Isambard\r\nKingdom Brunel."), "was Isambard Kingdom Brunel.");
  EXPECT_EQ(shown("was Isambard\rKingdom Brunel."), "was Isambard Kingdom Brunel.");
  EXPECT_EQ(shown("was Isambard \n\t  Kingdom"), "was Isambard Kingdom");
  EXPECT_EQ(shown("Isambard\u2028Kingdom"), "Isambard Kingdom");
  EXPECT_EQ(shown("Ann\tLee"), "Ann Lee");
  EXPECT_EQ(shown("by Jean-\nPaul Sartre, 5 -\n7"), "by Jean-Paul Sartre, 5 - 7");
  EXPECT_EQ(shown("Zo\u00eb\n\u00c9mile"), "Zo\u00eb \u00c9mile");
}

TEST(ShownText, ParagraphsStay) {
  for (const char* text : {"One.\n\nTwo.", "One.\r\n\r\nTwo.", "One.\n \t\nTwo.", "\nOne.\n", "\n",
                           "One  two.", "王某\n李某", "说。\n\u3000\u3000王某"}) {
    EXPECT_EQ(shown(text), text);
  }
  EXPECT_EQ(shown("a\nb\n\nc\nd\n"), "a b\n\nc d\n");
}

TEST(ShownText, ItemsAndRowsAreLinesOfTheirOwn) {
  for (const char* text :
       {"People:\n- Ann Lee\n- Bob Roe\n  * Cid", "1. Ann\n2) Bob\n10. Cid",
        "\u2022 Ann\r\n\u2022 Bob", "| Ann | Rome |\n|---|---|\n| Bob | Ulm |\nThat was all."}) {
    EXPECT_EQ(shown(text), text);
  }
  EXPECT_EQ(shown("All:\nName\tTown\nAnn\tRome\nThat"), "All:\nName Town\nAnn Rome\nThat");
  EXPECT_EQ(shown("- born\nin Rome\n- died"), "- born in Rome\n- died");
  for (const char* text :
       {"in\n1984. He", "5 -\n7", "a\n-b", "a\n*b*", "a\n1.5", "a\t\nb", "a\n\tb"}) {
    EXPECT_EQ(shown(text).find('\n'), std::string::npos) << text;
  }
  // Not through a name that is given.
  const Document named = make_document("d", "Ann\n- Lee met Bob.", {"Ann\n- Lee"});
  EXPECT_EQ(ShownDocument(named).document().text, "Ann - Lee met Bob.");
}

TEST(ShownText, ChineseNamesOverABreakAreWhole) {
  Document document = make_document("d", "创始人是王小\n明。\n李某", {"王小\n明"});
  EXPECT_EQ(ShownDocument(document).document().text, "创始人是王小明。\n李某");
}

TEST(ShownText, PlacesAreMovedThereAndBack) {
  Document original = make_document("d", "Of Ann\r\n  Lee and Jean-\nPaul Roe.",
                                    {"Ann\r\n  Lee", "Jean-\nPaul Roe", "Of"});
  original.sentences = {{0, original.text.size()}};
  const ShownDocument shown(original);
  const Document& document = shown.document();
  const auto covered = [](const Document& of, const text::ByteRange& range) {
    return of.text.substr(range.begin, range.end - range.begin);
  };
  EXPECT_EQ(covered(document, document.entities[0].mentions[0]), "Ann Lee");
  EXPECT_EQ(covered(document, document.entities[1].mentions[0]), "Jean-Paul Roe");
  EXPECT_EQ(covered(document, document.entities[2].mentions[0]), "Of");
  EXPECT_EQ(document.sentences[0].end, document.text.size());
  Document found = document;
  shown.restore(original, false, found);
  EXPECT_EQ(found.text, original.text);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(found.entities[i].mentions, original.entities[i].mentions) << i;
  }
}

class BrokenNames : public testing::Test {
 protected:
  BrokenNames() {
    BuiltinPipeline choice;
    choice.name = "rhf";
    extractor_.config = default_config("rhf");
    extractor_.pipeline = builtin_pipeline(choice).value();
    data::RelationType type;
    type.id = type.name = "father";
    extractor_.schema.relation_types.push_back(type);
    extractor_.config.decode = "free";
    engine_.text_of = [](const std::string& prompt) -> std::string {
      if (prompt.find("Ann Lee is") == std::string::npos) return "none";
      if (prompt.find("Which relations") != std::string::npos) return "father";
      return prompt.find("Head: Ann Lee") != std::string::npos ? "Cid Kay Roe" : "Ann Lee";
    };
  }
  Document run(const Document& document) {
    auto out = extract_facts(extractor_, engine_, nullptr, {document}, {});
    EXPECT_TRUE(out.ok()) << out.error().message;
    return std::move(out.value()[0]);
  }

  Extractor extractor_;
  FakeEngine engine_;
  const std::string text_ = "The child Ann\nLee is that of Cid\r\nKay Roe.";
};

TEST_F(BrokenNames, AreFoundWhereTheyStand) {
  const Document out = run(make_document("d", text_, {}));
  ASSERT_EQ(out.relations.size(), 1u);
  EXPECT_EQ(out.text, text_);
  const data::Entity& head = out.entities.at(static_cast<size_t>(out.relations[0].head));
  const data::Entity& tail = out.entities.at(static_cast<size_t>(out.relations[0].tail));
  EXPECT_EQ(head.text, "Ann Lee");
  EXPECT_EQ(tail.text, "Cid Kay Roe");
  EXPECT_EQ(head.mentions, data::find_occurrences(text_, "Ann\nLee"));
  EXPECT_EQ(tail.mentions, data::find_occurrences(text_, "Cid\r\nKay Roe"));
  EXPECT_EQ(out.relations[0].evidence, (std::vector<text::ByteRange>{{0, text_.size()}}));
}

TEST_F(BrokenNames, AreAskedAboutWhereGiven) {
  const Document document = make_document("d", text_, {"Ann\nLee", "Cid\r\nKay Roe"});
  const Document out = run(document);
  ASSERT_EQ(out.relations.size(), 1u);
  EXPECT_EQ(out.relations[0].head, 0);
  EXPECT_EQ(out.relations[0].tail, 1);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(out.entities[i].text, document.entities[i].text);
    EXPECT_EQ(out.entities[i].mentions, document.entities[i].mentions);
  }
  EXPECT_FALSE(out.meta.is_object() && out.meta.contains("unparsed"));
  // By either name they are the answer.
  Document gold = document;
  gold.relations = {{0, 1, "father", {}, {}}};
  for (const Document& found : {out, run(make_document("d", text_, {}))}) {
    const auto outcomes = fact_outcomes({gold}, {found}, {});
    ASSERT_EQ(outcomes.size(), 1u);
    EXPECT_TRUE(outcomes[0].correct);
  }
}

TEST_F(BrokenNames, OfTwoParagraphsAreNoted) {
  const Document out = run(make_document("d", "So Ann Lee is. Cid\n\nKay went.", {"Cid\n\nKay"}));
  ASSERT_EQ(out.meta["unparsed"].size(), 1u);
  const Json& note = out.meta["unparsed"][0];
  EXPECT_EQ(note["head"], "Cid\n\nKay");
  EXPECT_NE(note["problem"].get<std::string>().find("e0"), std::string::npos);
  EXPECT_EQ(note["unanswered"], true);
}

TEST_F(BrokenNames, AreTrainedOn) {
  Document document = make_document("d", text_, {"Ann\nLee", "Cid\r\nKay Roe"});
  document.relations = {{0, 1, "father", {}, {}}};
  RowOptions options;
  options.head_negatives = 0;
  for (const auto naming : {RowOptions::Naming::Canonical, RowOptions::Naming::Mentions}) {
    options.naming = naming;
    RowCounts counts;
    const auto rows = step_rows(extractor_, {document}, options, &counts).value()[0];
    ASSERT_EQ(rows.size(), 3u);
    EXPECT_NE(rows[0].root.find("Ann Lee is that of Cid Kay Roe."), std::string::npos);
    EXPECT_EQ(rows[0].answer, "father");
    EXPECT_EQ(rows[1].answer, "Ann Lee");
    EXPECT_EQ(rows[2].answer, "Cid Kay Roe");
    EXPECT_EQ(counts.ungrounded, 0);
    const auto examples = step_examples(extractor_, ByteTokenizer(), {document}, options).value();
    ASSERT_EQ(examples.size(), 1u);
    EXPECT_EQ(ByteTokenizer().decode(examples[0].examples[2].answer, true), "Cid Kay Roe");
  }
}

}  // namespace
}  // namespace relata::extract
