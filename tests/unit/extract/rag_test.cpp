#include <gtest/gtest.h>

#include <filesystem>

#include "fake_engine.h"
#include "relata/extract/pair.h"

namespace relata::extract {
namespace {

using data::Document;
using data::PairQuery;
using Strings = std::vector<std::string>;

// Gives the same examples whatever is asked, and remembers what was.
class FixedSource : public DemonstrationSource {
 public:
  Result<FoundDemonstrations> find(const DemonstrationQuery& query, size_t most) const override {
    asked.push_back(query.document->id + " " + std::to_string(query.head) + " " +
                    std::to_string(query.tail));
    FoundDemonstrations out;
    out.duplicates = duplicates;
    int n = 0;  // scores 3, 1
    for (const Document& document : documents) {
      if (out.best.size() == most) break;
      out.best.push_back({&document, 0, 1, {document.relations.at(0).type}, 3.0 - 2.0 * n++});
    }
    return out;
  }
  std::string identity() const override { return "sha256:fixed"; }
  std::vector<Document> documents;
  int64_t duplicates = 0;
  mutable Strings asked;
};

Document labelled(const std::string& id, const std::string& text, const Strings& names,
                  const std::string& label) {
  Document out = make_document(id, text, names);
  data::Relation relation;
  relation.head = 0;
  relation.tail = 1;
  relation.type = label;
  out.relations.push_back(relation);
  return out;
}

class Rag : public testing::Test {
 protected:
  Rag() {
    extractor_.config = default_config("rag");
    extractor_.schema = company_schema();
    extractor_.pair_template = builtin_pair_template("rag-en").value();
    source_->documents = {labelled("x", "A owns B.", {"A", "B"}, "拥有"),
                          labelled("y", "C is owned by D.", {"C", "D"}, "被拥有")};
    extractor_.demonstrations = source_;
    documents_ = {make_document("q", "E owns F.", {"E", "F"})};
    engine_.score_of = [](const std::string&, const std::string& answer) {
      return answer == " 拥有" ? -0.1 : -2.0;
    };
  }
  std::string prompt(size_t most = 0, DemonstrationCounts* counts = nullptr) {
    const auto encoded =
        encode_prompt(extractor_, *engine_.bytes, documents_[0], {0, 0, 1, {}}, most).value();
    if (counts != nullptr) *counts = encoded.examples;
    return engine_.bytes->decode(encoded.ids, true);
  }
  std::string example(size_t index) {
    const Document& document = source_->documents[index];
    return render_example(extractor_.pair_template, extractor_.schema,
                          {&document, 0, 1, {document.relations[0].type}})
        .value();
  }

