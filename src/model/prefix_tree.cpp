#include "relata/model/prefix_tree.h"

#include <algorithm>
#include <numeric>

namespace relata::model {
namespace {

using Sequences = std::vector<std::vector<int32_t>>;

class Packer {
 public:
  Packer(const Sequences& sequences, int64_t min_shared)
      : sequences_(sequences), min_shared_(std::clamp<int64_t>(min_shared, 1, INT32_MAX)) {
    order_.resize(sequences.size());
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(),
                     [&](size_t a, size_t b) { return sequences[a] < sequences[b]; });
    shared_.assign(order_.size(), 0);
    for (size_t i = 1; i < order_.size(); ++i) {
      shared_[i] = common(sequences_[order_[i - 1]], sequences_[order_[i]]);
    }
    packed_.rows.resize(sequences.size());
    for (size_t s = 0; s < sequences.size(); ++s) packed_.rows[s].reserve(sequences[s].size());
  }

  PackedSequences pack() {
    branch(0, order_.size(), 0, -1);
    packed_.batch.ids = at::tensor(ids_, at::kLong);
    packed_.batch.positions = at::tensor(positions_, at::kLong);
    return std::move(packed_);
  }

 private:
  static int64_t common(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
    const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
    return end - a.begin();
  }
  int64_t length(size_t i) const { return static_cast<int64_t>(sequences_[order_[i]].size()); }

  // Places the sequences order_[begin, end), which share their first `depth` tokens.
  void branch(size_t begin, size_t end, int64_t depth, int64_t parent) {
    for (size_t first = begin; first < end;) {
      size_t last = first + 1;
      while (last < end && shared_[last] >= depth + min_shared_) ++last;
      group(first, last, depth, parent);
      first = last;
    }
  }

  // Places sequences that share a segment from `depth` on, or a single one.
  void group(size_t begin, size_t end, int64_t depth, int64_t parent) {
    int64_t to = length(begin);
    for (size_t i = begin + 1; i < end; ++i) to = std::min(to, shared_[i]);
    if (to > depth) {
      const auto base = static_cast<int64_t>(ids_.size());
      const std::vector<int32_t>& tokens = sequences_[order_[begin]];
      for (int64_t i = depth; i < to; ++i) {
        ids_.push_back(tokens[i]);
        positions_.push_back(i);
      }
      for (size_t i = begin; i < end; ++i) {
        for (int64_t t = 0; t < to - depth; ++t) packed_.rows[order_[i]].push_back(base + t);
      }
      packed_.batch.segments.push_back({base, to - depth, parent});
      parent = static_cast<int64_t>(packed_.batch.segments.size()) - 1;
    }
    if (end - begin > 1) branch(begin, end, to, parent);
  }

  const Sequences& sequences_;
  int64_t min_shared_;
  std::vector<size_t> order_;
  std::vector<int64_t> shared_;  // tokens that order_[i] shares with order_[i - 1]
  std::vector<int64_t> ids_, positions_;
  PackedSequences packed_;
};

}  // namespace

PackedSequences pack_sequences(const std::vector<std::vector<int32_t>>& sequences,
                               int64_t min_shared) {
  return Packer(sequences, min_shared).pack();
}

}  // namespace relata::model
