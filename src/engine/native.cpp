#include "relata/engine/native.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "passes.h"
#include "relata/base/log.h"
#include "relata/engine/identity.h"
#include "relata/kernels/loss.h"
#include "relata/model/llama.h"
#include "relata/model/prefix_tree.h"

namespace relata::engine {
namespace {

using generate::Engine;
using generate::EngineProgress;
using generate::GenerateRequest;
using generate::GenerateResult;
using generate::ScoreRequest;
using generate::ScoreResult;

using Ids = std::vector<int32_t>;

constexpr int64_t kPrefillTokens = 2048;  // at once: activations then stay in the caches
constexpr int64_t kMinSharedPrompt = 16;  // shorter common beginnings are computed each

Status check_ids(const Ids& ids, const model::LlamaConfig& config, const std::string& what) {
  for (const int32_t id : ids) {
    if (id < 0 || id >= config.vocab_size) {
      return input_error(what + ": token id " + std::to_string(id) +
                             " is outside the vocabulary (" + std::to_string(config.vocab_size) +
                             ")",
                         "the ids must come from this model's tokenizer");
    }
  }
  return {};
}

Status check_length(size_t length, const model::LlamaConfig& config, const std::string& what) {
  if (static_cast<int64_t>(length) > config.max_positions) {
    return input_error(what + ": " + std::to_string(length) + " tokens, the model takes " +
                           std::to_string(config.max_positions),
                       "shorten the text or split it");
  }
  return {};
}

// Picks the next token of one sequence from its logits [V].
class Sampler {
 public:
  explicit Sampler(const GenerateRequest& request) : request_(request), random_(request.seed) {}

  // The token and its log-probability at temperature 1.
  std::pair<int32_t, double> pick(const float* logits, int64_t vocabulary) {
    const kernels::LogitSummary summary = kernels::summarise_logits(logits, vocabulary);
    int64_t chosen = request_.temperature <= 0
                         ? std::find(logits, logits + vocabulary, summary.largest) - logits
                         : sample(logits, vocabulary);
    if (chosen == vocabulary) chosen = 0;  // no largest: not a number everywhere
    return {static_cast<int32_t>(chosen), logits[chosen] - summary.logsumexp};
  }

 private:
  int64_t sample(const float* logits, int64_t vocabulary) {
    std::vector<int32_t> order(vocabulary);
    std::iota(order.begin(), order.end(), 0);
    int64_t keep = vocabulary;
    if (request_.top_k > 0) keep = std::min<int64_t>(keep, request_.top_k);
    std::partial_sort(order.begin(), order.begin() + keep, order.end(), [&](int32_t a, int32_t b) {
      return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
    });
    std::vector<double> weights;
    double total = 0.0;
    for (int64_t i = 0; i < keep; ++i) {
      weights.push_back(std::exp((logits[order[i]] - logits[order[0]]) / request_.temperature));
      total += weights.back();
    }
    double covered = 0.0;
    for (size_t i = 0; i < weights.size(); ++i) {
      covered += weights[i];
      if (covered >= request_.top_p * total) {
        weights.resize(i + 1);
        break;
      }
    }
    // Not std::discrete_distribution: its result differs between standard libraries.
    const double target = static_cast<double>(random_() >> 11) * 0x1.0p-53 * covered;
    double sum = 0.0;
    size_t chosen = 0;
    while (chosen + 1 < weights.size() && (sum += weights[chosen]) <= target) ++chosen;
    return order[chosen];
  }

  const GenerateRequest& request_;
  std::mt19937_64 random_;
};

// One request on its way through decoding.
struct Running {
  size_t index = 0;
  model::KvCache cache;
  Sampler sampler;
  GenerateResult result;
  int32_t last = 0;
};

class NativeEngine final : public Engine {
 public:
  NativeEngine(std::shared_ptr<model::Llama> model,
               std::shared_ptr<const text::Tokenizer> tokenizer, const NativeEngineOptions& options,
               std::string id)
      : model_(std::move(model)),
        tokenizer_(std::move(tokenizer)),
        options_(options),
        id_(std::move(id)) {}

