#include "relata/eval/ruie.h"

#include <gtest/gtest.h>

#include <map>

namespace relata::eval {
namespace {

RuieRecord record(RuieTask task, const std::vector<std::string>& labels, const std::string& text,
                  const std::string& answer, const std::string& output) {
  RuieRecord result;
  result.task = task;
  result.query = ruie_query({task, labels, text, "attack", "bombed"});
  result.answer = answer;
  result.output = output;
  return result;
}

// The scores of one record in both readings: task's own part, then the strict one.
std::pair<Score, Score> scores(const RuieRecord& one) {
  const auto result = score_ruie({one});
  EXPECT_TRUE(result.ok());
  const Score score = score_of(*result, {"", 0, 0});
  EXPECT_EQ(score.parts.size(), 3U);
  EXPECT_DOUBLE_EQ(score.f1, score.parts[0].f1);
  return {score.parts[0], score.parts[2]};
}

TEST(RuieBlock, FourLines) {
  RuieQuestion question{RuieTask::kNer, {"person", "location"}, "Ada in Paris", "", ""};
  EXPECT_EQ(ruie_query(question) + " " + ruie_answer({{"person", "Ada"}, {"location", "Paris"}}),
            "Task: Named entity recognition\nSchema: [person, location]\nInput: \"Ada in Paris\"\n"
            "Output: person: Ada; location: Paris");
  EXPECT_TRUE(ruie_query(question).ends_with("Output:"));
  EXPECT_EQ(ruie_answer({}), "None");
  question = {RuieTask::kEae, {"attacker", "place"}, "x", "attack", "bombed"};
  EXPECT_NE(ruie_query(question).find("Schema: Given event trigger: \"attack: bombed\"; Candidate "
                                      "arguments: [attacker, place]\n"),
            std::string::npos);
}

TEST(RuieNormalised, SpacesSignsAndCase) {
  EXPECT_EQ(ruie_normalised("Ba'ath (  U.S. ) ,, Well-known ;; Location"),
            "ba'ath(u.s.),well-known;located");
  EXPECT_EQ(ruie_normalised("  {Ann}  O\xE2\x80\x99Hara "), "ann o'hara");
  EXPECT_EQ(ruie_normalised(""), "");
}

TEST(RuieScore, NamedEntities) {
  const auto [ours, strict] = scores(record(
      RuieTask::kNer, {"person", "location", "organization"},
      "Ada met Bob Lee in Paris near Acme .", "person: Ada; person: Bob Lee; location: Paris",
      "person: Ada; person: ada; location: Paris; organization: Acme; "
      "organization: Globex"));
  EXPECT_DOUBLE_EQ(ours.precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(ours.recall, 2.0 / 3);
  EXPECT_DOUBLE_EQ(ours.f1, 2.0 / 3);
  EXPECT_DOUBLE_EQ(strict.precision, 2.0 / 5);  // nothing is dropped
}

TEST(RuieScore, Relations) {
  const auto [ours, strict] =
      scores(record(RuieTask::kRe, {"place of birth", "place of death"}, "Ada , of Paris",
                    "place of birth: Ada, Paris",
                    "place of birth: Ada, Paris; place of birth: Paris, Ada; spouse: Ada, Bob"));
  EXPECT_DOUBLE_EQ(ours.precision, 0.5);
  EXPECT_DOUBLE_EQ(ours.recall, 1);
  EXPECT_DOUBLE_EQ(ours.f1, 2.0 / 3);
  EXPECT_DOUBLE_EQ(strict.precision, 1.0 / 3);
}

TEST(RuieScore, EventsAndArguments) {
  const auto [ed, strict_ed] =
      scores(record(RuieTask::kEd, {"attack", "meet"}, "x", "attack: bombed; meet: talks",
                    "attack: bombed; meet: talks; attack: bombing"));
  EXPECT_DOUBLE_EQ(ed.precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(ed.recall, 1);
  EXPECT_DOUBLE_EQ(ed.f1, 0.8);
  const auto [eae, strict_eae] =
      scores(record(RuieTask::kEae, {"attacker", "place"}, "x", "attacker: rebels; place: Oslo",
                    "attacker: rebels; target: bridge; place: Bergen"));
  EXPECT_DOUBLE_EQ(eae.precision, 0.5);
  EXPECT_DOUBLE_EQ(eae.recall, 0.5);
  EXPECT_DOUBLE_EQ(eae.f1, 0.5);
  EXPECT_DOUBLE_EQ(strict_eae.precision, 1.0 / 3);
}

TEST(RuieScore, PunctuatedNamesAreLostInTheCompatibleReading) {
  const auto [ours, strict] =
      scores(record(RuieTask::kNer, {"person", "location"}, "J. Smith left U.S. soil",
                    "person: J. Smith; location: U.S.", "person: J. Smith; location: U.S."));
  EXPECT_DOUBLE_EQ(ours.recall, 0.5);
  EXPECT_DOUBLE_EQ(ours.precision, 1);
  EXPECT_DOUBLE_EQ(ours.f1, 2.0 / 3);
  EXPECT_EQ(strict.f1, 1);
}

TEST(RuieScore, OnlyTheLastChunkIsRead) {
  const auto [ours, strict] =
      scores(record(RuieTask::kNer, {"person"}, "Ada and Bob", "person: Ada",
                    "Let me think: person: Bob is there.\n\nperson: Ada"));
  EXPECT_EQ(ours.f1, 1);
  EXPECT_EQ(strict.f1, 1);
  const auto [none, strict_none] =
      scores(record(RuieTask::kNer, {"person"}, "Ada and Bob", "person: Ada", "None"));
  EXPECT_EQ(none.f1, 0);
}

TEST(RuieScore, TheMeanIsOverTasks) {
  const auto result =
      score_ruie({record(RuieTask::kNer, {"person"}, "Ada", "person: Ada", "person: Ada"),
                  record(RuieTask::kNer, {"person"}, "Bob", "person: Bob", "person: Bob"),
                  record(RuieTask::kRe, {"r"}, "a b", "r: a, b", "None")});
  ASSERT_TRUE(result.ok());
  const Score score = score_of(*result, {"", 0, 0});
  EXPECT_DOUBLE_EQ(score.f1, 0.5);
  std::vector<std::string> parts;
  for (const Score& part : score.parts) parts.push_back(part.metric);
  EXPECT_EQ(parts, (std::vector<std::string>{"ner", "re", "strict", "strict-ner", "strict-re"}));
}

// An answer to a task that gold leaves empty is wrong; no answer says nothing about the task.
TEST(RuieScore, TasksWithoutGold) {
  for (const auto& [output, f1] : std::map<std::string, double>{{"r: a, b", 0.5}, {"None", 1}}) {
    const auto result =
        score_ruie({record(RuieTask::kNer, {"person"}, "Ada", "person: Ada", "person: Ada"),
                    record(RuieTask::kRe, {"r"}, "a b", "None", output)});
    ASSERT_TRUE(result.ok());
    EXPECT_DOUBLE_EQ(score_of(*result, {"", 0, 0}).f1, f1) << output;
  }
}

TEST(RuieRecords, IdsMayBeIntegers) {
  const std::string query = R"("query": "Task: Named entity recognition\nSchema: [p]\nInput: x")";
  const auto records = parse_ruie_records(
      R"([{"id": 0, )" + query + R"(, "answer": "p: a"}, {"id": 1, )" + query +
          R"(, "answer": "p: b"}])",
      "g.json", R"([{"id": 1, "output": "p: b"}, {"id": 0, "output": "p: a"}])", "p.json");
  ASSERT_TRUE(records.ok()) << records.error().message;
  for (const RuieRecord& one : *records) EXPECT_EQ(one.output, one.answer) << one.id;
}

TEST(RuieRecords, FromRows) {
  const std::string gold =
      R"({"id": "a", "query": "Task: Named entity recognition\nSchema: [person]\nInput: \"Ada\"\nOutput:", "answers": ["person: Ada"]})"
      "\n"
      R"({"id": "b", "query": "Task: Relation extraction\nSchema: [r]\nInput: \"x\"\nOutput:", "answer": "None"})"
      "\n";
  EXPECT_TRUE(looks_like_ruie(gold));
  EXPECT_FALSE(looks_like_ruie(R"({"text": "query"})"));
  const auto by_id = parse_ruie_records(gold, "g.jsonl",
                                        R"({"id": "b", "output": "r: x, y"})"
                                        "\n"
                                        R"({"id": "a", "text": "person: Ada"})",
                                        "p.jsonl");
  ASSERT_TRUE(by_id.ok()) << by_id.error().message;
  EXPECT_EQ((*by_id)[0].output, "person: Ada");
  EXPECT_EQ((*by_id)[1].task, RuieTask::kRe);
  const auto in_order = parse_ruie_records(gold, "g.jsonl", R"(["person: Ada", "None"])", "p.json");
  ASSERT_TRUE(in_order.ok()) << in_order.error().message;
  EXPECT_EQ((*in_order)[1].output, "None");
  for (const auto& [predicted, problem] : std::vector<std::pair<std::string, std::string>>{
           {R"(["x"])", "p.json: 1 answers for 2 records"},
           {R"([{"id": "a", "output": 3}, "x"])", "entry 1: field 'output' is a number"},
           {R"([{"id": "c", "output": "x"}])", "entry 1: id 'c' is not in gold"},
           {R"([{"id": "a"}, "x"])", "entry 1: field 'output' is missing"}}) {
    const auto bad = parse_ruie_records(gold, "g.jsonl", predicted, "p.json");
    ASSERT_FALSE(bad.ok()) << predicted;
    EXPECT_NE(bad.error().message.find(problem), std::string::npos) << bad.error().message;
  }
  const auto task = parse_ruie_records(R"({"query": "hello", "answer": ""})", "g.jsonl", "", "p");
  ASSERT_FALSE(task.ok());
  EXPECT_NE(task.error().message.find("g.jsonl:1: field 'query'"), std::string::npos);
}

