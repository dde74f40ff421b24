#include "torch_info.h"

#include <torch/torch.h>
#include <torch/version.h>

namespace relata::app {

std::string torch_version() { return TORCH_VERSION; }

bool torch_has_cuda() { return torch::cuda::is_available(); }

int torch_threads() { return at::get_num_threads(); }

void set_torch_threads(int threads) { at::set_num_threads(threads); }

}  // namespace relata::app