  Result<std::vector<GenerateResult>> generate(const std::vector<GenerateRequest>& requests,
                                               const EngineProgress& progress) override;
  Result<std::vector<ScoreResult>> score(const std::vector<ScoreRequest>& requests,
                                         const EngineProgress& progress) override;
  const text::Tokenizer* tokenizer() const override { return tokenizer_.get(); }
  std::string model_id() const override { return id_; }
  int64_t max_tokens() const override { return model_->config().max_positions; }

 private:
  bool is_eos(int32_t id) const {
    const auto& eos = model_->config().eos_ids;
    return std::find(eos.begin(), eos.end(), id) != eos.end();
  }
  void accept_all(std::vector<Running>& running, const std::vector<GenerateRequest>& requests,
                  const at::Tensor& logits) const;
  bool accept(Running& running, const GenerateRequest& request, const float* logits,
              int64_t vocabulary) const;
  void finish_text(Running& running, const GenerateRequest& request) const;
  std::vector<Running> start(const std::vector<GenerateRequest>& requests,
                             const std::vector<size_t>& order, size_t& next, size_t room);
  void score_group(const std::vector<ScoreRequest>& requests, const std::vector<size_t>& group,
                   std::vector<ScoreResult>& results);

  void log_sharing(const std::string& work);

  std::shared_ptr<model::Llama> model_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  NativeEngineOptions options_;
  std::string id_;
  int64_t asked_ = 0;     // tokens of the current call's requests, one by one
  int64_t computed_ = 0;  // after what they have in common was put together
};

// logits [running, V]; the sequences are independent of each other.
void NativeEngine::accept_all(std::vector<Running>& running,
                              const std::vector<GenerateRequest>& requests,
                              const at::Tensor& logits) const {
  const int64_t vocabulary = logits.size(1);
  const float* rows = logits.data_ptr<float>();
  at::parallel_for(0, logits.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      accept(running[i], requests[running[i].index], rows + i * vocabulary, vocabulary);
    }
  });
}

void NativeEngine::log_sharing(const std::string& work) {
  if (asked_ > 0) {
    log_debug(work + ": " + std::to_string(computed_) + " tokens computed for " +
              std::to_string(asked_) + " of all prompts and labels, the rest is shared");
  }
  asked_ = computed_ = 0;
}

// Appends the chosen token; true when the sequence is finished.
bool NativeEngine::accept(Running& running, const GenerateRequest& request, const float* logits,
                          int64_t vocabulary) const {
  const auto [id, logprob] = running.sampler.pick(logits, vocabulary);
  GenerateResult& result = running.result;
  if (is_eos(id)) {
    result.finish = "eos";
    return true;
  }
  result.ids.push_back(id);
  result.logprobs.push_back(logprob);
  running.last = id;
  if (!request.stops.empty() && tokenizer_) {
    const std::string text = tokenizer_->decode(result.ids, true);
    for (const std::string& stop : request.stops) {
      if (!stop.empty() && text.find(stop) != std::string::npos) {
        result.finish = "stop";
        return true;
      }
    }
  }
  if (static_cast<int>(result.ids.size()) >= request.max_new_tokens) {
    result.finish = "length";
    return true;
  }
  return false;
}

void NativeEngine::finish_text(Running& running, const GenerateRequest& request) const {
  if (!tokenizer_) return;
  std::string text = tokenizer_->decode(running.result.ids, true);
  size_t cut = text.size();
  for (const std::string& stop : request.stops) {
    if (!stop.empty()) cut = std::min(cut, text.find(stop));
  }
  running.result.text = text.substr(0, cut);
}

