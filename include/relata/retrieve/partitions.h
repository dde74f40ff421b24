// Names of partitions by several members of documents' meta: "task=ner,owner=ann".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relata::retrieve {

// Keys with their values, in the order that was asked for.
using PartitionParts = std::vector<std::pair<std::string, std::string>>;

// A backslash stands before each comma, equals sign and backslash of a key or value.
std::string partition_name(const PartitionParts& parts);
// The way back; nothing where a part has no equals sign. One within a value need not be escaped.
std::optional<PartitionParts> partition_parts(std::string_view name);

}  // namespace relata::retrieve
