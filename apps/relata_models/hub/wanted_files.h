// Which files of a repository a model is made of.
#pragma once

#include <string>
#include <vector>

#include "hub/hub.h"

namespace relata::app {

// With `include`, the files that match one of these globs. Otherwise those of the named variant
// (GGUF); what models are read from, where there are safetensors; the only GGUF file (with the
// parts of a split one). Errors (usage): nothing is chosen, or several GGUF files could be.
Result<std::vector<HubFile>> wanted_files(const HubName& name, const HubListing& listing,
                                          const std::vector<std::string>& include);

}  // namespace relata::app