  Extractor extractor_;
  std::shared_ptr<FixedSource> source_ = std::make_shared<FixedSource>();
  FakeEngine engine_;
  std::vector<Document> documents_;
};

TEST_F(Rag, RelationsThenExamplesTheBestLastThenTheQuestion) {
  EXPECT_EQ(prompt(),
            "Each sentence below marks two things, e1 and e2. Name the relation that the sentence "
            "states between them.\n"
            "Possible relations: 无关系, 拥有, 被拥有, crosses\n\n"
            "Sentence: <e1>C</e1> is owned by <e2>D</e2>.\ne1: C\ne2: D\nRelation: 被拥有\n\n"
            "Sentence: <e1>A</e1> owns <e2>B</e2>.\ne1: A\ne2: B\nRelation: 拥有\n\n"
            "Sentence: <e1>E</e1> owns <e2>F</e2>.\ne1: E\ne2: F\nRelation:");
  EXPECT_EQ(source_->asked, Strings{"q 0 1"});
}

TEST_F(Rag, AnExampleWithoutRelationHasTheNegativeOne) {
  source_->documents[0].relations[0].type = "unknown";
  const Demonstration bare{&source_->documents[0], 0, 1, {}};
  EXPECT_EQ(render_example(extractor_.pair_template, extractor_.schema, bare).value(), example(0));
}

TEST_F(Rag, Rag4resOrderShowsOneSentenceWithoutItsLabel) {
  extractor_.pair_template = builtin_pair_template("rag4re-en").value();
  extractor_.config.demonstrations.examples = 1;
  const std::string text = prompt();
  size_t at = 0;
  for (const char* part :
       {"The task is", "Question:", "Similar sentence: <e1>A</e1> owns", "\nSentence: <e1>E</e1>",
        "Head: E", "Tail: F", "Relations: 无关系", "Answer with"}) {
    const size_t found = text.find(part, at);
    ASSERT_NE(found, std::string::npos) << part << " in " << text;
    at = found;
  }
  EXPECT_EQ(text.find("Similar", text.find("Similar") + 1), std::string::npos);
  EXPECT_EQ(text.substr(0, text.find("Relations:")).find("拥有"), std::string::npos);
}

TEST_F(Rag, ExamplesKeepToTheirTokens) {
  const auto budget = static_cast<int>(example(0).size() + example(1).size());
  extractor_.config.demonstrations.max_tokens = budget;
  DemonstrationCounts counts;
  prompt(0, &counts);
  EXPECT_EQ(counts.shown, 2);
  extractor_.config.demonstrations.max_tokens = budget - 1;
  EXPECT_EQ(prompt(0, &counts).find("is owned by"), std::string::npos);
  EXPECT_EQ(counts.shown, 1);
  EXPECT_EQ(counts.no_room, 1);
  // The nearest is too long by itself, the second is not.
  source_->documents[0].text += std::string(200, 'x');
  extractor_.config.demonstrations.max_tokens = static_cast<int>(example(1).size());
  EXPECT_NE(prompt(0, &counts).find("is owned by"), std::string::npos);
  EXPECT_EQ(counts.shown, 1);
  EXPECT_EQ(counts.too_long, 1);
}

TEST_F(Rag, ExamplesGiveWayToTheModelsWindow) {
  const std::string all = prompt();
  DemonstrationCounts counts;
  EXPECT_EQ(prompt(all.size() + 1, &counts), all);  // and BOS
  const std::string fewer = prompt(all.size(), &counts);
  EXPECT_EQ(fewer.find("is owned by"), std::string::npos);
  EXPECT_EQ(counts.shown, 1);
  EXPECT_EQ(counts.no_room, 1);
  const std::string none = prompt(1, &counts);
  EXPECT_EQ(none.find("A</e1>"), std::string::npos);
  EXPECT_NE(none.find("E</e1>"), std::string::npos);
  EXPECT_EQ(counts.shown, 0);
}

TEST_F(Rag, PredictionsCountTheirExamples) {
  source_->duplicates = 3;
  const auto out = extract_documents(extractor_, engine_, documents_, {}, "").value();
  ASSERT_EQ(out.size(), 1U);
  // Both orders of the pair are asked about.
  const DemonstrationCounts counts = demonstration_counts(out[0]);
  EXPECT_EQ(counts.shown, 4);
  EXPECT_EQ(counts.duplicates, 6);
  EXPECT_EQ(out[0].meta["demonstrations"]["shown"], 4);
}

TEST_F(Rag, AServerGetsTheSameText) {
  engine_.form = generate::PromptForm::kText;
  engine_.text_of = [](const std::string&) { return " 拥有"; };
  PairOptions options;
  options.decode = "free";
  const auto out = predict_pairs(extractor_, engine_, documents_, {{0, 0, 1, {}}}, options).value();
  EXPECT_EQ(out[0].labels, Strings{"拥有"});
  EXPECT_EQ(out[0].examples.shown, 2);
  EXPECT_EQ(engine_.generated[0].text, prompt());
}

TEST_F(Rag, OnlyLabelsThatTheTypesAllowAreScored) {
  extractor_.schema.relation_types[1].head_types = {"PER"};
  extractor_.schema.relation_types[2].tail_types = {"ORG"};
  documents_[0].entities[0].type = "ORG";
  documents_[0].entities[1].type = "ORG";
  const auto out = predict_pairs(extractor_, engine_, documents_, {{0, 0, 1, {}}}, {}).value();
  EXPECT_EQ(out[0].posterior[1], 0.0);
  EXPECT_GT(out[0].posterior[2], 0.0);
  EXPECT_NEAR(out[0].posterior[0] + out[0].posterior[2] + out[0].posterior[3], 1.0, 1e-12);
  EXPECT_NE(out[0].labels, Strings{"拥有"});
  extractor_.config.mask_types = false;
  EXPECT_EQ(predict_pairs(extractor_, engine_, documents_, {{0, 0, 1, {}}}, {}).value()[0].labels,
            Strings{"拥有"});
}

TEST_F(Rag, NeighboursVoteByTheirShare) {
  const auto posterior = [&] {
    return predict_pairs(extractor_, engine_, documents_, {{0, 0, 1, {}}}, {}).value()[0].posterior;
  };
  const auto alone = posterior();
  extractor_.config.demonstrations.vote = 0.25;
  const auto mixed = posterior();
  const std::vector<double> votes = {0.0, 0.75, 0.25, 0.0};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(mixed[i], 0.25 * votes[i] + 0.75 * alone[i], 1e-12);
  // With all of the vote no model is asked.
  extractor_.config.demonstrations.vote = 1.0;
  engine_.allowed = 0;
  EXPECT_TRUE(needs_no_model(extractor_));
  EXPECT_EQ(posterior(), votes);
}

TEST(Votes, PairsWithoutLabelsAndNoNeighboursAreForTheNegativeType) {
  data::Schema schema = company_schema();
  const Document document;
  const auto neighbour = [&](Strings labels, double score) {
    return Demonstration{&document, 0, 1, std::move(labels), score};
  };
  EXPECT_EQ(vote_posterior(schema, {neighbour({}, 1.0), neighbour({"拥有", "P177"}, 1.0)}),
            (std::vector<double>{0.5, 0.25, 0.0, 0.25}));
  EXPECT_EQ(vote_posterior(schema, {}), (std::vector<double>{1.0, 0.0, 0.0, 0.0}));
  schema.relation_types[0].negative = false;
  EXPECT_EQ(vote_posterior(schema, {neighbour({"of another schema"}, 1.0)}),
            std::vector<double>(4, 0.25));
}

TEST(Votes, LabelsThatTheTypesForbidCountNothing) {
  data::Schema schema = company_schema();
  const Document document;
  const std::vector<Demonstration> neighbours = {{&document, 0, 1, {"拥有"}, 3.0},
                                                 {&document, 0, 1, {"P177"}, 1.0}};
  EXPECT_EQ(vote_posterior(schema, neighbours, {true, false, true, true}),
            (std::vector<double>{0.0, 0.0, 0.0, 1.0}));
  EXPECT_EQ(vote_posterior(schema, neighbours, {true, false, true, false}),
            (std::vector<double>{1.0, 0.0, 0.0, 0.0}));
  schema.relation_types[0].negative = false;
  EXPECT_EQ(vote_posterior(schema, neighbours, {true, false, true, false}),
            (std::vector<double>{0.5, 0.0, 0.5, 0.0}));
}

TEST(AllowedLabels, EntitiesWithoutTypeAndContradictionsAllowAll) {
  data::Schema schema = company_schema();
  for (data::RelationType& type : schema.relation_types) type.head_types = {"PER"};
  Document document = make_document("a", "A owns B.", {"A", "B"});
  EXPECT_EQ(allowed_labels(schema, document, 0, 1), std::vector<bool>(4, true));
  document.entities[0].type = "ORG";
  EXPECT_EQ(allowed_labels(schema, document, 0, 1), std::vector<bool>(4, true));
  schema.relation_types[0].head_types = {};
  EXPECT_EQ(allowed_labels(schema, document, 0, 1), (std::vector<bool>{true, false, false, false}));
}

TEST(RagTemplate, ExampleAndPlaceholderGoTogether) {
  const auto parse = [](const std::string& lines) {
    return parse_pair_template("prompt: \"{sentence} {head} {tail}" + lines, "t.yaml");
  };
  EXPECT_TRUE(parse("{examples}\"\nexample: \"{sentence}{answer}\"\n").ok());
  const auto without = parse("{examples}\"\n");
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().message, "t.yaml: prompt: {examples} without the key example");
  EXPECT_FALSE(parse("\"\nexample: \"{sentence}{answer}\"\n").ok());
  EXPECT_FALSE(parse("{examples}\"\nexample: \"{relation}\"\n").ok());
}

TEST(RagExtractor, SettingsAreKept) {
  Extractor extractor;
  extractor.folder = testing::TempDir() + "rag_extractor";
  extractor.config = default_config("rag");
  extractor.config.demonstrations.examples = 7;
  extractor.config.demonstrations.retriever = "random";
  extractor.config.demonstrations.pool_sha256 = "abc";
  extractor.config.mask_types = false;
  extractor.schema = company_schema();
  extractor.pair_template = builtin_pair_template("rag-zh").value();
  ASSERT_TRUE(save_extractor(extractor).ok());
  const Extractor read = load_extractor(extractor.folder).value();
  EXPECT_EQ(read.config.pipeline, "rag");
  EXPECT_EQ(to_json(read.config.demonstrations), to_json(extractor.config.demonstrations));
  EXPECT_FALSE(read.config.mask_types);
  EXPECT_EQ(read.pair_template.example, extractor.pair_template.example);
  EXPECT_EQ(read.pool_path(), extractor.folder + "/demonstrations.jsonl");
  std::filesystem::remove_all(extractor.folder);
}

TEST(DemonstrationSettings, BadValuesAreNamed) {
  const auto error = [](const Json& section) {
    const auto settings = demonstration_settings(section, "x.yaml");
    return settings.ok() ? "" : settings.error().message;
  };
  EXPECT_EQ(error({{"examples", 8}, {"query", "masked"}}), "");
  EXPECT_NE(error({{"exmples", 8}}).find("exmples"), std::string::npos);
  EXPECT_NE(error({{"diversity", 1.0}}).find("diversity"), std::string::npos);
  EXPECT_NE(error({{"near_duplicate", 0}}).find("near_duplicate"), std::string::npos);
  EXPECT_NE(error({{"vote", 1.5}}).find("vote"), std::string::npos);
  EXPECT_NE(error({{"retriever", "dense"}}).find("needs an encoder"), std::string::npos);
  EXPECT_NE(error("four").find("not a mapping"), std::string::npos);
}

}  // namespace
}  // namespace relata::extract
