#include "hnsw_graph.h"

#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace relata::retrieve {
namespace {

using Graph = hnswlib::HierarchicalNSW<float>;

constexpr uint32_t kTopLayers = 64;  // no graph of 2^32 nodes has so many

std::span<const unsigned> links_at(const Graph& graph, unsigned node, int layer) {
  auto* list = layer == 0 ? graph.get_linklist0(node) : graph.get_linklist(node, layer);
  return {list + 1, graph.getListCount(list)};
}

void set_links(Graph& graph, unsigned node, int layer, std::span<const uint32_t> links) {
  auto* list = layer == 0 ? graph.get_linklist0(node) : graph.get_linklist(node, layer);
  graph.setListCount(list, static_cast<unsigned short>(links.size()));
  std::copy(links.begin(), links.end(), list + 1);
}

// Hands out numbers, and after the last one zeros: `bad`.
class Numbers {
 public:
  explicit Numbers(std::span<const uint32_t> rest) : rest_(rest) {}
  bool bad() const { return bad_; }
  bool at_end() const { return rest_.empty(); }
  uint32_t next(uint64_t most) {
    if (rest_.empty() || rest_.front() > most) return fail();
    const uint32_t out = rest_.front();
    rest_ = rest_.subspan(1);
    return out;
  }
  std::span<const uint32_t> take(size_t count) {
    if (count > rest_.size()) {
      fail();
      return {};
    }
    const auto out = rest_.first(count);
    rest_ = rest_.subspan(count);
    return out;
  }

 private:
  uint32_t fail() {
    bad_ = true;
    rest_ = {};
    return 0;
  }
  std::span<const uint32_t> rest_;
  bool bad_ = false;
};

struct Node {
  uint32_t passage = 0;
  std::vector<std::span<const uint32_t>> layers;
};

struct ReadLinks {
  uint32_t entry = 0, top = 0;
  std::vector<Node> nodes;
};

std::optional<ReadLinks> read_links(std::span<const uint32_t> links, size_t passages,
                                    const HnswOptions& options) {
  Numbers numbers(links);
  ReadLinks out;
  out.entry = numbers.next(UINT32_MAX);
  out.top = numbers.next(kTopLayers);
  const size_t count = numbers.next(passages);
  if (count == 0 || out.entry >= count) return std::nullopt;
  for (size_t i = 0; i < count && !numbers.bad(); ++i) {
    Node node;
    node.passage = numbers.next(passages - 1);
    const uint32_t top = numbers.next(out.top);
    for (uint32_t layer = 0; layer <= top && !numbers.bad(); ++layer) {
      node.layers.push_back(numbers.take(numbers.next(options.links * (layer == 0 ? 2 : 1))));
    }
    out.nodes.push_back(std::move(node));
  }
  if (numbers.bad() || !numbers.at_end()) return std::nullopt;
  if (out.nodes[out.entry].layers.size() != size_t{out.top} + 1) return std::nullopt;
  for (const Node& node : out.nodes) {
    for (size_t layer = 0; layer < node.layers.size(); ++layer) {
      for (const uint32_t other : node.layers[layer]) {
        if (other >= count || out.nodes[other].layers.size() <= layer) return std::nullopt;
      }
    }
  }
  return out;
}

}  // namespace

struct HnswGraph::Parts {
  Parts(size_t width, size_t capacity, const HnswOptions& options)
      : space(width),
        graph(&space, std::max<size_t>(capacity, 1), options.links, options.build_width) {}
  hnswlib::InnerProductSpace space;
  Graph graph;
};

HnswGraph::HnswGraph(size_t width, size_t capacity, const HnswOptions& options)
    : parts_(std::make_unique<Parts>(width, capacity, options)) {}

HnswGraph::~HnswGraph() = default;

void HnswGraph::add(size_t passage, std::span<const float> vector) {
  parts_->graph.addPoint(vector.data(), passage);
}

size_t HnswGraph::size() const { return parts_->graph.cur_element_count; }

std::vector<size_t> HnswGraph::passages() const {
  std::vector<size_t> out(size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = parts_->graph.getExternalLabel(static_cast<unsigned>(i));
  }
  return out;
}

std::vector<size_t> HnswGraph::near(std::span<const float> query, size_t width) const {
  auto found = parts_->graph.searchKnn(query.data(), width);
  std::vector<size_t> out;
  for (; !found.empty(); found.pop()) out.push_back(found.top().second);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<uint32_t> HnswGraph::links() const {
  const Graph& graph = parts_->graph;
  const auto count = static_cast<unsigned>(size());
  std::vector<uint32_t> out = {graph.enterpoint_node_, static_cast<uint32_t>(graph.maxlevel_),
                               count};
  for (unsigned node = 0; node < count; ++node) {
    const int top = graph.element_levels_[node];
    out.push_back(static_cast<uint32_t>(graph.getExternalLabel(node)));
    out.push_back(static_cast<uint32_t>(top));
    for (int layer = 0; layer <= top; ++layer) {
      const auto links = links_at(graph, node, layer);
      out.push_back(static_cast<uint32_t>(links.size()));
      out.insert(out.end(), links.begin(), links.end());
    }
  }
  return out;
}

std::shared_ptr<HnswGraph> HnswGraph::of_links(std::span<const uint32_t> links,
                                               const DenseIndex& vectors, size_t capacity,
                                               const HnswOptions& options) {
  const auto read = read_links(links, vectors.size(), options);
  if (!read) return nullptr;
  auto out =
      std::make_shared<HnswGraph>(vectors.width(), std::max(capacity, read->nodes.size()), options);
  Graph& graph = out->parts_->graph;
  for (size_t i = 0; i < read->nodes.size(); ++i) {
    const auto number = static_cast<unsigned>(i);
    const Node& node = read->nodes[i];
    const auto top = static_cast<int>(node.layers.size()) - 1;
    if (!graph.label_lookup_.emplace(node.passage, number).second) return nullptr;
    std::memset(graph.get_linklist0(number), 0, graph.size_data_per_element_);
    graph.setExternalLabel(number, node.passage);
    std::memcpy(graph.getDataByInternalId(number), vectors.row(node.passage).data(),
                graph.data_size_);
    if (top > 0) {
      const size_t bytes =
          graph.size_links_per_element_ * static_cast<size_t>(top) + sizeof(unsigned);
      // Freed by hnswlib, which also looks one number ahead.
      graph.linkLists_[i] = static_cast<char*>(std::calloc(bytes, 1));
      if (graph.linkLists_[i] == nullptr) throw std::bad_alloc();
    }
    graph.element_levels_[i] = top;
    graph.cur_element_count = i + 1;
    for (int layer = 0; layer <= top; ++layer) {
      set_links(graph, number, layer, node.layers[static_cast<size_t>(layer)]);
    }
  }
  graph.enterpoint_node_ = read->entry;
  graph.maxlevel_ = static_cast<int>(read->top);
  return out;
}

}  // namespace relata::retrieve
