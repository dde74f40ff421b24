// A device for tests of what a GPU needs, on machines without one.
//
// Its memory is the processor's with every bit turned over: code that reads it as if it were the
// processor's computes nonsense. Operations are LibTorch's own for the CPU, on copies, and throw
// where tensors of both devices meet, as CUDA's do. Noise is the CPU's generator's.
#pragma once

#include <ATen/ATen.h>
#include <torch/library.h>

namespace relata {

// Makes it known to LibTorch; further calls do nothing.
void register_scrambled_device();

inline at::Device scrambled_device() { return {at::kPrivateUse1, 0}; }

}  // namespace relata
