// Patterns that tokenizers search for: literal text, or regular expressions in Oniguruma's dialect.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json_reader.h"
#include "relata/text/utf8.h"

namespace relata::text {

class SplitPattern {
 public:
  virtual ~SplitPattern() = default;
  // Appends the matches from left to right; none is empty.
  virtual void find(std::string_view text, std::vector<ByteRange>& matches) const = 0;
};
using SplitPatternPtr = std::unique_ptr<const SplitPattern>;

SplitPatternPtr literal_pattern(std::string text);
// Runs of regular expressions that many models share are found by scanners written for them; the
// rest by ICU. Errors name `where`.
Result<SplitPatternPtr> regex_pattern(const std::string& pattern, const std::string& where);
// The same without those scanners.
Result<SplitPatternPtr> icu_pattern(const std::string& pattern, const std::string& where);
// {"String": ...} or {"Regex": ...} under "pattern".
Result<SplitPatternPtr> parse_pattern(const Node& node, const std::string& where);

// Single code points: white space; numbers; punctuation as BERT sees it.
SplitPatternPtr space_pattern();
SplitPatternPtr digit_pattern();
SplitPatternPtr punctuation_pattern();
// \w+|[^\w\s]+
SplitPatternPtr word_pattern();

// The expressions themselves.
extern const char* const kGpt2Pattern;    // GPT-2, and ByteLevel with "use_regex"
extern const char* const kLlama3Pattern;  // Llama-3; tiktoken's cl100k_base
extern const char* const kQwenPattern;    // Qwen
// The scanner for one of them; null for others.
SplitPatternPtr scanner_for(std::string_view pattern);

}  // namespace relata::text
