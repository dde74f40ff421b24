// Byte-pair merging: of two neighbours with a rule, those whose rule ranks first, and of equals the
// leftmost, become one symbol, until no rule applies.
#pragma once

#include <cstdint>
#include <vector>

#include "piece_model.h"

namespace relata::text {

class PairMerger {
 public:
  struct Merge {
    int32_t rank;
    int32_t id;
  };

  void reserve(size_t rules);
  void set(int32_t left, int32_t right, Merge merge);  // replaces an earlier rule for the pair
  const Merge* find(int32_t left, int32_t right) const;
  size_t size() const { return used_; }

  // Merges scratch.symbols in place. O(n log n); a plain scan for few symbols, which is faster.
  void merge(ModelScratch& scratch) const;

 private:
  struct Slot {
    uint64_t key = kFree;
    Merge merge{};
  };
  static constexpr uint64_t kFree = ~uint64_t{0};  // no pair: ids are not negative

  static uint64_t key_of(int32_t left, int32_t right);
  size_t slot_of(uint64_t key) const;
  void merge_few(ModelScratch& scratch) const;
  void merge_many(ModelScratch& scratch) const;

  std::vector<Slot> slots_;
  size_t used_ = 0;
};

}  // namespace relata::text
