#include "relata/engine/native.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <exception>
#include <numeric>

#include "native_engine.h"
#include "relata/base/log.h"
#include "relata/model/damage.h"
#include "relata/text/closing.h"

namespace relata::engine {
namespace {

using generate::EngineProgress;
using generate::EngineUsage;
using generate::GenerateRequest;
using generate::GenerateResult;

constexpr int64_t kPrefillTokens = 2048;  // at once: activations then stay in the caches
constexpr int64_t kFirstRoom = 32;        // tokens of an answer; it grows

}  // namespace

Status check_ids(const Ids& ids, const model::DecoderConfig& config, const std::string& what) {
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

Status check_length(size_t length, const model::DecoderConfig& config, const std::string& what) {
  const int64_t most = model::most_positions(config);
  if (static_cast<int64_t>(length) > most) {
    return input_error(
        what + ": " + std::to_string(length) + " tokens, the model takes " + std::to_string(most),
        "shorten the text or split it");
  }
  return {};
}

NativeEngine::NativeEngine(std::shared_ptr<model::Decoder> model,
                           std::shared_ptr<const text::Tokenizer> tokenizer,
                           const NativeEngineOptions& options, std::string id)
    : model_(std::move(model)),
      tokenizer_(std::move(tokenizer)),
      options_(options),
      id_(std::move(id)),
      tree_(options.cache_bytes, model_->config().encoder_layers > 0) {
  for (const int64_t eos : model_->config().eos_ids) stops_.insert(static_cast<int32_t>(eos));
  if (tokenizer_) {
    for (const int32_t stop : tokenizer_->stop_ids()) stops_.insert(stop);
  }
  stops_.insert(options.stops.begin(), options.stops.end());
  if (tree_.has_sources() && tokenizer_) closing_ = text::closing_id(*tokenizer_);
  usage_.cache_limit = options.cache_bytes;
}

EngineUsage NativeEngine::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

void NativeEngine::forget() {
  const Turn turn(*this, [] { return false; });
  if (active_.empty()) tree_.clear();
}

// What was computed with other weights is of no use.
void NativeEngine::renew() {
  if (!active_.empty()) return;
  if (version_ != model_->version()) tree_.clear();
  version_ = model_->version();
}

Result<int> NativeEngine::adapter_of(const std::string& name) const {
  if (name.empty()) return model_->adapters().empty() ? -1 : 0;
  const int found = model_->find_adapter(name);
  if (found >= 0) return found;
  std::string known;
  for (const auto& adapter : model_->adapters()) known += " " + adapter.name;
  return usage_error("no adapter \"" + name + "\" is loaded",
                     known.empty() ? "load it with the model" : "loaded are:" + known);
}

Symbols NativeEngine::symbols_of(Ids ids, int adapter) const {
  if (tree_.has_sources()) {
    ids = text::closed(std::move(ids), closing_);
    ids.push_back(static_cast<int32_t>(model_->config().start_id));
  }
  size_t begin = 0;
  if (adapter >= 0) {
    begin = model::adapter_begin(model_->adapters()[static_cast<size_t>(adapter)].config, ids);
  }
  Symbols out;
  out.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) out.push_back({ids[i], i >= begin ? adapter : -1});
  return out;
}

std::vector<size_t> NativeEngine::order_of(const std::vector<Symbols>& prompts) {
  const auto key = [](const Symbol& s) { return std::pair(s.adapter, s.id); };
  std::vector<size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::lexicographical_compare(
        prompts[a].begin(), prompts[a].end(), prompts[b].begin(), prompts[b].end(),
        [&](const Symbol& x, const Symbol& y) { return key(x) < key(y); });
  });
  return order;
}

int64_t NativeEngine::new_tokens(const Symbols& previous, const Symbols& prompt) const {
  if (tree_.has_sources()) return previous == prompt ? 0 : std::ssize(prompt);
  const auto end =
      std::mismatch(prompt.begin(), prompt.end(), previous.begin(), previous.end()).first;
  return prompt.end() - end;
}

