// Names as parts of IRIs.
#pragma once

#include <string>
#include <string_view>

namespace relata::graph {

// A space becomes "_"; letters, digits, "-", "." and "~" of ASCII stay; every other byte is
// percent-encoded, "_" too, so that different names stay different.
std::string percent_encoded(std::string_view name);

// "ORG/tarn_works"; the type's part of an entity without type is "_".
std::string node_id(std::string_view type, std::string_view normal_name);

}  // namespace relata::graph