std::vector<std::string> kinds_of(const RuieRecord& one) {
  const auto result = score_ruie({one});
  EXPECT_TRUE(result.ok());
  std::vector<std::string> kinds;
  for (const ErrorRow& error : result->errors) {
    kinds.push_back(error.kind + ": " + (error.gold.empty() ? "" : error.gold[0]) + " | " +
                    (error.predicted.empty() ? "" : error.predicted[0]));
  }
  return kinds;
}

TEST(RuieScore, KindsOfErrors) {
  EXPECT_EQ(
      kinds_of(record(RuieTask::kRe, {"r", "s"}, "x",
                      "r: a, b; r: c, d; r: New York, e; s: f, old g; r: i, j",
                      "r: b, a; s: c, d; r: York, e; s: f, old g hut; s: k, l")),
      (std::vector<std::string>{
          "direction: r:a,b | r:b,a", "type: r:c,d | s:c,d", "boundary: r:new york,e | r:york,e",
          "boundary: s:f,old g | s:f,old g hut", "invented:  | s:k,l", "missing: r:i,j | "}));
  // Each gold tuple explains one wrong answer.
  EXPECT_EQ(kinds_of(record(RuieTask::kRe, {"r", "s", "t"}, "x", "r: a, bc", "s: a, bc; t: a, bc")),
            (std::vector<std::string>{"type: r:a,bc | s:a,bc", "invented:  | t:a,bc"}));
  EXPECT_EQ(kinds_of(record(RuieTask::kRe, {"r"}, "x", "r: a, bc; r: aa, bcc", "r: a, b; r: a")),
            (std::vector<std::string>{"boundary: r:a,bc | r:a", "boundary: r:aa,bcc | r:a,b"}));
}

