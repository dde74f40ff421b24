// Evaluations from files, as the program makes them.
#include "relata/eval/evaluate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "relata/base/file.h"
#include "relata/eval/metric.h"

namespace relata::eval {
namespace {

std::string sample(const std::string& name) {
  return std::string(RELATA_TEST_FILES) + "/eval/" + name;
}

class EvaluateFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("relata_evaluate_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& content) const {
    const std::string path = folder_ / name;
    EXPECT_TRUE(write_file_atomic(path, content).ok());
    return path;
  }

  std::filesystem::path folder_;
};

EvaluateRequest request(const std::string& gold, const std::string& predicted,
                        const std::vector<std::string>& metrics) {
  EvaluateRequest result;
  result.gold = gold;
  result.predicted = predicted;
  result.metrics = metrics;
  result.bootstrap = 100;
  return result;
}

Evaluation run(const EvaluateRequest& request) {
  auto result = evaluate(request);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return result.ok() ? std::move(*result) : Evaluation{};
}

std::string failure(const EvaluateRequest& request) {
  const auto result = evaluate(request);
  EXPECT_FALSE(result.ok());
  return result.ok() ? "" : result.error().message;
}

TEST_F(EvaluateFiles, KeyedLabelsWithPatches) {
  EvaluateRequest tacred =
      request(sample("tacred_gold.tsv"), sample("tacred_answers.tsv"), {"tacred", "rag4re"});
  const Json plain = report_json(run(tacred).report);
  EXPECT_DOUBLE_EQ(plain["tacred"]["f1"].get<double>(), 4.0 / 7);
  EXPECT_TRUE(plain["tacred"]["ci95"].is_array());
  EXPECT_TRUE(plain.contains("rag4re"));
  tacred.patch = sample("tacrev_patch.json");
  EXPECT_DOUBLE_EQ(report_json(run(tacred).report)["tacred"]["precision"].get<double>(), 1);
  tacred.patch = sample("retacred_patch.json");
  tacred.metrics = {"retacred"};
  EXPECT_EQ(run(tacred).report.items.size(), 3U);
  // Answers for the patched examples alone, in order.
  tacred.predicted = write("answers.txt", "per:title\nper:identity\nno_relation\n");
  EXPECT_EQ(run(tacred).report.scores[0].f1, 1);
  tacred.predicted = write("answers.txt", "per:title\nper:identity\n");
  EXPECT_NE(failure(tacred).find("answers.txt: 2 answers for 3 gold pairs"), std::string::npos);
  tacred.patch = write("other.json", R"({"t77": "x"})");
  EXPECT_NE(failure(tacred).find("other.json: ids that are not in gold: 't77'"), std::string::npos);
}

TEST_F(EvaluateFiles, LabelsInOtherDress) {
  const std::string plain = write("gold.txt", "leads\n\nowns \"all\"\n");
  const std::string strings = write("labels.txt", "\"leads\"\n\n\"owns \\\"all\\\"\"\r\n");
  const std::string lines = write("labels.jsonl", *read_file(strings));
  const std::string table = write("labels.tsv", *read_file(plain));
  for (const std::string& gold : {plain, strings, table}) {
    for (const std::string& predicted : {plain, strings, lines, table}) {
      const Evaluation ours = run(request(gold, predicted, {"pair-micro", "crellm"}));
      ASSERT_EQ(ours.report.scores.size(), 2U);
      EXPECT_EQ(ours.report.scores[0].f1, 1) << gold << " " << predicted;
      EXPECT_EQ(ours.report.scores[1].f1, 1) << gold << " " << predicted;
      EXPECT_TRUE(ours.warnings.empty());
    }
  }
  // Quotes that are no JSON stay what they are.
  const Evaluation half =
      run(request(plain, write("half.txt", "\"leads\"\n\nowns \"all\"\n"), {"crellm"}));
  EXPECT_LT(half.report.scores[0].f1, 1);
  EXPECT_TRUE(half.warnings.empty());
  const std::string strange = write("strange.txt", "Leads\n\nhas\n");
  const Evaluation none = run(request(plain, strange, {"pair-micro", "crellm"}));
  EXPECT_EQ(none.warnings,
            std::vector<std::string>{strange + ": gold has none of its 2 labels, as 'Leads'"});
}

TEST_F(EvaluateFiles, SemevalPrintsTheOfficialText) {
  const Evaluation ours =
      run(request(sample("semeval_key.txt"), sample("semeval_answers.txt"), {"semeval"}));
  EXPECT_EQ(ours.official, *read_file(sample("semeval_scores.txt")));
  const Json json = report_json(ours.report);
  EXPECT_EQ(json["semeval"]["parts"].size(), 5U);
  EXPECT_NE(evaluation_text(ours).find("  undirected-macro"), std::string::npos);
  EXPECT_FALSE(ours.not_official);
  // The perl script divides by zero.
  const std::string key = write("key.txt", "1\tOther\n2\tOther\n");
  const std::string answers = write("answers.txt", "1\tOther\n2\tCause-Effect(e1,e2)\n");
  const Evaluation others = run(request(key, answers, {"semeval"}));
  EXPECT_EQ(others.official, "");
  ASSERT_TRUE(others.not_official);
  EXPECT_NE(others.not_official->message.find("every gold label is Other"), std::string::npos);
}

TEST_F(EvaluateFiles, DocRedWithoutDocuments) {
  EvaluateRequest docred =
      request(sample("docred_gold.json"), sample("docred_result.json"), {"docred"});
  docred.train_facts = sample("docred_train.fact");
  const Evaluation ours = run(docred);
  const Json json = report_json(ours.report);
  EXPECT_DOUBLE_EQ(json["docred"]["f1"].get<double>(), 0.6);
  EXPECT_DOUBLE_EQ(json["docred"]["parts"]["ign"]["precision"].get<double>(), 0.5);
  const std::string text = evaluation_text(ours);
  EXPECT_NE(text.find("scored     2 documents"), std::string::npos) << text;
  EXPECT_NE(text.find("Errors by kind: direction 1, type 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("tokens between head and tail"), std::string::npos);
  EXPECT_NE(report_html(ours.report).find("2 documents"), std::string::npos);
  docred.predicted = write("none.json", "[]\n");
  EXPECT_EQ(run(docred).report.scores[0].f1, 0);
  docred.predicted = write("bad.json", R"([{"title": "Rome", "h_idx": 0, "t_idx": 0, "r": "P1"}])");
  EXPECT_NE(failure(docred).find("bad.json:1:"), std::string::npos);
  docred.predicted = write("labels.txt", "P17\n");
  EXPECT_NE(failure(docred).find("bare labels, and docred compares documents"), std::string::npos);
}

// Two systems: one without an error, one that misses a relation of each document but the first.
TEST_F(EvaluateFiles, ComparesDocumentMetrics) {
  std::string gold, partial;
  for (int d = 0; d < 12; ++d) {
    const std::string start =
        R"({"id": "d)" + std::to_string(d) +
        R"(", "text": "Ann met Bob", "entities": [{"id": "e0", "text": "Ann", "type": "PER", "mentions": [[0, 3]]}, {"id": "e1", "text": "Bob", "type": "PER", "mentions": [[8, 11]]}], "relations": [)";
    const std::string met = R"({"head": "e0", "tail": "e1", "type": "met"})";
    const std::string knows = R"({"head": "e1", "tail": "e0", "type": "knows"})";
    gold += start + met + ", " + knows + "]}\n";
    partial += start + met + (d == 0 ? ", " + knows : "") + "]}\n";
  }
  const std::string gold_path = write("gold.jsonl", gold), part_path = write("part.jsonl", partial);
  EvaluateRequest both =
      request(gold_path, gold_path, {"re-strict", "pair-micro", "docred", "autore", "ruie"});
  both.compare = part_path;
  const Evaluation ours = run(both);
  ASSERT_EQ(ours.report.comparisons.size(), 5U);
  for (const NamedComparison& comparison : ours.report.comparisons) {
    EXPECT_GT(comparison.result.difference, 0.1) << comparison.metric;
    EXPECT_LT(comparison.result.p_value, 0.01) << comparison.metric;
    EXPECT_GT(comparison.result.ci_low, 0) << comparison.metric;
  }
  const Json json = report_json(ours.report);
  EXPECT_EQ(json["compare"].size(), 5U);
  EXPECT_NE(evaluation_text(ours).find("docred: F1 of"), std::string::npos);
}

TEST_F(EvaluateFiles, LabelsOutsideTheSchema) {
  const std::string schema = write("schema.json", R"({"entity_types": [], "relation_types": [
      {"id": "per:title"}, {"id": "per:age"}, {"id": "org:founded"},
      {"id": "no_relation", "negative": true}]})");
  const std::string answers =
      write("answers.txt", "per:title\nper:titel\norg:founded\nno_relation\nno_relation\nx\n");
  EvaluateRequest tacred = request(sample("tacred_gold.tsv"), answers, {"tacred"});
  tacred.schema = schema;
  const std::string problem = failure(tacred);
  EXPECT_NE(problem.find("answers.txt:2: label 'per:titel' is not in the schema"),
            std::string::npos)
      << problem;
  EXPECT_NE(evaluate(tacred).error().hint.find("did you mean 'per:title'?"), std::string::npos);
  tacred.on_error = "skip";
  const Evaluation ours = run(tacred);
  ASSERT_EQ(ours.notes.size(), 1U);
  EXPECT_NE(ours.notes[0].find("2 labels"), std::string::npos);
  EXPECT_EQ(ours.report.scores[0].precision, 1);
  tacred.gold = write("gold.tsv", "a\tper:title\nb\tfoo\n");
  tacred.predicted = write("two.txt", "per:title\nper:title\n");
  EXPECT_NE(failure(tacred).find("gold.tsv: pair 'b': label 'foo'"), std::string::npos);
}

