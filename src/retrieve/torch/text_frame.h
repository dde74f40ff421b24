// Special tokens around texts, and the order in which texts go through a model.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/text/tokenizer.h"

namespace relata::retrieve {

// What a tokenizer puts before and after the ids of one text.
struct TextFrame {
  std::vector<int32_t> before, after;
  size_t size() const { return before.size() + after.size(); }
  // The first `room` ids of a text in the frame.
  std::vector<int32_t> around(const std::vector<int32_t>& inner, size_t room) const;
};

// `where` names the model.
Result<TextFrame> find_frame(const text::Tokenizer& tokenizer, const std::string& where);

// Hands the numbers of sequences, by length, to `work` in batches whose tokens a pass takes at once
// (kPassTokens, or one longer sequence).
void by_length(const std::vector<size_t>& lengths,
               const std::function<void(const std::vector<size_t>& batch)>& work);

bool all_finite(std::span<const float> numbers);

}  // namespace relata::retrieve
