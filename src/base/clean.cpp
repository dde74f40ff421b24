#include "clean.h"

namespace relata::internal {
namespace {

struct CodeRange {
  char32_t first;
  char32_t last;
};

// Unicode 16's controls (Cc), format characters (Cf) and line separators (Zl, Zp), sorted.
constexpr CodeRange kInvisible[] = {
    {0x00, 0x1F},       {0x7F, 0x9F},       {0xAD, 0xAD},       {0x600, 0x605},
    {0x61C, 0x61C},     {0x6DD, 0x6DD},     {0x70F, 0x70F},     {0x890, 0x891},
    {0x8E2, 0x8E2},     {0x180E, 0x180E},   {0x200B, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x2064},   {0x2066, 0x206F},   {0xFEFF, 0xFEFF},   {0xFFF9, 0xFFFB},
    {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3},
    {0x1D173, 0x1D17A}, {0xE0001, 0xE0001}, {0xE0020, 0xE007F}};

bool is_invisible(char32_t c) {
  if (c == '\n' || c == '\t') return false;
  for (const CodeRange& range : kInvisible) {
    if (c <= range.last) return c >= range.first;
  }
  return false;
}

std::string escaped(char kind, int digits, char32_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out = {'\\', kind};
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kDigits[(value >> shift) & 15];
  return out;
}

// One character, or, where `valid` is false, one byte.
std::string shown_character(std::string_view bytes, bool valid) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (!valid) return escaped('x', 2, byte(0));
  char32_t code = bytes.size() == 1 ? byte(0) : byte(0) & (0xFF >> (bytes.size() + 1));
  for (size_t i = 1; i < bytes.size(); ++i) code = code << 6 | (byte(i) & 0x3F);
  if (!is_invisible(code)) return std::string(bytes);
  return code > 0xFFFF ? escaped('U', 8, code) : escaped('u', 4, code);
}

}  // namespace

size_t utf8_sequence(std::string_view text, size_t offset) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const size_t left = text.size() - offset;
  if (left == 0) return 0;
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  size_t length = 0;
  if (first >= 0xC2 && first <= 0xDF) length = 2;
  if (first >= 0xE0 && first <= 0xEF) length = 3;
  if (first >= 0xF0 && first <= 0xF4) length = 4;
  if (length == 0 || left < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second > 0x9F;
  const bool too_big = first == 0xF4 && second > 0x8F;
  return overlong || surrogate || too_big ? 0 : length;
}

size_t find_bad_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_sequence(text, i);
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

std::string clean_text(std::string_view text, size_t limit) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_sequence(text, i);
    const size_t step = length == 0 ? 1 : length;
    const std::string shown = shown_character(text.substr(i, step), length > 0);
    if (out.size() + shown.size() > limit) {
      out += "...";
      break;
    }
    out += shown;
    i += step;
  }
  return out;
}

}  // namespace relata::internal