// Documents of two relations, of which predictions state one the schema lacks.
constexpr const char* kPeople =
    R"({"id": "d0", "text": "Ann met Bob", "entities": [)"
    R"({"id": "e0", "text": "Ann", "type": "PER", "mentions": [[0, 3]]}, )"
    R"({"id": "e1", "text": "Bob", "type": "PER", "mentions": [[8, 11]]}], "relations": )";

TEST_F(EvaluateFiles, LabelsOutsideTheSchemaInEveryMetric) {
  const std::string schema = write(
      "schema.json", R"({"entity_types": [], "relation_types": [{"id": "met"}, {"id": "P17"}]})");
  const std::string gold = write(
      "gold.jsonl", std::string(kPeople) + R"([{"head": "e0", "tail": "e1", "type": "met"}]})");
  const std::string answers =
      write("pred.jsonl", std::string(kPeople) + R"([{"head": "e0", "tail": "e1", "type": "met"},
          {"head": "e1", "tail": "e0", "type": "mett"}]})");
  for (const char* metric : {"docred", "autore", "re-strict", "ruie"}) {
    EvaluateRequest request = ::relata::eval::request(gold, answers, {metric});
    request.schema = schema;
    EXPECT_NE(failure(request).find("pred.jsonl: document 'd0': label 'mett' is not in the schema"),
              std::string::npos)
        << metric << failure(request);
    request.on_error = "skip";
    const Evaluation ours = run(request);
    ASSERT_EQ(ours.notes.size(), 1U) << metric;
    EXPECT_NE(ours.notes[0].find("1 labels that the schema lacks"), std::string::npos);
    EXPECT_EQ(ours.report.scores[0].precision, 1) << metric;
    std::swap(request.gold, request.predicted);
    EXPECT_NE(failure(request).find("pred.jsonl: document 'd0': label 'mett'"), std::string::npos);
  }
  // The same for the two files of DocRED, each to blame for its own labels.
  EvaluateRequest docred =
      request(sample("docred_gold.json"), sample("docred_result.json"), {"docred"});
  docred.schema = schema;
  EXPECT_NE(failure(docred).find("docred_gold.json: label 'P"), std::string::npos);
  docred.schema = write("wide.json", R"({"entity_types": [], "relation_types": [
      {"id": "P17"}, {"id": "P36"}, {"id": "P206"}]})");
  docred.predicted = write("wild.json", R"([{"title": "Oslo", "h_idx": 0, "t_idx": 1, "r": "P17"},
      {"title": "Oslo", "h_idx": 0, "t_idx": 1, "r": "P999"}])");
  EXPECT_NE(failure(docred).find("wild.json: label 'P999'"), std::string::npos);
  docred.on_error = "skip";
  EXPECT_EQ(run(docred).report.scores[0].precision, 1);
  EXPECT_EQ(run(docred).notes.size(), 1U);
}

