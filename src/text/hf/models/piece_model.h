// What a tokenizer's model does with one pre-tokenized piece, and what repeated work it can keep.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relata::text {

// A token of a piece; the range is in the piece's bytes.
struct PieceToken {
  int32_t id;
  uint32_t begin;
  uint32_t end;
};
using PieceTokens = std::vector<PieceToken>;

// Buffers that keep their memory from piece to piece. One thread at a time.
struct ModelScratch {
  struct Symbol {
    int32_t id;
    uint32_t end;  // in the piece; where it begins is where the one before it ends
  };
  struct Link {
    int32_t previous;
    int32_t next;
  };
  struct Candidate {
    int32_t rank;
    int32_t position;
    int32_t merged_id;
  };
  struct Node {
    int32_t id;
    uint32_t begin;
    double score;
    double runner_up;  // the score of the second best way here
  };
  std::vector<Symbol> symbols;
  std::vector<int32_t> ranks;
  std::vector<Link> links;
  std::vector<Candidate> queue;
  std::vector<Node> nodes;
  std::vector<PieceToken> path;
  std::string text;
  // How sure a segmentation is against rounding: see UnigramLattice. Models that never round leave
  // it infinite.
  static constexpr float kSure = std::numeric_limits<float>::infinity();
  float lead = kSure;
};

class PieceModel {
 public:
  virtual ~PieceModel() = default;
  virtual std::string name() const = 0;  // "bpe", "unigram", "wordpiece", "wordlevel"
  // Appends the tokens of `piece`, which is not empty.
  virtual void encode(std::string_view piece, ModelScratch& scratch, PieceTokens& out) const = 0;
  virtual int32_t token_to_id(std::string_view token) const = 0;  // -1: none
  virtual std::string_view id_to_token(int32_t id) const = 0;     // "" when out of range
  virtual int32_t id_limit() const = 0;                           // largest id + 1
  virtual int32_t count() const = 0;                              // of tokens: ids may have gaps
  // Whether a piece may be cut before every U+2581 that follows something else: true when no token
  // reaches over such a place. Tokens are then the same, and words repeat where sentences do not.
  virtual bool may_cut_at_spaces() const { return false; }
};

constexpr std::string_view kSpaceMark = "\u2581";

// Whether `token` has a space mark after anything but space marks.
bool crosses_space(std::string_view token);
// The end of the part of `piece` that starts at `begin`: the next place to cut, or the piece's end.
size_t next_cut(std::string_view piece, size_t begin);

// Tokens of pieces seen before. Bounded: it starts afresh when it is full. One thread at a time.
class PieceCache {
 public:
  static constexpr size_t kLongestKey = 96;
  struct Entry {
    std::span<const PieceToken> tokens;  // valid until the next add()
    float lead = ModelScratch::kSure;
  };
  bool find(std::string_view key, Entry& entry) const;  // false when `key` is new
  void add(std::string_view key, const Entry& entry);

 private:
  struct Slot {
    uint64_t hash = 0;
    uint32_t key = 0;     // where it starts in keys_
    uint32_t tokens = 0;  // where they start in tokens_
    uint16_t count = 0;
    uint8_t key_size = 0;  // 0: the slot is free
    float lead = 0;
  };
  static constexpr size_t kFirstSlots = 1 << 10;
  static constexpr size_t kMostSlots = 1 << 18;
  static constexpr size_t kMostTokens = std::numeric_limits<uint16_t>::max();

  size_t slot_of(std::string_view key, uint64_t hash) const;
  void grow();

  std::vector<Slot> slots_;
  size_t used_ = 0;
  std::string keys_;
  PieceTokens tokens_;
};

uint64_t hash_bytes(std::string_view bytes);

}  // namespace relata::text
