// Stages build and bm25.
#include <gtest/gtest.h>

#include <filesystem>

#include "relata/base/file.h"
#include "relata/retrieve/retriever.h"

namespace relata::retrieve {
namespace {

std::string record(const std::string& id, const std::string& text, int end) {
  return R"({"id": ")" + id + R"(", "text": ")" + text +
         R"(", "entities": [{"id": "e0", "type": "person", "mentions": [[0, )" +
         std::to_string(end) + "]]}]}\n";
}

class PoolTest : public testing::Test {
 protected:
  PoolTest() : folder_(testing::TempDir() + "/retriever_pool") {
    std::filesystem::remove_all(folder_);
    recipe_.output_dir = folder_ + "/out";
    recipe_.datasets = {{"people", IeTask::kNer, {folder_ + "/data"}, "", "", "skip", false}};
    write("one.jsonl", record("a", "Ada went to Paris.", 3) + record("b", "Bo stayed.", 200));
    write("two.jsonl", record("c", "Cy went to Oslo.", 2) + "{\n");
  }
  void write(const std::string& name, const std::string& content) const {
    EXPECT_TRUE(write_file_atomic(folder_ + "/data/" + name, content).ok());
  }

  std::string folder_;
  RetrieverRecipe recipe_;
};

TEST_F(PoolTest, BadRecordsAreLeftOutAndCounted) {
  std::string key;
  for (const char* time : {"made", "read again"}) {
    const auto pool = build_pool(recipe_);
    ASSERT_TRUE(pool.ok()) << pool.error().message;
    EXPECT_EQ(pool->items.size(), 2U) << time;
    ASSERT_EQ(pool->bad.size(), 1U) << time;
    EXPECT_EQ(pool->bad[0].dataset, "people");
    EXPECT_EQ(pool->bad[0].skipped, 2U);
    EXPECT_NE(pool->bad[0].first.find("one.jsonl:2: entities[0].mentions[0]"), std::string::npos)
        << pool->bad[0].first;
    key = pool->key;
  }
  recipe_.datasets[0].on_error = "stop";
  const auto stopped = build_pool(recipe_);
  ASSERT_FALSE(stopped.ok());
  EXPECT_NE(stopped.error().message.find("one.jsonl:2"), std::string::npos);
  write("one.jsonl", record("a", "Ada went to Paris.", 3));
  write("two.jsonl", record("c", "Cy went to Oslo.", 2));
  const auto good = build_pool(recipe_);
  ASSERT_TRUE(good.ok()) << good.error().message;
  EXPECT_TRUE(good->bad.empty());
  EXPECT_NE(good->key, key);
}

// A question's own text in another dress would bring its answer.
TEST_F(PoolTest, NoCandidateIsNearlyTheQuestion) {
  const std::string question = "Ada Lovelace lived in London for most of her life.";
  const std::vector<std::string> texts = {
      question, "ADA LOVELACE  lived in London, for most of her life!",
      "Ada Lovelace lived in London for most of her youth.",
      "He said: Ada Lovelace lived in London for most of her life. Then he left for Oslo by the "
      "night train, which was late.",
      "Carl Benz lived in Mannheim for most of his life."};
  RetrieverPool pool;
  for (const std::string& text : texts) {
    PoolItem item;
    item.dataset = "people";
    item.task = IeTask::kNer;
    item.instance.text = text;
    item.instance.question = "Input: \"" + text + "\"\nOutput:";
    pool.items.push_back(item);
  }
  pool.queries = {0};
  const auto found = find_candidates(recipe_, pool);
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_EQ(found->lists.size(), 1U);
  EXPECT_EQ(found->lists[0].documents, std::vector<size_t>{4});
}

}  // namespace
}  // namespace relata::retrieve