TEST(RuieScore, ErrorsOfThousandsOfAnswers) {
  constexpr int kTuples = 20000;
  std::string gold, output;
  for (int i = 0; i < kTuples; ++i) {
    const std::string name = "name " + std::to_string(kTuples + i);
    gold += "r: " + name + ", x; ";
    output += (i % 2 == 0 ? "s: " + name + ", x; " : "r: the " + name + ", x; ");
  }
  const RuieRecord one = record(RuieTask::kRe, {"r", "s"}, std::string(100000, 'a'), gold, output);
  const auto result = score_ruie({one});
  ASSERT_TRUE(result.ok());
  std::map<std::string, int> kinds;
  for (const ErrorRow& error : result->errors) ++kinds[error.kind];
  EXPECT_EQ(kinds, (std::map<std::string, int>{{"type", kTuples / 2}, {"boundary", kTuples / 2}}));
  EXPECT_LT(result->errors[0].context.size(), 3000U);  // not the whole text each time
}

TEST(RuieRecords, FromDocuments) {
  data::Document gold;
  gold.id = "d";
  gold.text = "Rebels bombed Oslo";
  gold.entities = {{"e0", "Rebels", "group", {{0, 6}}, {}},
                   {"e1", "Oslo", "place", {{14, 18}}, {}}};
  gold.relations = {{0, 1, "fights in", {}, {}}};
  gold.events = {{"ev0", "attack", {7, 13}, {{"attacker", {0, 6}, 0}, {"place", {14, 18}, 1}}}};
  data::Document predicted = gold;
  predicted.events[0].arguments.pop_back();
  const auto records = ruie_records({gold}, {predicted});
  ASSERT_TRUE(records.ok());
  ASSERT_EQ(records->size(), 4U);
  EXPECT_EQ((*records)[0].answer, "group: Rebels; place: Oslo");
  EXPECT_EQ((*records)[1].answer, "fights in: Rebels, Oslo");
  EXPECT_EQ((*records)[3].output, "attacker: Rebels");
  const auto result = score_ruie(*records);
  ASSERT_TRUE(result.ok());
  const Score score = score_of(*result, {"", 0, 0});
  EXPECT_DOUBLE_EQ(score.parts[3].f1, 2.0 / 3);  // eae
  EXPECT_DOUBLE_EQ(score.f1, (3 + 2.0 / 3) / 4);
  ASSERT_EQ(result->errors.size(), 1U);
  EXPECT_EQ(result->errors[0].kind, "missing");
}

