// The hash table under the tables of this layer: it finds numbers, and what they stand for is the
// caller's.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

namespace relata::eval {

// Numbers are 0, 1, 2, ... in the order of adding, below 2^32. `same(number)` says whether the
// number stands for what is looked for; it is asked only where 32 bits of the hash agree. Hashes
// must be mixed well in their upper half.
class HashSlots {
 public:
  // -1 when there is none.
  template <class Same>
  int64_t find(uint64_t hash, Same same) const {
    if (slots_.empty()) return -1;
    return static_cast<int64_t>(slots_[place_of(hash, same)] & kLower) - 1;
  }

  struct Entry {
    uint32_t number = 0;
    bool fresh = false;  // added now
  };
  template <class Same>
  Entry add(uint64_t hash, Same same) {
    if (slots_.size() < 2 * (size_ + 1)) reserve(2 * (size_ + 1));
    uint64_t& slot = slots_[place_of(hash, same)];
    if (slot != 0) return {static_cast<uint32_t>((slot & kLower) - 1), false};
    slot = (hash & ~kLower) | ++size_;
    return {static_cast<uint32_t>(size_ - 1), true};
  }

  size_t size() const { return size_; }

  // Forgets all, with room for so many. Cost: of that room.
  void clear(size_t numbers) {
    slots_.assign(room_for(numbers), 0);
    size_ = 0;
  }

 private:
  static size_t room_for(size_t numbers) {
    return std::bit_ceil(std::max<size_t>(64, 2 * numbers));
  }

  static constexpr uint64_t kLower = 0xFFFFFFFF;

  void reserve(size_t numbers) {
    const size_t wanted = room_for(numbers);
    if (wanted <= slots_.size()) return;
    for (const uint64_t slot : std::exchange(slots_, std::vector<uint64_t>(wanted))) {
      if (slot == 0) continue;
      size_t at = (slot >> 32) & (wanted - 1);
      while (slots_[at] != 0) at = (at + 1) & (wanted - 1);
      slots_[at] = slot;
    }
  }

  // The slot of the number, or a free one. Slots are counted by the half of the hash that they
  // keep, so that growing needs no other.
  template <class Same>
  size_t place_of(uint64_t hash, Same same) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (hash >> 32) & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
      if (((slots_[at] ^ hash) >> 32) == 0 &&
          same(static_cast<uint32_t>((slots_[at] & kLower) - 1))) {
        break;
      }
    }
    return at;
  }

  std::vector<uint64_t> slots_;  // the upper half of a hash and a number plus 1, or 0
  size_t size_ = 0;
};

}  // namespace relata::eval
