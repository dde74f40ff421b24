// GGUF files, the format of llama.cpp and Ollama: metadata and tensors in one file, or in parts.
// Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3,
// little endian. Reading maps the file; tensors and strings are views into the map, nothing is
// copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "relata/base/ggml_type.h"
#include "relata/base/result.h"

namespace relata {

// One tensor, which lives as long as its GgufFile.
struct GgufTensor {
  std::string name;
  GgmlType type = GgmlType::kF32;
  std::vector<int64_t> shape;  // row-major, outermost first: ggml's `ne` reversed; no size is 0
  std::span<const std::byte> bytes;  // rows of whole blocks; the address may be unaligned
};

enum class GgufValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};
// Whether `path` is a file that is called *.gguf or begins as one does (Ollama's have other names).
bool is_gguf(const std::string& path);

// Of a name like `name-00002-of-00003.gguf` the part's number, from 1; 0: it names no part.
int64_t gguf_part_number(const std::string& path);

const char* name_of(GgufValueType type);  // "uint32"

// A metadata value as it lies in a file; an array with its element type and count before it.
struct GgufRawValue {
  GgufValueType type = GgufValueType::kUint32;
  std::span<const std::byte> bytes;
};

// An open file, or all parts of one that was split (`name-00001-of-00003.gguf`). Immutable: any
// number of threads may use it.
class GgufFile {
 public:
  // Checks every size, count and offset: what opens has all its tensors inside the file, one after
  // the other as the format wants it. `path` may be any part of a split file. Cost: the header is
  // read once (0.1 s for a vocabulary of 250,000), tensor data is not touched.
  static Result<std::shared_ptr<const GgufFile>> open(const std::string& path);

  ~GgufFile();

  const std::string& path() const;                        // as opened
  const std::vector<GgufTensor>& tensors() const;         // in file order
  const GgufTensor* find(const std::string& name) const;  // null: no such tensor

  // Metadata; of a split file, that of its first part. A missing key gives `fallback`, or without
  // one an error that names file and key; so does a value of another type, fallback or not.
  const std::vector<std::string>& keys() const;  // in file order
  bool has(const std::string& key) const;
  Result<std::string> get_string(const std::string& key,
                                 std::optional<std::string> fallback = {}) const;
  Result<int64_t> get_integer(const std::string& key, std::optional<int64_t> fallback = {}) const;
  Result<double> get_number(const std::string& key, std::optional<double> fallback = {}) const;
  Result<bool> get_bool(const std::string& key, std::optional<bool> fallback = {}) const;
  // Arrays; a single integer or number counts as an array of one. No fallback: ask has() first.
  Result<std::vector<std::string_view>> get_strings(const std::string& key) const;  // views
  Result<std::vector<int64_t>> get_integers(const std::string& key) const;  // bools count as 0, 1
  Result<std::vector<float>> get_floats(const std::string& key) const;      // float32 or float64
  // The value as it lies there, to be written into another file. The key must be there.
  GgufRawValue raw_value(const std::string& key) const;

 private:
  struct State;
  explicit GgufFile(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

// ---- writing -----------------------------------------------------------------------------------

using GgufValue =
    std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool, std::string,
                 uint64_t, int64_t, double, std::vector<std::string>, std::vector<int32_t>,
                 std::vector<uint32_t>, std::vector<float>, std::vector<uint8_t>, GgufRawValue>;
using GgufMetadata = std::vector<std::pair<std::string, GgufValue>>;  // written in this order

struct GgufTensorToWrite {
  std::string name;
  GgmlType type = GgmlType::kF32;
  std::vector<int64_t> shape;  // row-major; at most 4 sizes
  // Called once, when its turn comes; the view must last until the next tensor's call, so that a
  // large model can be converted through one buffer. Exactly the bytes of `shape` and `type`.
  std::function<Result<std::span<const std::byte>>()> bytes;
};

// Version 3, aligned to 32 bytes. Atomic, and streamed: no copy of the data is made.
Status write_gguf(const std::string& path, const GgufMetadata& metadata,
                  const std::vector<GgufTensorToWrite>& tensors);

}  // namespace relata
