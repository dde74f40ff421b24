// Approximate search in graphs of neighbours (Malkov and Yashunin 2018), for more vectors than can
// be multiplied with for each query. The graphs are hnswlib's; their file is not.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/retrieve/dense.h"

namespace relata::retrieve {

struct HnswOptions {
  size_t links = 16;          // of a node in a layer; twice as many in the lowest
  size_t build_width = 200;   // candidates for a new node's links
  size_t search_width = 256;  // candidates of a search, more where k is larger
  // Partitions from so many passages on have a graph of their own, so that a search in one sees
  // nothing else; smaller ones are searched exactly.
  size_t least = 10000;
};

// Copyable, copies share the graphs. Searches are thread-safe. In memory: the vectors of each
// graph, and 130 to 150 bytes for each of its nodes.
class HnswIndex {
 public:
  // A graph of all passages and one of each large partition; `partitions` tells each passage's.
  // Shares the work among the threads of base/parallel.h; with several, graphs differ from one
  // time to the next, in what they find hardly. Cost: about a millisecond for each passage.
  // `before`: graphs of the first passages, to which the others are added where they can be.
  static Result<HnswIndex> build(const DenseIndex& vectors, const Bm25Index& partitions,
                                 const HnswOptions& options, const EncodeProgress& progress = {},
                                 const HnswIndex* before = nullptr);

  // One file, written atomically: the links, but no vectors; it names those it is of by their
  // origin.
  Status save(const std::string& path) const;
  // A file that is damaged, cut short or of other vectors is refused by name; no number in it is
  // trusted.
  static Result<HnswIndex> open(const std::string& path, const DenseIndex& vectors);

  // Whether a search with these options is in a graph.
  bool covers(const SearchOptions& options) const;
  // As DenseIndex::search(), with the same scores, of passages that the graph leads to.
  std::vector<std::vector<Hit>> search(const Vectors& queries, const SearchOptions& options) const;

  const HnswOptions& options() const { return options_; }
  size_t graphs() const { return graphs_.size(); }
  size_t nodes() const;  // of all graphs

 private:
  struct Graph;
  friend class HnswFile;
  explicit HnswIndex(DenseIndex vectors) : vectors_(std::move(vectors)) {}
  const Graph* graph_of(const std::optional<std::string>& partition) const;
  std::vector<Hit> search_graph(const Graph& graph, std::span<const float> query,
                                const SearchOptions& options) const;

  DenseIndex vectors_;
  HnswOptions options_;
  std::vector<std::shared_ptr<const Graph>> graphs_;
};

}  // namespace relata::retrieve
