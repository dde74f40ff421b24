// The probabilities that a server tells of its answer's tokens.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json.h"

namespace relata::generate {

struct ServerLogprobs {
  std::vector<double> logprobs;
  std::vector<std::string> pieces;  // the tokens' texts; empty where they are not told
};

// Servers write {"token_logprobs": [...], "tokens": [...]} or {"content": [{"logprob": ...,
// "token":
// ..., "bytes": [...]}]}. Any gap makes the whole unknown.
ServerLogprobs read_server_logprobs(const Json& choice);

// Leaves no pieces where they do not join to `text`. Thoughts and blanks that it lacks at its
// beginning are taken off; pieces behind its end (of what ended the answer) may stay.
void fit_pieces(std::string_view text, ServerLogprobs& told);

// Takes the first `bytes` off the pieces, and the probabilities of those that end there.
void drop_front(size_t bytes, ServerLogprobs& told);

// The probabilities of an answer's parts, where an answer is told in another form than it was
// generated in: part i ends at ends[i] of the generated text and is `parts[i]` now.
ServerLogprobs by_parts(const ServerLogprobs& told, const std::vector<size_t>& ends,
                        std::vector<std::string> parts);

}  // namespace relata::generate