void NativeEngine::log_sharing(const std::string& work, const EngineUsage& before) const {
  const EngineUsage now = usage();
  const int64_t asked = now.prompt_tokens - before.prompt_tokens;
  if (asked == 0) return;
  log_debug(work + ": " + std::to_string(asked) + " tokens of prompts, " +
            std::to_string(now.shared_tokens - before.shared_tokens) + " of them shared, " +
            std::to_string(now.answer_tokens - before.answer_tokens) + " of answers");
}

at::Tensor NativeEngine::compute(TreePass& plan, const std::vector<int64_t>& rows) {
  plan.pass.rows = at::tensor(rows, at::kLong);
  at::Tensor hidden = model_->forward(plan.pass);
  for (RadixNode* node : plan.nodes) {
    node->computed = true;
    tree_.count(*node);
  }
  return hidden;
}

// ---- one answer --------------------------------------------------------------------------------

void NativeEngine::finish_text(Running& running) const {
  if (!tokenizer_) return;
  std::string text = tokenizer_->decode(running.result.ids, true);
  size_t cut = text.size();
  for (const std::string& stop : running.request().stops) {
    if (!stop.empty()) cut = std::min(cut, text.find(stop));
  }
  running.result.text = text.substr(0, cut);
}

// Appends the chosen token; true when the sequence is finished.
bool NativeEngine::accept(Running& running, int32_t id, double logprob) const {
  const GenerateRequest& request = running.request();
  GenerateResult& result = running.result;
  if (is_eos(id) && !request.ignore_eos) {
    result.finish = "eos";
    result.end_logprob = logprob;
    return true;
  }
  result.ids.push_back(id);
  result.logprobs.push_back(logprob);
  running.waiting.push_back(id);
  if (running.walk) running.walk->accept(id);
  if (running.decoder) {
    const size_t before = running.text.size();
    running.text += running.decoder->add(id);
    for (const std::string& stop : request.stops) {
      if (stop.empty()) continue;
      const size_t from = before >= stop.size() ? before - stop.size() + 1 : 0;
      if (running.text.find(stop, from) != std::string::npos) {
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

// Takes the tokens that the constraint leaves no choice about.
void NativeEngine::force(Running& running) const {
  if (!running.walk) return;
  while (true) {
    const Ids& allowed = running.walk->allowed();
    if (allowed.size() != 1) return;
    const int32_t only = allowed.front();
    if (accept(running, only, 0.0)) return;
  }
}

// ---- all answers under way ---------------------------------------------------------------------

// What to take instead of an end that GenerateRequest::continue_above passes over. `logits` are of
// the tokens `allowed`, `picked` one of them (or -1) and its log-probability.
std::pair<int64_t, double> NativeEngine::go_on(const GenerateRequest& request, const Ids& allowed,
                                               const float* logits,
                                               std::pair<int64_t, double> picked) const {
  if (request.continue_above >= 1 || request.temperature > 0 || picked.first < 0) return picked;
  const auto at = static_cast<size_t>(picked.first);
  if (!is_eos(allowed[at])) return picked;
  const double logsumexp = logits[at] - picked.second;
  double going_on = 0.0;
  std::pair<int64_t, double> best = picked;
  for (size_t i = 0; i < allowed.size(); ++i) {
    if (is_eos(allowed[i])) continue;
    const double logprob = logits[i] - logsumexp;
    going_on += std::exp(logprob);
    if (best.first == picked.first || logprob > best.second)
      best = {static_cast<int64_t>(i), logprob};
  }
  return going_on > request.continue_above ? best : picked;
}

// Only the tokens that may come next are multiplied with.
std::pair<int64_t, double> NativeEngine::choose_allowed(Running& running,
                                                        const at::Tensor& hidden) const {
  const Ids& allowed = running.walk->allowed();
  const at::Tensor ids = at::tensor(allowed, at::kInt).to(at::kLong);
  const at::Tensor logits = model_->logits_of(hidden, ids).cpu().contiguous();
  const auto* values = logits.data_ptr<float>();
  auto picked = running.sampler.pick(values, logits.numel());
  picked = go_on(running.request(), allowed, values, picked);
  if (picked.first >= 0) picked.first = allowed[static_cast<size_t>(picked.first)];
  return picked;
}

// The next token of each, from the hidden state of its last [active, D].
void NativeEngine::choose(const at::Tensor& hidden) {
  const int64_t vocabulary = model_->config().vocab_size;
  std::vector<int64_t> free_rows;
  for (size_t i = 0; i < active_.size(); ++i) {
    if (!active_[i].walk) free_rows.push_back(static_cast<int64_t>(i));
  }
  at::Tensor free_logits;
  if (!free_rows.empty()) {
    const bool all = free_rows.size() == active_.size();
    const at::Tensor states =
        all ? hidden : hidden.index_select(0, at::tensor(free_rows, at::kLong).to(hidden.device()));
    free_logits = model_->logits(states).cpu();
  }
  std::vector<std::pair<int64_t, double>> picked(active_.size());
  at::parallel_for(0, std::ssize(free_rows), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto row = static_cast<size_t>(free_rows[i]);
      picked[row] =
          active_[row].sampler.pick(free_logits.data_ptr<float>() + i * vocabulary, vocabulary);
    }
  });
  for (size_t i = 0; i < active_.size(); ++i) {
    Running& r = active_[i];
    if (r.walk) picked[i] = choose_allowed(r, hidden.narrow(0, static_cast<int64_t>(i), 1));
    if (picked[i].first < 0) {
      if (r.call->status.ok()) r.call->status = model::not_a_number(*model_);
    } else if (!accept(r, static_cast<int32_t>(picked[i].first), picked[i].second)) {
      force(r);
    }
  }
}

// Takes the call's next requests that fit the token budget; what is new of their prompts stands in
// the tree, uncomputed.
void NativeEngine::admit(GenerateCall& call) {
  const auto most = static_cast<size_t>(options_.max_batch_requests);
  const auto budget = std::min<int64_t>(kPrefillTokens, options_.max_batch_tokens);
  int64_t tokens = 0;
  int64_t asked = 0;
  for (bool first = true; call.next < call.order.size() && active_.size() < most; first = false) {
    const size_t index = call.order[call.next];
    const Symbols& prompt = call.prompts[index];
    tokens +=
        first ? std::ssize(prompt) : new_tokens(call.prompts[call.order[call.next - 1]], prompt);
    if (!first && tokens > budget) break;
    const GenerateRequest& request = call.requests[index];
    Running running(call, index);
    running.adapter = prompt.back().adapter;
    // The last token of the prompt is computed with what follows it: its hidden state is wanted.
    running.node = tree_.insert({prompt.begin(), prompt.end() - 1}, prompt.size() - 1);
    running.waiting = {prompt.back().id};
    running.run = model_->make_run(std::min<int64_t>(request.max_new_tokens + 1, kFirstRoom));
    if (request.constraint) running.walk = request.constraint->start();
    if (!request.stops.empty() && tokenizer_) {
      running.decoder = std::make_unique<text::StreamDecoder>(tokenizer_, true);
    }
    asked += std::ssize(prompt);
    active_.push_back(std::move(running));
    ++call.next;
  }
  const std::lock_guard lock(mutex_);
  usage_.prompt_tokens += asked;
  usage_.shared_tokens += asked;  // until it is computed
}

// Computes new prompts and the tokens chosen last, and chooses the next of every sequence.
void NativeEngine::step() {
  std::vector<Tail> tails;
  int64_t prompts = 0;  // tokens of prompts in the pass: each one's last, and nodes of the tree
  int64_t answers = 0;
  for (Running& r : active_) {
    const auto count = static_cast<int64_t>(r.waiting.size());
    (r.run.length == 0 ? prompts : answers) += 1;
    answers += count - 1;
    r.run.grow(r.run.length + count);
    tails.push_back({r.node, &r.run, std::move(r.waiting), r.adapter});
    r.waiting.clear();
  }
  TreePass plan = plan_pass(tree_, *model_, tails);
  std::vector<int64_t> rows;
  for (size_t i = 0; i < tails.size(); ++i) {
    rows.push_back(plan.tail_rows[i] + std::ssize(tails[i].ids) - 1);
  }
  const at::Tensor hidden = compute(plan, rows);
  {
    const std::lock_guard lock(mutex_);
    usage_.shared_tokens -= plan.pass.ids.numel() - answers;
  }
  choose(hidden);
}

// Hands out what is answered.
void NativeEngine::collect() {
  std::vector<Running> going;
  int64_t requests = 0;
  int64_t tokens = 0;
  for (Running& running : active_) {
    GenerateCall& call = *running.call;
    if (call.status.ok() && running.result.finish.empty()) {
      going.push_back(std::move(running));
      continue;
    }
    RadixTree::unpin(running.node);
    if (!call.status.ok()) continue;
    finish_text(running);
    ++requests;
    tokens += std::ssize(running.result.ids);
    call.results[running.index] = std::move(running.result);
    --call.open;
    if (call.progress) call.progress(std::ssize(call.requests) - static_cast<int64_t>(call.open));
  }
  active_ = std::move(going);
  tree_.trim();
  const std::lock_guard lock(mutex_);
  usage_.requests += requests;
  usage_.answer_tokens += tokens;
  usage_.cache_bytes = tree_.bytes();
  std::erase_if(calls_, [](GenerateCall* call) {
    call->ended = call->open == 0 || !call->status.ok();
    return call->ended;
  });
}

void NativeEngine::advance() {
  std::vector<GenerateCall*> calls;
  {
    const std::lock_guard lock(mutex_);
    calls = calls_;
  }
  if (active_.size() <= static_cast<size_t>(options_.max_batch_requests) / 2) {
    for (GenerateCall* call : calls) admit(*call);
  }
  step();
  collect();
  turn_.notify_all();
}

// After an exception: nothing under way can be gone on with.
void NativeEngine::abandon(GenerateCall& own) {
  for (const Running& running : active_) RadixTree::unpin(running.node);
  active_.clear();
  tree_.clear();
  const std::lock_guard lock(mutex_);
  for (GenerateCall* call : calls_) {
    if (call != &own)
      call->status = internal_error("another thread's call ended with an exception");
    call->ended = true;
  }
  calls_.clear();
}

// Computes, for all calls, until this one has ended.
void NativeEngine::answer(GenerateCall& own) {
  const Turn turn(*this, [&] { return own.ended; });
  if (!turn.taken()) return;
  renew();
  at::NoGradGuard no_grad;
  try {
    for (bool ended = false; !ended;) {
      advance();
      const std::lock_guard lock(mutex_);
      ended = own.ended;
    }
  } catch (...) {
    abandon(own);
    throw;
  }
}

Status NativeEngine::check(const GenerateRequest& r, const std::string& what) const {
  if (r.prompt.empty()) return input_error(what + ": the prompt is empty");
  RELATA_CHECK(check_ids(r.prompt, model_->config(), what));
  return check_length(r.prompt.size() + static_cast<size_t>(std::max(0, r.max_new_tokens)) - 1,
                      model_->config(), what);
}

Status NativeEngine::prepare(GenerateCall& call) const {
  for (size_t i = 0; i < call.requests.size(); ++i) {
    RELATA_CHECK(check(call.requests[i], "request " + std::to_string(i)));
    RELATA_TRY(const int adapter, adapter_of(call.requests[i].adapter));
    call.prompts.push_back(symbols_of(call.requests[i].prompt, adapter));
  }
  call.results.resize(call.requests.size());
  for (const size_t i : order_of(call.prompts)) {
    if (call.requests[i].max_new_tokens > 0) {
      call.order.push_back(i);
    } else {
      call.results[i].finish = "length";
    }
  }
  call.open = call.order.size();
  return {};
}

Result<std::vector<GenerateResult>> NativeEngine::generate(
    const std::vector<GenerateRequest>& requests, const EngineProgress& progress) {
  GenerateCall call{.requests = requests, .progress = progress};
  RELATA_CHECK(prepare(call));
  if (call.open == 0) return std::move(call.results);
  const EngineUsage before = usage();
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(&call);
  }
  answer(call);
  RELATA_CHECK(call.status);
  log_sharing("generating", before);
  return std::move(call.results);
}

std::unique_ptr<generate::Engine> make_engine(std::shared_ptr<model::Decoder> model,
                                              std::shared_ptr<const text::Tokenizer> tokenizer,
                                              const NativeEngineOptions& options,
                                              std::string model_id) {
  return std::make_unique<NativeEngine>(std::move(model), std::move(tokenizer), options,
                                        std::move(model_id));
}

}  // namespace relata::engine
