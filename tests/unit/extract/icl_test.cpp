#include "relata/extract/icl.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "fake_engine.h"
#include "relata/extract/extractor.h"

namespace relata::extract {
namespace {

using data::Document;
using Strings = std::vector<std::string>;

data::Schema news_schema() {
  data::Schema out;
  out.entity_types = {{"PER", "person", "a human being"}, {"LOC", "place", ""}};
  data::RelationType lives;
  lives.id = "P1";
  lives.name = "lives in";
  lives.head_types = {"PER"};
  lives.tail_types = {"LOC"};
  data::RelationType none;
  none.id = none.name = "none";
  none.negative = true;
  out.relation_types = {none, lives};
  data::EventType attack;
  attack.id = "Attack";
  attack.name = "attack";
  attack.roles = {{"attacker", "attacker", "", {}}, {"place", "place", "", {}}};
  data::EventType meet;
  meet.id = meet.name = "meet";
  out.event_types = {attack, meet};
  return out;
}

// The documents of a pool, whatever is asked; remembers the event types.
class DocumentSource : public DemonstrationSource {
 public:
  Result<FoundDemonstrations> find(const DemonstrationQuery& query, size_t most) const override {
    event_types.push_back(query.event_type);
    FoundDemonstrations out;
    out.duplicates = 1;
    for (const Document& document : documents) {
      if (out.best.size() < most) out.best.push_back({&document, -1, -1, {}});
    }
    return out;
  }
  std::string identity() const override { return "sha256:fixed"; }
  std::vector<Document> documents;
  mutable Strings event_types;
};

Document pool_document() {
  Document out = make_document("pool", "Bo lives in Rome; rebels shelled Rome.", {"Bo", "Rome"});
  out.entities[0].type = "PER";
  out.entities[1].type = "LOC";
  out.relations.push_back({0, 1, "P1", std::nullopt, {}});
  data::Event event;
  event.id = "ev0";
  event.type = "Attack";
  event.trigger = {25, 32};
  event.arguments = {{"attacker", {18, 24}, -1}, {"place", {}, 1}};
  out.events.push_back(event);
  return out;
}

class Icl : public testing::Test {
 protected:
  Icl() {
    extractor_.config = default_config("icl");
    extractor_.config.decode = "free";
    extractor_.schema = news_schema();
    extractor_.icl = builtin_icl_template("icl-en").value();
    source_->documents = {pool_document()};
    extractor_.demonstrations = source_;
    engine_.text_of = [this](const std::string& prompt) { return answer(prompt); };
  }
  // By the instruction that begins the prompt.
  std::string answer(const std::string& prompt) {
    prompts_.push_back(prompt);
    for (const auto& [begin, text] : answers_) {
      if (prompt.starts_with(begin)) return text;
    }
    return " none";
  }
  Document extract(const std::string& text, const Strings& tasks) {
    return extract(make_document("d", text, {}), tasks);
  }
  Document extract(const Document& document, const Strings& tasks) {
    extractor_.config.tasks = tasks;
    auto out = extract_in_context(extractor_, engine_, nullptr, {document}, options_);
    EXPECT_TRUE(out.ok()) << (out.ok() ? "" : out.error().message);
    return out.ok() ? out->at(0) : Document();
  }
  static std::string covered(const Document& document, const text::ByteRange& range) {
    return document.text.substr(range.begin, range.end - range.begin);
  }

  static constexpr const char* kNer = "List the entities";
  static constexpr const char* kRe = "List the relations";
  static constexpr const char* kEd = "List the events";
  static constexpr const char* kEae = "For the event";

