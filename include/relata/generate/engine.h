// The inference interface: generate text, and score given continuations of a shared prefix.
// Implemented natively (engine/native.h) and over OpenAI-compatible servers (openai.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/generate/constraint.h"
#include "relata/text/tokenizer.h"

namespace relata::generate {

struct AnswerShape;  // grounded.h

// How an engine wants its prompts.
enum class PromptForm {
  kIds,       // GenerateRequest::prompt
  kText,      // GenerateRequest::text: all of it, chat wrapper included
  kUserTurn,  // GenerateRequest::text: the user's turn, which the engine wraps itself
};

struct GenerateRequest {
  std::vector<int32_t> prompt;     // special tokens included; at least one
  std::string text;                // instead of `prompt`, where the engine's form asks for it
  int max_new_tokens = 256;        // the prompt excluded
  double temperature = 0.0;        // 0: greedy
  int top_k = 0;                   // 0: off
  double top_p = 1.0;              // 1: off
  uint64_t seed = 0;               // sampling only; results do not depend on the rest of the batch
  bool ignore_eos = false;         // the token that ends answers is one like others (benchmarks)
  std::vector<std::string> stops;  // generation ends when the decoded text contains one (cut off)
  std::shared_ptr<const Constraint> constraint;  // null: any token
  // Greedy answers under a constraint end only where going on has at most this probability; 1:
  // where the end is the most probable token.
  double continue_above = 1.0;
  // Instead of a constraint, for engines that take text: they ask their server to keep to it where
  // it offers that, so what comes back must be checked. Null: any text.
  std::shared_ptr<const AnswerShape> shape;
  std::string adapter;  // name of a loaded adapter; "": the engine's first, or none
};

struct GenerateResult {
  std::vector<int32_t> ids;  // generated, EOS excluded; none from engines that take text
  // Natural logarithms, one per token, of the distribution over the tokens that the constraint
  // allows; empty when not known.
  std::vector<double> logprobs;
  double end_logprob =
      0.0;  // of the EOS that ended it, likewise; 0 where nothing else could follow
  // What `logprobs` are of, from engines that take text: pieces that join to `text`, what ended
  // it behind them. Empty when not known.
  std::vector<std::string> pieces;
  std::string text;    // decoded, cut at a stop string
  std::string finish;  // "eos", "stop" or "length"; "failed" where there is a problem
  // Why this request alone has no answer: a server refused it, or did not answer it while it
  // answered others. "": it has one.
  std::string problem;
};

struct ScoreRequest {
  std::vector<int32_t> prefix;                      // at least one token
  std::vector<std::vector<int32_t>> continuations;  // branches of the prefix; each non-empty
  std::string adapter;                              // as in GenerateRequest
};

struct ScoreResult {
  std::vector<std::vector<double>> token_logprobs;  // per continuation, per token; natural logs
  double total(size_t continuation) const;          // their sum
};

// What an engine was asked and answered since it was made.
struct EngineUsage {
  int64_t requests = 0;       // answered
  int64_t retries = 0;        // further tries of requests that failed
  int64_t prompt_tokens = 0;  // of the answered requests' prompts
  int64_t shared_tokens = 0;  // of these, what was computed before or for another request
  int64_t answer_tokens = 0;
  int64_t cache_bytes = 0;  // held now for what later requests may share
  int64_t cache_limit = 0;
};

// Called after every finished request with the number of requests done so far.
using EngineProgress = std::function<void(int64_t)>;

class Engine {
 public:
  virtual ~Engine() = default;
  // Results are in request order. The same request gives the same tokens whatever else is in the
  // batch; log-probabilities may differ in their last digits, which depend on the order of sums.
  // Errors: a prompt longer than the model's positions, ids outside the vocabulary.
  virtual Result<std::vector<GenerateResult>> generate(const std::vector<GenerateRequest>& requests,
                                                       const EngineProgress& progress = {}) = 0;
  virtual Result<std::vector<ScoreResult>> score(const std::vector<ScoreRequest>& requests,
                                                 const EngineProgress& progress = {}) = 0;
  virtual const text::Tokenizer* tokenizer() const = 0;  // null when the model folder has none
  // The same, to be kept; null where there is none or the engine does not share it.
  virtual std::shared_ptr<const text::Tokenizer> shared_tokenizer() const { return nullptr; }
  virtual std::string model_id() const = 0;  // "sha256:..." of config and weights index
  virtual PromptForm prompt_form() const { return PromptForm::kIds; }
  // Zeros where it is not counted or, of servers, not told.
  virtual EngineUsage usage() const { return {}; }
  // The most tokens that prompt and answer may have together; 0 if that is not known here.
  virtual int64_t max_tokens() const { return 0; }
  // Forgets what was computed for earlier requests: the next call's results are, to the last digit,
  // those of a new engine. Not while another thread is in a call.
  virtual void forget() {}
};

}  // namespace relata::generate
