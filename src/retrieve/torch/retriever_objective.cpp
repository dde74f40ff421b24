#include "retriever_objective.h"

#include <algorithm>
#include <numeric>

#include "relata/train/schedule.h"
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

Status RetrieverObjective::check(const model::Decoder&) const {
  if (!questions_.empty()) return {};
  return input_error("no question has candidates of which some are better than others",
                     "score more candidates (scored), or use more data");
}

std::string RetrieverObjective::identity() const { return questions_identity(pool_, questions_); }

std::vector<int64_t> RetrieverObjective::order(int64_t epoch) const {
  return train::epoch_order(size(), recipe_.trainer.seed, epoch, recipe_.trainer.shuffle);
}

int64_t RetrieverObjective::step_end(const std::vector<int64_t>& order, int64_t begin) const {
  const train::TrainerConfig& config = recipe_.trainer;
  return std::min(std::ssize(order),
                  begin + config.per_device_train_batch_size * config.gradient_accumulation_steps);
}

train::StepLoss RetrieverObjective::add_gradients(const model::Decoder&,
                                                  const train::StepItems& items) const {
  const train::TrainerConfig& config = recipe_.trainer;
  train::StepLoss out;
  for (int64_t begin = items.begin; begin < items.end;
       begin += config.per_device_train_batch_size) {
    const int64_t end = std::min(items.end, begin + config.per_device_train_batch_size);
    std::vector<std::vector<int32_t>> ids;
    std::vector<std::vector<int32_t>> passages;
    std::vector<float> teacher;
    for (int64_t i = begin; i < end; ++i) {
      const auto number = static_cast<size_t>(items.order[static_cast<size_t>(i)]);
      const Question& question = questions_[number];
      const PoolItem& asked = pool_.items[question.item];
      ids.push_back(encoder_.ids_of(retriever_query(asked.instance, asked.task), TextRole::Query));
      const Turn turn{static_cast<size_t>(recipe_.passages), items.epoch, recipe_.seed};
      for (const Candidate& candidate : passages_of(question, pool_, turn)) {
        const PoolItem& found = pool_.items[candidate.document];
        passages.push_back(encoder_.ids_of(
            retriever_passage(found.instance, found.task, recipe_.tags), TextRole::Passage));
        teacher.push_back(static_cast<float>(candidate.score * recipe_.loss.teacher_scale));
      }
    }
    const int64_t queries = end - begin;
    ids.insert(ids.end(), passages.begin(), passages.end());
    for (const auto& sequence : ids) out.tokens += std::ssize(sequence);
    const uint64_t seed = static_cast<uint64_t>(config.seed) * 1000003 +
                          static_cast<uint64_t>(items.step) * 1009 +
                          static_cast<uint64_t>(begin - items.begin);
    const at::Tensor vectors =
        vectors_of(encoder_, ids,
                   {config.dropout, static_cast<uint32_t>(seed), config.gradient_checkpointing});
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
