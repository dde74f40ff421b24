// What the program asks of LibTorch itself, behind a header without its types.
#pragma once

#include <exception>
#include <optional>
#include <string>

#include "relata/base/result.h"

namespace relata::app {

std::string torch_version();
// What `--device` can be here: "cpu" and "cuda", each "supported", or why not.
std::string device_support(const std::string& device);
void set_torch_device(const std::string& device);
int torch_threads();
void set_torch_threads(int threads);

// LibTorch's own words for memory that the machine does not have, as an error; nothing for other
// exceptions.
std::optional<Error> explain_torch_exception(const std::exception& problem);

}  // namespace relata::app
