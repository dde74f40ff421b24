#include "relata/retrieve/ranker.h"

#include <algorithm>
#include <cstdlib>

#include "relata/base/hash.h"
#include "relata/retrieve/dense.h"

namespace relata::retrieve {
namespace {

class Bm25Ranker : public Ranker {
 public:
  explicit Bm25Ranker(Bm25Index index) : index_(std::move(index)) {}
  Result<std::vector<Hit>> search(std::string_view query,
                                  const SearchOptions& options) const override {
    return index_.search(query, options);
  }
  std::string identity() const override {
    const Bm25Settings& settings = index_.settings();
    return "bm25 k1 " + std::to_string(settings.k1) + " b " + std::to_string(settings.b) + " " +
           analyzer_name(settings.analyzer) + " " + std::to_string(kAnalyzerRevision);
  }

 private:
  Bm25Index index_;
};

class RandomRanker : public Ranker {
 public:
  RandomRanker(const std::vector<Passage>& passages, uint64_t seed) : seed_(seed) {
    for (const Passage& passage : passages) partitions_.push_back(passage.partition);
  }
  Result<std::vector<Hit>> search(std::string_view query,
                                  const SearchOptions& options) const override {
    // A walk through all passages from a place and in strides that the query's hash says.
    const std::string hash = sha256_hex(std::to_string(seed_) + " " + std::string(query));
    const size_t count = partitions_.size();
    std::vector<Hit> out;
    if (count == 0) return out;
    uint64_t state = std::strtoull(hash.substr(0, 16).c_str(), nullptr, 16);
    std::vector<size_t> order(count);
    for (size_t i = 0; i < count; ++i) order[i] = i;
    for (size_t i = 0; i < count && out.size() < options.k; ++i) {
      // Fisher and Yates, as far as it is needed; the generator is Knuth's MMIX.
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      std::swap(order[i], order[i + (state >> 33U) % (count - i)]);
      const size_t passage = order[i];
      if (options.partition && partitions_[passage] != *options.partition) continue;
      if (options.skip && options.skip(passage)) continue;
      out.push_back({passage, 1.0 / static_cast<double>(out.size() + 1)});
    }
    return out;
  }
  std::string identity() const override { return "random " + std::to_string(seed_); }

 private:
  uint64_t seed_;
  std::vector<std::string> partitions_;
};

class FusedRanker : public Ranker {
 public:
  FusedRanker(std::vector<std::shared_ptr<const Ranker>> rankers, size_t depth)
      : rankers_(std::move(rankers)), depth_(depth) {}
  Result<std::vector<Hit>> search(std::string_view query,
                                  const SearchOptions& options) const override {
    SearchOptions each = options;
    each.k = std::max(options.k, depth_);
    std::vector<std::vector<Hit>> rankings;
    for (const auto& ranker : rankers_) {
      RELATA_TRY(auto hits, ranker->search(query, each));
      rankings.push_back(std::move(hits));
    }
    return fuse(rankings, options.k);
  }
  std::string identity() const override {
    std::string out = "fused " + std::to_string(depth_);
    for (const auto& ranker : rankers_) out += " (" + ranker->identity() + ")";
    return out;
  }

 private:
  std::vector<std::shared_ptr<const Ranker>> rankers_;
  size_t depth_;
};

}  // namespace

Result<std::shared_ptr<const Ranker>> make_bm25_ranker(std::vector<Passage> passages,
                                                       const Bm25Settings& settings) {
  RELATA_TRY(Bm25Index index, Bm25Index::make(settings));
  RELATA_CHECK(index.add(std::move(passages)));
  return std::shared_ptr<const Ranker>(std::make_shared<Bm25Ranker>(std::move(index)));
}

std::shared_ptr<const Ranker> make_random_ranker(std::vector<Passage> passages, uint64_t seed) {
  return std::make_shared<RandomRanker>(passages, seed);
}

std::shared_ptr<const Ranker> make_fused_ranker(std::vector<std::shared_ptr<const Ranker>> rankers,
                                                size_t depth) {
  return std::make_shared<FusedRanker>(std::move(rankers), depth);
}

}  // namespace relata::retrieve
