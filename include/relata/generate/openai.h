// Free generation by a server that speaks OpenAI's HTTP interface (llama.cpp, vLLM, Ollama and
// others, or OpenAI itself). The prompts leave this process, and with a remote server this machine.
//
// Such servers do not tell the probability of a given continuation, so score() is an error.
// Interface: https://platform.openai.com/docs/api-reference (completions, chat, models).
#pragma once

#include <memory>
#include <string>

#include "relata/generate/engine.h"

namespace relata::generate {

struct OpenAiOptions {
  std::string base_url;             // "http://localhost:8000/v1"; "/v1" is added to a bare host
  std::string api_key;              // "" sends none
  std::string model;                // "" asks the server, which must then offer exactly one
  std::string api = "completions";  // the prompt as it is, or "chat": the server wraps the turn
  int connections = 8;              // requests under way at once
  double timeout = 120.0;           // seconds for one request
  int retries = 4;          // after failures that may pass: no connection, 408, 429, 5xx, nonsense
  double first_wait = 0.5;  // seconds before the first retry at most, half of it at least; doubled
                            // up to 8, or what the server's Retry-After says, up to 60
};

// Errors: a malformed URL or unknown api (usage); a server that is not reached or gives no usable
// answer after all retries (resource); a key or model that it refuses (usage). No redirect is
// followed, so the key goes to `base_url` only.
//
// generate(): a request that the server refuses, withholds the answer to (a content filter), or
// fails at while it answers others of the call, has its result's `problem`. The call ends with an
// error where nothing was answered, or where as many requests as there are connections failed with
// no answer between them. `shape` is sent as a JSON schema (`response_format`) until the server
// refuses one; answers come back in the shape's own form, unchecked. May be called from several
// threads.
Result<std::unique_ptr<Engine>> make_openai_engine(const OpenAiOptions& options);

}  // namespace relata::generate
