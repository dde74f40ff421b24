// What the program asks of LibTorch itself, behind a header without its types.
#pragma once

#include <string>

namespace relata::app {

std::string torch_version();
bool torch_has_cuda();
int torch_threads();
void set_torch_threads(int threads);

}  // namespace relata::app
