// One file of the GGUF format, read and checked; base/gguf.h joins the parts of a split one.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/file.h"
#include "relata/base/gguf.h"

namespace relata::internal {

// A metadata value: its bytes, and for an array what it holds.
struct GgufEntry {
  GgufValueType type = GgufValueType::kUint32;
  GgufValueType element = GgufValueType::kUint32;  // of an array, else the type itself
  uint64_t count = 1;
  std::span<const std::byte> bytes;           // the elements of an array, without its head
  std::span<const std::byte> bytes_and_head;  // as they lie in the file
};

struct GgufPart {
  std::string path;
  std::shared_ptr<MappedFile> map;
  std::vector<std::string> keys;  // in file order
  std::map<std::string, GgufEntry> entries;
  std::vector<GgufTensor> tensors;
};

constexpr uint32_t kGgufMagic = 0x46554747;  // "GGUF"
constexpr uint64_t kGgufAlignment = 32;      // where general.alignment does not say otherwise
constexpr const char* kAlignmentKey = "general.alignment";

Result<GgufPart> read_gguf_part(const std::string& path);

// Bytes of one value; 0 for strings and arrays, whose size varies.
size_t fixed_size(GgufValueType type);
// Rows of whole blocks: the bytes of a tensor, or nothing when the shape does not allow the type or
// the size overflows.
std::optional<int64_t> gguf_tensor_bytes(GgmlType type, const std::vector<int64_t>& shape);

std::string gguf_quoted(std::string_view name);  // for messages: cleaned and not too long
Error gguf_damaged(const std::string& path, const std::string& problem);

// The little-endian value at `at`.
template <class T>
T load_value(const std::byte* at) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace relata::internal
