// A ranker by the vectors of an encoder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "relata/retrieve/encoder.h"
#include "relata/retrieve/ranker.h"

namespace relata::retrieve {

struct DenseRankerOptions {
  std::shared_ptr<const Encoder> encoder;
  EncoderOptions opened;  // how it was opened, for the file of the vectors
  // Folder where the passages' vectors are kept, in a file that is named by the encoder and by the
  // passages; "": nowhere.
  std::string cache;
};

// The name of that file, of Encoder::identity() and a corpus hash.
std::string kept_vectors_name(const std::string& encoder, const std::string& corpus);

// Ranks by inner products of vectors; what follows kTermsMark is no part of a text. Makes the
// vectors of all different passages, with a bar of progress, unless the cache has a sound file with
// vectors of this very encoder and these very passages. Where the cache cannot be written it goes
// on with a warning. A search is a pass of the encoder over the query and one product for each
// passage (dense.h).
Result<std::shared_ptr<const Ranker>> make_dense_ranker(std::vector<Passage> passages,
                                                        const DenseRankerOptions& options);

}  // namespace relata::retrieve
