// The best of many hits.
#pragma once

#include <queue>
#include <vector>

#include "relata/retrieve/bm25.h"

namespace relata::retrieve {

inline bool better(const Hit& a, const Hit& b) {
  return a.score != b.score ? a.score > b.score : a.passage < b.passage;
}

// The k best of what is offered.
class BestHits {
 public:
  explicit BestHits(const SearchOptions& options) : options_(&options), heap_(better) {}

  void offer(const Hit& hit) {
    if (options_->k == 0) return;
    const bool full = heap_.size() == options_->k;
    if (full && !better(hit, heap_.top())) return;
    if (options_->skip && options_->skip(hit.passage)) return;
    if (full) heap_.pop();
    heap_.push(hit);
  }

  std::vector<Hit> sorted() {
    std::vector<Hit> out(heap_.size());
    for (size_t i = out.size(); i > 0; --i) {
      out[i - 1] = heap_.top();
      heap_.pop();
    }
    return out;
  }

 private:
  const SearchOptions* options_;
  std::priority_queue<Hit, std::vector<Hit>, bool (*)(const Hit&, const Hit&)> heap_;
};

}  // namespace relata::retrieve
