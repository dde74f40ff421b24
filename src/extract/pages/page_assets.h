// The style and the script of an extraction page. The page works without the script: then nothing
// is linked or narrowed.
#pragma once

#include <string_view>

namespace relata::extract {

extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;

}  // namespace relata::extract
