#include "relata/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

namespace relata::train {

double schedule_factor(const std::string& type, double done, double total, double warmup) {
  if (done < warmup) return done / std::max(1.0, warmup);
  if (type == "constant" || type == "constant_with_warmup") return 1.0;
  const double progress = std::clamp((done - warmup) / std::max(1e-9, total - warmup), 0.0, 1.0);
  if (type == "linear") return 1.0 - progress;
  return 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

std::vector<int64_t> epoch_order(int64_t rows, int64_t seed, int64_t epoch, bool shuffle) {
  std::vector<int64_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  if (!shuffle) return order;
  std::mt19937_64 random(static_cast<uint64_t>(seed) * 1000003U + static_cast<uint64_t>(epoch));
  // std::shuffle is not specified bit for bit; this is.
  for (int64_t i = rows - 1; i > 0; --i) {
    std::swap(order[i], order[static_cast<int64_t>(random() % static_cast<uint64_t>(i + 1))]);
  }
  return order;
}

}  // namespace relata::train
