// Documents that a model can take whole, or their windows.
#pragma once

#include <vector>

#include "step_prompt.h"

namespace relata::extract {

// The document, where no prompt about it takes more than `room` tokens, names of heads and tails
// apart, or windows of it that are so; each keeps
// the part of the entities and relations that is in it.
Result<std::vector<data::Document>> fitting_windows(const StepPrompter& prompter,
                                                    const text::Tokenizer& tokenizer,
                                                    const data::Document& document, size_t room);

}  // namespace relata::extract
