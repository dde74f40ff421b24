// The best of many hits.
#pragma once

#include <algorithm>
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
  explicit BestHits(const SearchOptions& options) : options_(&options) {}

  void offer(const Hit& hit) {
    if (options_->k == 0) return;
    const bool full = heap_.size() == options_->k;
    if (full && !better(hit, heap_.top())) return;
    if (options_->skip && options_->skip(hit.passage)) return;
    if (full) heap_.pop();
    heap_.push(hit);
  }

  // Passages by their number; those with a score of 0 are no hits.
  void offer_all(const double* scores, size_t count) {
    if (options_->k == 0) return;
    constexpr size_t kTogether = 16;
    double bar = 0.0;
    for (size_t begin = 0; begin < count; begin += kTogether) {
      const size_t end = std::min(count, begin + kTogether);
      double most = 0.0;
      for (size_t i = begin; i < end; ++i) most = std::max(most, scores[i]);
      if (most <= bar) continue;
      for (size_t i = begin; i < end; ++i) {
        if (scores[i] <= bar) continue;
        offer({i, scores[i]});
        // Of equal ones the first was better.
        if (heap_.size() == options_->k) bar = heap_.top().score;
      }
    }
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
  struct Better {
    bool operator()(const Hit& a, const Hit& b) const { return better(a, b); }
  };
  const SearchOptions* options_;
  std::priority_queue<Hit, std::vector<Hit>, Better> heap_;
};

}  // namespace relata::retrieve
