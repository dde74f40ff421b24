// What a pool of examples states that the extractor's schema has labels for, and what it has not.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/document.h"
#include "relata/data/schema.h"
#include "relata/retrieve/instances.h"

namespace relata::app {

// "'a', 'b' and 3 more", of how often each occurs.
std::string label_list(const std::map<std::string, int64_t>& counts);

// Of a pool of whole documents, whose answers name what the schema has alone: warns of labels that
// only the pool has, and of tasks for which all examples would say that there is nothing. An error
// where that is so for every task. `pool` is its name.
Status check_pool_labels(const std::vector<data::Document>& documents, const data::Schema& schema,
                         const std::vector<retrieve::IeTask>& tasks, const std::string& pool);

}  // namespace relata::app
