// A checkpoint whose float matrices are quantised to NF4 as they are read.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "weights/source.h"

namespace relata::model {

// `names`: the matrices to quantise; those that are stored quantised stay as they are, and so does
// every other tensor. `source` must live as long.
std::unique_ptr<WeightSource> nf4_source(const WeightSource& source, std::set<std::string> names,
                                         bool double_quantization);

}  // namespace relata::model
