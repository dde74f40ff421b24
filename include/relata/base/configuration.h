// Errors of files that are read as a part of the configuration.
#pragma once

#include <utility>

#include "relata/base/result.h"

namespace relata {

// Of a schema, template or setting that a command names, what is wrong in the file is wrong usage
// (exit 2); bad input (exit 3) is what the command is to work on.
template <class T>
Result<T> as_configuration(Result<T> result) {
  if (result.ok() || result.error().code != ErrorCode::kBadInput) return result;
  Error error = result.error();
  error.code = ErrorCode::kUsage;
  return error;
}

}  // namespace relata
