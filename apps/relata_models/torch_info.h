// What the program asks of LibTorch itself, behind a header without its types.
#pragma once

#include <exception>
#include <optional>
#include <string>

#include "relata/base/result.h"

namespace relata::app {

std::string torch_version();
bool torch_has_cuda();
int torch_threads();
void set_torch_threads(int threads);

// LibTorch's own words for memory that the machine does not have, as an error; nothing for other
// exceptions.
std::optional<Error> explain_torch_exception(const std::exception& problem);

}  // namespace relata::app
