#include "relata/model/prefix_tree.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <stdexcept>
#include <utility>

namespace relata::model {
namespace {

// A token together with the adapter that computes it.
struct Symbol {
  int32_t id = 0;
  int adapter = -1;
  auto operator<=>(const Symbol&) const = default;
};
using Sequences = std::vector<std::vector<Symbol>>;

class Packer {
 public:
  // `sources`: the tokens of each sequence that are its source; empty: there are none.
  Packer(const Sequences& sequences, std::vector<size_t> sources, int64_t min_shared)
      : sequences_(sequences),
        sources_(std::move(sources)),
        min_shared_(std::clamp<int64_t>(min_shared, 1, INT32_MAX)) {
    order_.resize(sequences.size());
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return less(a, b); });
    shared_.assign(order_.size(), 0);
    for (size_t i = 1; i < order_.size(); ++i) {
      shared_[i] = common(sequences_[order_[i - 1]], sequences_[order_[i]]);
    }
    packed_.rows.resize(sequences.size());
    for (size_t s = 0; s < sequences.size(); ++s) packed_.rows[s].reserve(sequences[s].size());
  }

  PackedSequences pack() {
    if (sources_.empty()) {
      branch(0, order_.size(), 0, -1);
    } else {
      place_sources();
    }
    packed_.pass.ids = at::tensor(ids_, at::kLong);
    packed_.pass.positions = at::tensor(positions_, at::kLong);
    return std::move(packed_);
  }

 private:
  static int64_t common(const std::vector<Symbol>& a, const std::vector<Symbol>& b) {
    const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
    return end - a.begin();
  }
  int64_t length(size_t i) const { return static_cast<int64_t>(sequences_[order_[i]].size()); }

  std::span<const Symbol> source(size_t s) const {
    return {sequences_[s].data(), sources_.empty() ? 0 : sources_[s]};
  }
  bool same_source(size_t a, size_t b) const { return std::ranges::equal(source(a), source(b)); }
  // By source as a whole, then by what follows it.
  bool less(size_t a, size_t b) const {
    if (sources_.empty() || same_source(a, b)) return sequences_[a] < sequences_[b];
    return std::ranges::lexicographical_compare(source(a), source(b));
  }

  void place_sources() {
    for (size_t first = 0; first < order_.size();) {
      size_t last = first + 1;
      while (last < order_.size() && same_source(order_[first], order_[last])) ++last;
      const auto length = static_cast<int64_t>(sources_[order_[first]]);
      const int64_t parent = segment(first, last, 0, length, -1);
      packed_.pass.sources.resize(static_cast<size_t>(parent) + 1, false);
      packed_.pass.sources.back() = true;
      branch(first, last, length, parent);
      first = last;
    }
    packed_.pass.sources.resize(packed_.pass.segments.size(), false);
  }

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
    const std::vector<Symbol>& symbols = sequences_[order_[begin]];
    for (int64_t from = depth; from < to;) {
      // A segment is computed by one adapter.
      int64_t until = from + 1;
      while (until < to && symbols[until].adapter == symbols[from].adapter) ++until;
      parent = segment(begin, end, from, until, parent);
      from = until;
    }
    if (end - begin > 1) branch(begin, end, to, parent);
  }

  // Tokens [from, until) of the sequences order_[begin, end) as one segment; its index.
  int64_t segment(size_t begin, size_t end, int64_t from, int64_t until, int64_t parent) {
    const auto base = static_cast<int64_t>(ids_.size());
    const std::vector<Symbol>& symbols = sequences_[order_[begin]];
    for (int64_t i = from; i < until; ++i) {
      ids_.push_back(symbols[i].id);
      positions_.push_back(i);
    }
    for (size_t i = begin; i < end; ++i) {
      for (int64_t t = 0; t < until - from; ++t) packed_.rows[order_[i]].push_back(base + t);
    }
    packed_.pass.segments.push_back({base, until - from, parent});
    packed_.pass.adapters.push_back(symbols[from].adapter);
    return static_cast<int64_t>(packed_.pass.segments.size()) - 1;
  }

  const Sequences& sequences_;
  std::vector<size_t> sources_;
  int64_t min_shared_;
  std::vector<size_t> order_;
  std::vector<int64_t> shared_;  // tokens that order_[i] shares with order_[i - 1]
  std::vector<int64_t> ids_, positions_;
  PackedSequences packed_;
};

}  // namespace

PackedSequences pack_sequences(const std::vector<Sequence>& sequences, int64_t min_shared) {
  Sequences symbols;
  symbols.reserve(sequences.size());
  std::vector<size_t> sources;
  for (const Sequence& sequence : sequences) {
    if (sequence.source > 0) sources.push_back(sequence.source);
    auto& list = symbols.emplace_back();
    list.reserve(sequence.ids.size());
    for (size_t i = 0; i < sequence.ids.size(); ++i) {
      list.push_back({sequence.ids[i], i >= sequence.adapter_begin ? sequence.adapter : -1});
    }
  }
  if (!sources.empty() && sources.size() != sequences.size()) {
    throw std::logic_error("all sequences of a pass have sources, or none");
  }
  return Packer(symbols, std::move(sources), min_shared).pack();
}

PackedSequences pack_sequences(const std::vector<std::vector<int32_t>>& sequences,
                               int64_t min_shared) {
  std::vector<Sequence> list;
  list.reserve(sequences.size());
  for (const auto& ids : sequences) list.push_back({ids});
  PackedSequences packed = pack_sequences(list, min_shared);
  packed.pass.adapters.clear();
  return packed;
}

}  // namespace relata::model
