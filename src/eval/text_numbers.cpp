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

uint64_t fold(uint64_t hash, uint64_t word) {
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15ULL;
  hash = (hash ^ word) * kFactor;
  return hash ^ (hash >> 29);
}

}  // namespace

uint64_t hash_text(std::string_view text) {
  const char* at = text.data();
  size_t left = text.size();
  uint64_t hash = left;
  for (; left > 8; at += 8, left -= 8) hash = fold(hash, load<uint64_t>(at));
  // The last bytes as two words that overlap where there are fewer.
  uint64_t rest = 0;
  if (left >= 4) {
    rest = load<uint32_t>(at) << 32 | load<uint32_t>(at + left - 4);
  } else if (left >= 2) {
    rest = load<uint16_t>(at) << 32 | load<uint16_t>(at + left - 2);
  } else if (left == 1) {
    rest = static_cast<unsigned char>(*at);
  }
  return fold(fold(hash, rest), text.size());
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
