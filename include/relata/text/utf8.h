// UTF-8 and the two ways to count in it: bytes (inside C++) and code points (files and APIs).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relata::text {

// Half-open range of bytes.
struct ByteRange {
  size_t begin = 0;
  size_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

// The byte offset of the first invalid sequence (overlong forms and surrogates count as invalid).
std::optional<size_t> find_invalid_utf8(std::string_view text);

// Every maximal invalid sequence replaced by one U+FFFD.
std::string replace_invalid_utf8(std::string_view bytes);
// Bytes of the code point at `offset`, which must be the start of one.
size_t code_point_length(std::string_view valid_utf8, size_t offset);

size_t count_code_points(std::string_view valid_utf8);
void append_utf8(std::string& out, char32_t code_point);
std::u32string to_code_points(std::string_view valid_utf8);
std::string to_utf8(std::u32string_view code_points);
// Whether it is of text that is written without spaces (Han, kana), its punctuation or full-width.
constexpr bool is_spaceless(char32_t c) {
  return (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0xFF00 && c <= 0xFFEF) || (c >= 0x20000 && c <= 0x3FFFF);
}

// UTF-16 as UTF-8. A surrogate without its other half and half a unit at the end become U+FFFD;
// `first_bad`, if given, is then set to where the first of them stands in what is returned.
std::string utf16_to_utf8(std::string_view bytes, bool big_endian,
                          std::optional<size_t>* first_bad = nullptr);

// Converts offsets between bytes and code points of one text, which it does not keep. Construction
// is O(bytes), lookups O(log bytes), memory about a seventh of the text's. An offset inside a code
// point rounds down; one past the end is clamped.
class OffsetMap {
 public:
  explicit OffsetMap(std::string_view valid_utf8);
  size_t to_code_point(size_t byte) const;
  size_t to_byte(size_t code_point) const;
  size_t code_points() const { return code_points_; }

 private:
  std::vector<uint64_t> starts_;  // bit i of word w: a code point starts at byte 64 w + i
  std::vector<size_t> before_;    // code points that start before each group of words
  size_t bytes_ = 0;
  size_t code_points_ = 0;
};

}  // namespace relata::text