// Types of entities and events are those of the schema, where it has any and the metric compares
// them.
TEST_F(EvaluateFiles, TypesOutsideTheSchema) {
  const std::string rest =
      R"([{"head": "e0", "tail": "e1", "type": "met"}], "events": [{"id": "ev0", "type": "meeting",
          "trigger": [4, 7], "arguments": [{"role": "guest", "range": [8, 11]}]}]})";
  std::string text = std::string(kPeople) + rest;
  const std::string gold = write("gold.jsonl", text);
  text.replace(text.rfind("PER"), 3, "PERS");
  text.replace(text.rfind("guest"), 5, "gest");
  const std::string answers = write("pred.jsonl", text);
  const std::string schema = write("schema.json", R"({"entity_types": ["LOC", "PER"],
      "relation_types": [{"id": "met"}],
      "event_types": [{"id": "meeting", "roles": ["guest", "host"]}]})");
  struct Case {
    const char *metric, *problem, *hint;
  };
  for (const Case& one :
       {Case{"ner-span", "entity type 'PERS' is not in the schema", "did you mean 'PER'?"},
        Case{"re-strict", "entity type 'PERS' is not in the schema", "did you mean 'PER'?"},
        Case{"ruie", "entity type 'PERS' is not in the schema", "did you mean 'PER'?"},
        Case{"eae", "role 'gest' of event type 'meeting' is not in", "did you mean 'guest'?"}}) {
    EvaluateRequest request = ::relata::eval::request(gold, answers, {one.metric});
    request.schema = schema;
    EXPECT_NE(failure(request).find(std::string("pred.jsonl: document 'd0': ") + one.problem),
              std::string::npos)
        << one.metric << failure(request);
    EXPECT_NE(evaluate(request).error().hint.find(one.hint), std::string::npos) << one.metric;
    request.on_error = "skip";
    EXPECT_EQ(run(request).notes.size(), 1U) << one.metric;
    std::swap(request.gold, request.predicted);
    EXPECT_NE(failure(request).find("pred.jsonl: document 'd0'"), std::string::npos) << one.metric;
  }
  EvaluateRequest mentions = request(gold, answers, {"ner-span", "pair-micro", "re-boundary"});
  mentions.schema = schema;
  mentions.on_error = "skip";
  const Evaluation ours = run(mentions);
  ASSERT_EQ(ours.report.scores.size(), 3U);
  EXPECT_EQ(ours.report.scores[0].precision, 1);
  EXPECT_EQ(ours.report.scores[0].recall, 0.5);
  EXPECT_EQ(ours.report.scores[1].f1, 1);  // which look at relations alone
  EXPECT_EQ(ours.report.scores[2].f1, 1);
  EvaluateRequest bare = request(gold, answers, {"ner-span", "ed", "eae"});
  bare.schema = write("bare.json",
                      R"({"relation_types": [{"id": "met"}], "event_types": [{"id": "meeting"}]})");
  EXPECT_EQ(run(bare).report.scores.size(), 3U);
}

