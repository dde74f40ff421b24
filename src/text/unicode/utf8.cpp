#include "relata/text/utf8.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "relata/base/utf8.h"
#include "unicode_sets.h"

namespace relata::text {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr size_t kWordBits = 64;
constexpr size_t kGroup = 8;  // words of OffsetMap whose starts are counted together

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

// Where the ASCII characters from `at` on end, to a few bytes: most of any file is markup or
// spaces.
size_t end_of_ascii(std::string_view text, size_t at) {
  constexpr uint64_t kHighBits = 0x8080808080808080ULL;
  constexpr size_t kStep = 32;  // the compiler makes vectors of them
  for (; at + kStep <= text.size(); at += kStep) {
    std::array<uint64_t, kStep / 8> words;
    std::memcpy(words.data(), text.data() + at, kStep);
    if (((words[0] | words[1] | words[2] | words[3]) & kHighBits) != 0) break;
  }
  for (uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & kHighBits) != 0) break;
  }
  return at;
}

}  // namespace

std::optional<size_t> find_invalid_utf8(std::string_view text) {
  for (size_t i = end_of_ascii(text, 0); i < text.size(); i = end_of_ascii(text, i)) {
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
  while (end < valid_utf8.size() && is_continuation_byte(valid_utf8[end])) ++end;
  return end - offset;
}

size_t count_code_points(std::string_view valid_utf8) {
  return static_cast<size_t>(std::count_if(valid_utf8.begin(), valid_utf8.end(),
                                           [](char byte) { return !is_continuation_byte(byte); }));
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

std::string utf16_to_utf8(std::string_view bytes, bool big_endian,
                          std::optional<size_t>* first_bad) {
  std::string out;
  out.reserve(bytes.size() / 2);
  const auto unit = [&](size_t at) -> char32_t {
    const auto first = static_cast<uint8_t>(bytes[at]);
    const auto second = static_cast<uint8_t>(bytes[at + 1]);
    return static_cast<char32_t>(big_endian ? (first << 8) | second : (second << 8) | first);
  };
  const auto bad = [&] {
    if (first_bad && !*first_bad) *first_bad = out.size();
    out += kReplacement;
  };
  size_t at = 0;
  for (; at + 1 < bytes.size(); at += 2) {
    const char32_t high = unit(at);
    if (high < 0xD800 || high > 0xDFFF) {
      append_utf8(out, high);
      continue;
    }
    const char32_t low = high < 0xDC00 && at + 3 < bytes.size() ? unit(at + 2) : 0;
    if (low < 0xDC00 || low > 0xDFFF) {
      bad();
      continue;
    }
    append_utf8(out, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
    at += 2;
  }
  if (at < bytes.size()) bad();
  return out;
}

OffsetMap::OffsetMap(std::string_view valid_utf8) : bytes_(valid_utf8.size()) {
  starts_.resize(bytes_ / kWordBits + 1);
  before_.reserve(starts_.size() / kGroup + 1);
  for (size_t word = 0; word < starts_.size(); ++word) {
    if (word % kGroup == 0) before_.push_back(code_points_);
    const size_t begin = word * kWordBits;
    const size_t count = std::min(kWordBits, bytes_ - begin);
    uint64_t bits = 0;
    for (size_t i = 0; i < count; ++i) {
      bits |= static_cast<uint64_t>(!is_continuation_byte(valid_utf8[begin + i])) << i;
    }
    starts_[word] = bits;
    code_points_ += static_cast<size_t>(std::popcount(bits));
  }
}

size_t OffsetMap::to_code_point(size_t byte) const {
  if (byte >= bytes_) return code_points_;
  const size_t word = byte / kWordBits;
  size_t starts = before_[word / kGroup];
  for (size_t i = word / kGroup * kGroup; i < word; ++i) {
    starts += static_cast<size_t>(std::popcount(starts_[i]));
  }
  const size_t shift = kWordBits - 1 - byte % kWordBits;  // leaves the bits up to the byte's
  starts += static_cast<size_t>(std::popcount(starts_[word] << shift));
  return starts == 0 ? 0 : starts - 1;
}

size_t OffsetMap::to_byte(size_t code_point) const {
  if (code_point >= code_points_) return bytes_;
  const auto after = std::upper_bound(before_.begin(), before_.end(), code_point);
  const auto group = static_cast<size_t>(after - before_.begin()) - 1;
  size_t left = code_point - before_[group];
  size_t word = group * kGroup;
  for (;; ++word) {
    const auto starts = static_cast<size_t>(std::popcount(starts_[word]));
    if (left < starts) break;
    left -= starts;
  }
  uint64_t bits = starts_[word];
  for (; left > 0; --left) bits &= bits - 1;
  return word * kWordBits + static_cast<size_t>(std::countr_zero(bits));
}

}  // namespace relata::text
