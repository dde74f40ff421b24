// Which passages are nearest to a text: the one thing that ways of retrieval differ in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"
#include "relata/retrieve/bm25.h"

namespace relata::retrieve {

// In a passage or query, what follows it is words for rankers that count words only; others stop
// before it.
inline constexpr char kTermsMark = '\x1f';

// Ranks passages that it was made of, by their numbers. Immutable; threads may share it.
class Ranker {
 public:
  virtual ~Ranker() = default;
  // The best first. Scores of different rankers cannot be compared.
  virtual Result<std::vector<Hit>> search(std::string_view query,
                                          const SearchOptions& options) const = 0;
  // Everything that changes a ranking but the passages: "bm25 k1 1.2 b 0.75 auto 1".
  virtual std::string identity() const = 0;
};

Result<std::shared_ptr<const Ranker>> make_bm25_ranker(std::vector<Passage> passages,
                                                       const Bm25Settings& settings);
// By chance, but the same for the same query: what any other must beat.
std::shared_ptr<const Ranker> make_random_ranker(std::vector<Passage> passages, uint64_t seed);
// fuse() (dense.h) over the rankers' first `depth`. All rank the same passages.
std::shared_ptr<const Ranker> make_fused_ranker(std::vector<std::shared_ptr<const Ranker>> rankers,
                                                size_t depth = 100);

}  // namespace relata::retrieve
