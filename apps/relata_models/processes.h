// The processes that a launcher such as torchrun started.
#pragma once

#include <memory>

#include "relata/base/result.h"
#include "relata/train/process_group.h"

namespace relata::app {

// Meets the others; null where this process is the only one. Those but the first say only what is
// wrong from then on.
Result<std::shared_ptr<train::ProcessGroup>> join_processes();

}  // namespace relata::app
