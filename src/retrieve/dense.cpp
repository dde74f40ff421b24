#include "relata/retrieve/dense.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <stdexcept>
#include <utility>

#include "best_hits.h"
#include "relata/base/parallel.h"
#include "relata/kernels/product.h"

namespace relata::retrieve {
namespace {

constexpr size_t kQueriesTogether = 256;
constexpr size_t kRowsTogether = 256;  // whose scores and vectors stay in a core's caches
constexpr size_t kRowsOfAPiece = 4096;
constexpr double kFusionOffset = 60.0;

// Queries in the layout of the products' second matrix.
struct PackedQueries {
  std::vector<float> panels;
  size_t count = 0, width = 0;

  PackedQueries(const Vectors& queries, size_t begin, size_t end)
      : count(end - begin), width(queries.width) {
    const auto rows = static_cast<int64_t>(count), columns = static_cast<int64_t>(width);
    const int64_t n = kernels::panels_of(rows);
    panels.resize(static_cast<size_t>(n * columns * kernels::kPanel));
    for (int64_t panel = 0; panel < n; ++panel) {
      kernels::pack_panel(queries.values.data() + begin * width, rows, columns, panel,
                          panels.data() + panel * columns * kernels::kPanel);
    }
  }
};

// scores [rows, queries] of `rows` vectors that lie one after the other.
void multiply(const float* vectors, size_t rows, const PackedQueries& queries, float* scores) {
  static const bool kFast = kernels::can_multiply_panels();
  const kernels::PanelProduct product{vectors,
                                      queries.panels.data(),
                                      nullptr,
                                      scores,
                                      static_cast<int64_t>(queries.count),
                                      static_cast<int64_t>(queries.width)};
  const auto end = static_cast<int64_t>(rows);
  for (int64_t panel = 0; panel < kernels::panels_of(product.n); ++panel) {
    if (kFast) {
      kernels::multiply_panel(product, panel, 0, end);
    } else {
      kernels::multiply_panel_anywhere(product, panel, 0, end);
    }
  }
}

// Passages that are searched: all, or some.
struct Rows {
  bool all = true;
  size_t count = 0;
  std::span<const size_t> chosen;
  size_t passage(size_t i) const { return all ? i : chosen[i]; }
};

std::vector<size_t> rows_of_partition(const std::string& name, size_t count,
                                      const Bm25Index* partitions) {
  if (partitions == nullptr || partitions->size() != count) {
    throw std::logic_error("the partitions of other passages");
  }
  std::vector<size_t> out;
  for (size_t i = 0; i < count; ++i) {
    if (partitions->passage(i).partition == name) out.push_back(i);
  }
  return out;
}

// The vectors that are searched.
struct Scan {
  const float* vectors;
  size_t width;
  Rows rows;

  // Of each query.
  std::vector<std::vector<Hit>> best(const PackedQueries& queries,
                                     const SearchOptions& options) const {
    const size_t pieces =
        std::max<size_t>(1, std::min(pieces_of(rows.count / kRowsOfAPiece), rows.count));
    std::vector<std::vector<BestHits>> parts(
        pieces, std::vector<BestHits>(queries.count, BestHits(options)));
    run_pieces(pieces, [&](size_t piece) {
      look_at(rows.count * piece / pieces, rows.count * (piece + 1) / pieces, queries,
              parts[piece]);
    });
    std::vector<std::vector<Hit>> out(queries.count);
    for (size_t q = 0; q < queries.count; ++q) {
      for (auto& part : parts) {
        const std::vector<Hit> own = part[q].sorted();
        out[q].insert(out[q].end(), own.begin(), own.end());
      }
      std::sort(out[q].begin(), out[q].end(), better);
      if (out[q].size() > options.k) out[q].resize(options.k);
    }
    return out;
  }

