#include "retriever_objective.h"

#include <algorithm>
#include <numeric>

#include "retriever_loss.h"

namespace relata::retrieve {
namespace {

// [S, D], of sequences in any order; those of one length go through the model side by side.
at::Tensor vectors_of(const TextEncoder& encoder, const std::vector<std::vector<int32_t>>& ids,
                      const PassSettings& settings) {
  std::vector<int64_t> order(ids.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return ids[static_cast<size_t>(a)].size() < ids[static_cast<size_t>(b)].size();
  });
  std::vector<std::vector<int32_t>> sorted;
  std::vector<int64_t> place(ids.size());
  for (size_t i = 0; i < order.size(); ++i) {
    sorted.push_back(ids[static_cast<size_t>(order[i])]);
    place[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  }
  return encoder.vectors(sorted, settings).index_select(0, at::tensor(place, at::kLong));
}

}  // namespace

train::StepLoss RetrieverObjective::add_gradients(const model::Decoder&,
                                                  const train::StepItems& items) const {
  train::StepLoss out;
  for (int64_t begin = items.begin; begin < items.end;
       begin += config_.per_device_train_batch_size) {
    const int64_t end = std::min(items.end, begin + config_.per_device_train_batch_size);
    std::vector<std::vector<int32_t>> ids;
    std::vector<std::vector<int32_t>> passages;
    std::vector<float> teacher;
    for (int64_t i = begin; i < end; ++i) {
      const auto number = static_cast<size_t>(items.order[static_cast<size_t>(i)]);
      const Question& question = questions_[number];
      const PoolItem& asked = pool_.items[question.item];
      ids.push_back(encoder_.ids_of(retriever_query(asked.instance, asked.task, recipe_.form),
                                    TextRole::Query));
      const Turn turn{static_cast<size_t>(recipe_.passages), items.epoch, recipe_.seed};
      for (const Candidate& candidate : passages_of(question, pool_, turn)) {
        const PoolItem& found = pool_.items[candidate.document];
        passages.push_back(encoder_.ids_of(
            retriever_passage(found.instance, found.task, recipe_.form), TextRole::Passage));
        teacher.push_back(static_cast<float>(candidate.score * recipe_.loss.teacher_scale));
      }
    }
    const int64_t queries = end - begin;
    ids.insert(ids.end(), passages.begin(), passages.end());
    for (const auto& sequence : ids) out.tokens += std::ssize(sequence);
    const at::Tensor vectors = vectors_of(encoder_, ids, pass_settings(items, begin));
    const RetrieverBatch batch{vectors.narrow(0, 0, queries),
                               vectors.narrow(0, queries, std::ssize(passages)),
                               at::tensor(teacher, at::kFloat).view({queries, recipe_.passages})};
    // Every question counts alike, in whatever micro-batch it is.
    const double share =
        static_cast<double>(queries) / static_cast<double>(items.end - items.begin);
    const at::Tensor loss = retriever_loss(batch, recipe_.loss) * share;
    loss.backward();
    out.loss += loss.item<double>();
  }
  out.answer_tokens = items.end - items.begin;
  return out;
}

}  // namespace relata::retrieve
