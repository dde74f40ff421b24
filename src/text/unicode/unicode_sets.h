// Sets of code points as the reference tokenizers see them, whatever Unicode version ICU has.
//
// Hugging Face's tokenizers are built from libraries of several Unicode versions: 16 and 17 for
// regular expressions and white space, 9 for normalisation forms, 8 for BERT's rules. A vocabulary
// was made with them, so their view of a code point is the right one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace relata::text {

struct CodePoint {
  char32_t value;
  uint32_t length;  // in bytes
};

// The code point that starts at `offset` of valid UTF-8.
inline CodePoint code_point_at(std::string_view text, size_t offset) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[offset + i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1FU) << 6 | (byte(1) & 0x3FU), 2};
  if (lead < 0xF0) {
    return {(lead & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU), 3};
  }
  return {
      (lead & 0x07U) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU),
      4};
}

inline bool is_continuation_byte(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }
// The start of the code point that ends at `end` (> 0).
size_t code_point_start(std::string_view text, size_t end);

// Current Unicode.
bool is_letter(char32_t c);   // \p{L}
bool is_number(char32_t c);   // \p{N}
bool is_numeric(char32_t c);  // the same, one Unicode version later
bool is_space(char32_t c);    // White_Space
bool is_word(char32_t c);     // \w
// The lower case of one code point without its context; up to two code points.
void append_lower(std::string& out, char32_t c);
// Ranges of letters and numbers that ICU may be too old to know, for the inside of a [set].
const std::string& newer_letters();
const std::string& newer_numbers();

// Unicode 8 and 9.
bool is_old_punctuation(char32_t c);      // ASCII symbols too
bool is_old_other(char32_t c);            // control, format, private use
bool is_old_nonspacing_mark(char32_t c);  // Mn
bool is_old_combining_mark(char32_t c);   // M
bool is_known_to_unicode_9(char32_t c);

}  // namespace relata::text
