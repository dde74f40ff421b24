// A set of tokens that is filled and emptied quickly and gives its members in order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace relata::generate {

class TokenSet {
 public:
  explicit TokenSet(int32_t size) : words_((static_cast<size_t>(size) + 63) / 64) {}

  void add(int32_t id) { word(id) |= bit(id); }
  void add(std::span<const int32_t> ids) {
    for (const int32_t id : ids) add(id);
  }
  void remove(std::span<const int32_t> ids) {
    for (const int32_t id : ids) word(id) &= ~bit(id);
  }
  void add(const TokenSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  // Writes the members to `ids`, ascending, and leaves the set empty.
  void take(std::vector<int32_t>& ids) {
    ids.clear();
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t rest = words_[i]; rest != 0; rest &= rest - 1) {
        ids.push_back(static_cast<int32_t>(i * 64 + static_cast<size_t>(__builtin_ctzll(rest))));
      }
      words_[i] = 0;
    }
  }

 private:
  uint64_t& word(int32_t id) { return words_[static_cast<size_t>(id) >> 6]; }
  static uint64_t bit(int32_t id) { return uint64_t{1} << (static_cast<uint32_t>(id) & 63U); }

  std::vector<uint64_t> words_;
};

}  // namespace relata::generate
