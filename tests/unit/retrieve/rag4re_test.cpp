// RAG4RE's retrieval on SemEval-2010 Task 8 (arXiv 2404.13397), from its released files, and ours
// beside it: the label of the nearest training sentence, copied.
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "relata/base/json.h"
#include "relata/data/formats.h"
#include "relata/retrieve/examples.h"

namespace relata::retrieve {
namespace {

const std::string kReleased = std::string(RELATA_SHARED) + "/data/rag4re_semeval/";
const std::string kOfficial = std::string(RELATA_SHARED) + "/data/semeval2010_task8/";

bool is_here(const std::string& path) { return std::filesystem::exists(path); }

TEST(Rag4re, ReleasedNeighboursAreTheTrainingSentencesTheyName) {
  const std::string path = kReleased + "similarity_results/sentence_sim_full.json";
  if (!is_here(path)) GTEST_SKIP() << path << " is absent";
  const Json neighbours = read_json(path).value();
  const Json sentences = read_json(kReleased + "original_data/train_sentences.json").value();
  const Json train = read_json(kReleased + "original_data/train_relations.json").value();
  const Json test = read_json(kReleased + "original_data/test_relations.json").value();
  const Json names =
      read_json(kReleased + "original_data/relations.json").value()["relation"]["names"];
  ASSERT_EQ(neighbours.size(), 2717U);
  int right = 0;
  for (size_t i = 0; i < neighbours.size(); ++i) {
    const auto nearest = neighbours[i]["train_idex"].get<size_t>();
    ASSERT_EQ(neighbours[i]["similar_sentence"], sentences[nearest]) << i;
    right += names[train[nearest].get<size_t>()] == test[i] ? 1 : 0;
  }
  // 34.19 % by MiniLM; the figure is of the study, from the same files.
  EXPECT_EQ(right, 929);
}

std::vector<data::Document> documents(const std::string& file) {
  return data::read_dataset(kOfficial + file, {.format = "semeval2010"}).value().documents;
}

int labels_copied(QueryForm form) {
  PoolOptions options;
  options.form = form;
  const auto pool =
      ExamplePool::make(
          documents("SemEval2010_task8_training/TRAIN_FILE.TXT"), options,
          [](std::vector<Passage> passages) { return make_bm25_ranker(std::move(passages), {}); })
          .value();
  int right = 0;
  for (const data::Document& question :
       documents("SemEval2010_task8_testing_keys/TEST_FILE_FULL.TXT")) {
    const auto found = pool.find({&question, 0, 1, ""}, 1).value();
    const Example& nearest = pool.examples()[found.best.at(0).example];
    right += nearest.labels.at(0) == question.relations.at(0).type ? 1 : 0;
  }
  return right;
}

// What `pair` queries are for: by the words between the two, the nearest sentence says the same of
// its pair in most cases; by the whole sentence, in a third. Without a model either beats what
// RAG4RE's best generator made of MiniLM's neighbours (16.29 micro-F1).
TEST(Rag4re, PairQueriesFindTheSameRelationMoreOften) {
  if (!is_here(kOfficial)) GTEST_SKIP() << kOfficial << " is absent";
  const int by_sentence = labels_copied(QueryForm::Sentence);
  const int by_pair = labels_copied(QueryForm::Pair);
  EXPECT_GT(by_sentence, 2717 * 30 / 100);
  EXPECT_LT(by_sentence, 2717 * 36 / 100);
  EXPECT_GT(by_pair, 2717 * 58 / 100);
}

}  // namespace
}  // namespace relata::retrieve