// Prefills the next requests that fit the token budget and decodes their first token. What their
// prompts have in common is computed once.
std::vector<Running> NativeEngine::start(const std::vector<GenerateRequest>& requests,
                                         const std::vector<size_t>& order, size_t& next,
                                         size_t room) {
  std::vector<Running> started;
  std::vector<Ids> prompts;
  int64_t tokens = 0;
  int64_t extra = 0;
  while (next < order.size() && started.size() < room) {
    const GenerateRequest& request = requests[order[next]];
    tokens += new_tokens(prompts.empty() ? nullptr : &prompts.back(), request.prompt);
    if (!started.empty() && tokens > std::min<int64_t>(kPrefillTokens, options_.max_batch_tokens)) {
      break;
    }
    started.push_back({order[next], {}, Sampler(request), {}, 0});
    prompts.push_back(request.prompt);
    extra = std::max<int64_t>(extra, request.max_new_tokens);
    ++next;
  }
  const model::PackedSequences packed = model::pack_sequences(prompts, kMinSharedPrompt);
  for (const Ids& prompt : prompts) asked_ += static_cast<int64_t>(prompt.size());
  computed_ += packed.batch.ids.numel();
  std::vector<model::KvCache> caches;
  const at::Tensor hidden = model_->prefill(packed, caches, extra);
  for (size_t i = 0; i < started.size(); ++i) started[i].cache = std::move(caches[i]);
  accept_all(started, requests, model_->logits(hidden));
  return started;
}

Result<std::vector<GenerateResult>> NativeEngine::generate(
    const std::vector<GenerateRequest>& requests, const EngineProgress& progress) {
  std::vector<GenerateResult> results(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    const std::string what = "request " + std::to_string(i);
    const GenerateRequest& r = requests[i];
    if (r.prompt.empty()) return input_error(what + ": the prompt is empty");
    RELATA_CHECK(check_ids(r.prompt, model_->config(), what));
    RELATA_CHECK(
        check_length(r.prompt.size() + static_cast<size_t>(std::max(0, r.max_new_tokens)) - 1,
                     model_->config(), what));
  }
  at::NoGradGuard no_grad;
  std::vector<const Prompt*> prompts;
  prompts.reserve(requests.size());
  for (const GenerateRequest& request : requests) prompts.push_back(&request.prompt);
  std::vector<size_t> order;
  for (const size_t i : order_by_prompt(prompts)) {
    if (requests[i].max_new_tokens > 0) {
      order.push_back(i);
    } else {
      results[i].finish = "length";
    }
  }
  int64_t done = static_cast<int64_t>(requests.size() - order.size());
  size_t next = 0;
  std::vector<Running> active;
  while (next < order.size() || !active.empty()) {
    const auto most = static_cast<size_t>(options_.max_batch_requests);
    const bool refill = active.size() <= most / 2;
    while (refill && next < order.size() && active.size() < most) {
      for (Running& running : start(requests, order, next, most - active.size())) {
        active.push_back(std::move(running));
      }
    }
    std::vector<Running> going;
    for (Running& running : active) {
      if (running.result.finish.empty()) {
        going.push_back(std::move(running));
        continue;
      }
      finish_text(running, requests[running.index]);
      results[running.index] = std::move(running.result);
      if (progress) progress(++done);
    }
    active = std::move(going);
    if (active.empty()) continue;
    std::vector<int64_t> last;
    std::vector<model::KvCache*> caches;
    for (Running& running : active) {
      last.push_back(running.last);
      caches.push_back(&running.cache);
    }
    const at::Tensor hidden = model_->decode(at::tensor(last, at::kLong), caches);
    accept_all(active, requests, model_->logits(hidden));
  }
  log_sharing("generating");
  return results;
}

