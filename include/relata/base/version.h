// The version of relata: that of the CMake project.
#pragma once

#include <string>

namespace relata {

std::string version();  // "0.1.0"

}  // namespace relata
