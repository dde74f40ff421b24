// Failures of ICU, which are those of its installation.
#pragma once

#include <unicode/utypes.h>

#include <stdexcept>
#include <string>

namespace relata::retrieve {

inline void require_icu(UErrorCode code, const char* what) {
  if (U_FAILURE(code)) {
    throw std::runtime_error(std::string("ICU cannot ") + what + ": " + u_errorName(code));
  }
}

}  // namespace relata::retrieve