// What the model is taken to have said about each event's arguments.
std::vector<std::string> told_arguments(const data::Document& gold,
                                        const data::Document& predicted) {
  const auto records = ruie_records({gold}, {predicted});
  EXPECT_TRUE(records.ok());
  std::vector<std::string> told;
  for (const RuieRecord& one : *records) {
    if (one.task == RuieTask::kEae) told.push_back(one.output);
  }
  return told;
}

TEST(RuieRecords, ATriggerWordThatComesTwice) {
  data::Document gold;
  gold.id = "d";
  gold.text = "Oil fell 2% and gas fell 5%";
  gold.events = {{"ev0", "drop", {4, 8}, {{"item", {0, 3}, -1}}},
                 {"ev1", "drop", {20, 24}, {{"item", {16, 19}, -1}}},
                 {"ev2", "drop", {20, 24}, {{"by", {25, 27}, -1}}}};
  EXPECT_EQ(told_arguments(gold, gold),
            (std::vector<std::string>{"item: Oil", "item: gas", "by: 5%"}));
  data::Document turned = gold;
  std::swap(turned.events[0], turned.events[1]);
  EXPECT_EQ(told_arguments(gold, turned), told_arguments(gold, gold));
  turned.events.pop_back();  // the one that is left answers both questions about its trigger
  EXPECT_EQ(told_arguments(gold, turned),
            (std::vector<std::string>{"item: Oil", "item: gas", "item: gas"}));
}

TEST(RuieRecords, ArgumentsByTheirEntity) {
  data::Document gold;
  gold.id = "d";
  gold.text = "Bob hit Eve";
  gold.entities = {{"e0", "Bob", "person", {{0, 3}}, {}}, {"e1", "Eve", "person", {{8, 11}}, {}}};
  gold.events = {{"ev0", "attack", {4, 7}, {{"attacker", {}, 0}}}};
  data::Document predicted = gold;
  predicted.events[0].arguments[0].entity = 1;
  EXPECT_EQ(told_arguments(gold, gold), (std::vector<std::string>{"attacker: Bob"}));
  EXPECT_EQ(told_arguments(gold, predicted), (std::vector<std::string>{"attacker: Eve"}));
}

}  // namespace
}  // namespace relata::eval
