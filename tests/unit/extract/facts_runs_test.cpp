#include <gtest/gtest.h>

#include <filesystem>

#include "facts_fixture.h"
#include "relata/base/file.h"
#include "relata/extract/facts.h"

namespace relata::extract {
namespace {

using data::Document;
using facts_fixture::Facts;
using facts_fixture::kAskHeads;
using facts_fixture::kAskRelations;
using facts_fixture::kAskTails;
using facts_fixture::Strings;

class FactRuns : public Facts {};

TEST_F(FactRuns, AJournalKeepsFinishedDocuments) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann"}, {{kAskTails}, "Bob"}};
  const std::string folder = testing::TempDir() + "facts_journal";
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(make_folders(folder).ok());
  const std::string path = folder + "/journal";
  std::vector<Document> documents = {make_document("a", "Ann and Bob.", {}),
                                     make_document("b", "Bob and Ann.", {})};
  options_.batch = 1;
  const auto run_all = [&] {
    return extract_fact_documents(extractor_, engine_, compiler_, documents, options_, path);
  };
  const auto all = run_all().value();
  EXPECT_EQ(triples(all[1]), Strings{"Ann|father|Bob"});
  EXPECT_EQ(all[0].meta["model"], "sha256:fake");
  const size_t asked = engine_.generated.size();
  EXPECT_EQ(asked, 6u);
  int64_t skipped = 0;
  options_.skipped = [&](int64_t count) { skipped += count; };
  const auto again = run_all().value();
  EXPECT_EQ(engine_.generated.size(), asked);
  EXPECT_EQ(skipped, 2);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(to_json_line(again[i]), to_json_line(all[i]));
  extractor_.config.thresholds["head"] = 0.1;
  EXPECT_FALSE(run_all().ok());  // other settings
  extractor_.config.thresholds.clear();
  documents[1].text = "Bob, not Ann.";
  EXPECT_EQ(run_all().value()[1].text, "Bob, not Ann.");
  EXPECT_EQ(engine_.generated.size(), asked + 3) << "the other one is taken from the journal";
  // Entities that are given now are chosen among: the answer in the journal was found without.
  documents[0].entities = {{"e0", "Ann", "", {{0, 3}}, {}}, {"e1", "Bob", "", {{8, 11}}, {}}};
  ASSERT_TRUE(run_all().ok());
  EXPECT_EQ(engine_.generated.size(), asked + 6);
}

TEST_F(FactRuns, ABatchIsAskedAboutAsAWhole) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann"}, {{kAskTails}, "Bob"}};
  const std::string folder = testing::TempDir() + "facts_batches";
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(make_folders(folder).ok());
  const std::vector<Document> documents = {
      make_document("a", "Ann and Bob.", {}), make_document("b", "Bob and Ann.", {}),
      make_document("c", "Ann or Bob.", {}), make_document("d", "Bob or Ann.", {})};
  options_.batch = 2;
  options_.decode = "free";
  for (const auto form : {generate::PromptForm::kIds, generate::PromptForm::kUserTurn}) {
    const bool here = form == generate::PromptForm::kIds;
    const std::string path = folder + (here ? "/model" : "/server");
    engine_.form = form;
    const auto run_all = [&] {
      engine_.generated.clear();
      engine_.forgotten = 0;
      return extract_fact_documents(extractor_, engine_, nullptr, documents, options_, path)
          .value();
    };
    const auto whole = run_all();
    EXPECT_EQ(engine_.generated.size(), 12u);
    EXPECT_EQ(engine_.forgotten, 2);
    Strings lines = Journal::open(path).value().lines();
    std::filesystem::remove(path);
    {
      Journal begun = Journal::open(path).value();
      // The header, a, c and d: what the first batch's results were before they were all written.
      for (const size_t i : {0, 1, 3, 4}) ASSERT_TRUE(begun.append(lines.at(i)).ok());
    }
    const auto resumed = run_all();
    EXPECT_EQ(engine_.generated.size(), here ? 6u : 3u);
    EXPECT_EQ(engine_.forgotten, 1);
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(to_json_line(resumed[i]), to_json_line(whole[i]));
    EXPECT_EQ(Journal::open(path).value().lines().size(), 5u);
  }
}

// Two documents at once, then nothing for a while, as a pipe has it.
class PausingDocuments : public data::DocumentSource {
 public:
  explicit PausingDocuments(const std::vector<Document>& documents) : documents_(documents) {}
  Result<std::optional<Document>> next() override {
    if (next_ == documents_.size()) return std::optional<Document>();
    return std::optional<Document>(documents_[next_++]);
  }
  Result<bool> ready() override { return next_ % 2 == 1; }
  size_t given() const { return next_; }

 private:
  const std::vector<Document>& documents_;
  size_t next_ = 0;
};

TEST_F(FactRuns, ResultsDoNotWaitForDocumentsToCome) {
  rules_ = {{{kAskRelations}, "father"}, {{kAskHeads}, "Ann"}, {{kAskTails}, "Bob"}};
  const std::vector<Document> documents(5, make_document("a", "Ann and Bob.", {}));
  options_.batch = 4;
  const std::string path = testing::TempDir() + "facts_pauses";
  std::filesystem::remove(path);
  for (const std::string& journal : {std::string(), path}) {
    PausingDocuments source(documents);
    std::vector<size_t> given;  // when each result came
    const auto take = [&](Document document) -> Status {
      EXPECT_EQ(triples(document), Strings{"Ann|father|Bob"});
      given.push_back(source.given());
      return {};
    };
    ASSERT_TRUE(
        extract_fact_documents(extractor_, engine_, compiler_, options_, {source, journal, take})
            .ok());
    // With a journal batches are those of a run that waits for nothing.
    EXPECT_EQ(given, journal.empty() ? (std::vector<size_t>{2, 2, 4, 4, 5})
                                     : (std::vector<size_t>{4, 4, 4, 4, 5}));
  }
  PausingDocuments source(documents);
  const auto refuse = [](const Document&) -> Status { return resource_error("full"); };
  const Status status =
      extract_fact_documents(extractor_, engine_, compiler_, options_, {source, "", refuse});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message, "full");
  EXPECT_EQ(source.given(), 2u);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace relata::extract
