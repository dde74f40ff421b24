// Numbers and labels as the statistics show them.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "relata/base/json.h"

namespace relata::data {

using LabelCounts = std::unordered_map<std::string, size_t>;

// {label: count}, the most frequent first.
Json by_frequency(const LabelCounts& counts);

// {min, mean, p25, median, p75, p95, max, histogram}; null if there are no values. The histogram's
// bins have a round width and go up to the 99th percentile; the last one holds all above.
Json summarize(std::vector<size_t> values);

}  // namespace relata::data
