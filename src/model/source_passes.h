// A pass of an encoder-decoder, taken apart into one for each stack.
#pragma once

#include <vector>

#include "relata/model/decoder.h"

namespace relata::model {

struct SourcePasses {
  Pass source;  // of the sources that are computed now, without runs
  Pass target;  // of what is below sources
  // Of every source of the pass, in order: its rows in both, without runs' views.
  std::vector<nn::SourceSpan> spans;
  std::vector<KvRun*> runs;  // of the spans; may be null
};

// Throws std::logic_error for a pass whose roots are not sources, or without targets.
SourcePasses split_pass(const Pass& pass);

}  // namespace relata::model
