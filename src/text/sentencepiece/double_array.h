// A trie of byte strings in one array: a step is one look at one cell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace relata::text {

class DoubleArray {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = ~uint32_t{0};

  DoubleArray() = default;
  // `keys` are sorted, different and not empty; values are not negative.
  explicit DoubleArray(std::span<const std::pair<std::string_view, int32_t>> keys);

  uint32_t step(uint32_t node, char byte) const {  // kNone: no key goes on like that
    const size_t next = cells_[node].base + static_cast<uint8_t>(byte);
    return next < cells_.size() && cells_[next].parent == node ? static_cast<uint32_t>(next)
                                                               : kNone;
  }
  int32_t value(uint32_t node) const { return cells_[node].value; }  // -1: no key ends here

 private:
  struct Cell {
    uint32_t base = 0;
    uint32_t parent = kNone;
    int32_t value = -1;
  };
  class Builder;
  std::vector<Cell> cells_ = std::vector<Cell>(1);
};

}  // namespace relata::text
