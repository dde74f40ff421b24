// An index of `relata index` with the vectors beside it, changed as one.
//
// The vectors lie in FILE.vectors. New ones are first written as FILE.vectors.next; the index,
// which then takes its name, is what makes them the current ones, also where the program is killed
// before they have theirs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"
#include "relata/base/file_lock.h"
#include "relata/retrieve/bm25.h"
#include "relata/retrieve/dense.h"
#include "relata/retrieve/hnsw.h"

namespace relata::app {

// Whether there are vectors beside the index, though they may be stale.
bool has_vectors(const std::string& index_path, const retrieve::Bm25Index& index);

struct OpenedVectors {
  std::optional<retrieve::DenseIndex> vectors;  // of the passages that the index had; none yet
  std::unique_ptr<retrieve::Encoder> encoder;   // null: no passage is new
  retrieve::EncoderOptions options;
  std::optional<retrieve::HnswIndex> graph;  // of `vectors`; none where none is sound
  bool has_graph = false;                    // sound or not: a changed index gets a new one
};

// The vectors of `index` and the encoder they were made with; `model` stands for its folder where
// that is not "". An error where they are of other passages or of another encoder.
Result<OpenedVectors> open_vectors(const std::string& index_path, const retrieve::Bm25Index& index,
                                   const std::string& model, const Context& context);
// The same without the encoder, whose word is taken.
Result<OpenedVectors> open_vectors_alone(const std::string& index_path,
                                         const retrieve::Bm25Index& index);

// Held while an index is changed; none where `index_path` is no place for a file of its own.
Result<std::optional<FileLock>> lock_index(const std::string& index_path);

// Writes the index, and where there is something in `opened` its vectors: those of the passages
// that are kept, and of the passages behind them new ones. `kept`: numbers that the first passages
// had before, which rise; null: all that had vectors stay. Vectors that are of other passages then
// are removed. The graph comes last: where there was one, where `graph` asks for it, and from
// kExactPassages passages on.
struct IndexChange {
  const std::vector<size_t>* kept = nullptr;
  bool graph = false;
  int threads = 0;  // that make the graph; 0: as many as the machine offers
};
inline constexpr size_t kExactPassages = 1'000'000;
Status save_index(const std::string& index_path, const retrieve::Bm25Index& index,
                  const OpenedVectors& opened, const IndexChange& change);

// What `index stats` says of them; null: there are none.
Result<Json> vectors_stats(const std::string& index_path, const retrieve::Bm25Index& index);

}  // namespace relata::app
