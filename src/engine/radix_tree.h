// Cached keys and values of everything computed lately, as a tree: sequences that begin alike share
// the nodes of their common beginning.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "relata/model/decoder.h"

namespace relata::engine {

// A token together with the adapter that computes it (-1: the base): what a cached key depends on,
// beside what precedes it.
struct Symbol {
  int32_t id = 0;
  int adapter = -1;
  bool operator==(const Symbol&) const = default;
};
using Symbols = std::vector<Symbol>;

// A run of tokens of one adapter.
struct RadixNode {
  Symbols symbols;
  model::KvRun run;  // undefined while it is not computed
  bool computed = false;
  bool keep = true;  // false: keys and values are not worth keeping, the node goes after its pass
  bool source = false;  // of an encoder-decoder
  RadixNode* parent = nullptr;
  std::vector<std::unique_ptr<RadixNode>> children;
  int pins = 0;  // sequences under way that end in it
  uint64_t used = 0;
  int64_t begin = 0;  // position of its first token

  int64_t length() const { return static_cast<int64_t>(symbols.size()); }
};

class RadixTree {
 public:
  // `sources`: of an encoder-decoder. The symbols that are kept are then sources, each a node that
  // is shared as a whole or not at all.
  RadixTree(int64_t max_bytes, bool sources) : max_bytes_(max_bytes), sources_(sources) {
    root_.computed = true;
  }
  // The node in which `symbols` end, which is pinned; missing nodes are made, uncomputed. Keys and
  // values of the first `keep_length` symbols are kept; the others are always computed anew.
  RadixNode* insert(const Symbols& symbols, size_t keep_length);
  static void unpin(RadixNode* node) { --node->pins; }
  // Drops nodes that are not kept, then the least lately used until the limit holds. Pinned nodes
  // and their ancestors stay.
  void trim();
  void clear();  // nothing may be pinned
  const RadixNode& root() const { return root_; }
  bool has_sources() const { return sources_; }
  int64_t bytes() const { return bytes_; }
  void count(const RadixNode& node) { bytes_ += node.run.bytes(); }  // after it was computed

 private:
  RadixNode* source_node(const Symbols& source);
  RadixNode* add_child(RadixNode& parent, Symbols symbols, bool keep, size_t begin);
  RadixNode* split(RadixNode& node, size_t at);
  bool remove(RadixNode& node);

  RadixNode root_;  // no symbols
  int64_t max_bytes_;
  bool sources_;
  int64_t bytes_ = 0;
  uint64_t clock_ = 0;
};

// The pass that computes every uncomputed node of the tree, and `tails`: tokens that go on from a
// node, with a run of their own.
struct Tail {
  RadixNode* node = nullptr;
  model::KvRun* run = nullptr;  // holds what was generated so far
  std::vector<int32_t> ids;     // the next tokens, one at least
  int adapter = -1;
};
struct TreePass {
  model::Pass pass;
  std::vector<RadixNode*> nodes;   // that it computes
  std::vector<int64_t> node_rows;  // the first row of each
  std::vector<int64_t> tail_rows;  // the first row of each tail
};
TreePass plan_pass(const RadixTree& tree, const model::Decoder& model, std::vector<Tail>& tails);

}  // namespace relata::engine
