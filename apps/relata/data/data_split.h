// Cuts a dataset into parts without letting related documents fall on both sides.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relata/data/document.h"

namespace relata::app {

struct SplitPart {
  std::string name;    // "train"
  double share = 0.0;  // of the documents
};

// "train=0.8,dev=0.1,test=0.1". Shares that sum to less than 1 keep their proportions.
Result<std::vector<SplitPart>> parse_split_parts(const std::string& text);

// The part of every document. Documents with the same text (`by` "text"), with the same text or a
// head entity in common ("head"), or none ("document") stay together. Same seed, same split.
std::vector<int> split_documents(const std::vector<data::Document>& documents,
                                 const std::vector<SplitPart>& parts, const std::string& by,
                                 uint64_t seed);

}  // namespace relata::app
