// Tensors by name from a checkpoint's files, whatever they are.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/nn/quantized.h"

namespace relata::model {

struct StoredTensor {
  std::vector<int64_t> shape;  // of the numbers, however they are packed
  std::string type;            // "F32", "BF16", "Q4_K", "NF4", ...
  bool quantized = false;
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual std::string where() const = 0;  // file or folder, for messages
  virtual std::vector<std::string> names() const = 0;
  virtual std::optional<StoredTensor> find(const std::string& name) const = 0;
  // Fills `target`, contiguous and of the stored shape, in its own type.
  virtual Status read(const std::string& name, const at::Tensor& target) const = 0;
  // A matrix as it is stored, quantised or not: a copy of its bytes.
  virtual Result<nn::QuantizedRows> rows(const std::string& name) const = 0;
};

// model.safetensors, one or sharded, of a Hugging Face folder. Matrices in NF4 with the state that
// bitsandbytes keeps beside them are one tensor each.
Result<std::unique_ptr<WeightSource>> open_safetensors(const std::string& folder);
// A single file, such as an adapter's.
Result<std::unique_ptr<WeightSource>> open_safetensors_file(const std::string& path);

}  // namespace relata::model
