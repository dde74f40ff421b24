#include "radix_tree.h"

#include <gtest/gtest.h>

namespace relata::engine {
namespace {

Symbols symbols(int32_t first, int32_t count) {
  Symbols out(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) out[static_cast<size_t>(i)].id = first + i;
  return out;
}

// Beside what is dropped since it is not kept, a limit that is passed already: leaves that are gone
// must not be looked at again (the address sanitizer sees it).
TEST(RadixTree, DropsWhatIsNotKeptAndThenWhatIsOldest) {
  constexpr int64_t kNothing = -1;
  RadixTree tree(kNothing, false);
  std::vector<RadixNode*> ends;
  for (int32_t i = 0; i < 200; ++i) {
    Symbols path = symbols(0, 20);  // a beginning that all share
    for (const Symbol& s : symbols(100 * (i + 1), 6)) path.push_back(s);
    ends.push_back(tree.insert(path, i % 2 == 0 ? 23 : path.size()));
  }
  RadixNode* pinned = ends.back();
  ends.pop_back();
  for (RadixNode* node : ends) RadixTree::unpin(node);
  for (RadixNode* node = pinned; node != nullptr; node = node->parent) node->computed = true;
  tree.trim();
  ASSERT_EQ(tree.root().children.size(), 1U);
  const RadixNode& shared = *tree.root().children[0];
  EXPECT_EQ(shared.length(), 20);
  ASSERT_EQ(shared.children.size(), 1U);
  EXPECT_EQ(shared.children[0].get(), pinned);
  RadixTree::unpin(pinned);
  tree.trim();
  EXPECT_TRUE(tree.root().children.empty());
}

}  // namespace
}  // namespace relata::engine
