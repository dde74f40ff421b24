// Foreign JSON with objects of 150,000 keys, as vocabularies are: it needs a type whose look-up is
// not linear, so relata::Json, which keeps the order of keys, is not used here.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "relata/base/member_reader.h"
#include "relata/base/result.h"

namespace relata::text {

using Node = nlohmann::json;
using JsonReader = BasicMemberReader<Node>;

Result<Node> parse_node(std::string_view text, const std::string& where);

}  // namespace relata::text
