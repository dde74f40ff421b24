#include "torch/reward_objective.h"

#include <gtest/gtest.h>

namespace relata::retrieve {
namespace {

PoolItem item(const std::string& text, const std::string& name) {
  data::Document document;
  document.text = text;
  document.entities = {{"e0", name, "person", data::find_occurrences(text, name), {}}};
  PoolItem out;
  out.task = IeTask::kNer;
  out.instance = instances_of(document, IeTask::kNer, labels_of({document})).front();
  return out;
}

// Acceptance check 7 of the study of RUIE.
TEST(RewardPair, HasBothAnswersAndBothTags) {
  const PoolItem question = item("Ada sleeps", "Ada"), candidate = item("so does Eve", "Eve");
  const TextPair tagged = reward_pair(question, candidate, true);
  EXPECT_EQ(tagged.first,
            "Task: Named entity recognition\nInput: <Keyword> Ada </Keyword> sleeps\n"
            "Output: person: Ada");
  EXPECT_EQ(tagged.second,
            "Task: Named entity recognition\nInput: so does <Keyword> Eve </Keyword>\n"
            "Output: person: Eve");
  const TextPair plain = reward_pair(question, candidate, false);
  EXPECT_EQ(plain.first.find("Keyword"), std::string::npos);
  EXPECT_TRUE(plain.first.ends_with("person: Ada"));
  EXPECT_EQ(plain.second.find("Keyword"), std::string::npos);
}

}  // namespace
}  // namespace relata::retrieve
