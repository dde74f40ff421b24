// What the user's environment says.
#pragma once

#include <string>

namespace relata::app {

std::string environment(const char* name);  // "": not set, or empty

// Where programs keep what can be made again: XDG_CACHE_HOME, else HOME/.cache; "": neither is set.
std::string cache_home();

}  // namespace relata::app