// A system may say "no_relation" where gold states no pair without a relation.
TEST_F(EvaluateFiles, NegativeLabelsThatGoldNeverStates) {
  const std::string met = R"({"head": "e0", "tail": "e1", "type": "met"})";
  const auto other = [](const std::string& type) {
    return R"({"head": "e1", "tail": "e0", "type": ")" + type + R"("})";
  };
  const std::string gold =
      write("gold.jsonl", kPeople + ("[" + met) + ", " + other("knows") + "]}");
  const std::string answers =
      write("pred.jsonl", kPeople + ("[" + met) + ", " + other("no_relation") + "]}");
  for (const char* metric : {"pair-micro", "pair-macro", "tacred", "chinese-nre", "docred",
                             "autore", "re-strict", "re-boundary"}) {
    const Score score = run(request(gold, answers, {metric})).report.scores[0];
    EXPECT_EQ(score.f1, std::string(metric) == "pair-macro" ? 0.5 : 2.0 / 3) << metric;
  }
  const Evaluation pairs = run(request(gold, answers, {"pair-micro", "pair-micro-all"}));
  EXPECT_NE(pairs.report.scores[0].definition.find("'no_relation' counts as no answer"),
            std::string::npos);
  EXPECT_EQ(pairs.report.scores[1].precision, 0.5);
  for (const char* metric : {"tacred", "chinese-nre"}) {
    const Score score = run(request(gold, answers, {metric})).report.scores[0];
    EXPECT_NE(score.definition.find("'no_relation'"), std::string::npos) << score.definition;
  }
  const std::string none = write("none.jsonl", kPeople + ("[" + other("no_relation")) + "]}");
  EXPECT_TRUE(run(request(gold, none, {"pair-micro"})).warnings.empty());
  // The schema has the last word.
  EvaluateRequest stated = request(gold, answers, {"re-strict", "docred", "pair-micro"});
  stated.schema =
      write("schema.json",
            R"({"relation_types": [{"id": "met"}, {"id": "knows"}, {"id": "no_relation"},
                            {"id": "nil", "negative": true}]})");
  for (const Score& score : run(stated).report.scores) EXPECT_EQ(score.f1, 0.5) << score.metric;
  stated.predicted = write("nil.jsonl", kPeople + ("[" + met) + ", " + other("nil") + "]}");
  for (const Score& score : run(stated).report.scores) {
    EXPECT_DOUBLE_EQ(score.f1, 2.0 / 3) << score.metric;
  }
  // What gold says of itself is no fact for RUIE either.
  const std::string silent = write("silent.jsonl", kPeople + ("[" + met) + "]}");
  const Score ruie = run(request(answers, silent, {"ruie"})).report.scores[0];
  EXPECT_EQ(ruie.f1, 1);
  for (const Score& part : ruie.parts) EXPECT_EQ(part.f1, 1) << part.metric;
}

