// A graph of hnswlib, whose headers must be seen by one source only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/retrieve/dense.h"
#include "relata/retrieve/hnsw.h"

namespace relata::retrieve {

class HnswGraph {
 public:
  // Without nodes, with room for `capacity`.
  HnswGraph(size_t width, size_t capacity, const HnswOptions& options);
  ~HnswGraph();
  HnswGraph(const HnswGraph&) = delete;
  HnswGraph& operator=(const HnswGraph&) = delete;

  // The first node must be added before others are added by several threads.
  void add(size_t passage, std::span<const float> vector);
  size_t size() const;
  std::vector<size_t> passages() const;  // of the nodes, in their order
  // The `width` nearest that are found, their passages rising.
  std::vector<size_t> near(std::span<const float> query, size_t width) const;

  // Node by node: passage, top layer, and for each layer the number of links and the linked nodes.
  // Before them the entry's number and layer, and the number of nodes.
  std::vector<uint32_t> links() const;
  // Nothing where the numbers cannot be links of a graph over these vectors.
  static std::shared_ptr<HnswGraph> of_links(std::span<const uint32_t> links,
                                             const DenseIndex& vectors, size_t capacity,
                                             const HnswOptions& options);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace relata::retrieve
