#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <type_traits>

#include "gguf/gguf_part.h"
#include "relata/base/atomic_file.h"

namespace relata {
namespace {

constexpr uint32_t kVersion = 3;
constexpr size_t kMostDimensions = 4;

template <class T>
struct ValueTypeOf;
template <GgufValueType value>
struct Is {
  static constexpr GgufValueType kType = value;
};
template <>
struct ValueTypeOf<uint8_t> : Is<GgufValueType::kUint8> {};
template <>
struct ValueTypeOf<int8_t> : Is<GgufValueType::kInt8> {};
template <>
struct ValueTypeOf<uint16_t> : Is<GgufValueType::kUint16> {};
template <>
struct ValueTypeOf<int16_t> : Is<GgufValueType::kInt16> {};
template <>
struct ValueTypeOf<uint32_t> : Is<GgufValueType::kUint32> {};
template <>
struct ValueTypeOf<int32_t> : Is<GgufValueType::kInt32> {};
template <>
struct ValueTypeOf<float> : Is<GgufValueType::kFloat32> {};
template <>
struct ValueTypeOf<bool> : Is<GgufValueType::kBool> {};
template <>
struct ValueTypeOf<std::string> : Is<GgufValueType::kString> {};
template <>
struct ValueTypeOf<uint64_t> : Is<GgufValueType::kUint64> {};
template <>
struct ValueTypeOf<int64_t> : Is<GgufValueType::kInt64> {};
template <>
struct ValueTypeOf<double> : Is<GgufValueType::kFloat64> {};

void put_bytes(std::string& out, const void* bytes, size_t size) {
  out.append(static_cast<const char*>(bytes), size);
}

template <class T>
void put(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    put(out, static_cast<uint64_t>(value.size()));
    out += value;
  } else {
    put_bytes(out, &value, sizeof value);
  }
}

void put_type(std::string& out, GgufValueType type) { put(out, static_cast<uint32_t>(type)); }

struct ValueWriter {
  std::string& out;

  void operator()(const GgufRawValue& value) const {
    put_type(out, value.type);
    put_bytes(out, value.bytes.data(), value.bytes.size());
  }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    put_type(out, GgufValueType::kArray);
    put_type(out, ValueTypeOf<T>::kType);
    put(out, static_cast<uint64_t>(values.size()));
    for (const T& value : values) put(out, value);
  }
  template <class T>
  void operator()(const T& value) const {
    put_type(out, ValueTypeOf<T>::kType);
    put(out, value);
  }
};

uint64_t padding_behind(uint64_t size) {
  return (internal::kGgufAlignment - size % internal::kGgufAlignment) % internal::kGgufAlignment;
}

// The bytes of each tensor, once what the caller owes is seen to be there.
std::vector<uint64_t> checked_sizes(const GgufMetadata& metadata,
                                    const std::vector<GgufTensorToWrite>& tensors) {
  std::set<std::string> keys, names;
  for (const auto& [key, value] : metadata) {
    if (!keys.insert(key).second) throw std::logic_error("write_gguf(): key twice: " + key);
    if (key == internal::kAlignmentKey) {
      throw std::logic_error("write_gguf(): the alignment is its own");
    }
  }
  std::vector<uint64_t> sizes;
  for (const GgufTensorToWrite& tensor : tensors) {
    const bool positive = std::all_of(tensor.shape.begin(), tensor.shape.end(),
                                      [](int64_t size) { return size > 0; });
    const auto size = internal::gguf_tensor_bytes(tensor.type, tensor.shape);
    if (!size || !positive || tensor.shape.size() > kMostDimensions ||
        !names.insert(tensor.name).second) {
      throw std::logic_error("write_gguf(): a shape that its type cannot have, or a name twice: " +
                             tensor.name);
    }
    sizes.push_back(static_cast<uint64_t>(*size));
  }
  return sizes;
}

std::string make_header(const GgufMetadata& metadata, const std::vector<GgufTensorToWrite>& tensors,
                        const std::vector<uint64_t>& sizes) {
  std::string out;
  put(out, internal::kGgufMagic);
  put(out, kVersion);
  put(out, static_cast<uint64_t>(tensors.size()));
  put(out, static_cast<uint64_t>(metadata.size()));
  for (const auto& [key, value] : metadata) {
    put(out, key);
    std::visit(ValueWriter{out}, value);
  }
  uint64_t offset = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const GgufTensorToWrite& tensor = tensors[i];
    put(out, tensor.name);
    put(out, static_cast<uint32_t>(tensor.shape.size()));
    for (size_t d = tensor.shape.size(); d > 0; --d) put(out, tensor.shape[d - 1]);
    put(out, static_cast<uint32_t>(tensor.type));
    put(out, offset);
    offset += sizes[i] + padding_behind(sizes[i]);
  }
  out.append(padding_behind(out.size()), '\0');
  return out;
}

}  // namespace

Status write_gguf(const std::string& path, const GgufMetadata& metadata,
                  const std::vector<GgufTensorToWrite>& tensors) {
  const std::vector<uint64_t> sizes = checked_sizes(metadata, tensors);
  RELATA_TRY(AtomicFile file, AtomicFile::create(path));
  const std::string header = make_header(metadata, tensors, sizes);
  RELATA_CHECK(file.write(std::as_bytes(std::span(header))));
  const std::array<std::byte, internal::kGgufAlignment> zeros{};
  for (size_t i = 0; i < tensors.size(); ++i) {
    RELATA_TRY(const std::span<const std::byte> bytes, tensors[i].bytes());
    if (bytes.size() != sizes[i]) {
      throw std::logic_error("write_gguf(): other bytes than announced: " + tensors[i].name);
    }
    RELATA_CHECK(file.write(bytes));
    RELATA_CHECK(file.write(std::span(zeros).first(padding_behind(sizes[i]))));
  }
  return file.finish();
}

}  // namespace relata