// What one metric finds out about the negative label is not lost to the next one.
TEST_F(EvaluateFiles, MetricsDoNotDisturbEachOther) {
  const std::string gold =
      write("gold.jsonl", std::string(kPeople) + R"([{"head": "e0", "tail": "e1", "type": "met"},
          {"head": "e1", "tail": "e0", "type": "no_relation"}]})");
  const std::string answers = write(
      "pred.jsonl", std::string(kPeople) + R"([{"head": "e0", "tail": "e1", "type": "no_relation"},
          {"head": "e1", "tail": "e0", "type": "no_relation"}]})");
  const std::vector<std::string> names = {"docred", "pair-micro", "ruie",
                                          "autore", "re-strict",  "pair-macro"};
  const Json together = report_json(run(request(gold, answers, names)).report);
  for (const std::string& name : names) {
    const Json alone = report_json(run(request(gold, answers, {name})).report);
    EXPECT_EQ(together[name]["f1"], alone[name]["f1"]) << name;
    EXPECT_EQ(together[name]["floor"], alone[name]["floor"]) << name;
  }
  EXPECT_EQ(together["pair-micro"]["f1"], 0);
  const Evaluation twice = run(request(gold, answers, {"docred", "docred"}));
  EXPECT_EQ(twice.report.scores.size(), 1U);
}

