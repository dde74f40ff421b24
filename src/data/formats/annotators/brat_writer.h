// Documents as brat's standoff files, NAME.txt and NAME.ann for each.
#pragma once

#include <vector>

#include "registry.h"

namespace relata::data {

// Files are named by document ids. Spans keep the ids that a brat file gave them (meta
// "mention_ids", "triggers"); notes in meta about what is written are written too.
std::vector<DatasetFile> write_brat(const std::vector<Document>& documents, Losses& losses);

}  // namespace relata::data
