// The answer in a server's reply: without the thoughts and the fence that a model may put around
// it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "relata/base/json.h"
#include "relata/text/utf8.h"

namespace relata::generate {

struct ServerAnswer {
  std::string said;           // as the server gave it
  text::ByteRange place;      // of the answer in it
  bool has_thoughts = false;  // in it or beside it
  std::string problem;        // why there is none, as what "the answer" does; "" where there is one
};

// The first of `choices`. None where it is not of the interface (chat or completions).
std::optional<ServerAnswer> read_server_answer(const Json& choice, bool chat);

// What stands behind thoughts (<think>...</think> and the like) with which `said` begins, or whose
// beginning a chat template had written already. Nothing, where they do not end.
text::ByteRange behind_thoughts(std::string_view said);

// The inside of a fence (``` or ~~~) that all of the range stands in; it need not be closed. The
// range itself where there is none, or something beside it.
text::ByteRange inside_fence(std::string_view said, const text::ByteRange& range);

}  // namespace relata::generate