TEST_F(EvaluateFiles, PredictionsThatHoldNothing) {
  const std::string gold =
      write("gold.jsonl", std::string(kPeople) + R"([{"head": "e0", "tail": "e1", "type": "met"}],
          "events": [{"id": "ev0", "type": "meeting", "trigger": [4, 7],
                      "arguments": [{"role": "guest", "range": [8, 11]}]}]})");
  for (const char* content : {"", "[]", " \n"}) {
    const std::string nothing = write("nothing.json", content);
    for (const char* metric :
         {"docred", "autore", "ner-span", "re-strict", "re-boundary", "ruie"}) {
      const Evaluation ours = run(request(gold, nothing, {metric}));
      EXPECT_EQ(ours.report.scores[0].f1, 0) << metric;
      EXPECT_FALSE(ours.report.errors.empty()) << metric;
    }
    if (*content == ' ') continue;  // for pairs, a line without a label
    EXPECT_NE(failure(request(gold, nothing, {"pair-micro"})).find("0 answers for 1 gold pairs"),
              std::string::npos);
    EXPECT_NE(failure(request(nothing, gold, {"docred"})).find("nothing.json"), std::string::npos);
  }
}

TEST_F(EvaluateFiles, ErrorsNameTheFileAtFault) {
  const std::string gold = write(
      "gold.jsonl", std::string(kPeople) + R"([{"head": "e0", "tail": "e1", "type": "met"}]})");
  const std::string twice = write("twice.jsonl", *read_file(gold) + "\n" + *read_file(gold));
  const std::string two =
      write("two.jsonl", *read_file(gold) + "\n" +
                             R"({"id": "d1", "text": "x", "entities": [], "relations": []})");
  for (const char* metric : {"docred", "autore", "re-strict", "ruie", "pair-micro"}) {
    EXPECT_NE(failure(request(two, twice, {metric})).find("twice.jsonl"), std::string::npos)
        << metric << failure(request(two, twice, {metric}));
    EXPECT_TRUE(failure(request("/no/gold", twice, {metric})).starts_with("/no/gold")) << metric;
  }
  const std::string silent = write("silent.jsonl", std::string(kPeople) + "[]}");
  for (const char* metric : {"docred", "autore", "re-strict"}) {
    EXPECT_NE(failure(request(silent, gold, {metric})).find("silent.jsonl: gold states no"),
              std::string::npos)
        << metric << failure(request(silent, gold, {metric}));
  }
  const std::string nan =
      write("nan.jsonl", std::string(kPeople) +
                             R"([{"head": "e0", "tail": "e1", "type": "met", "score": NaN}]})");
  EXPECT_NE(failure(request(gold, nan, {"re-strict"})).find("nan.jsonl:1"), std::string::npos);
  EvaluateRequest both = request("-", "-", {"docred"});
  EXPECT_NE(failure(both).find("standard input cannot be two files"), std::string::npos);
}

TEST_F(EvaluateFiles, RuieRecordsAreAnsweredOnce) {
  const std::string query = "Task: Named entity recognition\\nSchema: [per]\\nInput: \\\"Ann\\\"";
  std::string gold, answers;
  for (const char* id : {"a", "b"}) {
    gold += R"({"id": ")" + std::string(id) + R"(", "query": ")" + query +
            R"(", "answer": "per: Ann"})"
            "\n";
    answers += R"({"id": "a", "output": "per: Ann"})"
               "\n";
  }
  const EvaluateRequest ruie =
      request(write("gold.jsonl", gold), write("twice.jsonl", answers), {"ruie"});
  EXPECT_NE(failure(ruie).find("twice.jsonl:2: id 'a' comes twice"), std::string::npos)
      << failure(ruie);
}

