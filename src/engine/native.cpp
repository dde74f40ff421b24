#include "relata/engine/native.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>
#include <set>

#include "radix_tree.h"
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/base/log.h"
#include "relata/model/decoder.h"
#include "sampler.h"

namespace relata::engine {
namespace {

using generate::Constraint;
using generate::ConstraintWalk;
using generate::EngineProgress;
using generate::GenerateRequest;
using generate::GenerateResult;
using generate::ScoreRequest;
using generate::ScoreResult;
using Ids = std::vector<int32_t>;

constexpr int64_t kPrefillTokens = 2048;  // at once: activations then stay in the caches

Error not_a_number() {
  return input_error("the model's output is not a number",
                     "its weights or its adapter's are damaged; fetch or train them again");
}

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
  if (static_cast<int64_t>(length) > config.max_positions) {
    return input_error(what + ": " + std::to_string(length) + " tokens, the model takes " +
                           std::to_string(config.max_positions),
                       "shorten the text or split it");
  }
  return {};
}

// One request on its way through decoding.
struct Running {
  size_t index = 0;
  RadixNode* node = nullptr;  // where its prompt ends; pinned
  int adapter = -1;
  model::KvRun run;  // of what was generated
  Sampler sampler;
  std::unique_ptr<ConstraintWalk> walk;
  std::unique_ptr<text::StreamDecoder> decoder;
  std::string text;  // decoded so far, when there are stop strings
  Ids waiting;       // chosen, but not computed yet
  GenerateResult result;
};

class NativeEngine final : public generate::Engine {
 public:
  NativeEngine(std::shared_ptr<model::Decoder> model,
               std::shared_ptr<const text::Tokenizer> tokenizer, const NativeEngineOptions& options,
               std::string id)
      : model_(std::move(model)),
        tokenizer_(std::move(tokenizer)),
        options_(options),
        id_(std::move(id)),
        tree_(options.cache_bytes) {
    for (const int64_t eos : model_->config().eos_ids) {
      stops_.insert(static_cast<int32_t>(eos));
    }
    if (tokenizer_) {
      for (const int32_t stop : tokenizer_->stop_ids()) stops_.insert(stop);
    }
  }

  Result<std::vector<GenerateResult>> generate(const std::vector<GenerateRequest>& requests,
                                               const EngineProgress& progress) override;
  Result<std::vector<ScoreResult>> score(const std::vector<ScoreRequest>& requests,
                                         const EngineProgress& progress) override;
  const text::Tokenizer* tokenizer() const override { return tokenizer_.get(); }
  std::shared_ptr<const text::Tokenizer> shared_tokenizer() const override { return tokenizer_; }
  std::string model_id() const override { return id_; }
  int64_t max_tokens() const override { return model_->config().max_positions; }

 private:
  bool is_eos(int32_t id) const { return stops_.contains(id); }
  void renew();
  Result<int> adapter_of(const std::string& name) const;
  Symbols symbols_of(const Ids& ids, int adapter) const;
  Status check(const GenerateRequest& request, const std::string& what) const;
  Status check(const ScoreRequest& request, const std::string& what) const;
  // The requests' prompts in an order in which neighbours begin alike.
  std::vector<size_t> order_of(const std::vector<Symbols>& prompts) const;
  void start(const std::vector<GenerateRequest>& requests, const std::vector<Symbols>& prompts,
             const std::vector<size_t>& order, size_t& next, std::vector<Running>& active);
  Status step(const std::vector<GenerateRequest>& requests, std::vector<Running>& active);
  Status choose(const at::Tensor& hidden, const std::vector<GenerateRequest>& requests,
                std::vector<Running*>& running);
  bool accept(Running& running, const GenerateRequest& request, int32_t id, double logprob) const;
  bool force(Running& running, const GenerateRequest& request) const;
  std::pair<int64_t, double> go_on(const GenerateRequest& request, const Ids& allowed,
                                   const float* logits, std::pair<int64_t, double> picked) const;
  void finish_text(Running& running, const GenerateRequest& request) const;
  at::Tensor compute(TreePass& plan, const std::vector<int64_t>& rows);
  Status score_group(const std::vector<ScoreRequest>& requests, const std::vector<size_t>& group,
                     std::vector<ScoreResult>& results);
  int64_t new_tokens(const Symbols& previous, const Symbols& prompt) const;
  void log_sharing(const std::string& work);

