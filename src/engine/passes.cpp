#include "passes.h"

#include <algorithm>
#include <numeric>

namespace relata::engine {

std::vector<size_t> order_by_prompt(const std::vector<const Prompt*>& prompts) {
  std::vector<size_t> order(prompts.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return *prompts[a] < *prompts[b]; });
  return order;
}

int64_t new_tokens(const Prompt* previous, const Prompt& prompt) {
  const auto size = static_cast<int64_t>(prompt.size());
  if (previous == nullptr) return size;
  const auto end =
      std::mismatch(prompt.begin(), prompt.end(), previous->begin(), previous->end()).first;
  const int64_t shared = end - prompt.begin();
  return shared < kMinShared ? size : size - shared;
}

std::vector<std::vector<size_t>> plan_passes(const std::vector<Load>& loads, int64_t max_tokens) {
  std::vector<const Prompt*> prompts;
  prompts.reserve(loads.size());
  for (const Load& load : loads) prompts.push_back(load.prompt);
  std::vector<std::vector<size_t>> passes;
  int64_t tokens = 0;
  const Prompt* previous = nullptr;
  for (const size_t i : order_by_prompt(prompts)) {
    const Load& load = loads[i];
    int64_t more = new_tokens(previous, *load.prompt) + load.branches;
    if (passes.empty() || tokens + more > max_tokens) {
      passes.emplace_back();
      tokens = 0;
      more = static_cast<int64_t>(load.prompt->size()) + load.branches;
    }
    passes.back().push_back(i);
    tokens += more;
    previous = load.prompt;
  }
  return passes;
}

}  // namespace relata::engine
