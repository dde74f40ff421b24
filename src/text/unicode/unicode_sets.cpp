#include "unicode_sets.h"

#include <fmt/format.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <span>

#include "relata/text/utf8.h"

namespace relata::text {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// General category L and N in Unicode 16, unassigned in Unicode 15.
constexpr std::array kLetters16 = {
    Range{0x1C89, 0x1C8A},   Range{0xA7CB, 0xA7CD},   Range{0xA7DA, 0xA7DC},
    Range{0x105C0, 0x105F3}, Range{0x10D4A, 0x10D65}, Range{0x10D6F, 0x10D85},
    Range{0x10EC2, 0x10EC4}, Range{0x11380, 0x11389}, Range{0x1138B, 0x1138B},
    Range{0x1138E, 0x1138E}, Range{0x11390, 0x113B5}, Range{0x113B7, 0x113B7},
    Range{0x113D1, 0x113D1}, Range{0x113D3, 0x113D3}, Range{0x11BC0, 0x11BE0},
    Range{0x13460, 0x143FA}, Range{0x16100, 0x1611D}, Range{0x16D40, 0x16D6C},
    Range{0x18CFF, 0x18CFF}, Range{0x1E5D0, 0x1E5ED}, Range{0x1E5F0, 0x1E5F0},
    Range{0x2EBF0, 0x2EE5D},
};
constexpr std::array kNumbers16 = {
    Range{0x10D40, 0x10D49}, Range{0x116D0, 0x116E3}, Range{0x11BF0, 0x11BF9},
    Range{0x16130, 0x16139}, Range{0x16D70, 0x16D79}, Range{0x1CCF0, 0x1CCF9},
    Range{0x1E5F1, 0x1E5FA},
};
constexpr std::array kMarks16 = {
    Range{0x0897, 0x0897},   Range{0x10D69, 0x10D6D}, Range{0x10EFC, 0x10EFC},
    Range{0x113B8, 0x113C0}, Range{0x113C2, 0x113C2}, Range{0x113C5, 0x113C5},
    Range{0x113C7, 0x113CA}, Range{0x113CC, 0x113D0}, Range{0x113D2, 0x113D2},
    Range{0x113E1, 0x113E2}, Range{0x11F5A, 0x11F5A}, Range{0x1611E, 0x1612F},
    Range{0x1E5EE, 0x1E5EF},
};
constexpr std::array kNumbers17 = {Range{0x11DE0, 0x11DE9}, Range{0x16FF4, 0x16FF6}};

bool in(std::span<const Range> ranges, char32_t c) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), c,
                                      [](char32_t value, Range r) { return value < r.first; });
  return after != ranges.begin() && c <= (after - 1)->last;
}

uint32_t category_bit(char32_t c) { return U_MASK(u_charType(static_cast<UChar32>(c))); }
bool unassigned(uint32_t bit) { return (bit & U_GC_CN_MASK) != 0; }

bool known_to(char32_t c, uint8_t version) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] <= version;
}

struct Lower {
  char32_t first;
  char32_t last;
  char32_t to;  // of `first`
};
// Lower case of letters that Unicode 16 and 17 added.
constexpr std::array kLower17 = {
    Lower{0x1C89, 0x1C89, 0x1C8A},    Lower{0xA7CB, 0xA7CB, 0x0264},
    Lower{0xA7CC, 0xA7CC, 0xA7CD},    Lower{0xA7CE, 0xA7CE, 0xA7CF},
    Lower{0xA7D2, 0xA7D2, 0xA7D3},    Lower{0xA7D4, 0xA7D4, 0xA7D5},
    Lower{0xA7DA, 0xA7DA, 0xA7DB},    Lower{0xA7DC, 0xA7DC, 0x019B},
    Lower{0x10D50, 0x10D65, 0x10D70}, Lower{0x16EA0, 0x16EB8, 0x16EBB},
};

std::string set_text(std::span<const Range> ranges) {
  std::string out;
  for (const Range& range : ranges) {
    out += fmt::format("\\U{:08X}-\\U{:08X}", static_cast<uint32_t>(range.first),
                       static_cast<uint32_t>(range.last));
  }
  return out;
}

}  // namespace

size_t code_point_start(std::string_view text, size_t end) {
  do {
    --end;
  } while (end > 0 && is_continuation_byte(text[end]));
  return end;
}

bool is_letter(char32_t c) {
  if (c < 0x80) return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
  const uint32_t bit = category_bit(c);
  return (bit & U_GC_L_MASK) != 0 || (unassigned(bit) && in(kLetters16, c));
}

bool is_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const uint32_t bit = category_bit(c);
  return (bit & U_GC_N_MASK) != 0 || (unassigned(bit) && in(kNumbers16, c));
}

bool is_numeric(char32_t c) { return is_number(c) || in(kNumbers17, c); }

bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0;
}

bool is_word(char32_t c) {
  if (c < 0x80) return is_letter(c) || is_number(c) || c == '_';
  const uint32_t bit = category_bit(c);
  if ((bit & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0) return true;
  if (unassigned(bit)) return in(kLetters16, c) || in(kNumbers16, c) || in(kMarks16, c);
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_ALPHABETIC) ||
         u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_JOIN_CONTROL);
}

void append_lower(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    return;
  }
  if (c == 0x130) {  // the one letter whose lower case is two code points
    out += "i\u0307";
    return;
  }
  for (const Lower& lower : kLower17) {
    if (c >= lower.first && c <= lower.last) return append_utf8(out, lower.to + (c - lower.first));
  }
  append_utf8(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
}

const std::string& newer_letters() {
  static const std::string kText = set_text(kLetters16);
  return kText;
}

const std::string& newer_numbers() {
  static const std::string kText = set_text(kNumbers16);
  return kText;
}

bool is_old_punctuation(char32_t c) {
  if (c < 0x80) return c > ' ' && c < 0x7F && !is_letter(c) && !is_number(c);
  if (c == 0x166D) return true;   // a symbol since Unicode 12
  if (c == 0x111C9) return true;  // a mark since Unicode 11
  return (category_bit(c) & U_GC_P_MASK) != 0 && known_to(c, 8);
}

bool is_old_other(char32_t c) {
  return (category_bit(c) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0 && known_to(c, 8);
}

bool is_old_nonspacing_mark(char32_t c) {
  if (c == 0x1734) return true;  // has been spacing since Unicode 14
  if (c == 0x1885 || c == 0x1886 || c == 0x111C9) return false;
  if (c == 0xA9BD) return false;
  return (category_bit(c) & U_GC_MN_MASK) != 0 && known_to(c, 8);
}

bool is_old_combining_mark(char32_t c) {
  if (c == 0x1CF2 || c == 0x1CF3) return true;  // letters since Unicode 12
  if (c == 0x111C9) return false;
  return (category_bit(c) & U_GC_M_MASK) != 0 && known_to(c, 9);
}

bool is_known_to_unicode_9(char32_t c) { return known_to(c, 9); }

}  // namespace relata::text
