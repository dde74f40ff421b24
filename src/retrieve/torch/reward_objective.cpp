#include "reward_objective.h"

#include <algorithm>

#include "retriever_loss.h"

namespace relata::retrieve {
namespace {

// Questions share no term of the loss, so that a step goes through the model in parts of so many
// tokens, whatever its batch.
constexpr size_t kPassTokens = 4096;

}  // namespace

TextPair reward_pair(const PoolItem& question, const PoolItem& candidate, bool tags) {
  const RetrieverForm form{tags};
  return {retriever_passage(question.instance, question.task, form),
          retriever_passage(candidate.instance, candidate.task, form)};
}

Result<train::StepLoss> RewardObjective::add_gradients(const model::Decoder&,
                                                       const train::StepItems& items) const {
  const Turn turn{static_cast<size_t>(recipe_.reward.passages), items.epoch, config_.seed};
  train::StepLoss out;
  std::vector<PairEncoder::PairIds> pairs;  // of some questions, each its positive first
  size_t tokens = 0;
  const auto learn = [&](int64_t last) {
    const at::Tensor scores = encoder_.scores(pairs, pass_settings(items, last));
    const int64_t questions = std::ssize(pairs) / recipe_.reward.passages;
    const double share =
        static_cast<double>(questions) / static_cast<double>(items.end - items.begin);
    const at::Tensor loss = reward_loss(scores.view({questions, recipe_.reward.passages})) * share;
    loss.backward();
    out.loss += loss.item<double>();
    out.tokens += static_cast<int64_t>(tokens);
    pairs.clear();
    tokens = 0;
  };
  const auto [first, last] = share_of(items, items.begin, items.end);
  for (int64_t i = first; i < last; ++i) {
    const auto number = static_cast<size_t>(items.order[static_cast<size_t>(i)]);
    const Question& question = questions_[number];
    for (const Candidate& candidate : passages_of(question, pool_, turn)) {
      pairs.push_back(encoder_.ids_of(reward_pair(
          pool_.items[question.item], pool_.items[candidate.document], recipe_.form.tags)));
      tokens += pairs.back().ids.size();
    }
    if (tokens >= kPassTokens) learn(i);
  }
  if (!pairs.empty()) learn(last);
  out.answer_tokens = last - first;
  return out;
}

}  // namespace relata::retrieve
