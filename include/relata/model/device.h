// Where models compute: the processor, or an accelerator that this LibTorch and this machine have.
//
// Programs link LibTorch's CPU part alone; its CUDA part is loaded when a device of that kind is
// first asked for, so that nobody else waits for it.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "relata/base/result.h"

namespace relata::model {

// cpu, cuda, cuda:N or mps. Usage errors: another name; an accelerator that is not there, that this
// LibTorch was not built for, or whose libraries are missing, each with what to do.
Result<at::Device> find_device(const std::string& name);

// Of models that are loaded without a device of their own (LoadOptions::device); "cpu" at first.
// To be set before other threads load models.
void set_default_device(const std::string& name);
const std::string& default_device();

// The generator that operations on the device draw from.
at::Generator generator_of(at::Device device);

}  // namespace relata::model