  std::shared_ptr<model::Decoder> model_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  NativeEngineOptions options_;
  std::string id_;
  std::set<int32_t> stops_;  // tokens that end an answer
  std::mutex mutex_;         // one call at a time has the tree
  RadixTree tree_;
  uint64_t version_ = 0;  // of the weights that the tree's keys were computed with
  int64_t asked_ = 0;     // tokens of the current call's requests, one by one
  int64_t computed_ = 0;
};

// What was computed with other weights is of no use.
void NativeEngine::renew() {
  if (version_ != model_->version()) tree_.clear();
  version_ = model_->version();
  asked_ = computed_ = 0;
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

Symbols NativeEngine::symbols_of(const Ids& ids, int adapter) const {
  size_t begin = 0;
  if (adapter >= 0) {
    begin = model::adapter_begin(model_->adapters()[static_cast<size_t>(adapter)].config, ids);
  }
  Symbols out;
  out.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) out.push_back({ids[i], i >= begin ? adapter : -1});
  return out;
}

std::vector<size_t> NativeEngine::order_of(const std::vector<Symbols>& prompts) const {
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
  const auto end =
      std::mismatch(prompt.begin(), prompt.end(), previous.begin(), previous.end()).first;
  return prompt.end() - end;
}

void NativeEngine::log_sharing(const std::string& work) {
  if (asked_ > 0) {
    log_debug(work + ": " + std::to_string(computed_) + " tokens computed for " +
              std::to_string(asked_) + " of all prompts and answers, the rest is shared");
  }
}

at::Tensor NativeEngine::compute(TreePass& plan, const std::vector<int64_t>& rows) {
  plan.pass.rows = at::tensor(rows, at::kLong);
  computed_ += plan.pass.ids.numel();
  at::Tensor hidden = model_->forward(plan.pass);
  for (RadixNode* node : plan.nodes) {
    node->computed = true;
    tree_.count(*node);
  }
  return hidden;
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

// Appends the chosen token; true when the sequence is finished.
bool NativeEngine::accept(Running& running, const GenerateRequest& request, int32_t id,
                          double logprob) const {
  GenerateResult& result = running.result;
  if (is_eos(id)) {
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

// Takes the tokens that the constraint leaves no choice about; true when the sequence is finished.
bool NativeEngine::force(Running& running, const GenerateRequest& request) const {
  if (!running.walk) return false;
  while (true) {
    const Ids& allowed = running.walk->allowed();
    if (allowed.size() != 1) return false;
    const int32_t only = allowed.front();
    if (accept(running, request, only, 0.0)) return true;
  }
}

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

// The next token of each, from the hidden state of its last.
Status NativeEngine::choose(const at::Tensor& hidden, const std::vector<GenerateRequest>& requests,
                            std::vector<Running*>& running) {
  const int64_t vocabulary = model_->config().vocab_size;
  std::vector<int64_t> free_rows;
  for (size_t i = 0; i < running.size(); ++i) {
    if (!running[i]->walk) free_rows.push_back(static_cast<int64_t>(i));
  }
  at::Tensor free_logits;
  if (!free_rows.empty()) {
    const bool all = free_rows.size() == running.size();
    free_logits =
        model_->logits(all ? hidden : hidden.index_select(0, at::tensor(free_rows, at::kLong)));
  }
  std::vector<std::pair<int64_t, double>> picked(running.size());
  at::parallel_for(0, std::ssize(free_rows), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto row = static_cast<size_t>(free_rows[i]);
      picked[row] =
          running[row]->sampler.pick(free_logits.data_ptr<float>() + i * vocabulary, vocabulary);
    }
  });
  for (size_t i = 0; i < running.size(); ++i) {
    Running& r = *running[i];
    if (r.walk) {
      // Only the tokens that may come next are multiplied with.
      const Ids& allowed = r.walk->allowed();
      const at::Tensor ids = at::tensor(allowed, at::kInt).to(at::kLong);
      const at::Tensor logits =
          model_->logits_of(hidden.narrow(0, static_cast<int64_t>(i), 1), ids).contiguous();
      picked[i] = r.sampler.pick(logits.data_ptr<float>(), logits.numel());
      picked[i] = go_on(requests[r.index], allowed, logits.data_ptr<float>(), picked[i]);
      if (picked[i].first >= 0) picked[i].first = allowed[static_cast<size_t>(picked[i].first)];
    }
    if (picked[i].first < 0) return not_a_number();
    const GenerateRequest& request = requests[r.index];
    if (!accept(r, request, static_cast<int32_t>(picked[i].first), picked[i].second)) {
      force(r, request);
    }
  }
  return {};
}

// Takes the next requests that fit the token budget; what is new of their prompts stands in the
// tree, uncomputed.
void NativeEngine::start(const std::vector<GenerateRequest>& requests,
                         const std::vector<Symbols>& prompts, const std::vector<size_t>& order,
                         size_t& next, std::vector<Running>& active) {
  const auto most = static_cast<size_t>(options_.max_batch_requests);
  const auto budget = std::min<int64_t>(kPrefillTokens, options_.max_batch_tokens);
  int64_t tokens = 0;
  bool first = true;
  while (next < order.size() && active.size() < most) {
    const size_t index = order[next];
    const Symbols& prompt = prompts[index];
    tokens += first ? std::ssize(prompt) : new_tokens(prompts[order[next - 1]], prompt);
    if (!first && tokens > budget) break;
    first = false;
    const GenerateRequest& request = requests[index];
    Running running{index, nullptr, prompt.back().adapter, {}, Sampler(request), {}, {}, {},
                    {},    {}};
    // The last token of the prompt is computed with what follows it: its hidden state is wanted.
    running.node = tree_.insert({prompt.begin(), prompt.end() - 1}, prompt.size() - 1);
    running.waiting = {prompt.back().id};
    running.run = model_->make_run(request.max_new_tokens + 1);
    if (request.constraint) running.walk = request.constraint->start();
    if (!request.stops.empty() && tokenizer_) {
      running.decoder = std::make_unique<text::StreamDecoder>(tokenizer_, true);
    }
    asked_ += std::ssize(prompt);
    active.push_back(std::move(running));
    ++next;
  }
}

// Computes new prompts and the tokens chosen last, and chooses the next of every sequence.
Status NativeEngine::step(const std::vector<GenerateRequest>& requests,
                          std::vector<Running>& active) {
  std::vector<Tail> tails;
  std::vector<Running*> running;
  for (Running& r : active) {
    tails.push_back({r.node, &r.run, std::move(r.waiting), r.adapter});
    r.waiting.clear();
    running.push_back(&r);
  }
  TreePass plan = plan_pass(tree_, *model_, tails);
  std::vector<int64_t> rows;
  for (size_t i = 0; i < tails.size(); ++i) {
    rows.push_back(plan.tail_rows[i] + std::ssize(tails[i].ids) - 1);
  }
  const at::Tensor hidden = compute(plan, rows);
  return choose(hidden, requests, running);
}

Status NativeEngine::check(const GenerateRequest& r, const std::string& what) const {
  if (r.prompt.empty()) return input_error(what + ": the prompt is empty");
  RELATA_CHECK(check_ids(r.prompt, model_->config(), what));
  return check_length(r.prompt.size() + static_cast<size_t>(std::max(0, r.max_new_tokens)) - 1,
                      model_->config(), what);
}

Result<std::vector<GenerateResult>> NativeEngine::generate(
    const std::vector<GenerateRequest>& requests, const EngineProgress& progress) {
  const std::lock_guard lock(mutex_);
  renew();
  at::NoGradGuard no_grad;
  std::vector<GenerateResult> results(requests.size());
  std::vector<Symbols> prompts;
  for (size_t i = 0; i < requests.size(); ++i) {
    RELATA_CHECK(check(requests[i], "request " + std::to_string(i)));
    RELATA_TRY(const int adapter, adapter_of(requests[i].adapter));
    prompts.push_back(symbols_of(requests[i].prompt, adapter));
  }
  std::vector<size_t> order;
  for (const size_t i : order_of(prompts)) {
    if (requests[i].max_new_tokens > 0) {
      order.push_back(i);
    } else {
      results[i].finish = "length";
    }
  }
  int64_t done = static_cast<int64_t>(requests.size() - order.size());
  size_t next = 0;
  std::vector<Running> active;
  Status status;
  while (status.ok() && (next < order.size() || !active.empty())) {
    const auto most = static_cast<size_t>(options_.max_batch_requests);
    if (active.size() <= most / 2) start(requests, prompts, order, next, active);
    status = step(requests, active);
    std::vector<Running> going;
    for (Running& running : active) {
      if (status.ok() && running.result.finish.empty()) {
        going.push_back(std::move(running));
        continue;
      }
      RadixTree::unpin(running.node);
      finish_text(running, requests[running.index]);
      results[running.index] = std::move(running.result);
      if (status.ok() && progress) progress(++done);
    }
    active = std::move(going);
    tree_.trim();
  }
  RELATA_CHECK(status);
  log_sharing("generating");
  return results;
}

// All requests of the group in one pass. What prompts and continuations have in common is computed
// once. Only the last token of a continuation needs no forward pass of its own.
Status NativeEngine::score_group(const std::vector<ScoreRequest>& requests,
                                 const std::vector<size_t>& group,
                                 std::vector<ScoreResult>& results) {
  constexpr int64_t kLogitRows = 1024;  // all logits of a group may not fit into memory
  struct Wanted {
    const RadixNode* node;  // of the token before
    int64_t offset;         // of that token in the node
    int32_t token;
    double* logprob;
  };
  std::vector<RadixNode*> ends;
  std::vector<Wanted> wanted;
  for (const size_t r : group) {
    const ScoreRequest& request = requests[r];
    RELATA_TRY(const int adapter, adapter_of(request.adapter));
    const Symbols prefix = symbols_of(request.prefix, adapter);
    for (size_t c = 0; c < request.continuations.size(); ++c) {
      const Ids& continuation = request.continuations[c];
      results[r].token_logprobs[c].resize(continuation.size());
      Symbols path = prefix;
      for (size_t i = 0; i + 1 < continuation.size(); ++i)
        path.push_back({continuation[i], prefix.back().adapter});
      // All but the prompt's last token is worth keeping: that one's hidden state is needed.
      ends.push_back(tree_.insert(path, prefix.size() - 1));
    }
  }
  std::vector<Tail> no_tails;
  TreePass plan = plan_pass(tree_, *model_, no_tails);
  std::map<const RadixNode*, int64_t> first_row;
  for (size_t i = 0; i < plan.nodes.size(); ++i) first_row[plan.nodes[i]] = plan.node_rows[i];
  auto end = ends.begin();
  for (const size_t r : group) {
    const ScoreRequest& request = requests[r];
    for (size_t c = 0; c < request.continuations.size(); ++c, ++end) {
      const Ids& continuation = request.continuations[c];
      const RadixNode* node = *end;
      auto position = static_cast<int64_t>(request.prefix.size() + continuation.size()) - 2;
      for (auto i = std::ssize(continuation) - 1; i >= 0; --i, --position) {
        while (position < node->begin) node = node->parent;
        wanted.push_back(
            {node, position - node->begin, continuation[i], &results[r].token_logprobs[c][i]});
      }
    }
  }
  std::vector<std::pair<int64_t, const Wanted*>> by_row;
  for (const Wanted& w : wanted) by_row.emplace_back(first_row.at(w.node) + w.offset, &w);
  std::stable_sort(by_row.begin(), by_row.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<int64_t> rows;
  for (const auto& [row, w] : by_row) {
    if (rows.empty() || rows.back() != row) rows.push_back(row);
  }
  const at::Tensor hidden = compute(plan, rows);
  auto next = by_row.begin();
  bool finite = true;
  for (int64_t begin = 0; begin < hidden.size(0); begin += kLogitRows) {
    const int64_t count = std::min(kLogitRows, hidden.size(0) - begin);
    const at::Tensor logprobs = model_->logits(hidden.narrow(0, begin, count)).log_softmax(-1);
    const auto* values = logprobs.data_ptr<float>();
    for (int64_t i = 0; i < count; ++i) {
      for (; next != by_row.end() && next->first == rows[begin + i]; ++next) {
        *next->second->logprob = values[i * logprobs.size(1) + next->second->token];
        finite = finite && std::isfinite(*next->second->logprob);
      }
    }
  }
  for (RadixNode* node : ends) RadixTree::unpin(node);
  tree_.trim();
  return finite ? Status() : not_a_number();
}

Status NativeEngine::check(const ScoreRequest& r, const std::string& what) const {
  if (r.prefix.empty()) return input_error(what + ": the prompt is empty");
  RELATA_CHECK(check_ids(r.prefix, model_->config(), what));
  for (const Ids& continuation : r.continuations) {
    if (continuation.empty()) return input_error(what + ": a continuation is empty");
    RELATA_CHECK(check_ids(continuation, model_->config(), what));
    RELATA_CHECK(check_length(r.prefix.size() + continuation.size(), model_->config(), what));
  }
  return {};
}

Result<std::vector<ScoreResult>> NativeEngine::score(const std::vector<ScoreRequest>& requests,
                                                     const EngineProgress& progress) {
  const std::lock_guard lock(mutex_);
  renew();
  at::NoGradGuard no_grad;
  std::vector<ScoreResult> results(requests.size());
  std::vector<Symbols> prompts;
  for (size_t i = 0; i < requests.size(); ++i) {
    RELATA_CHECK(check(requests[i], "request " + std::to_string(i)));
    RELATA_TRY(const int adapter, adapter_of(requests[i].adapter));
    prompts.push_back(symbols_of(requests[i].prefix, adapter));
    results[i].token_logprobs.resize(requests[i].continuations.size());
  }
  int64_t done = 0;
  int64_t tokens = 0;
  std::vector<size_t> group;
  const auto flush = [&]() -> Status {
    if (group.empty()) return {};
    RELATA_CHECK(score_group(requests, group, results));
    done += std::ssize(group);
    group.clear();
    tokens = 0;
    if (progress) progress(done);
    return {};
  };
  const Symbols* previous = nullptr;
  for (const size_t i : order_of(prompts)) {
    if (requests[i].continuations.empty()) {
      ++done;
      continue;
    }
    int64_t branches = 0;
    for (const Ids& c : requests[i].continuations) branches += std::ssize(c) - 1;
    asked_ += std::ssize(prompts[i]) + branches;
    const int64_t more = branches + (previous == nullptr ? std::ssize(prompts[i])
                                                         : new_tokens(*previous, prompts[i]));
    if (tokens + more > options_.max_batch_tokens) RELATA_CHECK(flush());
    tokens += more;
    group.push_back(i);
    previous = &prompts[i];
  }
  RELATA_CHECK(flush());
  log_sharing("scoring");
  return results;
}

}  // namespace

std::unique_ptr<generate::Engine> make_engine(std::shared_ptr<model::Decoder> model,
                                              std::shared_ptr<const text::Tokenizer> tokenizer,
                                              const NativeEngineOptions& options,
                                              std::string model_id) {
  return std::make_unique<NativeEngine>(std::move(model), std::move(tokenizer), options,
                                        std::move(model_id));
}

}  // namespace relata::engine
