// Documents as the passages that a search finds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/data/document.h"
#include "relata/retrieve/bm25.h"

namespace relata::retrieve {

struct PassageOptions {
  PassageUnit unit = PassageUnit::Sentence;
  // The member of a document's meta whose value is its passages' partition; none: no partitions. A
  // document without it is in the partition "". Of several members all values together are the
  // partition, named by partition_name() (partitions.h); one that is missing is "".
  std::vector<std::string> partition_keys = {};
};

// Whether the document's meta has a value for the key.
bool has_partition_key(const data::Document& document, const std::string& key);

// A sentence, the document's own or else one of split_sentences(), has the id "ID#1", "ID#2", ...;
// a whole document its own. What has no text is left out.
std::vector<Passage> passages_of(const std::vector<data::Document>& documents,
                                 const PassageOptions& options);
// The way back from a passage's id to its document's, which may itself end in "#1".
std::string_view document_of(std::string_view passage, PassageUnit unit);

}  // namespace relata::retrieve