TEST_F(EvaluateFiles, UnknownMetricsAndMissingFiles) {
  const auto typo = evaluate(request("nowhere", "nowhere", {"docretd"}));
  ASSERT_FALSE(typo.ok());
  EXPECT_EQ(typo.error().code, ErrorCode::kUsage);
  EXPECT_NE(typo.error().hint.find("'docred'"), std::string::npos);
  EXPECT_NE(failure(request("/no/such/file", "x", {"tacred"})).find("/no/such/file"),
            std::string::npos);
}

// Documents of a folder stand for a file, in every metric.
TEST_F(EvaluateFiles, DocumentsOfAFolder) {
  std::vector<data::Document> documents;
  for (const char* id : {"a", "b"}) {
    documents.push_back({});
    documents.back().id = id;
    documents.back().text = "Ann met Bob";
    documents.back().entities = {{"e0", "Ann", "PER", {{0, 3}}, {}},
                                 {"e1", "Bob", "PER", {{8, 11}}, {}}};
    documents.back().relations = {{0, 1, "met", {}, {}}};
  }
  EvaluateRequest folders = request("gold/", "told/", {"pair-micro", "docred", "autore", "ruie"});
  folders.gold_documents = folders.predicted_documents = documents;
  folders.predicted_documents->pop_back();
  folders.compare = "other/";
  folders.compared_documents = documents;
  const Evaluation ours = run(folders);
  ASSERT_EQ(ours.report.scores.size(), 4U);
  for (const Score& score : ours.report.scores) {
    EXPECT_EQ(score.precision, 1) << score.metric;
    EXPECT_EQ(score.recall, 0.5) << score.metric;
  }
  EXPECT_EQ(ours.report.comparisons.size(), 4U);
  folders.compare.clear();
  folders.predicted_documents->clear();
  folders.metrics = {"docred", "re-strict"};
  for (const Score& score : run(folders).report.scores) EXPECT_EQ(score.recall, 0);
  folders.predicted_documents.reset();
  folders.predicted = write("labels.txt", "met\nmet\n");
  folders.metrics = {"pair-micro"};
  EXPECT_NE(failure(folders).find("labels in the order of a file"), std::string::npos);
}

// Every metric names itself, defines itself and stays between 0 and 1.
TEST_F(EvaluateFiles, EveryMetricReports) {
  const std::string document =
      R"({"id": "d", "text": "Ann met Bob", "entities": [{"id": "e0", "text": "Ann", "type": "PER", "mentions": [[0, 3]]}, {"id": "e1", "text": "Bob", "type": "PER", "mentions": [[8, 11]]}], "relations": [{"head": "e0", "tail": "e1", "type": "met"}], "events": [{"id": "ev0", "type": "meeting", "trigger": [4, 7], "arguments": [{"role": "guest", "range": [8, 11]}]}]})";
  const std::string path = write("gold.jsonl", document + "\n");
  for (const Metric& metric : metrics()) {
    if (metric.name == "semeval") continue;  // has labels of its own
    if (metric.name == "ed" || metric.name == "eae") {
      const auto dataset = data::read_dataset(path, {});
      if (!dataset.ok() || dataset->documents[0].events.empty()) continue;  // not read yet
    }
    const Evaluation ours = run(request(path, path, {metric.name}));
    ASSERT_EQ(ours.report.scores.size(), 1U) << metric.name;
    const Score& score = ours.report.scores[0];
    EXPECT_EQ(score.metric, metric.name);
    EXPECT_FALSE(score.definition.empty()) << metric.name;
    EXPECT_EQ(score.f1, 1) << metric.name;
    EXPECT_LE(score.floor, 1) << metric.name;
    EXPECT_NE(evaluation_text(ours).find(metric.name), std::string::npos);
  }
}

}  // namespace
}  // namespace relata::eval
