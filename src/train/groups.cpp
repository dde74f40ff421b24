#include "groups.h"

#include <algorithm>

#include "relata/train/schedule.h"

namespace relata::train {

std::vector<int64_t> group_order(const std::vector<Row>& rows, const TrainerConfig& config,
                                 int64_t epoch) {
  std::vector<int64_t> begins;  // of runs of rows of one group; a row without group is its own
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool first = i == 0 || rows[i].group < 0 || rows[i].group != rows[i - 1].group;
    if (first) begins.push_back(static_cast<int64_t>(i));
  }
  std::vector<int64_t> out;
  out.reserve(rows.size());
  for (const int64_t g : epoch_order(std::ssize(begins), config.seed, epoch, config.shuffle)) {
    const int64_t end =
        g + 1 < std::ssize(begins) ? begins[static_cast<size_t>(g) + 1] : std::ssize(rows);
    for (int64_t i = begins[static_cast<size_t>(g)]; i < end; ++i) out.push_back(i);
  }
  return out;
}

std::vector<int64_t> micro_batch_ends(const std::vector<Row>& rows,
                                      const std::vector<int64_t>& order, int64_t begin,
                                      const TrainerConfig& config) {
  const int64_t total = std::ssize(order);
  const auto same_group = [&](int64_t at) {
    const int64_t group = rows[static_cast<size_t>(order[static_cast<size_t>(at)])].group;
    return group >= 0 &&
           group == rows[static_cast<size_t>(order[static_cast<size_t>(at) - 1])].group;
  };
  std::vector<int64_t> ends;
  int64_t end = begin;
  const int64_t most = config.gradient_accumulation_steps * config.process_count();
  for (int64_t i = 0; i < most && end < total; ++i) {
    end = std::min(total, end + config.per_device_train_batch_size);
    while (end < total && same_group(end)) ++end;
    ends.push_back(end);
  }
  return ends;
}

}  // namespace relata::train
