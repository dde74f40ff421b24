// Draws by chance, the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace relata::data {

// `most` different indices below `count`, each as likely as any other, in ascending order; all of
// them where there are no more. Equal seeds draw equally. Cost: linear in `count`.
// Source: D. E. Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S.
std::vector<size_t> draw_sample(size_t count, size_t most, uint64_t seed);

}  // namespace relata::data
