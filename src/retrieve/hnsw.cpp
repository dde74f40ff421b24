#include "relata/retrieve/hnsw.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <map>
#include <set>
#include <utility>

#include "header_line.h"
#include "hnsw_graph.h"
#include "relata/base/atomic_file.h"
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/base/parallel.h"

namespace relata::retrieve {
namespace {

static_assert(std::endian::native == std::endian::little, "links are written as they lie");

constexpr FileKind kKind = {"relata-hnsw ", "1 ", "file of a graph of neighbours",
                            "relata index build --hnsw"};
constexpr size_t kNodesOfAPiece = 256;
constexpr size_t kSurplus = 4;

using Partition = std::optional<std::string>;  // none: all passages

// Which passages a graph is of.
struct Scope {
  Partition partition;
  std::vector<size_t> passages;
};

std::vector<Scope> scopes_of(const Bm25Index& partitions, size_t least) {
  std::map<std::string, std::vector<size_t>> by_name;
  Scope all;
  for (size_t i = 0; i < partitions.size(); ++i) {
    all.passages.push_back(i);
    by_name[partitions.passage(i).partition].push_back(i);
  }
  std::vector<Scope> out;
  const bool divided = by_name.size() > 1;
  out.push_back(std::move(all));
  for (auto& [name, passages] : by_name) {
    if (divided && passages.size() >= least) out.push_back({name, std::move(passages)});
  }
  return out;
}

// Adds the passages; `progress` is told how many are done.
void add_nodes(HnswGraph& graph, std::span<const size_t> passages, const DenseIndex& vectors,
               const std::function<void(size_t)>& progress) {
  size_t begin = 0;
  if (graph.size() == 0 && !passages.empty()) {
    graph.add(passages[0], vectors.row(passages[0]));
    begin = 1;
  }
  std::atomic<size_t> next = begin;
  // Pieces take turns, so that all parts of a graph grow alike.
  const size_t pieces = std::max<size_t>(1, pieces_of((passages.size() - begin) / kNodesOfAPiece));
  run_pieces(pieces, [&](size_t piece) {
    for (size_t i = next++; i < passages.size(); i = next++) {
      graph.add(passages[i], vectors.row(passages[i]));
      if (piece == 0 && progress) progress(std::min(next.load(), passages.size()));
    }
  });
}

Json json_of(const Partition& partition) { return partition ? Json(*partition) : Json(nullptr); }

std::string_view bytes_of(const std::vector<uint32_t>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(uint32_t)};
}

}  // namespace

struct HnswIndex::Graph {
  Partition partition;
  std::shared_ptr<const HnswGraph> graph;
};

Result<HnswIndex> HnswIndex::build(const DenseIndex& vectors, const Bm25Index& partitions,
                                   const HnswOptions& options, const EncodeProgress& progress,
                                   const HnswIndex* before) {
  if (partitions.size() != vectors.size()) {
    return internal_error("the partitions of other passages than the vectors");
  }
  HnswIndex out(vectors);
  out.options_ = options;
  size_t done = 0;
  for (const Scope& scope : scopes_of(partitions, options.least)) {
    std::shared_ptr<HnswGraph> graph;
    if (const Graph* old = before == nullptr ? nullptr : before->graph_of(scope.partition)) {
      graph = HnswGraph::of_links(old->graph->links(), vectors, scope.passages.size(), options);
    }
    if (!graph) {
      graph = std::make_shared<HnswGraph>(vectors.width(), scope.passages.size(), options);
    }
    const std::vector<size_t> nodes = graph->passages();
    const std::set<size_t> known(nodes.begin(), nodes.end());
    std::vector<size_t> missing;
    for (const size_t passage : scope.passages) {
      if (!known.contains(passage)) missing.push_back(passage);
    }
    add_nodes(*graph, missing, vectors, [&](size_t added) {
      if (progress) progress(done + added);
    });
    done += missing.size();
    out.graphs_.push_back(std::make_shared<Graph>(Graph{scope.partition, std::move(graph)}));
  }
  return out;
}

Status HnswIndex::save(const std::string& path) const {
  std::vector<std::vector<uint32_t>> links;
  Json graphs = Json::array();
  for (const auto& graph : graphs_) {
    links.push_back(graph->graph->links());
    graphs.push_back({{"partition", json_of(graph->partition)},
                      {"numbers", links.back().size()},
                      {"sha256", sha256_hex(bytes_of(links.back()))}});
  }
  const std::string start = with_header_line(kKind, {{"encoder", vectors_.origin().encoder},
                                                     {"corpus", vectors_.origin().corpus},
                                                     {"links", options_.links},
                                                     {"build_width", options_.build_width},
                                                     {"search_width", options_.search_width},
                                                     {"least", options_.least},
                                                     {"graphs", std::move(graphs)}});
  RELATA_TRY(AtomicFile file, AtomicFile::create(path));
  RELATA_CHECK(file.write(std::as_bytes(std::span(start))));
  for (const auto& numbers : links) RELATA_CHECK(file.write(std::as_bytes(std::span(numbers))));
  return file.finish();
}

