// Text as the terms by which it is found.
//
// Text is first made comparable (compatibility forms, lower case). Then:
//   English  ICU's words; stop words are dropped, the rest is stemmed by Snowball's English rules;
//   Chinese  every run of ideographs or kana as its character bigrams (one character as itself),
//            other words whole;
//   Auto     by script: ideographs and kana as in Chinese, everything else as in English.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relata::retrieve {

enum class Analyzer { Auto, English, Chinese };

// Grows with every change of what terms a text has; indexes of another revision are refused.
constexpr int kAnalyzerRevision = 1;

std::string analyzer_name(Analyzer analyzer);  // "auto", "en", "zh"
std::optional<Analyzer> analyzer_of_name(std::string_view name);

// The terms in the text's order, repeated ones repeated. Bytes that are no UTF-8 part words.
// Thread-safe. Cost: O(bytes), some microseconds for a sentence.
std::vector<std::string> analyze(Analyzer analyzer, std::string_view text);

}  // namespace relata::retrieve
