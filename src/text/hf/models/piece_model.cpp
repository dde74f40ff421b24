#include "piece_model.h"

#include <cstring>

namespace relata::text {
namespace {

uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

template <class Word>
uint64_t load(const char* from) {
  Word value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Up to eight bytes as a number, without a call to memcpy(); the size is hashed apart.
uint64_t load_tail(std::string_view bytes) {
  const char* end = bytes.data() + bytes.size();
  if (bytes.size() >= 8) return load<uint64_t>(end - 8);
  if (bytes.size() >= 4) return load<uint32_t>(bytes.data()) << 32 | load<uint32_t>(end - 4);
  if (bytes.size() >= 2) return load<uint16_t>(bytes.data()) << 16 | load<uint16_t>(end - 2);
  return bytes.empty() ? 0 : static_cast<uint8_t>(bytes.front());
}

}  // namespace

uint64_t hash_bytes(std::string_view bytes) {
  constexpr uint64_t kFirst = 0x9E3779B97F4A7C15;
  constexpr uint64_t kSecond = 0xD1B54A32D192ED03;
  uint64_t hash = bytes.size() * kFirst + kSecond;
  for (; bytes.size() > 8; bytes.remove_prefix(8)) {
    hash = mix(hash ^ load<uint64_t>(bytes.data()), kFirst);
  }
  return mix(hash ^ load_tail(bytes), kSecond);
}

bool crosses_space(std::string_view token) {
  size_t begin = 0;
  while (token.substr(begin).starts_with(kSpaceMark)) begin += kSpaceMark.size();
  return token.find(kSpaceMark, begin) != std::string_view::npos;
}

size_t next_cut(std::string_view piece, size_t begin) {
  while (piece.substr(begin).starts_with(kSpaceMark)) begin += kSpaceMark.size();
  const size_t mark = piece.find(kSpaceMark, begin);
  return mark == std::string_view::npos ? piece.size() : mark;
}

size_t PieceCache::slot_of(std::string_view key, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.key_size == 0) return at;
    if (slot.hash == hash && slot.key_size == key.size() &&
        std::memcmp(keys_.data() + slot.key, key.data(), key.size()) == 0) {
      return at;
    }
  }
}

bool PieceCache::find(std::string_view key, Entry& entry) const {
  if (slots_.empty() || key.empty() || key.size() > kLongestKey) return false;
  const Slot& slot = slots_[slot_of(key, hash_bytes(key))];
  if (slot.key_size == 0) return false;
  entry = {{tokens_.data() + slot.tokens, slot.count}, slot.lead};
  return true;
}

void PieceCache::grow() {
  if (slots_.size() >= kMostSlots) {
    slots_.assign(kMostSlots, {});
    keys_.clear();
    tokens_.clear();
    used_ = 0;
    return;
  }
  std::vector<Slot> old(slots_.empty() ? kFirstSlots : slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.key_size == 0) continue;
    slots_[slot_of({keys_.data() + slot.key, slot.key_size}, slot.hash)] = slot;
  }
}

void PieceCache::add(std::string_view key, const Entry& entry) {
  const auto& tokens = entry.tokens;
  if (key.empty() || key.size() > kLongestKey || tokens.size() > kMostTokens) return;
  if (used_ * 2 >= slots_.size()) grow();
  const uint64_t hash = hash_bytes(key);
  Slot& slot = slots_[slot_of(key, hash)];
  slot = {hash,
          static_cast<uint32_t>(keys_.size()),
          static_cast<uint32_t>(tokens_.size()),
          static_cast<uint16_t>(tokens.size()),
          static_cast<uint8_t>(key.size()),
          entry.lead};
  keys_ += key;
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  ++used_;
}

}  // namespace relata::text
