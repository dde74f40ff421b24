// Damaged GGUF files: seeded mutations of whole ones. 500 of each, 10,000 with FULL_TESTS=1.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

namespace relata {

inline int mutation_count() {
  const char* full = std::getenv("FULL_TESTS");
  return full != nullptr && std::string(full) == "1" ? 10'000 : 500;
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // One to three changes: bits, bytes, 32- and 64-bit numbers at their limits, bytes cut out, put
  // in or copied from elsewhere, the end cut off.
  std::string mutate(std::string text) {
    for (size_t i = 0, count = 1 + below(3); i < count && !text.empty(); ++i) change(text);
    return text;
  }

 private:
  size_t below(size_t limit) { return static_cast<size_t>(random_() % limit); }

  void change(std::string& text) {
    const size_t at = below(text.size());
    const size_t length = std::min(text.size() - at, 1 + below(16));
    switch (below(8)) {
      case 0:
        text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        text[at] = static_cast<char>(random_());
        break;
      case 2:
        put(text, at, std::array<uint32_t, 5>{0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF}[below(5)]);
        break;
      case 3:
        put(text, at,
            std::array<uint64_t, 6>{0, 1, uint64_t{1} << 32U, uint64_t{1} << 62U, INT64_MAX,
                                    UINT64_MAX}[below(6)]);
        break;
      case 4:
        text.erase(at, length);
        break;
      case 5:
        text.insert(at, length, static_cast<char>(random_()));
        break;
      case 6:
        text.replace(at, length, text.substr(below(text.size()), length));
        break;
      default:
        text.resize(at);
    }
  }

  template <class T>
  static void put(std::string& text, size_t at, T value) {
    std::memcpy(text.data() + at, &value, std::min(sizeof value, text.size() - at));
  }

  std::mt19937_64 random_;
};

}  // namespace relata
