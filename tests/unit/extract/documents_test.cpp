#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>

#include "fake_engine.h"
#include "relata/base/file.h"
#include "relata/extract/pair.h"

namespace relata::extract {
namespace {

using data::Document;
using Strings = std::vector<std::string>;

class ExtractDocuments : public testing::Test {
 protected:
  void SetUp() override {
    journal_ = testing::TempDir() + "relata_journal_" +
               testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl";
    std::filesystem::remove(journal_);
    extractor_.folder = "/out/finre/";
    extractor_.schema = company_schema();
    extractor_.pair_template = builtin_pair_template("sentence-first-zh").value();
    for (int i = 0; i < 7; ++i) {
      documents_.push_back(
          make_document("d" + std::to_string(i), "甲拥有乙" + std::to_string(i), {"甲", "乙"}));
    }
    options_.batch = 2;
    engine_.score_of = score;
  }
  void TearDown() override { std::filesystem::remove(journal_); }
  static double score(const std::string& prompt, const std::string& answer) {
    if (prompt.find("头实体：甲") != std::string::npos && answer == "拥有") {
      return -0.01 * static_cast<double>(prompt.size() % 7);
    }
    return answer == "无关系" ? -1.3 : -4.1;
  }
  Result<std::vector<Document>> extract(FakeEngine& engine, const std::string& journal) {
    return extract_documents(extractor_, engine, documents_, options_, journal);
  }
  static Strings lines_of(const std::vector<Document>& documents) {
    Strings out;
    for (const Document& document : documents) out.push_back(to_json_line(document));
    return out;
  }
  // The journal's results; beside each stands what it was the answer to.
  Strings results_in_journal() const {
    Strings out;
    const Journal journal = Journal::open(journal_).value();
    for (const std::string& line : journal.lines()) {
      Json json = Json::parse(line);
      if (json.erase("given") > 0) out.push_back(json.dump());
    }
    return out;
  }
  std::string journal_;
  Extractor extractor_;
  FakeEngine engine_;
  std::vector<Document> documents_;
  PairOptions options_;
};

TEST_F(ExtractDocuments, WritesScoresAndMeta) {
  const auto out = extract(engine_, "").value();
  ASSERT_EQ(out.size(), 7u);
  // Nobody asked about the pair (乙, 甲): its "unknown" is not written.
  ASSERT_EQ(out[0].relations.size(), 1u);
  EXPECT_EQ(out[0].relations[0].type, "拥有");
  EXPECT_GT(out[0].relations[0].score.value(), 0.5);
  EXPECT_TRUE(out[0].relations[0].evidence.empty());
  EXPECT_EQ(out[0].meta["extractor"], "finre");
  EXPECT_EQ(out[0].meta["model"], "sha256:fake");
  EXPECT_EQ(out[0].meta["relata"], "0.1.0");
  EXPECT_TRUE(out[0].meta["schema"].get<std::string>().starts_with("sha256:"));
}

TEST_F(ExtractDocuments, StatedPairsKeepTheNegativeLabel) {
  documents_.resize(1);
  documents_[0].relations.push_back({1, 0, "拥有", {}, {}});
  const auto out = extract(engine_, "").value();
  ASSERT_EQ(out[0].relations.size(), 1u);
  EXPECT_EQ(out[0].relations[0].head, 1);
  EXPECT_EQ(out[0].relations[0].type, "unknown");
  EXPECT_EQ(engine_.asked.size(), 1u);
}

TEST_F(ExtractDocuments, QueriesAreTheStatedPairsOrAll) {
  documents_.resize(3);
  documents_[0].meta = Json{{"pairs", Json::array({Json::array({1, 0})})}};
  documents_[1].entities.push_back({"e2", "有", "", {}, {}});
  documents_[2].relations.push_back({0, 1, "拥有", {}, {}});
  const auto queries = extraction_queries(documents_);
  ASSERT_EQ(queries.size(), 8u);
  EXPECT_EQ(queries[0].head, 1);
  for (size_t i = 1; i < 7; ++i) EXPECT_EQ(queries[i].document, 1);
  EXPECT_EQ(queries[7].document, 2);
}

TEST_F(ExtractDocuments, PairsAreMadeADocumentAtATime) {
  // 2,000 documents of 300 entities have 179 million pairs, 9 GB of them; one has 5 MB.
  Document document = documents_[0];
  for (int i = 2; i < 300; ++i)
    document.entities.push_back({"e" + std::to_string(i), "乙", "", {}, {}});
  EXPECT_EQ(count_queries(document), 300 * 299);
  EXPECT_EQ(document_queries(document).size(), 300U * 299U);
  documents_.assign(2000, document);
  engine_.allowed = 0;
  rusage before{}, after{};
  ASSERT_EQ(::getrusage(RUSAGE_SELF, &before), 0);
  EXPECT_FALSE(extract(engine_, "").ok());
  ASSERT_EQ(::getrusage(RUSAGE_SELF, &after), 0);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 500'000) << "kB";
}

TEST_F(ExtractDocuments, TellsWhatItTakesFromItsJournal) {
  ASSERT_TRUE(extract(engine_, journal_).ok());
  int64_t skipped = 0;
  options_.skipped = [&](int64_t pairs) { skipped += pairs; };
  ASSERT_TRUE(extract(engine_, journal_).ok());
  EXPECT_EQ(skipped, 14);
}

TEST_F(ExtractDocuments, ResumesFromItsJournal) {
  const Strings wanted = lines_of(extract(engine_, "").value());
  for (int64_t allowed = 0; allowed <= 14; ++allowed) {
    std::filesystem::remove(journal_);
    FakeEngine failing;
    failing.score_of = score;
    failing.allowed = allowed;
    EXPECT_EQ(extract(failing, journal_).ok(), allowed == 14);
    FakeEngine second;
    second.score_of = score;
    std::vector<int64_t> done;
    options_.progress = [&](int64_t n) { done.push_back(n); };
    const auto out = extract(second, journal_);
    options_.progress = {};
    ASSERT_TRUE(out.ok()) << out.error().message;
    EXPECT_EQ(lines_of(*out), wanted);
    // A document is one batch of two requests here, and is asked for again when it was cut off.
    EXPECT_EQ(second.asked.size(), static_cast<size_t>(14 - allowed / 2 * 2));
    EXPECT_EQ(done.back(), 14);
    EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
    EXPECT_EQ(results_in_journal(), wanted);
  }
}

TEST_F(ExtractDocuments, LargerBatchesResumeToo) {
  const Strings wanted = lines_of(extract(engine_, "").value());
  options_.batch = 5;
  engine_.allowed = 9;
  EXPECT_FALSE(extract(engine_, journal_).ok());
  FakeEngine second;
  second.score_of = score;
  EXPECT_EQ(lines_of(extract(second, journal_).value()), wanted);
  EXPECT_EQ(second.asked.size(), 8u);
}

TEST_F(ExtractDocuments, NewDocumentsJoinAFinishedJournal) {
  ASSERT_TRUE(extract(engine_, journal_).ok());
  documents_.insert(documents_.begin(), make_document("new", "甲与乙", {"甲", "乙"}));
  FakeEngine second;
  second.score_of = score;
  EXPECT_EQ(extract(second, journal_)->front().id, "new");
  EXPECT_EQ(second.asked.size(), 2u);
}

TEST_F(ExtractDocuments, EqualIdsAreTakenInOrder) {
  documents_[1].id = "d0";
  const Strings wanted = lines_of(extract(engine_, journal_).value());
  FakeEngine second;
  second.score_of = score;
  EXPECT_EQ(lines_of(extract(second, journal_).value()), wanted);
  EXPECT_TRUE(second.asked.empty());
}

TEST_F(ExtractDocuments, OtherSettingsAreRefused) {
  ASSERT_TRUE(extract(engine_, journal_).ok());
  const std::string before = read_file(journal_).value();
  extractor_.config.threshold = 0.25;
  auto out = extract(engine_, journal_);
  ASSERT_FALSE(out.ok());
  EXPECT_NE(out.error().message.find(journal_), std::string::npos);
  EXPECT_NE(out.error().hint.find("remove"), std::string::npos);
  extractor_.config.threshold = 0.5;
  engine_.id = "sha256:other";
  EXPECT_FALSE(extract(engine_, journal_).ok());
  engine_.id = "sha256:fake";
  options_.batch = 9;
  EXPECT_TRUE(extract(engine_, journal_).ok());
  EXPECT_EQ(read_file(journal_).value(), before);
}

TEST_F(ExtractDocuments, OnlyChangedDocumentsAreAskedAgain) {
  documents_[6].relations.push_back({1, 0, "拥有", {}, {}});
  ASSERT_TRUE(extract(engine_, journal_).ok());
  documents_[1].text += "!";
  documents_[3].entities.pop_back();  // no pair is left to ask about
  documents_[4].meta = Json{{"title", "T"}};
  documents_[6].relations[0] = {0, 1, "拥有", {}, {}};
  documents_.erase(documents_.begin());
  const Strings wanted = lines_of(extract(engine_, "").value());
  FakeEngine second;
  second.score_of = score;
  EXPECT_EQ(lines_of(extract(second, journal_).value()), wanted);
  EXPECT_EQ(second.asked.size(), 2u + 0u + 2u + 1u);
  FakeEngine third;
  third.score_of = score;
  EXPECT_EQ(lines_of(extract(third, journal_).value()), wanted);
  EXPECT_TRUE(third.asked.empty()) << "the journal has the new answers";
  documents_[0].text.pop_back();
  EXPECT_TRUE(extract(third, journal_).ok());
  EXPECT_TRUE(third.asked.empty()) << "and the old ones";
}

TEST_F(ExtractDocuments, LabelsOfStatedPairsAreNotAskedAbout) {
  documents_[6].relations.push_back({1, 0, "拥有", {}, {}});
  ASSERT_TRUE(extract(engine_, journal_).ok());
  documents_[6].relations[0].type = "unknown";
  FakeEngine second;
  EXPECT_TRUE(extract(second, journal_).ok());
  EXPECT_TRUE(second.asked.empty());
}

TEST_F(ExtractDocuments, OtherFilesAreNotTakenForJournals) {
  ASSERT_TRUE(write_file_atomic(journal_, "{\"id\":\"x\"}\n").ok());
  EXPECT_FALSE(extract(engine_, journal_).ok());
  EXPECT_EQ(read_file(journal_).value(), "{\"id\":\"x\"}\n");
  for (const char* notes : {"my precious notes", "one\ntwo"}) {
    ASSERT_TRUE(write_file_atomic(journal_, notes).ok());
    EXPECT_FALSE(extract(engine_, journal_).ok());
    EXPECT_EQ(read_file(journal_).value(), notes);
  }
}

TEST_F(ExtractDocuments, AJournalThatIsOnlyBegunGoesOn) {
  ASSERT_TRUE(extract(engine_, journal_).ok());
  const std::string whole = read_file(journal_).value();
  for (const size_t size : {size_t{0}, size_t{1}, whole.find('\n')}) {
    ASSERT_TRUE(write_file_atomic(journal_, whole.substr(0, size)).ok());
    EXPECT_TRUE(extract(engine_, journal_).ok()) << size;
    EXPECT_EQ(read_file(journal_).value(), whole);
  }
}

TEST_F(ExtractDocuments, UnparsedAnswersAreNotedAndSurviveAResume) {
  options_.decode = "free";
  documents_.resize(3);
  documents_[2].meta = Json{{"unparsed", "of an earlier run"}};
  engine_.text_of = [](const std::string& prompt) {
    return prompt.find("乙1") != std::string::npos ? "什么" : "无关系";
  };
  const auto out = extract(engine_, journal_).value();
  const auto unparsed = unparsed_answers(out[1]);
  ASSERT_EQ(unparsed.size(), 2u);
  EXPECT_EQ(unparsed[0].document, "d1");
  EXPECT_EQ(unparsed[0].head, "e0");
  EXPECT_EQ(unparsed[0].tail, "e1");
  EXPECT_EQ(unparsed[0].answer, "什么");
  EXPECT_NE(unparsed[0].problem, "");
  EXPECT_FALSE(out[2].meta.contains("unparsed"));
  FakeEngine second;
  EXPECT_EQ(lines_of(extract(second, journal_).value()), lines_of(out));
}

TEST(ApplyPredictions, ReplacesRelations) {
  Document document = make_document("d", "甲乙", {"甲", "乙"});
  document.relations.push_back({0, 1, "P177", {}, {}});
  PairPrediction prediction;
  prediction.labels = {"拥有", "被拥有"};
  prediction.scores = {0.75, 0.5};
  const auto out = apply_predictions({document}, {{0, 0, 1, {}}}, {prediction});
  ASSERT_EQ(out[0].relations.size(), 2u);
  EXPECT_EQ(out[0].relations[1].type, "被拥有");
  EXPECT_EQ(out[0].relations[1].score, 0.5);
  EXPECT_THROW(apply_predictions({document}, {}, {prediction}), std::logic_error);
}

}  // namespace
}  // namespace relata::extract
