#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "native_engine.h"
#include "relata/model/damage.h"

namespace relata::engine {

using generate::EngineProgress;
using generate::EngineUsage;
using generate::ScoreRequest;
using generate::ScoreResult;

// A token of a continuation.
struct NativeEngine::Wanted {
  const RadixNode* node;  // of the token before
  int64_t offset;         // of that token in the node
  int32_t token;
  double* logprob;
};

// False where one is not a number. `by_row`: what is wanted of which of the pass's `rows`, in their
// order; hidden [rows, D].
bool NativeEngine::read_logprobs(
    const at::Tensor& hidden, const std::vector<int64_t>& rows,
    const std::vector<std::pair<int64_t, const Wanted*>>& by_row) const {
  constexpr int64_t kLogitRows = 1024;  // all logits of a group may not fit into memory
  auto next = by_row.begin();
  bool finite = true;
  for (int64_t begin = 0; begin < hidden.size(0); begin += kLogitRows) {
    const int64_t count = std::min(kLogitRows, hidden.size(0) - begin);
    const at::Tensor logprobs = model_->logits(hidden.narrow(0, begin, count)).log_softmax(-1);
    std::vector<int64_t> places;
    auto end = next;
    for (int64_t i = 0; i < count; ++i) {
      for (; end != by_row.end() && end->first == rows[begin + i]; ++end) {
        places.push_back(i * logprobs.size(1) + end->second->token);
      }
    }
    const at::Tensor chosen =
        logprobs.flatten()
            .index_select(0, at::tensor(places, at::kLong).to(logprobs.device()))
            .cpu();
    const auto* values = chosen.data_ptr<float>();
    for (; next != end; ++next, ++values) {
      *next->second->logprob = *values;
      finite = finite && std::isfinite(*values);
    }
  }
  return finite;
}

// All requests of the group in one pass. What prompts and continuations have in common is computed
// once. Only the last token of a continuation needs no forward pass of its own.
Status NativeEngine::score_group(const std::vector<ScoreRequest>& requests,
                                 const std::vector<size_t>& group,
                                 std::vector<ScoreResult>& results) {
  std::vector<RadixNode*> ends;
  std::vector<size_t> begins;  // of the requests' continuations
  std::vector<Wanted> wanted;
  for (const size_t r : group) {
    const ScoreRequest& request = requests[r];
    RELATA_TRY(const int adapter, adapter_of(request.adapter));
    const Symbols prefix = symbols_of(request.prefix, adapter);
    begins.push_back(prefix.size());
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
  auto begin = begins.begin();
  for (const size_t r : group) {
    const ScoreRequest& request = requests[r];
    const size_t before = *begin++;
    for (size_t c = 0; c < request.continuations.size(); ++c, ++end) {
      const Ids& continuation = request.continuations[c];
      const RadixNode* node = *end;
      auto position = static_cast<int64_t>(before + continuation.size()) - 2;
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
  {
    const std::lock_guard lock(mutex_);
    usage_.shared_tokens -= plan.pass.ids.numel();
  }
  const bool finite = read_logprobs(hidden, rows, by_row);
  for (RadixNode* node : ends) RadixTree::unpin(node);
  tree_.trim();
  return finite ? Status() : model::not_a_number(*model_);
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
  const EngineUsage before = usage();
  const Turn turn(*this, [] { return false; });
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
  int64_t asked = 0;
  std::vector<size_t> group;
  const auto flush = [&]() -> Status {
    if (group.empty()) return {};
    RELATA_CHECK(score_group(requests, group, results));
    done += std::ssize(group);
    {
      const std::lock_guard lock(mutex_);
      usage_.requests += std::ssize(group);
      usage_.prompt_tokens += asked;
      usage_.shared_tokens += asked;
      usage_.cache_bytes = tree_.bytes();
    }
    group.clear();
    tokens = asked = 0;
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
    const int64_t more = branches + (previous == nullptr ? std::ssize(prompts[i])
                                                         : new_tokens(*previous, prompts[i]));
    if (tokens + more > options_.max_batch_tokens) RELATA_CHECK(flush());
    tokens += more;
    asked += std::ssize(prompts[i]) + branches;
    group.push_back(i);
    previous = &prompts[i];
  }
  RELATA_CHECK(flush());
  log_sharing("scoring", before);
  return results;
}

}  // namespace relata::engine
