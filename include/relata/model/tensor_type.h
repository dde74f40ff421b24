// Names of LibTorch's element types in safetensors files
// (https://github.com/huggingface/safetensors, "Format").
#pragma once

#include <c10/core/ScalarType.h>

namespace relata::model {

// "F32" for float32 and so on; empty for a type that relata neither stores nor reads.
inline const char* tensor_type_name(c10::ScalarType type) {
  switch (type) {
    case c10::ScalarType::Float:
      return "F32";
    case c10::ScalarType::BFloat16:
      return "BF16";
    case c10::ScalarType::Half:
      return "F16";
    case c10::ScalarType::Byte:
      return "U8";
    default:
      return "";
  }
}

}  // namespace relata::model
