// Learning-rate schedules, as Transformers' get_scheduler defines them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace relata::train {

// The factor on the learning rate after `done` of `total` (steps, or seconds for timed runs), with
// `warmup` of them rising linearly from 0. type: cosine, linear, constant.
double schedule_factor(const std::string& type, double done, double total, double warmup);

// Row indices of one epoch: a seeded permutation, the same on every machine and standard library.
std::vector<int64_t> epoch_order(int64_t rows, int64_t seed, int64_t epoch, bool shuffle);

}  // namespace relata::train
