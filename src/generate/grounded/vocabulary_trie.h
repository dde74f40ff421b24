// The bytes of every token of a vocabulary that an answer may use, as a trie.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relata::generate {

class VocabularyTrie {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = UINT32_MAX;

  // bytes[id]; "": the token is left out. Several tokens may have the same bytes.
  explicit VocabularyTrie(std::vector<std::string> bytes);

  std::string_view bytes(int32_t id) const;  // "" when left out or out of range
  int32_t size() const { return static_cast<int32_t>(bytes_.size()); }
  uint32_t child(uint32_t node, uint8_t byte) const {
    if (node == kRoot) return root_children_[byte];
    return find_child(nodes_[node], byte);
  }
  uint32_t first_child(uint32_t node) const { return nodes_[node].first_child; }
  uint32_t child_count(uint32_t node) const { return nodes_[node].child_count; }
  uint8_t byte_of(uint32_t child) const { return node_bytes_[child]; }
  // The tokens whose bytes lead exactly to `node`.
  std::span<const int32_t> tokens(uint32_t node) const {
    return std::span(ids_).subspan(nodes_[node].tokens, nodes_[node].token_count);
  }
  // Whether tokens spell `code_point` (its UTF-8) whatever way a text that holds it was begun.
  bool spells(std::string_view code_point) const;
  bool has_all_bytes() const { return has_all_bytes_; }  // then it spells everything

 private:
  struct Node {
    uint32_t first_child = 0;
    uint32_t tokens = 0;
    uint16_t child_count = 0;
    uint16_t token_count = 0;
  };
  uint32_t find_child(const Node& node, uint8_t byte) const;
  uint32_t find(std::string_view text) const;

  std::vector<std::string> bytes_;
  std::vector<int32_t> ids_;  // by their bytes
  std::vector<Node> nodes_;   // children of a node side by side, ascending
  std::vector<uint8_t> node_bytes_;
  std::vector<uint32_t> root_children_;  // by byte
  bool whole_points_ = true;             // no token ends inside a code point
  bool has_all_bytes_ = true;            // every byte is a token
};

}  // namespace relata::generate
