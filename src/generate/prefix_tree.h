// Token sequences merged where they share a prefix, laid out for one forward pass.
#pragma once

#include <cstdint>
#include <vector>

namespace relata::generate {

// Nodes in depth-first order: a node's ancestors precede it, and its subtree is contiguous.
struct PrefixTree {
  std::vector<int32_t> tokens;
  std::vector<int64_t> depth;        // rotary position
  std::vector<int64_t> parent;       // node index, -1 for a root
  std::vector<int64_t> subtree_end;  // one past the last node below
  bool branches = false;             // false: one chain, plain causal attention will do

  // Adds a sequence and returns the node of every token. Sequences that share prefixes must come
  // one after the other for depth-first order: only the last added path is extended.
  std::vector<int64_t> add(const std::vector<int32_t>& sequence, int64_t first_position);
  void finish();  // computes subtree_end

 private:
  std::vector<int64_t> last_path_;
};

}  // namespace relata::generate
