// What answers of document pipelines may be, and how they are read.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "fake_engine.h"
#include "relata/extract/facts.h"
#include "steps/python_list.h"

namespace relata::extract {
namespace {

using data::Document;
using Strings = std::vector<std::string>;

class Answers : public testing::Test {
 protected:
  Answers() {
    for (const auto& [name, head, tail] :
         {std::tuple("lives in", "PER", "LOC"), std::tuple("father", "PER", "PER"),
          std::tuple("meets", "", "")}) {
      data::RelationType type;
      type.id = type.name = name;
      if (*head != '\0') type.head_types = {head};
      if (*tail != '\0') type.tail_types = {tail};
      extractor_.schema.relation_types.push_back(type);
    }
    for (size_t i = 0; i < given_.entities.size(); ++i) {
      given_.entities[i].type = i < 2 ? "PER" : "LOC";
    }
  }
  void use(const std::string& pipeline) {
    BuiltinPipeline choice;
    choice.name = pipeline;
    extractor_.config = default_config(pipeline);
    extractor_.pipeline = builtin_pipeline(choice).value();
    engine_.text_of = [this](const std::string& prompt) -> std::string {
      for (const auto& [asked, answer] : rules_) {
        if (prompt.find(asked) != std::string::npos) return answer;
      }
      return "none";
    };
  }
  Document run(const Document& document) {
    engine_.generated.clear();
    const auto compiler = generate::make_answer_compiler(engine_.bytes).value();
    auto out = extract_facts(extractor_, engine_, compiler, {document}, options_);
    EXPECT_TRUE(out.ok()) << out.error().message;
    return std::move(out.value()[0]);
  }
  // Whether the constraint of that request lets the answer through.
  bool admits(size_t request, const std::string& answer) const {
    const auto walk = engine_.generated.at(request).constraint->start();
    const auto may_come = [&](int32_t id) {
      const auto& allowed = walk->allowed();
      return std::binary_search(allowed.begin(), allowed.end(), id);
    };
    for (const int32_t id : engine_.bytes->encode_ids(answer, false)) {
      if (!may_come(id)) return false;
      walk->accept(id);
    }
    return may_come(engine_.bytes->eos_id());
  }
  static Strings facts(const Document& document) {
    Strings out;
    for (const data::Relation& relation : document.relations) {
      const auto name = [&](int entity) {
        return document.entities.at(static_cast<size_t>(entity)).text;
      };
      out.push_back(name(relation.head) + "|" + relation.type + "|" + name(relation.tail));
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static Strings problems(const Document& document) {
    Strings out;
    if (!document.meta.is_object() || !document.meta.contains("unparsed")) return out;
    for (const Json& note : document.meta["unparsed"]) out.push_back(note["problem"]);
    return out;
  }

  Extractor extractor_;
  FakeEngine engine_;
  FactOptions options_;
  std::vector<std::pair<std::string, std::string>> rules_;
  const std::string text_ = "Ann and Bob meet in Rome, Italy.";
  Document given_ = make_document("d", text_, {"Ann", "Bob", "Rome", "Italy"});
};

TEST_F(Answers, FieldsOfAnItemAgreeInTheirTypes) {
  use("df");
  run(given_);
  EXPECT_TRUE(admits(0, "lives in | Ann | Italy\nfather | Bob | Ann\nmeets | Rome | Italy"));
  EXPECT_FALSE(admits(0, "lives in | Italy | Italy"));
  EXPECT_FALSE(admits(0, "lives in | Italy | Rome"));
  EXPECT_FALSE(admits(0, "lives in | Ann | Bob"));
  EXPECT_FALSE(admits(0, "father | Ann | Ann"));
  EXPECT_FALSE(admits(0, "meets | Rome | Rome"));
  // The only person is nobody's father.
  run(make_document("d", text_, {"Ann", "Rome"}));  // without types
  EXPECT_TRUE(admits(0, "father | Rome | Ann"));
  Document lone = make_document("d", text_, {"Ann", "Rome"});
  lone.entities[0].type = "PER";
  lone.entities[1].type = "LOC";
  run(lone);
  EXPECT_FALSE(admits(0, "father | Ann | Ann"));
  const auto walk = engine_.generated[0].constraint->start();
  const auto allowed = walk->allowed();
  EXPECT_FALSE(std::binary_search(allowed.begin(), allowed.end(), 'f' + 3));
  // Also beside one that no answer can have.
  Document odd = make_document("d", "Ann | Co, Cid | Co and Bob in Rome, Italy.",
                               {"Ann | Co", "Cid | Co", "Bob", "Rome", "Italy"});
  for (size_t i = 0; i < odd.entities.size(); ++i) odd.entities[i].type = i < 3 ? "PER" : "LOC";
  run(odd);
  EXPECT_TRUE(admits(0, "lives in | Bob | Rome"));
  EXPECT_FALSE(admits(0, "lives in | Italy | Rome"));
}

TEST_F(Answers, FieldsAgreeInWhateverOrder) {
  use("df");
  extractor_.pipeline.steps[0].answer = "{head} | {relation} | {tail}";
  rules_ = {{"What facts", "Italy | lives in | Rome\nAnn | lives in | Rome"}};
  for (const char* decode : {"constrained", "free"}) {
    options_.decode = decode;
    const Document out = run(given_);
    EXPECT_EQ(facts(out), Strings{"Ann|lives in|Rome"});
    ASSERT_EQ(problems(out).size(), 1u);
    EXPECT_NE(problems(out)[0].find("such types"), std::string::npos);
    if (options_.decode == "free") continue;
    EXPECT_TRUE(admits(0, "Ann | lives in | Rome"));
    EXPECT_FALSE(admits(0, "Italy | lives in | Rome"));
    EXPECT_FALSE(admits(0, "Italy | meets | Italy"));
  }
}

TEST_F(Answers, HeadAndTailAreNotTheSameSpan) {
  use("drf");
  rules_ = {{"Which relations", "meets"}};
  const Document document = make_document("d", text_, {});
  run(document);
  EXPECT_TRUE(admits(1, "Ann | Bob"));
  EXPECT_FALSE(admits(1, "Ann | Ann"));
  use("rhf");
  rules_ = {{"Which relations", "meets"}, {"Which heads", "Ann\nBob"}};
  run(document);
  ASSERT_EQ(engine_.generated.size(), 4u);
  EXPECT_FALSE(admits(2, "Ann"));
  EXPECT_TRUE(admits(2, "Bob"));
  EXPECT_TRUE(admits(3, "Ann"));
  EXPECT_FALSE(admits(3, "Bob"));
}

TEST_F(Answers, ServersAreToldSo) {
  use("df");
  engine_.form = generate::PromptForm::kText;
  ASSERT_TRUE(extract_facts(extractor_, engine_, nullptr, {given_}, options_).ok());
  const auto shape = engine_.generated.at(0).shape;
  ASSERT_EQ(shape->item.size(), 5u);
  EXPECT_EQ(shape->item[4].unlike, std::vector<size_t>{1});
  EXPECT_EQ(shape->item[2].behind.at(0).at("lives in"), (Strings{"Ann", "Bob"}));
  EXPECT_EQ(shape->item[4].behind.at(0).at("lives in"), (Strings{"Rome", "Italy"}));
  EXPECT_FALSE(shape->item[4].behind.at(0).contains("meets"));
}

TEST_F(Answers, WhatWasCutOffIsNoProblemOfItsOwn) {
  use("drf");
  engine_.finish_of = [](const std::string& text) { return text == "meets" ? "eos" : "length"; };
  const std::string cut = "cut off after ";
  for (const auto& [answer, found] :
       {std::pair("Ann | Ital", Strings{}), std::pair("An", Strings{}),
        std::pair("Ann | Bob\nBob | Rom", Strings{"Ann|meets|Bob"}),
        std::pair("Ann | Bob\nBob | Rome\n", Strings{"Ann|meets|Bob", "Bob|meets|Rome"})}) {
    rules_ = {{"Which relations", "meets"}, {"Relation: meets", answer}};
    for (const Document& document : {given_, make_document("d", text_, {})}) {
      const Document out = run(document);
      EXPECT_EQ(facts(out), found);
      EXPECT_EQ(problems(out),
                Strings{cut + std::to_string(std::string(answer).size()) + " tokens"});
    }
  }
  // What is wrong with its whole items is said too.
  rules_ = {{"Which relations", "meets"}, {"Relation: meets", "Ann | Zoe\nAnn"}};
  const Strings both = problems(run(given_));
  ASSERT_EQ(both.size(), 2u);
  EXPECT_NE(both[0].find("Zoe"), std::string::npos);
  EXPECT_EQ(both[1], cut + "13 tokens");
}

TEST_F(Answers, NamesThatNoAnswerCanHaveAreNoted) {
  const Document named =
      make_document("d", "Ann | Co met Bob and none.", {"Ann | Co", "Bob", "none"});
  use("drf");
  rules_ = {{"Which relations", "meets\nfather"}, {"Relation:", "Bob | Ann | Co"}};
  Document out = run(named);
  EXPECT_EQ(facts(out), (Strings{"Bob|father|Ann | Co", "Bob|meets|Ann | Co"}));
  ASSERT_EQ(problems(out).size(), 1u);  // once for all relations
  EXPECT_EQ(problems(out)[0],
            "\"Ann | Co\" could not be answered as a head: in the template's answers it holds "
            "\" | \", which ends a name there");
  EXPECT_EQ(out.meta["unparsed"][0]["unanswered"], true);
  EXPECT_EQ(out.meta["unparsed"][0]["head"], "Ann | Co");
  EXPECT_TRUE(admits(1, "none | Ann | Co"));
  EXPECT_FALSE(admits(1, "Ann | Co | Bob"));
  // Read back with the names at hand, it can be told.
  rules_[1].second = "Ann | Co | Bob";
  options_.decode = "free";
  out = run(named);
  EXPECT_EQ(facts(out), (Strings{"Ann | Co|father|Bob", "Ann | Co|meets|Bob"}));
  EXPECT_TRUE(problems(out).empty());
  use("rhf");
  options_.decode = "constrained";
  rules_ = {{"Which relations", "meets"}, {"Which heads", "Bob"}, {"Which tails", "none"}};
  out = run(named);
  ASSERT_EQ(problems(out).size(), 2u);  // as a head and as a tail
  EXPECT_NE(problems(out)[0].find("\"none\" could not be answered as a head"), std::string::npos);
  EXPECT_NE(problems(out)[0].find("the word for nothing"), std::string::npos);
}

TEST_F(Answers, WhatCannotBeAskedIsFinishedAllTheSame) {
  use("drf");
  rules_ = {{"Which relations", "meets"}, {"Relation:", "Bob | none"}};
  const std::vector<Document> documents = {
      make_document("d", "Ann | Co met Bob and none.", {"Ann | Co", "Bob", "none"})};
  const auto compiler = generate::make_answer_compiler(engine_.bytes).value();
  const std::string journal = testing::TempDir() + "relata_unwritable_journal";
  std::filesystem::remove(journal);
  const auto all = [&] {
    return extract_fact_documents(extractor_, engine_, compiler, documents, options_, journal);
  };
  const Document out = all().value().at(0);
  EXPECT_EQ(out.meta["unparsed"][0]["asked"], false);
  const size_t asked = engine_.generated.size();
  EXPECT_EQ(to_json_line(all().value().at(0)), to_json_line(out));
  EXPECT_EQ(engine_.generated.size(), asked) << "it is taken from the journal";
  // A question that a server did not answer is asked again.
  std::filesystem::remove(journal);
  engine_.problem_of = [](const std::string&) { return "the server refused"; };
  const Document refused = all().value().at(0);
  EXPECT_FALSE(refused.meta["unparsed"][0].contains("asked"));
  EXPECT_EQ(engine_.generated.size(), asked + 1);
  ASSERT_TRUE(all().ok());
  EXPECT_EQ(engine_.generated.size(), asked + 2);
  std::filesystem::remove(journal);
}

TEST_F(Answers, JsonHasAnyName) {
  use("drf");
  engine_.form = generate::PromptForm::kText;
  rules_ = {{"Which relations", "meets"}, {"Relation: meets", "Ann | Co | Bob"}};
  const Document named = make_document("d", "Ann | Co met Bob.", {"Ann | Co", "Bob"});
  const auto out = extract_facts(extractor_, engine_, nullptr, {named}, options_).value().at(0);
  EXPECT_EQ(engine_.generated.at(1).shape->item[0].choices, (Strings{"Ann | Co", "Bob"}));
  EXPECT_EQ(facts(out), Strings{"Ann | Co|meets|Bob"});
  EXPECT_TRUE(problems(out).empty());
}

TEST_F(Answers, NamesMayHoldASeparatorThatIsNoLineBreak) {
  use("drf");
  extractor_.pipeline.separator = "; ";
  options_.decode = "free";
  rules_ = {{"Which relations", "meets"},
            {"Relation:", "Ann; Co | Bob; Bob | Ann; Co; Zoe; Bob | Ann; "}};
  const Document named = make_document("d", "Ann; Co met Bob and Ann.", {"Ann; Co", "Bob", "Ann"});
  const Document out = run(named);
  EXPECT_EQ(facts(out), (Strings{"Ann; Co|meets|Bob", "Bob|meets|Ann"}));
  ASSERT_EQ(problems(out).size(), 1u);
  EXPECT_EQ(problems(out)[0], "\"Co\": not in the form {head} | {tail}");
}

TEST_F(Answers, EntitiesGivenByNameAloneAreAskedAbout) {
  use("drf");
  rules_ = {{"Which relations", "meets"}, {"Relation: meets", "Ann | Bob"}};
  for (const char* text : {"Ann and Bob meet.", "Ann and\nBob meet."}) {
    Document named = make_document("d", text, {"Ann"});
    named.entities.push_back({"e1", "Bob", "", {}, {}});
    named.entities.push_back({"e2", "Cid", "", {}, {}});
    const Document out = run(named);
    EXPECT_EQ(facts(out), Strings{"Ann|meets|Bob"});
    EXPECT_TRUE(problems(out).empty());
    EXPECT_FALSE(admits(1, "Ann | Cid"));
    EXPECT_TRUE(out.entities.at(1).mentions.empty());  // as it was given
    EXPECT_EQ(out.relations.at(0).evidence.size(), 1u);
  }
}

TEST_F(Answers, RelationsThatHoldWhatEndsThemAreRefusedOrRead) {
  use("df");
  extractor_.schema.relation_types[2].name = "meets | sees";
  rules_ = {{"What facts", "meets | sees | Ann | Bob"}};
  const auto compiler = generate::make_answer_compiler(engine_.bytes).value();
  const auto refused = extract_facts(extractor_, engine_, compiler, {given_}, options_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_NE(refused.error().message.find("step fact"), std::string::npos);
  EXPECT_TRUE(engine_.generated.empty());
  options_.decode = "free";
  EXPECT_EQ(facts(run(given_)), Strings{"Ann|meets|Bob"});
}

TEST_F(Answers, AnEmptyAnswerIsNone) {
  use("drf");
  options_.decode = "free";
  for (const char* answer : {"", " \n"}) {
    rules_ = {{"Which relations", answer}};
    EXPECT_EQ(problems(run(given_)), Strings{"the answer is empty"});
  }
}

TEST_F(Answers, ListsOfPythonAreRead) {
  use("df");
  extractor_.pipeline.steps[0].answer = "['{head}', '{relation}', '{tail}']";
  options_.decode = "free";
  const Document document = make_document("d", "Ann O'Hara and \"Bob\" met Cid.", {});
  rules_ = {{"What facts",
             "[\"Ann O'Hara\", 'father', 'Cid']\n"
             "['Ann O\\'Hara', \"meets\", '\"Bob\"']\n"
             "['Cid','meets','Bob']\n"
             "['Cid', 'meets', 'Ann O'Hara']"}};
  const Document out = run(document);
  EXPECT_EQ(facts(out), (Strings{"Ann O'Hara|father|Cid", "Ann O'Hara|meets|\"Bob\"",
                                 "Cid|meets|Ann O'Hara", "Cid|meets|Bob"}));
  EXPECT_TRUE(problems(out).empty());
  for (const auto& [line, problem] :
       {std::pair("['Ann', 'meets']", "form"), std::pair("'Ann', 'meets', 'Cid'", "form"),
        std::pair("['Ann', 'meets', exit()]", "form"),
        std::pair("[\"Ann\", 'eats', 'Cid']", "eats"), std::pair("[\"Ann\", 'meets', '']", "empty"),
        std::pair("[\"Ann\", 'meets', 'Ann']", "the same")}) {
    rules_ = {{"What facts", line}};
    const Document bad = run(document);
    EXPECT_TRUE(bad.relations.empty()) << line;
    ASSERT_EQ(problems(bad).size(), 1u) << line;
    EXPECT_NE(problems(bad)[0].find(problem), std::string::npos) << problems(bad)[0];
  }
  // As constraints write it.
  options_.decode = "constrained";
  rules_ = {{"What facts", "['Ann O'Hara', 'meets', 'Cid']"}};
  EXPECT_EQ(facts(run(document)), Strings{"Ann O'Hara|meets|Cid"});
  EXPECT_TRUE(admits(0, rules_[0].second));
}

TEST_F(Answers, OfServersAreScoredByTheirPieces) {
  use("df");
  options_.decode = "free";
  engine_.form = generate::PromptForm::kText;
  rules_ = {{"What facts", "meets | Ann | Bob\nfather | Ann | Bob"}};
  engine_.pieces_of = [](const std::string&) {
    return Strings{"meets", " | Ann | Bob", "\n", "fath", "er |", " Ann | Bob", "</s>"};
  };
  const Document document = make_document("d", text_, {});
  const Document out = run(document);
  ASSERT_EQ(out.relations.size(), 2u);
  EXPECT_EQ(out.relations[0].type, "meets");
  EXPECT_NEAR(out.relations[0].score.value(), std::exp(-2.0), 1e-12);
  EXPECT_NEAR(out.relations[1].score.value(), std::exp(-4.0), 1e-12);
  options_.min_score = 0.1;
  EXPECT_EQ(facts(run(document)), Strings{"Ann|meets|Bob"});
  // Without pieces: no scores, and what they would choose is said once.
  engine_.pieces_of = [](const std::string&) { return Strings{}; };
  testing::internal::CaptureStderr();
  const auto both =
      extract_facts(extractor_, engine_, nullptr, {document, document}, options_).value();
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(both[0].relations.size(), 2u);
  EXPECT_FALSE(both[0].relations[0].score.has_value());
  const size_t first = said.find("--min-score");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(said.find("--min-score", first + 1), std::string::npos);
}

// One text whose tokens are not told leaves the others' scores.
TEST_F(Answers, ScoresAreKnownTextByText) {
  use("df");
  options_.decode = "free";
  engine_.form = generate::PromptForm::kText;
  rules_ = {{"Bob meet", "meets | Ann | Bob"}, {"What facts", "meets | Ann | Cid"}};
  engine_.pieces_of = [](const std::string& text) {
    return text == "meets | Ann | Bob" ? Strings{text} : Strings{};
  };
  const auto out =
      extract_facts(extractor_, engine_, nullptr,
                    {make_document("a", text_, {}), make_document("b", "Ann met Cid.", {})},
                    options_)
          .value();
  EXPECT_NEAR(out[0].relations.at(0).score.value(), std::exp(-1.0), 1e-12);
  EXPECT_FALSE(out[1].relations.at(0).score.has_value());
}

TEST(PythonList, IsReadAsPythonWritesIt) {
  EXPECT_EQ(read_python_list(R"([ 'a' , "b's",])"), (Strings{"a", "b's"}));
  EXPECT_EQ(read_python_list(R"(['\'\"\\\t\x41\u00e9\U0001F600\101\q'])"),
            Strings{"'\"\\\tA\u00e9\U0001F600A\\q"});
  EXPECT_EQ(read_python_list("[]"), Strings{});
  for (const char* text :
       {"", "[", "['a'", "['a", "['a\\", "['a' 'b']", "[,]", "['a',,]", "[a]", "['a'] + ['b']",
        "('a',)", "[['a']]", "['\\x4']", "['\\ud800']", "[1]"}) {
    EXPECT_FALSE(read_python_list(text)) << text;
  }
  const auto parts = [](const std::string& answer) {
    return split_template(answer, "answer", {"head", "tail"}).value();
  };
  EXPECT_TRUE(is_python_list(parts("[\"{head}\",'{tail}']")));
  EXPECT_TRUE(is_python_list(parts("['{head}']")));
  for (const char* answer : {"{head} | {tail}", "['{head}', {tail}]", "('{head}', '{tail}')",
                             "['{head}'; '{tail}']", "{head}"}) {
    EXPECT_FALSE(is_python_list(parts(answer))) << answer;
  }
}

}  // namespace
}  // namespace relata::extract
