// safetensors files: https://huggingface.co/docs/safetensors (8-byte little-endian header length,
// JSON header, raw little-endian tensors). Reading maps the file; nothing is copied.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "relata/base/file.h"
#include "relata/base/result.h"
#include "relata/model/lora_config.h"

namespace relata::model {

// One tensor inside a mapped file, which `file` keeps alive. Row-major. Other programs may have
// written it at an address that is not a multiple of its element size.
struct TensorView {
  std::string dtype;  // "F32", "BF16", "F16", "I64", "I32", "U8", or another one of whole bytes
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<MappedFile> file;
};
using TensorViews = std::map<std::string, TensorView>;

// Bytes of one element; 0 for a dtype that is not known here.
int64_t safetensors_dtype_size(const std::string& dtype);

// Header sizes, offsets, overlaps, shape products and dtypes are all checked against the file.
Result<TensorViews> read_safetensors(const std::string& path,
                                     std::map<std::string, std::string>* metadata = nullptr);
// model.safetensors, or model.safetensors.index.json with its shards; only pytorch_model.bin is
// refused with a hint to convert it.
Result<TensorViews> read_model_tensors(const std::string& folder);
// adapter_model.safetensors, every matrix of it of the rank that adapter_config.json states; only
// adapter_model.bin is refused with a hint to convert it.
Result<TensorViews> read_adapter_tensors(const std::string& folder, const LoraConfig& config);

struct TensorToWrite {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};
// Atomic, and streamed: no copy of the data is made. The header is sorted by name, the data by
// element size and name, so that every tensor is aligned; metadata {"format": "pt"} and `metadata`.
Status write_safetensors(const std::string& path, const std::vector<TensorToWrite>& tensors,
                         const std::map<std::string, std::string>& metadata = {});

}  // namespace relata::model