// Reads the members of an index.
class HnswFile {
 public:
  HnswFile(std::string path, const DenseIndex& vectors)
      : path_(std::move(path)), vectors_(vectors) {}

  Result<HnswIndex> open() const {
    RELATA_TRY(const auto file, MappedFile::open(path_));
    const auto bytes = file->bytes();
    RELATA_TRY(
        const HeaderAndData parts,
        split_header({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, kKind, path_));
    HnswIndex out(vectors_);
    try {
      RELATA_CHECK(read_origin(parts.header));
      RELATA_CHECK(read_options(parts.header, out.options_));
      std::string_view rest = parts.data;
      for (const Json& entry : parts.header.at("graphs")) {
        RELATA_CHECK(read_graph(entry, rest, out));
      }
      if (!rest.empty()) return damaged("there is more behind its last graph");
    } catch (const Json::exception& problem) {
      return damaged(problem.what());
    }
    return out;
  }

 private:
  Error damaged(const std::string& what) const { return damaged_file(kKind, path_, what); }

  Status read_origin(const Json& header) const {
    const VectorOrigin& origin = vectors_.origin();
    if (header.at("corpus") == origin.corpus && header.at("encoder") == origin.encoder) return {};
    return input_error(path_ + ": is stale: its graph is of other vectors",
                       std::string("make it again: ") + kKind.made_by);
  }

  Status read_options(const Json& header, HnswOptions& options) const {
    constexpr size_t kMost = 10000;
    options.links = header.at("links").get<size_t>();
    options.build_width = header.at("build_width").get<size_t>();
    options.search_width = header.at("search_width").get<size_t>();
    options.least = header.at("least").get<size_t>();
    if (options.links < 2 || options.links > kMost || options.build_width > kMost * kMost) {
      return damaged("its settings cannot be");
    }
    return {};
  }

  Status read_graph(const Json& entry, std::string_view& rest, HnswIndex& out) const {
    const auto count = entry.at("numbers").get<uint64_t>();
    if (count > rest.size() / sizeof(uint32_t)) return damaged("it is cut short");
    const std::string_view own = rest.substr(0, count * sizeof(uint32_t));
    rest.remove_prefix(own.size());
    if (sha256_hex(own) != entry.at("sha256")) return damaged("a graph's checksum is another");
    Partition partition;
    if (!entry.at("partition").is_null()) partition = entry["partition"].get<std::string>();
    // The file is mapped to a page and its header a multiple of 64 bytes.
    const std::span<const uint32_t> links(reinterpret_cast<const uint32_t*>(own.data()), count);
    auto graph = HnswGraph::of_links(links, vectors_, 0, out.options_);
    if (!graph) return damaged("its links lead nowhere");
    out.graphs_.push_back(
        std::make_shared<HnswIndex::Graph>(HnswIndex::Graph{partition, std::move(graph)}));
    return {};
  }

  std::string path_;
  const DenseIndex& vectors_;
};

Result<HnswIndex> HnswIndex::open(const std::string& path, const DenseIndex& vectors) {
  return HnswFile(path, vectors).open();
}

const HnswIndex::Graph* HnswIndex::graph_of(const Partition& partition) const {
  for (const auto& graph : graphs_) {
    if (graph->partition == partition) return graph.get();
  }
  return nullptr;
}

bool HnswIndex::covers(const SearchOptions& options) const {
  return graph_of(options.partition) != nullptr;
}

size_t HnswIndex::nodes() const {
  size_t out = 0;
  for (const auto& graph : graphs_) out += graph->graph->size();
  return out;
}

std::vector<std::vector<Hit>> HnswIndex::search(const Vectors& queries,
                                                const SearchOptions& options) const {
  const Graph* graph = graph_of(options.partition);
  if (graph == nullptr) throw std::logic_error("a search that no graph covers");
  std::vector<std::vector<Hit>> out(queries.size());
  run_pieces(queries.size(),
             [&](size_t i) { out[i] = search_graph(*graph, queries.row(i), options); });
  return out;
}

// Candidates of the graph, multiplied with exactly. Where many are skipped, the search is widened
// until it has several times as many as are wanted: the last of too few are often not the next.
std::vector<Hit> HnswIndex::search_graph(const Graph& graph, std::span<const float> query,
                                         const SearchOptions& options) const {
  SearchOptions within = options;
  within.partition.reset();
  within.k = kSurplus * options.k;
  const Vectors asked{query.size(), {query.begin(), query.end()}};
  const size_t all = graph.graph->size();
  for (size_t width = std::max(options_.search_width, within.k);; width *= kSurplus) {
    const std::vector<size_t> near = graph.graph->near(query, std::min(width, all));
    auto found = std::move(vectors_.search_among(near, asked, within).front());
    if (found.size() < within.k && width < all) continue;
    if (found.size() > options.k) found.resize(options.k);
    return found;
  }
}

}  // namespace relata::retrieve
