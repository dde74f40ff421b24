// Matrices in NF4 as bitsandbytes keeps them in safetensors files: the packed codes under the
// weight's name, its state beside it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/model/safetensors.h"
#include "relata/nn/quantized.h"

namespace relata::model {

struct Nf4Stored {
  std::vector<int64_t> shape;  // of the matrix
  int64_t block = 64;
  float nested_offset = 0;
  TensorView packed, absmax, quant_map;
  TensorView nested_absmax, nested_quant_map;  // no bytes: quantised once
  bool nested() const { return !nested_absmax.bytes.empty(); }
};

// Takes the matrices in NF4 and their states out of `views`; their names, sizes and types are
// checked. Errors: a state without its matrix or the other way round, sizes that do not belong
// together, other methods of bitsandbytes.
Result<std::map<std::string, Nf4Stored>> take_nf4(TensorViews& views, const std::string& where);

// The matrix itself. `place` names it in errors: a scale that is not finite.
Result<nn::QuantizedRows> nf4_rows(const Nf4Stored& stored, const std::string& place);

// What is stored beside the codes of a weight, by the ends of the names. `dtype` is what the
// matrix was quantised from: "bfloat16".
std::vector<std::pair<std::string, at::Tensor>> nf4_state(const nn::Nf4Tensors& tensors,
                                                          at::IntArrayRef shape,
                                                          const std::string& dtype);
// Whether all scales are finite; a matrix with numbers that are not has others.
bool finite_scales(const nn::Nf4Tensors& tensors);

}  // namespace relata::model
