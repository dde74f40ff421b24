#include "prefix_tree.h"

namespace relata::generate {

std::vector<int64_t> PrefixTree::add(const std::vector<int32_t>& sequence, int64_t first_position) {
  size_t shared = 0;
  while (shared < sequence.size() && shared < last_path_.size() &&
         tokens[last_path_[shared]] == sequence[shared]) {
    ++shared;
  }
  if (!tokens.empty() && (shared < last_path_.size() || shared == 0) && shared < sequence.size()) {
    branches = true;
  }
  std::vector<int64_t> path(last_path_.begin(), last_path_.begin() + static_cast<long>(shared));
  for (size_t i = shared; i < sequence.size(); ++i) {
    parent.push_back(path.empty() ? -1 : path.back());
    depth.push_back(first_position + static_cast<int64_t>(i));
    path.push_back(static_cast<int64_t>(tokens.size()));
    tokens.push_back(sequence[i]);
  }
  // A sequence that adds no node leaves the path as it is: what branches off it must be noticed.
  if (shared < sequence.size()) last_path_ = path;
  return path;
}

void PrefixTree::finish() {
  subtree_end.assign(tokens.size(), 0);
  for (size_t i = 0; i < tokens.size(); ++i) subtree_end[i] = static_cast<int64_t>(i) + 1;
  for (size_t i = tokens.size(); i-- > 0;) {
    if (parent[i] >= 0 && subtree_end[parent[i]] < subtree_end[i]) {
      subtree_end[parent[i]] = subtree_end[i];
    }
  }
}

}  // namespace relata::generate