// All requests of the group in one packed pass. What prompts and continuations have in common is
// computed once. Only the last token of a continuation needs no forward pass of its own.
void NativeEngine::score_group(const std::vector<ScoreRequest>& requests,
                               const std::vector<size_t>& group,
                               std::vector<ScoreResult>& results) {
  constexpr int64_t kLogitRows = 1024;  // all logits of a group may not fit into memory
  std::vector<Ids> sequences;
  for (const size_t r : group) {
    for (const Ids& continuation : requests[r].continuations) {
      Ids& path = sequences.emplace_back(requests[r].prefix);
      path.insert(path.end(), continuation.begin(), continuation.end() - 1);
    }
  }
  const model::PackedSequences packed = model::pack_sequences(sequences, kMinShared);
  computed_ += packed.batch.ids.numel();
  struct Wanted {
    int64_t row;  // of the packed batch
    int32_t token;
    double* logprob;
  };
  std::vector<Wanted> wanted;
  auto tokens = packed.rows.begin();
  for (const size_t r : group) {
    const ScoreRequest& request = requests[r];
    for (size_t c = 0; c < request.continuations.size(); ++c, ++tokens) {
      const Ids& continuation = request.continuations[c];
      results[r].token_logprobs[c].resize(continuation.size());
      for (size_t i = 0; i < continuation.size(); ++i) {
        wanted.push_back({(*tokens)[request.prefix.size() - 1 + i], continuation[i],
                          &results[r].token_logprobs[c][i]});
      }
    }
  }
  std::stable_sort(wanted.begin(), wanted.end(),
                   [](const Wanted& a, const Wanted& b) { return a.row < b.row; });
  std::vector<int64_t> rows;
  for (const Wanted& w : wanted) {
    if (rows.empty() || rows.back() != w.row) rows.push_back(w.row);
  }
  const at::Tensor hidden = model_->hidden(packed.batch, {}, at::tensor(rows, at::kLong));
  auto next = wanted.begin();
  for (int64_t begin = 0; begin < hidden.size(0); begin += kLogitRows) {
    const int64_t count = std::min(kLogitRows, hidden.size(0) - begin);
    const at::Tensor logprobs = model_->logits(hidden.narrow(0, begin, count)).log_softmax(-1);
    const auto* values = logprobs.data_ptr<float>();
    for (int64_t i = 0; i < count; ++i) {
      for (; next != wanted.end() && next->row == rows[begin + i]; ++next) {
        *next->logprob = values[i * logprobs.size(1) + next->token];
      }
    }
  }
}

Result<std::vector<ScoreResult>> NativeEngine::score(const std::vector<ScoreRequest>& requests,
                                                     const EngineProgress& progress) {
  std::vector<ScoreResult> results(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    const std::string what = "request " + std::to_string(i);
    const ScoreRequest& r = requests[i];
    if (r.prefix.empty()) return input_error(what + ": the prompt is empty");
    RELATA_CHECK(check_ids(r.prefix, model_->config(), what));
    for (const Ids& continuation : r.continuations) {
      if (continuation.empty()) return input_error(what + ": a continuation is empty");
      RELATA_CHECK(check_ids(continuation, model_->config(), what));
      RELATA_CHECK(check_length(r.prefix.size() + continuation.size(), model_->config(), what));
    }
    results[i].token_logprobs.resize(r.continuations.size());
  }
  at::NoGradGuard no_grad;
  std::vector<Load> loads;
  std::vector<size_t> request_of;  // per load
  int64_t done = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].continuations.empty()) {
      ++done;
      continue;
    }
    Load load{&requests[i].prefix, 0};
    for (const Ids& c : requests[i].continuations) load.branches += std::ssize(c) - 1;
    asked_ += std::ssize(requests[i].prefix) + load.branches;
    loads.push_back(load);
    request_of.push_back(i);
  }
  for (std::vector<size_t> pass : plan_passes(loads, options_.max_batch_tokens)) {
    for (size_t& i : pass) i = request_of[i];
    score_group(requests, pass, results);
    done += std::ssize(pass);
    if (progress) progress(done);
  }
  log_sharing("scoring");
  return results;
}

}  // namespace

std::unique_ptr<Engine> make_engine(std::shared_ptr<model::Llama> model,
                                    std::shared_ptr<const text::Tokenizer> tokenizer,
                                    const NativeEngineOptions& options, std::string model_id) {
  return std::make_unique<NativeEngine>(std::move(model), std::move(tokenizer), options,
                                        std::move(model_id));
}

Result<std::unique_ptr<Engine>> make_native_engine(const NativeEngineOptions& options) {
  RELATA_TRY(auto model, model::Llama::load(options.model, options.dtype));
  if (!options.adapter.empty()) RELATA_CHECK(model->load_adapter(options.adapter));
  model->keep_packed_only();
  RELATA_TRY(auto tokenizer, text::find_tokenizer(options.model));
  RELATA_TRY(std::string id, model_identity({options.model, options.adapter, options.dtype}));
  return make_engine(std::move(model), std::move(tokenizer), options, std::move(id));
}

}  // namespace relata::engine
