#include "relata/eval/text_numbers.h"

#include <cstring>

namespace relata::eval {
namespace {

template <class Word>
uint64_t load(const char* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Both halves of the product, which every bit of the factors reaches.
uint64_t mix(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

// Few branches depend on the length, which the processor cannot guess: words overlap instead.
uint64_t hash_text(std::string_view text) {
  constexpr uint64_t kFirst = 0x9E3779B97F4A7C15ULL, kSecond = 0xD1B54A32D192ED03ULL;
  const char* at = text.data();
  const size_t size = text.size();
  uint64_t hash = kFirst ^ size, a = 0, b = 0;
  if (size > 16) {
    const char* last = at + size - 16;
    for (; at < last; at += 16) {
      hash = mix(load<uint64_t>(at) ^ kSecond, load<uint64_t>(at + 8) ^ hash);
    }
    a = load<uint64_t>(last);
    b = load<uint64_t>(last + 8);
  } else if (size >= 4) {
    const size_t step = size / 8 * 4;
    const char* last = at + size - 4;
    a = load<uint32_t>(at) << 32 | load<uint32_t>(at + step);
    b = load<uint32_t>(last) << 32 | load<uint32_t>(last - step);
  } else if (size > 0) {
    a = load<uint8_t>(at) << 16 | load<uint8_t>(at + size / 2) << 8 | load<uint8_t>(at + size - 1);
  }
  return mix(mix(a ^ kSecond, b ^ hash), kFirst);
}

TextNumbers::Entry TextNumbers::add(std::string_view text) {
  const auto [number, fresh] =
      slots_.add(hash_text(text), [&](uint32_t candidate) { return texts_[candidate] == text; });
  if (fresh) texts_.push_back(text);
  return {static_cast<int>(number), fresh};
}

int TextNumbers::find(std::string_view text) const {
  return static_cast<int>(
      slots_.find(hash_text(text), [&](uint32_t candidate) { return texts_[candidate] == text; }));
}

}  // namespace relata::eval
