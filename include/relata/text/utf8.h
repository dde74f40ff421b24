// UTF-8 and the two ways to count in it: bytes (inside C++) and code points (files and APIs).
#pragma once

#include <cstddef>
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

// Converts offsets between bytes and code points of one text. Construction is O(bytes), lookups
// O(log bytes). An offset inside a code point rounds down; one past the end is clamped.
class OffsetMap {
 public:
  explicit OffsetMap(std::string_view valid_utf8);
  size_t to_code_point(size_t byte) const;
  size_t to_byte(size_t code_point) const;
  size_t code_points() const { return starts_.size() - 1; }

 private:
  std::vector<size_t> starts_;  // byte offset of every code point, then the text's size
};

}  // namespace relata::text
