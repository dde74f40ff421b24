#include "grounded/vocabulary_trie.h"

#include <algorithm>
#include <stdexcept>

#include "relata/text/utf8.h"

namespace relata::generate {
namespace {

constexpr uint32_t kFewChildren = 8;  // looked through one by one

}  // namespace

VocabularyTrie::VocabularyTrie(std::vector<std::string> bytes) : bytes_(std::move(bytes)) {
  for (size_t id = 0; id < bytes_.size(); ++id) {
    if (!bytes_[id].empty()) ids_.push_back(static_cast<int32_t>(id));
    whole_points_ = whole_points_ && !text::find_invalid_utf8(bytes_[id]);
  }
  const auto text_of = [&](size_t i) -> const std::string& {
    return bytes_[static_cast<size_t>(ids_[i])];
  };
  std::stable_sort(ids_.begin(), ids_.end(), [&](int32_t a, int32_t b) {
    return bytes_[static_cast<size_t>(a)] < bytes_[static_cast<size_t>(b)];
  });
  struct Work {
    size_t begin;
    size_t end;
    size_t depth;
  };
  std::vector<Work> work = {{0, ids_.size(), 0}};
  nodes_.emplace_back();
  node_bytes_.push_back(0);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    auto [begin, end, depth] = work[i];
    nodes_[i].tokens = static_cast<uint32_t>(begin);
    while (begin < end && text_of(begin).size() == depth) ++begin;
    nodes_[i].token_count = static_cast<uint16_t>(begin - nodes_[i].tokens);
    if (begin - nodes_[i].tokens > UINT16_MAX) {
      throw std::logic_error("VocabularyTrie: more than 65,535 tokens with the same bytes");
    }
    nodes_[i].first_child = static_cast<uint32_t>(nodes_.size());
    while (begin < end) {
      const char byte = text_of(begin)[depth];
      size_t next = begin + 1;
      while (next < end && text_of(next)[depth] == byte) ++next;
      nodes_.emplace_back();
      node_bytes_.push_back(static_cast<uint8_t>(byte));
      work.push_back({begin, next, depth + 1});
      begin = next;
    }
    nodes_[i].child_count = static_cast<uint16_t>(nodes_.size() - nodes_[i].first_child);
  }
  root_children_.resize(256);
  for (uint32_t byte = 0; byte < 256; ++byte) {
    root_children_[byte] = find_child(nodes_[kRoot], static_cast<uint8_t>(byte));
    const uint32_t node = root_children_[byte];
    has_all_bytes_ = has_all_bytes_ && node != kNone && !tokens(node).empty();
  }
}

uint32_t VocabularyTrie::find_child(const Node& node, uint8_t byte) const {
  const uint8_t* begin = node_bytes_.data() + node.first_child;
  if (node.child_count <= kFewChildren) {
    for (uint32_t i = 0; i < node.child_count; ++i) {
      if (begin[i] == byte) return node.first_child + i;
    }
    return kNone;
  }
  const uint8_t* end = begin + node.child_count;
  const uint8_t* found = std::lower_bound(begin, end, byte);
  if (found == end || *found != byte) return kNone;
  return node.first_child + static_cast<uint32_t>(found - begin);
}

uint32_t VocabularyTrie::find(std::string_view text) const {
  uint32_t node = kRoot;
  for (const char byte : text) {
    node = child(node, static_cast<uint8_t>(byte));
    if (node == kNone) return kNone;
  }
  return node;
}

std::string_view VocabularyTrie::bytes(int32_t id) const {
  return id < 0 || id >= size() ? std::string_view() : bytes_[static_cast<size_t>(id)];
}

// Where tokens end inside code points, an answer may have come to such a place, and only single
// bytes are sure to lead on.
bool VocabularyTrie::spells(std::string_view code_point) const {
  const auto is_token = [&](std::string_view text) {
    const uint32_t node = find(text);
    return node != kNone && !tokens(node).empty();
  };
  if (whole_points_) return is_token(code_point);
  return std::all_of(code_point.begin(), code_point.end(), [&](const char& byte) {
    return is_token({&byte, 1});
  });
}

}  // namespace relata::generate
