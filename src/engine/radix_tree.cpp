#include "radix_tree.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace relata::engine {
namespace {

// Shorter common beginnings cost more as nodes of their own than they save.
constexpr size_t kMinShared = 2;
constexpr size_t kMinCached = 8;  // of cached nodes, which are copied when they are split

size_t common(const Symbols& node, const Symbols& symbols, size_t from) {
  size_t n = 0;
  while (n < node.size() && from + n < symbols.size() && node[n] == symbols[from + n]) ++n;
  return n;
}

}  // namespace

// The new node is the beginning: what ends in `node` still does.
RadixNode* RadixTree::split(RadixNode& node, size_t at) {
  auto& siblings = node.parent->children;
  auto& place = *std::find_if(siblings.begin(), siblings.end(),
                              [&](const auto& child) { return child.get() == &node; });
  auto head = std::make_unique<RadixNode>();
  head->symbols.assign(node.symbols.begin(), node.symbols.begin() + static_cast<int64_t>(at));
  head->computed = node.computed;
  head->keep = node.keep;
  head->parent = node.parent;
  head->used = node.used;
  head->begin = node.begin;
  if (node.run.defined()) {
    bytes_ -= node.run.bytes();
    head->run = node.run.part(0, static_cast<int64_t>(at));
    node.run = node.run.part(static_cast<int64_t>(at), node.run.length);
    bytes_ += node.run.bytes() + head->run.bytes();
  }
  node.symbols.erase(node.symbols.begin(), node.symbols.begin() + static_cast<int64_t>(at));
  node.begin += static_cast<int64_t>(at);
  node.parent = head.get();
  head->children.push_back(std::move(place));
  place = std::move(head);
  return place.get();
}

RadixNode* RadixTree::add_child(RadixNode& parent, Symbols symbols, bool keep, size_t begin) {
  auto child = std::make_unique<RadixNode>();
  child->symbols = std::move(symbols);
  child->keep = keep;
  child->parent = &parent;
  child->begin = static_cast<int64_t>(begin);
  parent.children.push_back(std::move(child));
  return parent.children.back().get();
}

RadixNode* RadixTree::source_node(const Symbols& source) {
  for (const auto& child : root_.children) {
    if (child->symbols == source) return child.get();
  }
  RadixNode* node = add_child(root_, source, true, 0);
  node->source = true;
  return node;
}

RadixNode* RadixTree::insert(const Symbols& symbols, size_t keep_length) {
  ++clock_;
  RadixNode* node = &root_;
  size_t at = 0;
  if (sources_) {
    at = std::min(keep_length, symbols.size());
    node = source_node({symbols.begin(), symbols.begin() + static_cast<int64_t>(at)});
  }
  while (at < symbols.size()) {
    node->used = clock_;
    RadixNode* best = nullptr;
    size_t shared = 0;
    for (const auto& child : node->children) {
      size_t n = common(child->symbols, symbols, at);
      // Beyond keep_length hidden states are wanted, which cached nodes do not have.
      if (child->computed) n = std::min(n, keep_length > at ? keep_length - at : 0);
      if (n > shared) {
        best = child.get();
        shared = n;
      }
    }
    const bool whole = best != nullptr && shared == best->symbols.size();
    if (!whole && (best == nullptr || shared < (best->computed ? kMinCached : kMinShared))) break;
    if (!whole) best = split(*best, shared);
    node = best;
    at += shared;
  }
  while (at < symbols.size()) {
    // A node is of one adapter, and kept or not as a whole.
    size_t end = at + 1;
    const size_t limit = at < keep_length ? std::min(keep_length, symbols.size()) : symbols.size();
    while (end < limit && symbols[end].adapter == symbols[at].adapter) ++end;
    node = add_child(
        *node,
        {symbols.begin() + static_cast<int64_t>(at), symbols.begin() + static_cast<int64_t>(end)},
        at < keep_length, at);
    at = end;
  }
  node->used = clock_;
  ++node->pins;
  return node;
}

// Removes a leaf from its parent.
bool RadixTree::remove(RadixNode& node) {
  if (node.pins > 0 || !node.children.empty()) return false;
  bytes_ -= node.run.bytes();
  auto& siblings = node.parent->children;
  siblings.erase(std::find_if(siblings.begin(), siblings.end(),
                              [&](const auto& child) { return child.get() == &node; }));
  return true;
}

