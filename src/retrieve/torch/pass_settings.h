// What a pass of an encoder that is being trained differs in.
#pragma once

#include <cstdint>

namespace relata::retrieve {

struct PassSettings {
  double dropout = 0.0;
  uint32_t dropout_seed = 0;
  bool gradient_checkpointing = false;
};

}  // namespace relata::retrieve
