#include "environment.h"

#include <cstdlib>

namespace relata::app {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string cache_home() {
  if (std::string stated = environment("XDG_CACHE_HOME"); !stated.empty()) return stated;
  const std::string home = environment("HOME");
  return home.empty() ? "" : home + "/.cache";
}

}  // namespace relata::app
