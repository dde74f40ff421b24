// Tensors on their way into a safetensors file.
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <string>
#include <vector>

#include "relata/model/safetensors.h"
#include "relata/model/tensor_type.h"

namespace relata::model {

struct TensorList {
  std::vector<at::Tensor> kept;  // contiguous copies that the spans point into
  std::vector<TensorToWrite> list;
  void add(const std::string& name, const at::Tensor& value) {
    kept.push_back(value.detach().cpu().contiguous());
    const at::Tensor& t = kept.back();
    list.push_back({name, tensor_type_name(t.scalar_type()), t.sizes().vec(),
                    std::as_bytes(std::span(static_cast<const char*>(t.data_ptr()), t.nbytes()))});
  }
};

}  // namespace relata::model
