#include "questions_objective.h"

#include <algorithm>

#include "relata/train/schedule.h"

namespace relata::retrieve {

Status QuestionsObjective::check(const model::Decoder&) const {
  if (!questions_.empty()) return {};
  return input_error("no question has candidates of which some are better than others",
                     "score more candidates (scored), or use more data");
}

std::vector<int64_t> QuestionsObjective::order(int64_t epoch) const {
  return train::epoch_order(size(), config_.seed, epoch, config_.shuffle);
}

int64_t QuestionsObjective::step_end(const std::vector<int64_t>& order, int64_t begin) const {
  return std::min(std::ssize(order), begin + config_.per_device_train_batch_size *
                                                 config_.gradient_accumulation_steps *
                                                 config_.process_count());
}

std::pair<int64_t, int64_t> QuestionsObjective::share_of(const train::StepItems& items,
                                                         int64_t begin, int64_t end) {
  const int64_t count = end - begin;
  return {begin + count * items.process / items.processes,
          begin + count * (items.process + 1) / items.processes};
}

PassSettings QuestionsObjective::pass_settings(const train::StepItems& items, int64_t at) const {
  const uint64_t seed = static_cast<uint64_t>(config_.seed) * 1000003 +
                        static_cast<uint64_t>(items.step) * 1009 +
                        static_cast<uint64_t>(at - items.begin);
  return {config_.dropout, static_cast<uint32_t>(seed), config_.gradient_checkpointing};
}

}  // namespace relata::retrieve
