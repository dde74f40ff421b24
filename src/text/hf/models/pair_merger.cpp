#include "pair_merger.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace relata::text {
namespace {

constexpr int32_t kNoRank = std::numeric_limits<int32_t>::max();
constexpr size_t kFew = 48;  // measured: from here on the queue pays

using Candidate = ModelScratch::Candidate;

bool comes_later(const Candidate& a, const Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

}  // namespace

uint64_t PairMerger::key_of(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

size_t PairMerger::slot_of(uint64_t key) const {
  const size_t mask = slots_.size() - 1;
  const int shift = 64 - std::countr_zero(slots_.size());
  for (size_t at = (key * 0x9E3779B97F4A7C15) >> shift;; at = (at + 1) & mask) {
    if (slots_[at].key == key || slots_[at].key == kFree) return at;
  }
}

void PairMerger::reserve(size_t rules) {
  const size_t wanted = std::bit_ceil(std::max<size_t>(rules * 2, 16));
  if (wanted <= slots_.size()) return;
  std::vector<Slot> old(wanted);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.key != kFree) slots_[slot_of(slot.key)] = slot;
  }
}

void PairMerger::set(int32_t left, int32_t right, Merge merge) {
  reserve(used_ + 1);
  const uint64_t key = key_of(left, right);
  Slot& slot = slots_[slot_of(key)];
  used_ += slot.key == kFree ? 1 : 0;
  slot = {key, merge};
}

const PairMerger::Merge* PairMerger::find(int32_t left, int32_t right) const {
  if (slots_.empty()) return nullptr;
  const Slot& slot = slots_[slot_of(key_of(left, right))];
  return slot.key == kFree ? nullptr : &slot.merge;
}

void PairMerger::merge(ModelScratch& scratch) const {
  if (scratch.symbols.size() < 2) return;
  if (scratch.symbols.size() <= kFew) {
    merge_few(scratch);
  } else {
    merge_many(scratch);
  }
}

void PairMerger::merge_few(ModelScratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& ranks = scratch.ranks;  // of each symbol with its right neighbour
  const auto rank_at = [&](size_t i) {
    if (i + 1 >= symbols.size()) return kNoRank;
    const Merge* merge = find(symbols[i].id, symbols[i + 1].id);
    return merge == nullptr ? kNoRank : merge->rank;
  };
  ranks.resize(symbols.size());
  for (size_t i = 0; i < symbols.size(); ++i) ranks[i] = rank_at(i);
  while (true) {
    const auto best = std::min_element(ranks.begin(), ranks.end());
    if (*best == kNoRank) return;
    const auto i = static_cast<size_t>(best - ranks.begin());
    symbols[i] = {find(symbols[i].id, symbols[i + 1].id)->id, symbols[i + 1].end};
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(i) + 1);
    ranks.erase(best + 1);
    ranks[i] = rank_at(i);
    if (i > 0) ranks[i - 1] = rank_at(i - 1);
  }
}

void PairMerger::merge_many(ModelScratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& links = scratch.links;
  auto& queue = scratch.queue;
  const auto count = static_cast<int32_t>(symbols.size());
  const auto symbol = [&](int32_t i) -> ModelScratch::Symbol& {
    return symbols[static_cast<size_t>(i)];
  };
  const auto link = [&](int32_t i) -> ModelScratch::Link& { return links[static_cast<size_t>(i)]; };
  constexpr int32_t kGone = -2;  // as `next`: merged into another
  links.resize(symbols.size());
  for (int32_t i = 0; i < count; ++i) link(i) = {i - 1, i + 1 < count ? i + 1 : -1};
  queue.clear();
  const auto propose = [&](int32_t left) {
    if (left < 0 || link(left).next < 0) return;
    const Merge* merge = find(symbol(left).id, symbol(link(left).next).id);
    if (merge == nullptr) return;
    queue.push_back({merge->rank, left, merge->id});
    std::push_heap(queue.begin(), queue.end(), comes_later);
  };
  for (int32_t i = 0; i + 1 < count; ++i) propose(i);
  while (!queue.empty()) {
    const Candidate top = queue.front();
    std::pop_heap(queue.begin(), queue.end(), comes_later);
    queue.pop_back();
    const int32_t left = top.position;
    const int32_t right = link(left).next;
    if (right < 0) continue;
    // The symbols may have changed since they were proposed.
    const Merge* merge = find(symbol(left).id, symbol(right).id);
    if (merge == nullptr || merge->id != top.merged_id) continue;
    symbol(left) = {merge->id, symbol(right).end};
    link(left).next = link(right).next;
    link(right).next = kGone;
    if (link(left).next >= 0) link(link(left).next).previous = left;
    propose(link(left).previous);
    propose(left);
  }
  size_t kept = 0;
  for (int32_t i = 0; i < count; ++i) {
    if (link(i).next != kGone) symbols[kept++] = symbol(i);
  }
  symbols.resize(kept);
}

}  // namespace relata::text
