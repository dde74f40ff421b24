// Weights that are not finite, by their names in the model's files.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "relata/base/result.h"

namespace relata::model {

class Decoder;

// Whether `values`, which may be undefined, holds nothing but finite numbers.
bool all_finite(const at::Tensor& values);

// For a model whose output is not finite: names the first weight of the files it was loaded from,
// of its adapters' files or of memory that is not finite either; where all are, the type that it
// computes in, which then overflows. Cost: reads those files.
Error not_a_number(const Decoder& model);
// That error where `output` is not finite.
Status check_output(const Decoder& model, const at::Tensor& output);

// An error where a weight is not finite. For encoders: LibTorch's attention both ways makes finite
// numbers of scores that are not, so that their output does not show it. Cost: one look at each.
Status check_weights(const Decoder& model);

// Errors for `stored`, which is about to be written as tensor `name`: it holds a number that is not
// finite, or `value`, which it was made of, holds one that is too large for its type.
Status check_written(const std::string& name, const at::Tensor& value, const at::Tensor& stored);
// An error where a matrix of the adapter is not finite.
Status check_adapter(const Decoder& model, int adapter);

}  // namespace relata::model
