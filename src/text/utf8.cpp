#include "relata/text/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "relata/base/utf8.h"

namespace relata::text {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Sequence {
  size_t length;
  bool valid;
};

// How many bytes a lead byte announces, and which second bytes may follow it (Unicode, table 3-7:
// the narrowed ranges are what excludes overlong forms, surrogates and values past U+10FFFF).
struct Lead {
  size_t length;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
};

Lead classify_lead(uint8_t byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xC2) return {0};
  if (byte < 0xE0) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

// The sequence at `offset`; an invalid one has the length of its maximal subpart.
Sequence next_sequence(std::string_view text, size_t offset) {
  const Lead lead = classify_lead(static_cast<uint8_t>(text[offset]));
  if (lead.length == 0) return {1, false};
  for (size_t i = 1; i < lead.length; ++i) {
    if (offset + i == text.size()) return {i, false};
    const auto byte = static_cast<uint8_t>(text[offset + i]);
    const uint8_t low = i == 1 ? lead.low : 0x80;
    const uint8_t high = i == 1 ? lead.high : 0xBF;
    if (byte < low || byte > high) return {i, false};
  }
  return {lead.length, true};
}

bool is_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }

}  // namespace

std::optional<size_t> find_invalid_utf8(std::string_view text) {
  constexpr uint64_t kHighBits = 0x8080808080808080ULL;
  for (size_t i = 0; i < text.size();) {
    // Eight ASCII bytes at a time: most of any file is markup or spaces.
    for (uint64_t word = 0; i + sizeof word <= text.size(); i += sizeof word) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if (word & kHighBits) break;
    }
    if (i == text.size()) break;
    const Sequence sequence = next_sequence(text, i);
    if (!sequence.valid) return i;
    i += sequence.length;
  }
  return std::nullopt;
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size();) {
    const Sequence sequence = next_sequence(bytes, i);
    out += sequence.valid ? bytes.substr(i, sequence.length) : kReplacement;
    i += sequence.length;
  }
  return out;
}

size_t code_point_length(std::string_view valid_utf8, size_t offset) {
  size_t end = offset + 1;
  while (end < valid_utf8.size() && is_continuation(valid_utf8[end])) ++end;
  return end - offset;
}

size_t count_code_points(std::string_view valid_utf8) {
  return static_cast<size_t>(std::count_if(valid_utf8.begin(), valid_utf8.end(),
                                           [](char byte) { return !is_continuation(byte); }));
}

void append_utf8(std::string& out, char32_t code_point) { relata::append_utf8(out, code_point); }

std::u32string to_code_points(std::string_view valid_utf8) {
  std::u32string out;
  out.reserve(valid_utf8.size());
  for (size_t i = 0; i < valid_utf8.size();) {
    const size_t length = code_point_length(valid_utf8, i);
    const auto lead = static_cast<uint8_t>(valid_utf8[i]);
    char32_t value = length == 1 ? lead : lead & (0xFF >> (length + 1));
    for (size_t j = 1; j < length; ++j) {
      value = (value << 6) | (static_cast<uint8_t>(valid_utf8[i + j]) & 0x3F);
    }
    out += value;
    i += length;
  }
  return out;
}

std::string to_utf8(std::u32string_view code_points) {
  std::string out;
  out.reserve(code_points.size());
  for (const char32_t code_point : code_points) append_utf8(out, code_point);
  return out;
}

OffsetMap::OffsetMap(std::string_view valid_utf8) {
  starts_.reserve(valid_utf8.size() + 1);
  for (size_t i = 0; i < valid_utf8.size(); ++i) {
    if (!is_continuation(valid_utf8[i])) starts_.push_back(i);
  }
  starts_.push_back(valid_utf8.size());
}

size_t OffsetMap::to_code_point(size_t byte) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), byte);
  return after == starts_.begin() ? 0 : static_cast<size_t>(after - starts_.begin()) - 1;
}

size_t OffsetMap::to_byte(size_t code_point) const {
  return starts_[std::min(code_point, starts_.size() - 1)];
}

}  // namespace relata::text
