// The part of an index that a search looks at.
#pragma once

#include <string>
#include <vector>

#include "relata/retrieve/bm25.h"

namespace relata::app {

struct IndexScope {
  retrieve::SearchOptions options;  // its partition, or a test that skips passages of others
  bool several = false;             // partitions, which are not all
  std::vector<size_t> passages;     // theirs, where they are several; they rise
};

// `names`: a partition's name, or KEY=VALUE of an index that is parted by several keys: then
// the partitions that have all of these. An error where there is none.
Result<IndexScope> scope_of(const retrieve::Bm25Index& index, const std::string& index_name,
                            const std::vector<std::string>& names);

}  // namespace relata::app