  Extractor extractor_;
  std::shared_ptr<DocumentSource> source_ = std::make_shared<DocumentSource>();
  FakeEngine engine_;
  std::map<std::string, std::string> answers_;
  Strings prompts_;
  IclOptions options_;
};

TEST_F(Icl, PromptsShowDefinitionsExamplesAndTheText) {
  extract("Ada met Bo.", {"ner", "re", "ed"});
  ASSERT_EQ(prompts_.size(), 3U);
  EXPECT_EQ(prompts_[0],
            "List the entities that each text names, each with its type, as the text spells "
            "them.\n"
            "- person: a human being\n- place\n\n"
            "Text: Bo lives in Rome; rebels shelled Rome.\nAnswer: person: Bo; place: Rome\n\n"
            "Text: Ada met Bo.\nAnswer:");
  EXPECT_NE(prompts_[1].find("\nlives in\n"), std::string::npos);
  EXPECT_NE(prompts_[1].find("Answer: lives in: Bo | Rome\n"), std::string::npos);
  EXPECT_NE(prompts_[2].find("Answer: attack: shelled\n"), std::string::npos);
}

TEST_F(Icl, ExamplesShowEntitiesThatAreStatedByName) {
  Document& example = source_->documents[0];
  for (data::Entity& entity : example.entities) entity.mentions.clear();
  data::Entity elsewhere = example.entities[1];
  elsewhere.id = "e2";
  elsewhere.text = "Oslo";  // which the text does not have
  example.entities.push_back(elsewhere);
  example.relations.push_back({0, 2, "P1", std::nullopt, {}});
  Document given = make_document("d", "Ada bombed Bo.", {});
  given.events.push_back({"ev0", "Attack", {4, 10}, {}});
  extract(given, {"ner", "re"});
  extract(given, {"eae"});
  ASSERT_EQ(prompts_.size(), 3U);
  EXPECT_NE(prompts_[0].find("Answer: person: Bo; place: Rome\n"), std::string::npos)
      << prompts_[0];
  EXPECT_NE(prompts_[1].find("Answer: lives in: Bo | Rome\n"), std::string::npos) << prompts_[1];
  EXPECT_NE(prompts_[2].find("Answer: place: Rome; attacker: rebels\n"), std::string::npos)
      << prompts_[2];
}

TEST_F(Icl, EntitiesHaveAllTheirPlaces) {
  answers_[kNer] = " person: Ada; place: York; place: New York\n";
  const Document out = extract("Ada left New York. New York missed Ada.", {"ner"});
  ASSERT_EQ(out.entities.size(), 3U);
  EXPECT_EQ(out.entities[0].type, "PER");
  EXPECT_EQ(out.entities[0].mentions, (std::vector<text::ByteRange>{{0, 3}, {35, 38}}));
  // Every place of York is inside a longer name, which leaves it its places.
  EXPECT_EQ(out.entities[2].text, "New York");
  EXPECT_EQ(out.entities[2].mentions.size(), 2U);
  EXPECT_FALSE(out.meta.contains("unparsed"));
  EXPECT_EQ(out.meta["demonstrations"]["shown"], 1);
  EXPECT_EQ(out.meta["demonstrations"]["duplicates"], 1);
}

TEST_F(Icl, WhatIsNotOfTheSchemaOrTheTextIsNotedAndDropped) {
  answers_[kNer] = " person: Ada; robot: Bo; person: Cy; nonsense; person: Ada";
  const Document out = extract("Ada met Bo.", {"ner"});
  ASSERT_EQ(out.entities.size(), 1U);
  EXPECT_EQ(out.entities[0].text, "Ada");
  ASSERT_EQ(out.meta["unparsed"].size(), 1U);
  EXPECT_EQ(out.meta["unparsed"][0]["task"], "ner");
  EXPECT_EQ(out.meta["unparsed"][0]["problem"], "\"robot\" is not a label of the schema");
  EXPECT_EQ(out.meta["unparsed"][0]["answer"], answers_[kNer]);
}

TEST_F(Icl, RelationsFindTheirEntities) {
  answers_[kNer] = " person: Ada; place: Rome";
  answers_[kRe] = " lives in: Ada | Rome; lives in: Bo | Rome";
  const Document out = extract("Ada and Bo live in Rome.", {"ner", "re"});
  ASSERT_EQ(out.relations.size(), 2U);
  ASSERT_EQ(out.entities.size(), 3U);
  EXPECT_EQ(out.relations[0].type, "P1");
  EXPECT_EQ(out.relations[0].tail, out.relations[1].tail);
  EXPECT_EQ(out.entities[2].text, "Bo");
  EXPECT_EQ(out.entities[2].type, "PER");  // which the relation leaves it
  ASSERT_TRUE(out.relations[0].score.has_value());
  // Best first: the engine is surer of the second.
  EXPECT_NEAR(*out.relations[0].score, 1.0, 1e-9);
  EXPECT_NEAR(*out.relations[1].score, std::exp(-0.5), 1e-9);
  EXPECT_EQ(out.relations[0].head, 2);
}

TEST_F(Icl, GivenEntitiesAreWhatRelationsAreBetween) {
  answers_[kRe] = " lives in: Ada | Rome; lives in: Ada | Milan";
  Document given = make_document("d", "Ada lives in Rome, near Milan.", {"Ada", "Rome"});
  given.relations.push_back({1, 0, "P1", std::nullopt, {}});
  Document out = extract(given, {"re"});
  ASSERT_EQ(out.relations.size(), 1U);
  EXPECT_EQ(out.relations[0].head, 0);
  EXPECT_EQ(out.meta["unparsed"][0]["problem"], "\"Milan\" is not one of the entities");
  options_.use_entities = false;
  out = extract(given, {"re"});
  EXPECT_EQ(out.relations.size(), 2U);
  EXPECT_EQ(out.entities.size(), 3U);
}

TEST_F(Icl, EventsThenTheirArguments) {
  answers_[kEd] = " attack: shelled; meet: met";
  answers_[kEae] = " attacker: troops; place: Oslo";
  const Document out =
      extract("Oslo slept. At night troops shelled Oslo; they met later.", {"ed", "eae"});
  ASSERT_EQ(out.events.size(), 2U);
  EXPECT_EQ(out.events[0].type, "Attack");
  EXPECT_EQ(covered(out, out.events[0].trigger), "shelled");
  ASSERT_EQ(out.events[0].arguments.size(), 2U);
  EXPECT_EQ(out.events[0].arguments[1].role, "place");
  EXPECT_EQ(out.events[0].arguments[1].range.begin, 36U);  // the Oslo beside the trigger
  // An event type without roles is not asked about.
  EXPECT_TRUE(out.events[1].arguments.empty());
  ASSERT_EQ(prompts_.size(), 2U);
  EXPECT_NE(prompts_[1].find("Event: attack\nTrigger: shelled\nAnswer: place: Rome; attacker: "
                             "rebels\n\n"),
            std::string::npos)
      << prompts_[1];
  EXPECT_EQ(source_->event_types, (Strings{"", "Attack"}));
}

TEST_F(Icl, GivenEventsAreAskedForTheirArguments) {
  answers_[kEae] = " attacker: troops";
  Document given = make_document("d", "Troops, troops bombed Oslo.", {});
  given.events.push_back({"ev0", "Attack", {15, 21}, {{"place", {22, 26}, -1}}});
  const Document out = extract(given, {"eae"});
  ASSERT_EQ(out.events[0].arguments.size(), 1U);
  EXPECT_EQ(out.events[0].arguments[0].role, "attacker");
  EXPECT_EQ(out.events[0].arguments[0].range, (text::ByteRange{8, 14}));
}

TEST_F(Icl, AQuestionWithoutAnAnswerIsNoted) {
  engine_.problem_of = [](const std::string& prompt) {
    return prompt.starts_with(kRe) ? "the server refused" : "";
  };
  answers_[kNer] = " person: Ada";
  const Document out = extract("Ada met Bo.", {"ner", "re"});
  EXPECT_EQ(out.entities.size(), 1U);
  ASSERT_EQ(out.meta["unparsed"].size(), 1U);
  EXPECT_EQ(out.meta["unparsed"][0]["task"], "re");
  EXPECT_EQ(out.meta["unparsed"][0]["problem"], "the server refused");
  EXPECT_EQ(out.meta["unparsed"][0]["unanswered"], true);
  engine_.problem_of = {};
  answers_[kNer] = " \n";
  EXPECT_EQ(extract("Ada met Bo.", {"ner"}).meta["unparsed"][0]["problem"], "the answer is empty");
}

TEST_F(Icl, NamesMayHoldWhatSeparatesItems) {
  const Document given = make_document("d", "Ada; Bo | Co and Cy live in Rome; Italy.",
                                       {"Ada; Bo | Co", "Cy", "Rome; Italy"});
  answers_[kRe] = " lives in: Ada; Bo | Co | Rome; Italy; lives in: Cy | Rome; Italy; Cy";
  Document out = extract(given, {"re"});
  ASSERT_EQ(out.relations.size(), 2U);
  ASSERT_EQ(out.meta["unparsed"].size(), 1U);
  EXPECT_EQ(out.meta["unparsed"][0]["problem"], "\"Cy\" is not in the template's form");
  // A constraint cannot tell them apart.
  answers_.clear();
  extractor_.config.decode = "constrained";
  const auto compiler = generate::make_answer_compiler(engine_.bytes).value();
  out = extract_in_context(extractor_, engine_, compiler, {given}, options_).value().at(0);
  Strings problems;
  for (const Json& note : out.meta["unparsed"]) {
    EXPECT_EQ(note["unanswered"], true);
    EXPECT_EQ(note["asked"], false);
    problems.push_back(note["problem"]);
  }
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_NE(problems[0].find("\"Ada; Bo | Co\" could not be answered as a head"),
            std::string::npos);
  EXPECT_NE(problems[2].find("\"Rome; Italy\" could not be answered as a tail"), std::string::npos);
}

TEST_F(Icl, EntitiesThatNoAnswerCanNameAreNoted) {
  extractor_.config.decode = "constrained";
  extractor_.config.tasks = {"re"};
  const auto compiler = generate::make_answer_compiler(engine_.bytes).value();
  const auto problems = [&](const Document& document) {
    auto out = extract_in_context(extractor_, engine_, compiler, {document}, options_);
    EXPECT_TRUE(out.ok()) << (out.ok() ? "" : out.error().message);
    return out.ok() ? out->at(0).meta["unparsed"].size() : 0;
  };
  EXPECT_EQ(problems(make_document("d", "A | B met C | D.", {"A | B", "C | D"})), 2U);  // no heads
  EXPECT_EQ(problems(make_document("d", "Ada\nLee met Bo and Cy.", {"Ada\nLee", "Bo", "Cy"})), 1U);
}

TEST_F(Icl, AnAnswerThatWasCutOffLosesItsLastItem) {
  answers_[kNer] = " person: Ada; person: Bo";
  engine_.finish_of = [](const std::string&) { return "length"; };
  const Document out = extract("Ada met Bo Li.", {"ner"});
  ASSERT_EQ(out.entities.size(), 1U);
  EXPECT_NE(out.meta["unparsed"][0]["problem"].get<std::string>().find("cut off after"),
            std::string::npos);
}

TEST_F(Icl, LongTextsAreReadInWindowsAndExamplesGiveWay) {
  answers_[kNer] = " person: Ada";
  extractor_.config.max_new_tokens = 20;
  extract("Ada.", {"ner"});
  const size_t with_example = prompts_.back().size();
  engine_.most_tokens = static_cast<int64_t>(with_example) + 10;
  prompts_.clear();
  std::string text;
  for (int i = 0; i < 20; ++i) text += "Ada came. ";
  const Document out = extract(text, {"ner"});
  EXPECT_GT(prompts_.size(), 1U);
  for (const std::string& prompt : prompts_) {
    EXPECT_LE(static_cast<int64_t>(prompt.size()) + 20, engine_.most_tokens);
  }
  ASSERT_EQ(out.entities.size(), 1U);
  EXPECT_EQ(out.entities[0].mentions.size(), 20U);
  engine_.most_tokens = 60;
  extractor_.config.tasks = {"ner"};
  const auto none =
      extract_in_context(extractor_, engine_, nullptr, {make_document("d", text, {})}, options_);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message.find("no room for any text"), std::string::npos);
}

TEST_F(Icl, TasksAndNamesAreChecked) {
  const auto error = [&](const Strings& tasks) {
    extractor_.config.tasks = tasks;
    const auto out = extract_in_context(extractor_, engine_, nullptr,
                                        {make_document("d", "Ada.", {})}, options_);
    return out.ok() ? "" : out.error().message;
  };
  EXPECT_EQ(error({}), "");
  EXPECT_EQ(error({"events"}), "unknown task \"events\"");
  extractor_.schema.entity_types[1].name = "person";
  EXPECT_NE(error({"ner"}).find("another one's too"), std::string::npos);
  extractor_.schema.entity_types[1].name = "a;b";
  EXPECT_NE(error({"ner"}).find("separator"), std::string::npos);
  extractor_.schema.entity_types.clear();
  EXPECT_NE(error({"ner"}).find("no labels for the task ner"), std::string::npos);
  extractor_.config.decode = "constrained";
  EXPECT_EQ(error({"re"}), "this engine cannot constrain its answers");
}

// Every answer that the constraint lets through is read without a problem.
TEST_F(Icl, ConstrainedAnswersParse) {
  class BytesWithText : public ByteTokenizer {
   public:
    std::string token_bytes(int32_t id) const override { return decode({id}, true); }
  };
  engine_.bytes = std::make_shared<BytesWithText>();
  const auto compiler = generate::make_answer_compiler(engine_.bytes).value();
  answers_[kNer] = " person: Ada; place: Rome\n";
  extractor_.config.decode = "constrained";
  extractor_.config.tasks = {"ner"};
  const auto out = extract_in_context(extractor_, engine_, compiler,
                                      {make_document("d", "Ada saw Rome.", {})}, options_);
  ASSERT_TRUE(out.ok()) << out.error().message;
  EXPECT_EQ(out->at(0).entities.size(), 2U);
  ASSERT_EQ(engine_.generated.size(), 1U);
  const auto walk = engine_.generated[0].constraint->start();
  for (const int32_t id : engine_.bytes->encode_ids(answers_[kNer], false)) {
    const auto& allowed = walk->allowed();
    ASSERT_TRUE(std::binary_search(allowed.begin(), allowed.end(), id)) << id;
    walk->accept(id);
  }
  EXPECT_EQ(walk->allowed(), std::vector<int32_t>{2});
  const auto other = engine_.generated[0].constraint->start();
  for (const int32_t id : engine_.bytes->encode_ids(" person: R", false)) other->accept(id);
  EXPECT_EQ(other->allowed(), engine_.bytes->encode_ids("o", false));
}

TEST_F(Icl, JournalsAreOfOneSetting) {
  const std::string path = testing::TempDir() + "icl.journal";
  std::filesystem::remove(path);
  answers_[kNer] = " person: Ada";
  extractor_.config.tasks = {"ner"};
  const std::vector<Document> documents = {make_document("d", "Ada.", {})};
  const auto run = [&] {
    return extract_icl_documents(extractor_, engine_, nullptr, documents, options_, path);
  };
  ASSERT_TRUE(run().ok());
  const size_t asked = prompts_.size();
  const auto again = run();
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(prompts_.size(), asked);
  EXPECT_EQ(again->at(0).entities.size(), 1U);
  extractor_.config.demonstrations.examples = 1;
  EXPECT_FALSE(run().ok());
  std::filesystem::remove(path);
}

TEST(IclTemplate, BuiltinsAreReadAsTheyAreWritten) {
  for (const std::string& name : builtin_icl_template_names()) {
    const IclTemplate built = builtin_icl_template(name).value();
    const std::string yaml = icl_template_yaml(built);
    const auto read = parse_icl_template(yaml, name);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(icl_template_yaml(*read), yaml);
    EXPECT_EQ(read->tasks.size(), 4U);
  }
}

TEST(IclTemplate, BadOnesAreNamed) {
  const auto error = [](const std::string& task) {
    const auto read = parse_icl_template("tasks:\n  " + task, "t.yaml");
    return read.ok() ? "" : read.error().message;
  };
  const std::string item = ", item: \"{label}: {span}\"}";
  EXPECT_EQ(error("ner: {prompt: \"{text}\"" + item), "");
  EXPECT_EQ(error("nre: {prompt: \"{text}\"" + item), "t.yaml: tasks: unknown task \"nre\"");
  EXPECT_NE(error("ner: {prompt: \"{texts}\"" + item).find("{texts}"), std::string::npos);
  EXPECT_NE(error("ner: {prompt: \"x\"" + item).find("no {text}"), std::string::npos);
  EXPECT_NE(error("ner: {prompt: \"{text}{event}\"" + item).find("{event}"), std::string::npos);
  EXPECT_NE(error("ner: {prompt: \"{text}\", item: \"{label}{span}\"}").find("touches"),
            std::string::npos);
  EXPECT_NE(error("re: {prompt: \"{text}\"" + item).find("{span}"), std::string::npos);
  EXPECT_NE(error("ner: {prompt: \"{text}{examples}\"" + item).find("{examples}"),
            std::string::npos);
}

}  // namespace
}  // namespace relata::extract
