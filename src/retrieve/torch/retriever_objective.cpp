#include "retriever_objective.h"

#include <algorithm>
#include <numeric>
#include <span>

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

// A batch's questions, each one's passages after the other's, and what the teacher gives these.
struct RetrieverObjective::Texts {
  int64_t questions = 0;                                // of all processes
  std::vector<std::vector<int32_t>> queries, passages;  // of this process
  std::vector<float> teacher;                           // of all
};

RetrieverObjective::Texts RetrieverObjective::texts_of(const train::StepItems& items, int64_t begin,
                                                       int64_t end) const {
  Texts out;
  out.questions = end - begin;
  const auto [first, last] = share_of(items, begin, end);
  for (int64_t i = begin; i < end; ++i) {
    const bool own = i >= first && i < last;
    const auto number = static_cast<size_t>(items.order[static_cast<size_t>(i)]);
    const Question& question = questions_[number];
    if (own) {
      const PoolItem& asked = pool_.items[question.item];
      out.queries.push_back(encoder_.ids_of(
          retriever_query(asked.instance, asked.task, recipe_.form), TextRole::Query));
    }
    const Turn turn{static_cast<size_t>(recipe_.passages), items.epoch, recipe_.seed};
    for (const Candidate& candidate : passages_of(question, pool_, turn)) {
      out.teacher.push_back(static_cast<float>(candidate.score * recipe_.loss.teacher_scale));
      if (!own) continue;
      const PoolItem& found = pool_.items[candidate.document];
      out.passages.push_back(encoder_.ids_of(
          retriever_passage(found.instance, found.task, recipe_.form), TextRole::Passage));
    }
  }
  return out;
}

Result<std::pair<at::Tensor, at::Tensor>> RetrieverObjective::gathered(const Texts& texts,
                                                                       const at::Tensor& own,
                                                                       int64_t first,
                                                                       int64_t last) const {
  const int64_t own_queries = last - first, each = recipe_.passages;
  const at::Tensor queries = own.narrow(0, 0, own_queries);
  const at::Tensor passages = own.narrow(0, own_queries, own_queries * each);
  if (config_.processes == nullptr) return std::pair(queries, passages);
  // Zeros where others put theirs.
  const at::Tensor all = at::zeros({texts.questions * (1 + each), own.size(1)}, at::kFloat);
  const at::Tensor all_queries = all.narrow(0, 0, texts.questions);
  const at::Tensor all_passages = all.narrow(0, texts.questions, texts.questions * each);
  all_queries.narrow(0, first, own_queries).copy_(queries.detach());
  all_passages.narrow(0, first * each, own_queries * each).copy_(passages.detach());
  RELATA_CHECK(
      config_.processes->sum(std::span(all.data_ptr<float>(), static_cast<size_t>(all.numel()))));
  const auto with_own = [](const at::Tensor& whole, const at::Tensor& part, int64_t begin) {
    const int64_t end = begin + part.size(0);
    return at::cat({whole.narrow(0, 0, begin), part, whole.narrow(0, end, whole.size(0) - end)});
  };
  return std::pair(with_own(all_queries, queries, first),
                   with_own(all_passages, passages, first * each));
}

Result<train::StepLoss> RetrieverObjective::add_gradients(const model::Decoder&,
                                                          const train::StepItems& items) const {
  train::StepLoss out;
  const int64_t together = config_.per_device_train_batch_size * items.processes;
  for (int64_t begin = items.begin; begin < items.end; begin += together) {
    const int64_t end = std::min(items.end, begin + together);
    const auto [first, last] = share_of(items, begin, end);
    const Texts texts = texts_of(items, begin, end);
    std::vector<std::vector<int32_t>> ids = texts.queries;
    ids.insert(ids.end(), texts.passages.begin(), texts.passages.end());
    for (const auto& sequence : ids) out.tokens += std::ssize(sequence);
    const at::Tensor own = ids.empty()
                               ? at::zeros({0, static_cast<int64_t>(encoder_.width())}, at::kFloat)
                               : vectors_of(encoder_, ids, pass_settings(items, first));
    RELATA_TRY(const auto vectors, gathered(texts, own, first - begin, last - begin));
    const RetrieverBatch batch{
        vectors.first, vectors.second,
        at::tensor(texts.teacher, at::kFloat).view({texts.questions, recipe_.passages})};
    // Every question counts alike, in whatever micro-batch it is.
    const double share =
        static_cast<double>(texts.questions) / static_cast<double>(items.end - items.begin);
    const at::Tensor loss = retriever_loss(batch, recipe_.loss) * share;
    if (loss.requires_grad()) loss.backward();
    if (items.process == 0) out.loss += loss.item<double>();
    out.answer_tokens += last - first;
  }
  return out;
}

}  // namespace relata::retrieve
