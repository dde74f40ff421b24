// Which requests are computed in one pass: those whose prompts begin alike come together, so that
// model::pack_sequences() finds what they have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace relata::engine {

// Common beginnings of fewer tokens are not worth a segment of their own.
constexpr int64_t kMinShared = 4;

using Prompt = std::vector<int32_t>;

// The indices of `prompts`, neighbours having the longest beginnings in common.
std::vector<size_t> order_by_prompt(const std::vector<const Prompt*>& prompts);

// Tokens of `prompt` that are computed anew when it follows `previous` (null: none) in that order.
int64_t new_tokens(const Prompt* previous, const Prompt& prompt);

// What one request asks for.
struct Load {
  const Prompt* prompt = nullptr;
  int64_t branches = 0;  // tokens beyond the prompt
};

// Passes of at most `max_tokens` computed tokens (one request may exceed it), as indices of
// `loads`.
std::vector<std::vector<size_t>> plan_passes(const std::vector<Load>& loads, int64_t max_tokens);

}  // namespace relata::engine
