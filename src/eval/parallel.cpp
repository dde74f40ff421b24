#include "parallel.h"

#include <algorithm>
#include <future>
#include <thread>
#include <vector>

namespace relata::eval {

size_t parts_of(size_t worth, int threads) {
  constexpr size_t kMost = 16;  // beyond, memory is what work waits for
  const size_t cores =
      threads > 0 ? static_cast<size_t>(threads) : std::thread::hardware_concurrency();
  return std::clamp<size_t>(std::min(worth, cores), 1, kMost);
}

void run_parts(size_t parts, const std::function<void(size_t)>& work) {
  std::vector<std::future<void>> others;
  for (size_t part = 1; part < parts; ++part) {
    others.push_back(std::async(std::launch::async, work, part));
  }
  work(0);
  for (std::future<void>& other : others) other.get();
}

}  // namespace relata::eval
