// Files of many JSON values: one list, or a value a line.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "relata/base/json.h"

namespace relata::eval {

// Gets a value and its place in the file, for messages.
using TakeEntry = std::function<Status(Json value, const std::string& place)>;

// Hands over every value in order, up to the first error. With `lines` each line that is not blank
// is parsed when its turn comes; else the content must be one list.
Status for_each_json_entry(std::string_view content, const std::string& where, bool lines,
                           const TakeEntry& take);

}  // namespace relata::eval
