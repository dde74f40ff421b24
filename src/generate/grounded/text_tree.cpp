#include "grounded/text_tree.h"

#include <algorithm>
#include <cstring>

namespace relata::generate {
namespace {

uint32_t saturated_sum(uint32_t a, uint32_t b) { return a > UINT32_MAX - b ? UINT32_MAX : a + b; }

}  // namespace

TextTree::TextTree(std::string storage, std::vector<Entry> entries,
                   const std::vector<uint32_t>& longest)
    : storage_(std::move(storage)) {
  const std::string_view all = storage_;
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    return all.substr(a.begin, a.length) < all.substr(b.begin, b.length);
  });
  grow(entries, longest);
  count_texts();
}

void TextTree::grow(const std::vector<Entry>& entries, const std::vector<uint32_t>& longest) {
  std::vector<Range> ranges = {{0, entries.size()}};
  nodes_.push_back({.label = 0, .length = 0, .depth = 0});
  first_bytes_.push_back(0);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Range range = ranges[i];
    if (i > 0) {
      nodes_[i].length = edge_length(entries, range, nodes_[i].depth);
      set_marks(entries, range, nodes_[i], longest);
    }
    const uint32_t depth = nodes_[i].depth + nodes_[i].length;
    while (range.begin < range.end && entries[range.begin].length == depth) ++range.begin;
    nodes_[i].first_child = static_cast<uint32_t>(nodes_.size());
    while (range.begin < range.end) {
      const uint32_t label = entries[range.begin].begin + depth;
      size_t end = range.begin + 1;
      while (end < range.end && storage_[entries[end].begin + depth] == storage_[label]) ++end;
      nodes_.push_back({.label = label, .length = 0, .depth = depth});
      first_bytes_.push_back(static_cast<uint8_t>(storage_[label]));
      ranges.push_back({range.begin, end});
      range.begin = end;
    }
    nodes_[i].child_count = static_cast<uint32_t>(nodes_.size()) - nodes_[i].first_child;
  }
}

// Entries are sorted: what the first and the last share, all share, and the first is the shortest
// of those that end early.
uint32_t TextTree::edge_length(const std::vector<Entry>& entries, Range range,
                               uint32_t depth) const {
  const Entry& first = entries[range.begin];
  const Entry& last = entries[range.end - 1];
  const uint32_t most = std::min(first.length, last.length);
  uint32_t at = depth;
  while (at < most && storage_[first.begin + at] == storage_[last.begin + at]) ++at;
  return at - depth;
}

void TextTree::set_marks(const std::vector<Entry>& entries, Range range, Node& node,
                         const std::vector<uint32_t>& longest) {
  node.marks = mark_count_;
  mark_count_ += node.length;
  marks_.resize((mark_count_ + 63) / 64);
  for (size_t i = range.begin; i < range.end; ++i) {
    for (uint32_t k = 0; k < node.length; ++k) {
      const uint32_t length = node.depth + k + 1;
      if (longest[entries[i].begin + length] < length) continue;
      marks_[(node.marks + k) >> 6] |= uint64_t{1} << ((node.marks + k) & 63);
    }
  }
}

void TextTree::count_texts() {
  for (size_t i = nodes_.size(); i-- > 0;) {
    Node& node = nodes_[i];
    for (uint32_t k = 0; k < node.length; ++k) node.count += mark(node.marks + k) ? 1 : 0;
    for (uint32_t c = 0; c < node.child_count; ++c) {
      node.count = saturated_sum(node.count, nodes_[node.first_child + c].count);
    }
  }
}

bool TextTree::step(Place& place, uint8_t byte) const {
  if (!at_branch(place)) {
    if (next_byte(place) != byte) return false;
    ++place.offset;
    return true;
  }
  const Node& node = nodes_[place.node];
  if (node.child_count == 0) return false;
  const uint8_t* begin = first_bytes_.data() + node.first_child;
  const void* found = std::memchr(begin, byte, node.child_count);
  if (found == nullptr) return false;
  place.node = node.first_child + static_cast<uint32_t>(static_cast<const uint8_t*>(found) - begin);
  place.offset = 1;
  return true;
}

uint32_t TextTree::count(Place place) const {
  const Node& node = nodes_[place.node];
  if (node.count == UINT32_MAX) return node.count;
  uint32_t before = 0;
  for (uint32_t k = 0; k + 1 < place.offset; ++k) before += mark(node.marks + k) ? 1 : 0;
  return node.count - before;
}

std::string_view TextTree::text(Place place) const {
  const Node& node = nodes_[place.node];
  return std::string_view(storage_).substr(node.label - node.depth, node.depth + place.offset);
}

}  // namespace relata::generate
