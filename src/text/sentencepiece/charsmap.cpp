#include "charsmap.h"

#include "relata/text/utf8.h"
#include "unicode/unicode_sets.h"

namespace relata::text {
namespace {

uint32_t little_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  }
  return value;
}

// The fields of a darts-clone unit.
bool has_leaf(uint32_t unit) { return ((unit >> 8) & 1) != 0; }
uint32_t leaf_value(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t label(uint32_t unit) { return unit & 0x800000FF; }
uint32_t offset(uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }

}  // namespace

std::array<bool, 128> Charsmap::all_plain() {
  std::array<bool, 128> plain{};
  plain.fill(true);
  return plain;
}

Result<Charsmap> Charsmap::parse(std::string_view blob, const std::string& where) {
  Charsmap map;
  if (blob.empty()) return map;
  const uint32_t size = blob.size() < 4 ? 0 : little_endian(blob);
  if (size == 0 || size % 4 != 0 || size > blob.size() - 4) {
    return input_error(where + ": the precompiled_charsmap is cut off or damaged",
                       "fetch the file again");
  }
  for (uint32_t i = 0; i < size; i += 4) {
    map.units_.push_back(little_endian(blob.substr(4 + i, 4)));
  }
  map.replacements_ = blob.substr(4 + size);
  for (unsigned first = 0; first < 128; ++first) map.plain_[first] = map.leads_nowhere(first);
  return map;
}

// Walks from node to node; `found` is told the value after every byte that ends a rule.
template <class Found>
void Charsmap::search(std::string_view text, Found found) const {
  if (units_.empty()) return;
  size_t node = offset(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    node ^= byte;
    if (node >= units_.size() || label(units_[node]) != byte) return;
    const uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size() || !found(i + 1, leaf_value(units_[node]))) return;
  }
}

bool Charsmap::leads_nowhere(unsigned first) const {
  const size_t node = offset(units_[0]) ^ first;
  if (node >= units_.size() || label(units_[node]) != first) return true;
  if (has_leaf(units_[node])) return false;
  const size_t below = node ^ offset(units_[node]);
  for (unsigned second = 0; second < 128; ++second) {
    const size_t next = below ^ second;
    if (next < units_.size() && label(units_[next]) == second) return false;
  }
  return true;
}

// A damaged map may cut code points or hold bytes that are no text: such rules are passed over.
bool Charsmap::is_sound(std::string_view text, const Match& match) {
  const bool whole = match.length == text.size() || !is_continuation_byte(text[match.length]);
  return whole && !find_invalid_utf8(match.replacement);
}

Charsmap::Match Charsmap::longest(std::string_view text) const {
  Match match;
  search(text, [&](size_t length, uint32_t at) {
    const Match found = {length, replacement(at)};
    if (is_sound(text, found)) match = found;
    return true;
  });
  return match;
}

Charsmap::Match Charsmap::shortest(std::string_view text) const {
  Match match;
  search(text, [&](size_t length, uint32_t at) {
    const Match found = {length, replacement(at)};
    if (is_sound(text, found)) match = found;
    return match.length == 0;
  });
  return match;
}

std::string_view Charsmap::replacement(uint32_t at) const {
  if (at >= replacements_.size()) return {};
  const size_t end = replacements_.find('\0', at);
  return std::string_view(replacements_).substr(at, end == std::string::npos ? end : end - at);
}

}  // namespace relata::text
