// Sequences packed into one batch in which common beginnings are computed once.
//
// The loss and the gradients of a packed tree equal those of the separate sequences.
#pragma once

#include <cstdint>
#include <vector>

#include "relata/model/decoder.h"

namespace relata::model {

// Tokens and the adapter that computes them: from `adapter_begin` on `adapter`, before it the base.
struct Sequence {
  std::vector<int32_t> ids;
  int adapter = -1;
  size_t adapter_begin = 0;
  size_t source = 0;  // of encoder-decoders: so many tokens are the source, the others its target
};

// Beginnings of `min_shared` tokens or more that sequences have in common, computed by the same
// adapter, become one segment, also below a shared beginning. Sources are shared where they are
// equal as a whole. Sequences may be equal; none may be empty, and none a source alone. Cost: a
// sort of the sequences.
PackedSequences pack_sequences(const std::vector<Sequence>& sequences, int64_t min_shared);
// All computed by the first adapter, if there is one.
PackedSequences pack_sequences(const std::vector<std::vector<int32_t>>& sequences,
                               int64_t min_shared);

}  // namespace relata::model
