// Texts that are whole when they are read: what stands behind them.
#pragma once

#include <cstdint>
#include <vector>

#include "relata/text/tokenizer.h"

namespace relata::text {

// The token that the tokenizer puts behind every text with special tokens, as T5's does with </s>;
// -1: none.
int32_t closing_id(const Tokenizer& tokenizer);

// `ids` with that token behind them, unless they end with it.
std::vector<int32_t> closed(std::vector<int32_t> ids, int32_t closing);

}  // namespace relata::text
