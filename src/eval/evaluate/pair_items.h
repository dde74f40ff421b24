// Gold's pairs with a system's answers, for the metrics of pairs.
#pragma once

#include <string>
#include <vector>

#include "evaluate/sources.h"

namespace relata::eval {

// Patched where the request says so, with labels that a stated schema has. `warnings` gets what was
// taken as it is, though it may be a slip.
Result<std::vector<PairItem>> read_pair_items(Sources& sources, System& system,
                                              std::vector<std::string>& warnings);

}  // namespace relata::eval