void RadixTree::trim() {
  std::vector<RadixNode*> leaves;
  const std::function<void(RadixNode&)> visit = [&](RadixNode& node) {
    for (size_t i = 0; i < node.children.size();) {
      RadixNode& child = *node.children[i];
      visit(child);
      const bool kept = child.keep && child.computed;
      if (!kept && remove(child)) continue;
      if (child.children.empty() && child.pins == 0) leaves.push_back(&child);
      ++i;
    }
  };
  visit(root_);
  std::sort(leaves.begin(), leaves.end(),
            [](const RadixNode* a, const RadixNode* b) { return a->used > b->used; });
  while (bytes_ > max_bytes_ && !leaves.empty()) {
    RadixNode* node = leaves.back();
    leaves.pop_back();
    RadixNode* parent = node->parent;
    if (!remove(*node) || parent == &root_ || parent->pins > 0 || !parent->children.empty()) {
      continue;
    }
    leaves.push_back(parent);  // a parent is used when a child is: it goes next
  }
}

void RadixTree::clear() {
  root_.children.clear();
  bytes_ = 0;
}

namespace {

// Emits segments in the order that attention wants: parents first, trees side by side.
class Planner {
 public:
  Planner(const model::Decoder& model, bool sources, std::vector<Tail>& tails, TreePass& out)
      : model_(model), sources_(sources), out_(out) {
    out_.tail_rows.resize(tails.size());
    for (size_t i = 0; i < tails.size(); ++i) {
      tails_of_[tails[i].node].push_back({&tails[i], i});
      for (const RadixNode* n = tails[i].node; n != nullptr; n = n->parent) needed_.insert(n);
    }
  }

  void plan(const RadixNode& root) {
    mark(root);
    if (const auto found = tails_of_.find(&root); found != tails_of_.end()) {
      for (const auto& [tail, index] : found->second) emit_tail(*tail, index, root, -1);
    }
    for (const auto& child : root.children) emit(*child, -1);
    out_.pass.ids = at::tensor(ids_, at::kLong);
    out_.pass.positions = at::tensor(positions_, at::kLong);
  }

 private:
  // Whether something at or below the node is computed in this pass.
  bool mark(const RadixNode& node) {
    bool needed = needed_.contains(&node) || !node.computed;
    for (const auto& child : node.children) needed = mark(*child) || needed;
    if (needed) needed_.insert(&node);
    return needed;
  }

  int64_t add_segment(int64_t length, int64_t parent, bool cached, int adapter, model::KvRun* run) {
    model::Pass& pass = out_.pass;
    pass.segments.push_back(
        {cached ? 0 : static_cast<int64_t>(ids_.size()), length, parent, cached});
    pass.adapters.push_back(adapter);
    pass.runs.push_back(run);
    if (sources_) pass.sources.push_back(false);
    return static_cast<int64_t>(pass.segments.size()) - 1;
  }

  void emit(RadixNode& node, int64_t parent) {
    if (!needed_.contains(&node)) return;
    const int adapter = node.symbols.front().adapter;
    int64_t segment = 0;
    if (node.computed) {
      segment = add_segment(node.length(), parent, true, adapter, &node.run);
    } else {
      if (node.keep) node.run = model_.make_run(node.length());
      out_.nodes.push_back(&node);
      out_.node_rows.push_back(static_cast<int64_t>(ids_.size()));
      segment = add_segment(node.length(), parent, false, adapter, node.keep ? &node.run : nullptr);
      for (size_t i = 0; i < node.symbols.size(); ++i) {
        ids_.push_back(node.symbols[i].id);
        positions_.push_back(node.begin + static_cast<int64_t>(i));
      }
    }
    if (node.source) out_.pass.sources.back() = true;
    if (const auto found = tails_of_.find(&node); found != tails_of_.end()) {
      for (const auto& [tail, index] : found->second) emit_tail(*tail, index, node, segment);
    }
    for (const auto& child : node.children) emit(*child, segment);
  }

  void emit_tail(const Tail& tail, size_t index, const RadixNode& node, int64_t parent) {
    const int64_t before = tail.run->length;
    const int64_t own = add_segment(before, parent, true, tail.adapter, tail.run);
    out_.tail_rows[index] = static_cast<int64_t>(ids_.size());
    add_segment(static_cast<int64_t>(tail.ids.size()), own, false, tail.adapter, tail.run);
    const int64_t from = node.begin + node.length() + before;
    for (size_t i = 0; i < tail.ids.size(); ++i) {
      ids_.push_back(tail.ids[i]);
      positions_.push_back(from + static_cast<int64_t>(i));
    }
  }

  const model::Decoder& model_;
  bool sources_;
  TreePass& out_;
  std::map<const RadixNode*, std::vector<std::pair<const Tail*, size_t>>> tails_of_;
  std::set<const RadixNode*> needed_;
  std::vector<int64_t> ids_, positions_;
};

}  // namespace

TreePass plan_pass(const RadixTree& tree, const model::Decoder& model, std::vector<Tail>& tails) {
  TreePass out;
  Planner(model, tree.has_sources(), tails, out).plan(tree.root());
  return out;
}

}  // namespace relata::engine