  void look_at(size_t begin, size_t end, const PackedQueries& queries,
               std::vector<BestHits>& found) const {
    std::vector<float> scores(kRowsTogether * queries.count);
    std::vector<float> gathered(rows.all ? 0 : kRowsTogether * width);
    for (size_t row = begin; row < end; row += kRowsTogether) {
      const size_t count = std::min(kRowsTogether, end - row);
      const float* part = vectors + row * width;
      if (!rows.all) {
        for (size_t i = 0; i < count; ++i) {
          std::copy_n(vectors + rows.chosen[row + i] * width, width, gathered.data() + i * width);
        }
        part = gathered.data();
      }
      multiply(part, count, queries, scores.data());
      const float* score = scores.data();
      for (size_t i = 0; i < count; ++i) {
        for (size_t q = 0; q < queries.count; ++q, ++score) {
          if (std::isnan(*score)) continue;
          found[q].offer({rows.passage(row + i), static_cast<double>(*score)});
        }
      }
    }
  }
};

}  // namespace

DenseIndex DenseIndex::of(Vectors vectors, VectorOrigin origin) {
  DenseIndex out;
  out.origin_ = std::move(origin);
  out.width_ = vectors.width;
  auto owner = std::make_shared<const Vectors>(std::move(vectors));
  out.values_ = owner->values;
  out.owner_ = std::move(owner);
  return out;
}

Status DenseIndex::check(const std::string& encoder, const std::string& corpus,
                         const std::string& name) const {
  if (corpus != origin_.corpus) {
    return input_error(name + ": is stale: its vectors are of other passages than the index holds",
                       "make it again: relata index build --encoder");
  }
  if (encoder != origin_.encoder) {
    return input_error(
        name + ": is of another encoder: " + origin_.encoder + ", this is " + encoder,
        "search with the encoder it was made with (" + origin_.options.model +
            "), or make it again: relata index build --encoder");
  }
  return {};
}

std::vector<std::vector<Hit>> DenseIndex::search(const Vectors& queries,
                                                 const SearchOptions& options,
                                                 const Bm25Index* partitions) const {
  if (!options.partition) return scan(nullptr, queries, options);
  const std::vector<size_t> rows = rows_of_partition(*options.partition, size(), partitions);
  const std::span<const size_t> chosen = rows;
  return scan(&chosen, queries, options);
}

std::vector<std::vector<Hit>> DenseIndex::search_among(std::span<const size_t> passages,
                                                       const Vectors& queries,
                                                       const SearchOptions& options) const {
  if (options.partition) throw std::logic_error("a search among passages and in a partition");
  return scan(&passages, queries, options);
}

std::vector<std::vector<Hit>> DenseIndex::scan(const std::span<const size_t>* passages,
                                               const Vectors& queries,
                                               const SearchOptions& options) const {
  if (queries.size() > 0 && queries.width != width_) {
    throw std::logic_error("queries of another width than the index");
  }
  const Rows rows =
      passages == nullptr ? Rows{true, size(), {}} : Rows{false, passages->size(), *passages};
  const Scan scan{values_.data(), width_, rows};
  std::vector<std::vector<Hit>> found(queries.size());
  for (size_t first = 0; first < queries.size(); first += kQueriesTogether) {
    const size_t end = std::min(queries.size(), first + kQueriesTogether);
    auto best = scan.best(PackedQueries(queries, first, end), options);
    std::move(best.begin(), best.end(), found.begin() + static_cast<int64_t>(first));
  }
  return found;
}

std::vector<Hit> fuse(std::span<const std::vector<Hit>> rankings, size_t k) {
  std::map<size_t, double> scores;
  for (const std::vector<Hit>& ranking : rankings) {
    for (size_t i = 0; i < ranking.size(); ++i) {
      scores[ranking[i].passage] += 1.0 / (kFusionOffset + static_cast<double>(i + 1));
    }
  }
  std::vector<Hit> out;
  out.reserve(scores.size());
  for (const auto& [passage, score] : scores) out.push_back({passage, score});
  std::sort(out.begin(), out.end(), better);
  if (out.size() > k) out.resize(k);
  return out;
}

}  // namespace relata::retrieve
