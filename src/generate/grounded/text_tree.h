// The texts that a field of an answer may be, as a compact tree of bytes.
//
// It is what a suffix automaton of a document would be if suffixes began at words only: one node
// for each place where texts part, edges that point into the document. A walk down from the root
// spells a text; marks say where one may end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relata::generate {

class TextTree {
 public:
  // Texts that begin at `begin` of the storage, of at most `length` bytes.
  struct Entry {
    uint32_t begin;
    uint32_t length;
  };
  static constexpr uint32_t kAnyLength = UINT32_MAX;

  // `longest[p]`: the texts that may end at byte p of `storage` have at most so many bytes; 0: no
  // text ends there. Every entry's own end is a place where one may end. The texts must not be
  // empty. Cost: O(e log e) comparisons of e entries, O(sum of lengths) bytes looked at.
  TextTree(std::string storage, std::vector<Entry> entries, const std::vector<uint32_t>& longest);

  // Where a walk is: `offset` bytes into the edge that leads to `node`.
  struct Place {
    uint32_t node = 0;
    uint32_t offset = 0;
    bool operator==(const Place&) const = default;
  };
  Place root() const { return {}; }
  bool empty() const { return count(root()) == 0; }

  bool at_branch(Place place) const { return place.offset == nodes_[place.node].length; }
  // The next byte of an edge; not at a branch.
  uint8_t next_byte(Place place) const {
    return static_cast<uint8_t>(storage_[nodes_[place.node].label + place.offset]);
  }
  uint32_t first_child(uint32_t node) const { return nodes_[node].first_child; }
  uint32_t child_count(uint32_t node) const { return nodes_[node].child_count; }
  uint8_t first_byte(uint32_t child) const { return first_bytes_[child]; }
  // False where no text goes on with `byte`; `place` is then as it was.
  bool step(Place& place, uint8_t byte) const;

  bool is_end(Place place) const {
    return place.offset > 0 && mark(nodes_[place.node].marks + place.offset - 1);
  }
  // How many texts begin with what was spelled, that itself included. Saturates at 2^32 - 1.
  uint32_t count(Place place) const;
  std::string_view text(Place place) const;  // what was spelled
  uint32_t depth(Place place) const { return nodes_[place.node].depth + place.offset; }

 private:
  struct Node {
    uint32_t label;   // where the edge's bytes are in storage_
    uint32_t length;  // of the edge
    uint32_t depth;   // bytes before the edge
    uint32_t first_child = 0;
    uint32_t child_count = 0;
    uint32_t marks = 0;  // the bit of the edge's first byte
    uint32_t count = 0;  // texts that end on the edge or below
  };
  struct Range {
    size_t begin;
    size_t end;
  };

  bool mark(uint32_t bit) const { return (marks_[bit >> 6] >> (bit & 63) & 1) != 0; }
  void grow(const std::vector<Entry>& entries, const std::vector<uint32_t>& longest);
  uint32_t edge_length(const std::vector<Entry>& entries, Range range, uint32_t depth) const;
  void set_marks(const std::vector<Entry>& entries, Range range, Node& node,
                 const std::vector<uint32_t>& longest);
  void count_texts();

  std::string storage_;
  std::vector<Node> nodes_;           // children of a node side by side, after it
  std::vector<uint8_t> first_bytes_;  // by node
  std::vector<uint64_t> marks_;
  uint32_t mark_count_ = 0;
};

}  // namespace relata::generate
