// Python's str methods on UTF-8, for the Jinja interpreter. All texts are valid UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relata::text::jinja {

// Python's str.isspace() of one character.
bool is_space(char32_t c);

enum class Side { kLeft, kRight, kBoth };
// Without `chars`, whitespace; else every character that occurs in *chars.
std::string_view strip(std::string_view text, Side side, const std::string* chars = nullptr);

// How often `part`, which is not empty, occurs without overlap; how many words and lines there are.
size_t count_of(std::string_view text, std::string_view part);
size_t count_words(std::string_view text);
size_t count_lines(std::string_view text);

// At runs of whitespace; `limit` splits at most (-1: all), counted from the right if `from_right`.
std::vector<std::string> split_words(std::string_view text, int64_t limit, bool from_right);
// `separator` is not empty.
std::vector<std::string> split(std::string_view text, std::string_view separator, int64_t limit,
                               bool from_right);
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);

// limit -1: all. An empty `old` matches between all characters.
std::string replace_all(std::string_view text, std::string_view old, std::string_view with,
                        int64_t limit);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string title(std::string_view text);        // str.title()
std::string title_words(std::string_view text);  // Jinja's filter: after space and opening brackets
std::string capitalize(std::string_view text);
std::string swapcase(std::string_view text);

enum class Class { kAlpha, kDigit, kDecimal, kNumeric, kAlnum, kSpace, kUpper, kLower };
bool all_of(std::string_view text, Class wanted);  // str.isalpha() and so on

// repr() of a str.
std::string quoted(std::string_view text);

// & < > " ' as HTML entities.
std::string escape_html(std::string_view text);

// Byte offset of character `index`, clamped to the text.
size_t byte_of(std::string_view text, int64_t index);

// Python's [begin:end:step] for a sequence of `size`: the chosen indices, in order. `step` is not
// 0.
struct SliceBounds {
  bool has_begin = false, has_end = false;
  int64_t begin = 0, end = 0, step = 1;
};
std::vector<int64_t> slice_indices(const SliceBounds& bounds, int64_t size);

}  // namespace relata::text::jinja
