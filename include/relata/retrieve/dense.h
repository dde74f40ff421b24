// Dense search: the passages whose vectors have the largest inner product with a query's, exactly.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/retrieve/bm25.h"
#include "relata/retrieve/encoder.h"

namespace relata::retrieve {

// What vectors were made of. An index is used only with the same encoder and the same passages.
struct VectorOrigin {
  std::string encoder;  // Encoder::identity()
  std::string corpus;   // Bm25Index::corpus_hash()
  // How to open the encoder again; a folder that has moved is the user's to name anew.
  EncoderOptions options;
};

// Row i is of passage i. Copyable, copies share the vectors. Thread-safe.
class DenseIndex {
 public:
  static DenseIndex of(Vectors vectors, VectorOrigin origin);

  // One file, written atomically: origin, sizes, vectors and checksums.
  Status save(const std::string& path) const;
  // The vectors are mapped, not read into memory; the checksum reads them once, 1 GB/s and more. A
  // file that is damaged, cut short, of another format version or with a vector that is not of
  // finite numbers is refused by name.
  static Result<DenseIndex> open(const std::string& path);

  // An error that says which of the two differs, if one does. `name` begins it.
  Status check(const std::string& encoder, const std::string& corpus,
               const std::string& name) const;

  // For each query the best first, equal scores in the order of passages. Where `options` name a
  // partition, `partitions` must tell each passage's; only its rows are multiplied. `options.skip`
  // is asked from the threads of base/parallel.h, which share the work. Cost: 2 width operations
  // for a passage and a query, and one read of the vectors for every 256 queries.
  std::vector<std::vector<Hit>> search(const Vectors& queries, const SearchOptions& options,
                                       const Bm25Index* partitions = nullptr) const;
  // The same among `passages` alone, which rise; options.partition must be unset.
  std::vector<std::vector<Hit>> search_among(std::span<const size_t> passages,
                                             const Vectors& queries,
                                             const SearchOptions& options) const;

  size_t size() const { return width_ == 0 ? 0 : values_.size() / width_; }
  size_t width() const { return width_; }
  const VectorOrigin& origin() const { return origin_; }
  std::span<const float> row(size_t i) const { return values_.subspan(i * width_, width_); }

 private:
  DenseIndex() = default;
  std::vector<std::vector<Hit>> scan(const std::span<const size_t>* passages,
                                     const Vectors& queries, const SearchOptions& options) const;
  VectorOrigin origin_;
  size_t width_ = 0;
  std::span<const float> values_;
  std::shared_ptr<const void> owner_;  // of values_
};

// One ranking of several: the sum over the rankings that hold a passage of 1 / (60 + its rank)
// (Cormack, Clarke and Buettcher 2009). Equal scores in the order of passages.
std::vector<Hit> fuse(std::span<const std::vector<Hit>> rankings, size_t k);

}  // namespace relata::retrieve
