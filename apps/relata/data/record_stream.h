// `relata data convert` to canonical records, of inputs that are better not held in memory.
#pragma once

#include <string>
#include <vector>

#include "relata/data/formats.h"

namespace relata::app {

// Documents one after the other; with `natural` the blanks between tokens go. The exit code. To a
// file, nothing is written where a bad record ends the reading; to a stream, what stood before it.
Result<int> convert_records(const std::vector<std::string>& files, const data::ReadOptions& read,
                            bool natural, const std::string& output);

}  // namespace relata::app
