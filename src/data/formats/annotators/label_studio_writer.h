// Documents as Label Studio tasks, which it can import.
#pragma once

#include "registry.h"

namespace relata::data {

// The member of a task's "data" that keeps what Label Studio has no place for.
inline constexpr const char* kLabelStudioKey = "relata";
// The "from_name" of regions that are triggers of events; relations from them are arguments.
inline constexpr const char* kLabelStudioEvents = "event";
// The "from_name" of arguments that are no entities.
inline constexpr const char* kLabelStudioArguments = "argument";

Result<std::string> write_label_studio(const std::vector<Document>& documents,
                                       const WriteOptions& options, Losses& losses);

}  // namespace relata::data
