// Element types of checkpoints as LibTorch's.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "relata/base/result.h"

namespace relata::model {

inline Result<at::ScalarType> scalar_type(const std::string& dtype, const std::string& where) {
  if (dtype == "F32" || dtype == "float32") return at::kFloat;
  if (dtype == "BF16" || dtype == "bfloat16") return at::kBFloat16;
  if (dtype == "F16" || dtype == "float16") return at::kHalf;
  return input_error(where + ": weights of type " + dtype + " are not supported",
                     "convert the model to float32, bfloat16 or float16");
}

inline std::string shape_text(at::IntArrayRef shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return out + "]";
}

}  // namespace relata::model
