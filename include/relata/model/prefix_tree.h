// Sequences packed into one batch in which common beginnings are computed once.
//
// The loss and the gradients of a packed tree equal those of the separate sequences.
#pragma once

#include <cstdint>
#include <vector>

#include "relata/model/llama.h"

namespace relata::model {

struct PackedSequences {
  Batch batch;
  // rows[s][i]: the packed row of token i of sequence s.
  std::vector<std::vector<int64_t>> rows;
};

// Beginnings of `min_shared` tokens or more that sequences have in common, also below a shared
// beginning, become one segment. Sequences may be equal; none may be empty. Cost: a sort of the
// sequences.
PackedSequences pack_sequences(const std::vector<std::vector<int32_t>>& sequences,
                               int64_t min_shared);

}  // namespace relata::model
