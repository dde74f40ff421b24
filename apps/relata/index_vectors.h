// The vectors beside an index of `relata index`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"
#include "relata/retrieve/bm25.h"
#include "relata/retrieve/dense.h"

namespace relata::app {

// FILE.vectors.
std::string vectors_path(const std::string& index);

struct OpenedVectors {
  std::optional<retrieve::DenseIndex> vectors;  // of the passages that the index had; none yet
  std::unique_ptr<retrieve::Encoder> encoder;
  retrieve::EncoderOptions options;
};

// The vectors of `index` and the encoder they were made with; `model` stands for its folder where
// that is not "". An error where they are of other passages or of another encoder.
Result<OpenedVectors> open_vectors(const std::string& index_path, const retrieve::Bm25Index& index,
                                   const std::string& model, const Context& context);

// Writes FILE.vectors for all passages of `index`: those of `opened`, and of the passages behind
// them new ones.
Status write_vectors(const std::string& index_path, const retrieve::Bm25Index& index,
                     const OpenedVectors& opened, const Context& context);

// Removes vectors that are not of the passages of `index` any more.
Status drop_stale_vectors(const std::string& index_path, const retrieve::Bm25Index& index);

// What `index stats` says of them; null: there are none.
Result<Json> vectors_stats(const std::string& index_path, const retrieve::Bm25Index& index);

}  // namespace relata::app
