// NativeEngine itself, for the files that implement it.
#pragma once

#include <ATen/ATen.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "radix_tree.h"
#include "relata/engine/native.h"
#include "relata/model/decoder.h"
#include "sampler.h"

namespace relata::engine {

using Ids = std::vector<int32_t>;

// What the decoder may be asked for.
Status check_ids(const Ids& ids, const model::DecoderConfig& config, const std::string& what);
Status check_length(size_t length, const model::DecoderConfig& config, const std::string& what);

// A call of generate(), while its requests are answered.
struct GenerateCall {
  const std::vector<generate::GenerateRequest>& requests;
  const generate::EngineProgress& progress;
  std::vector<Symbols> prompts = {};
  std::vector<size_t> order = {};  // in which requests begin
  size_t next = 0;                 // of these
  size_t open = 0;                 // requests without an answer
  std::vector<generate::GenerateResult> results = {};
  Status status = {};  // an error ends the call
  bool ended = false;  // guarded by the engine's mutex
};

// One request on its way through decoding.
struct Running {
  Running(GenerateCall& of, size_t number)
      : call(&of), index(number), sampler(of.requests[number]) {}
  const generate::GenerateRequest& request() const { return call->requests[index]; }

  GenerateCall* call;
  size_t index;               // of its request
  RadixNode* node = nullptr;  // where its prompt ends; pinned
  int adapter = -1;
  model::KvRun run;  // of what was generated
  Sampler sampler;
  std::unique_ptr<generate::ConstraintWalk> walk;
  std::unique_ptr<text::StreamDecoder> decoder;
  std::string text;  // decoded so far, when there are stop strings
  Ids waiting;       // chosen, but not computed yet
  generate::GenerateResult result;
};

// One thread computes at a time. Where several call generate(), it answers the requests of all of
// them in one batch; when its own are answered, another takes over.
class NativeEngine final : public generate::Engine {
 public:
  NativeEngine(std::shared_ptr<model::Decoder> model,
               std::shared_ptr<const text::Tokenizer> tokenizer, const NativeEngineOptions& options,
               std::string id);

  Result<std::vector<generate::GenerateResult>> generate(
      const std::vector<generate::GenerateRequest>& requests,
      const generate::EngineProgress& progress) override;
  Result<std::vector<generate::ScoreResult>> score(
      const std::vector<generate::ScoreRequest>& requests,
      const generate::EngineProgress& progress) override;
  const text::Tokenizer* tokenizer() const override { return tokenizer_.get(); }
  std::shared_ptr<const text::Tokenizer> shared_tokenizer() const override { return tokenizer_; }
  std::string model_id() const override { return id_; }
  int64_t max_tokens() const override {
    const int64_t positions = model::most_positions(model_->config());
    return positions == model::kAnyPositions ? 0 : positions;
  }
  generate::EngineUsage usage() const override;
  void forget() override;

 private:
  class Turn;

  Result<int> adapter_of(const std::string& name) const;
  // What is computed before an answer: the prompt, or, with an encoder-decoder, the source and the
  // token that targets begin with.
  Symbols symbols_of(Ids ids, int adapter) const;
  // The requests' prompts in an order in which neighbours begin alike.
  static std::vector<size_t> order_of(const std::vector<Symbols>& prompts);
  int64_t new_tokens(const Symbols& previous, const Symbols& prompt) const;
  void renew();
  at::Tensor compute(TreePass& plan, const std::vector<int64_t>& rows);
  void log_sharing(const std::string& work, const generate::EngineUsage& before) const;

  // ---- generating (native.cpp) ----
  Status check(const generate::GenerateRequest& request, const std::string& what) const;
  Status prepare(GenerateCall& call) const;
  void answer(GenerateCall& own);
  void advance();
  void admit(GenerateCall& call);
  void step();
  void choose(const at::Tensor& hidden);
  std::pair<int64_t, double> choose_allowed(Running& running, const at::Tensor& hidden) const;
  std::pair<int64_t, double> go_on(const generate::GenerateRequest& request, const Ids& allowed,
                                   const float* logits, std::pair<int64_t, double> picked) const;
  void collect();
  void abandon(GenerateCall& own);
  bool is_eos(int32_t id) const { return stops_.contains(id); }
  bool accept(Running& running, int32_t id, double logprob) const;
  void force(Running& running) const;
  void finish_text(Running& running) const;

  // ---- scoring (native_score.cpp) ----
  struct Wanted;
  Status check(const generate::ScoreRequest& request, const std::string& what) const;
  Status score_group(const std::vector<generate::ScoreRequest>& requests,
                     const std::vector<size_t>& group, std::vector<generate::ScoreResult>& results);
  bool read_logprobs(const at::Tensor& hidden, const std::vector<int64_t>& rows,
                     const std::vector<std::pair<int64_t, const Wanted*>>& by_row) const;

  std::shared_ptr<model::Decoder> model_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  NativeEngineOptions options_;
  std::string id_;
  std::set<int32_t> stops_;  // tokens that end an answer
  int32_t closing_ = -1;     // the token that ends a source; -1: none

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable turn_;
  bool computing_ = false;            // a thread has what is below
  std::vector<GenerateCall*> calls_;  // that have not ended
  generate::EngineUsage usage_;

  // Of the thread that computes.
  RadixTree tree_;
  std::vector<Running> active_;
  uint64_t version_ = 0;  // of the weights that the tree's keys were computed with
};

// Has the tree and all that is active for as long as it lives.
class NativeEngine::Turn {
 public:
  // Waits for its turn; not taken where `needless`, asked under the engine's mutex, comes first.
  Turn(NativeEngine& engine, const std::function<bool()>& needless) : engine_(engine) {
    std::unique_lock lock(engine_.mutex_);
    engine_.turn_.wait(lock, [&] { return !engine_.computing_ || needless(); });
    taken_ = !needless();
    if (taken_) engine_.computing_ = true;
  }
  ~Turn() {
    if (!taken_) return;
    {
      const std::lock_guard lock(engine_.mutex_);
      engine_.computing_ = false;
    }
    engine_.turn_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  bool taken() const { return taken_; }

 private:
  NativeEngine& engine_;
  bool taken_ = false;
};

}  // namespace relata::engine
