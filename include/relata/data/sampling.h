// Draws by chance, the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace relata::data {

// `most` different indices below `count`, each as likely as any other, in ascending order; all of
// them where there are no more. Equal seeds draw equally. Cost: linear in `count`.
// Source: D. E. Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S.
std::vector<size_t> draw_sample(size_t count, size_t most, uint64_t seed);

// The items so drawn, in their order; all of them where `most` is not above 0.
template <class Item>
std::vector<Item> draw_items(std::vector<Item> items, int64_t most, uint64_t seed) {
  if (most <= 0) return items;
  std::vector<Item> drawn;
  for (const size_t index : draw_sample(items.size(), static_cast<size_t>(most), seed)) {
    drawn.push_back(std::move(items[index]));
  }
  return drawn;
}

}  // namespace relata::data
