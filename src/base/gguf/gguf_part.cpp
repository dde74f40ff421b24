#include "gguf/gguf_part.h"

#include <algorithm>
#include <utility>

#include "clean.h"

namespace relata::internal {
namespace {

constexpr uint64_t kMostDimensions = 4;         // GGML_MAX_DIMS
constexpr uint64_t kMostNameBytes = 65535;      // the format's limit on keys
constexpr uint64_t kMostAlignment = 1U << 24U;  // beyond every file system's block
constexpr int kMostNesting = 8;                 // of arrays in arrays
constexpr uint64_t kSmallestEntry = 8 + 4 + 1;  // an empty key and a value of one byte
constexpr uint64_t kSmallestTensorInfo = 8 + 4 + 4 + 8;

// Reads values in file order; what it returns is empty once the file has ended.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t at() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }
  std::span<const std::byte> since(size_t begin) const {
    return bytes_.subspan(begin, at_ - begin);
  }

  bool skip(uint64_t size) {
    if (size > left()) return false;
    at_ += static_cast<size_t>(size);
    return true;
  }
  template <class T>
  std::optional<T> take() {
    if (left() < sizeof(T)) return {};
    const T value = load_value<T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  std::optional<std::string_view> take_string(uint64_t most) {
    const auto size = take<uint64_t>();
    if (!size || *size > most || *size > left()) return {};
    const auto* begin = reinterpret_cast<const char*>(bytes_.data() + at_);
    at_ += static_cast<size_t>(*size);
    return std::string_view(begin, static_cast<size_t>(*size));
  }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

bool is_value_type(uint32_t number) {
  return number <= static_cast<uint32_t>(GgufValueType::kFloat64);
}

class PartReader {
 public:
  explicit PartReader(std::string path) { part_.path = std::move(path); }

  Result<GgufPart> read() {
    RELATA_TRY(part_.map, MappedFile::open(part_.path));
    cursor_ = Cursor(part_.map->bytes());
    RELATA_CHECK(read_head());
    RELATA_CHECK(read_metadata());
    RELATA_CHECK(read_alignment());
    RELATA_CHECK(read_tensor_infos());
    RELATA_CHECK(place_tensors());
    return std::move(part_);
  }

 private:
  struct Info {
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  Error damaged(const std::string& problem) const { return gguf_damaged(part_.path, problem); }
  Error damaged_key(std::string_view key, const std::string& problem) const {
    return damaged("key " + gguf_quoted(key) + ": " + problem);
  }
  Error damaged_tensor(std::string_view name, const std::string& problem) const {
    return damaged("tensor " + gguf_quoted(name) + ": " + problem);
  }

  Status read_head() {
    const auto magic = cursor_.take<uint32_t>();
    const auto version = cursor_.take<uint32_t>();
    if (!magic || *magic != kGgufMagic) return no_gguf();
    if (!version) return damaged("it ends within its first 8 bytes");
    if (*version != 2 && *version != 3) return other_version(*version);
    const auto tensors = cursor_.take<uint64_t>();
    const auto entries = cursor_.take<uint64_t>();
    if (!tensors || !entries) return damaged("it ends within its first 24 bytes");
    const uint64_t left = cursor_.left();
    if (*tensors > left / kSmallestTensorInfo) {
      return damaged("it claims " + std::to_string(*tensors) + " tensors, more than its " +
                     std::to_string(left) + " bytes can describe");
    }
    if (*entries > left / kSmallestEntry) {
      return damaged("it claims " + std::to_string(*entries) + " metadata entries, more than its " +
                     std::to_string(left) + " bytes can hold");
    }
    tensor_count_ = *tensors;
    entry_count_ = *entries;
    return {};
  }

  Error no_gguf() const {
    const auto bytes = part_.map->bytes();
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                                std::min<size_t>(bytes.size(), 64));
    if (text.starts_with("version https://git-lfs")) {
      return input_error(part_.path + ": a Git LFS pointer, not the file itself",
                         "run `git lfs pull` where it was cloned, or download the file");
    }
    if (text.starts_with("lmgg") || text.starts_with("fmgg") || text.starts_with("tjgg")) {
      return input_error(part_.path + ": a GGML file, from before GGUF",
                         "get the model as GGUF; llama.cpp reads this format no more either");
    }
    return input_error(part_.path + ": not a GGUF file: it does not begin with 'GGUF'",
                       "check the path; a download may have saved an error page instead");
  }

  Error other_version(uint32_t version) const {
    constexpr uint32_t kLowHalf = 0xFFFF;
    if ((version & kLowHalf) == 0) {
      return input_error(part_.path + ": a big-endian GGUF file; only little-endian ones are read",
                         "convert it with gguf-py's gguf_convert_endian.py, or get the usual file");
    }
    return input_error(
        part_.path + ": GGUF version " + std::to_string(version) + "; versions 2 and 3 are read",
        version < 2 ? "get a newer file of this model: version 1 was replaced in August 2023"
                    : "update relata, or get the model in version 3");
  }

  Status read_metadata() {
    for (uint64_t i = 0; i < entry_count_; ++i) {
      const auto key = cursor_.take_string(kMostNameBytes);
      if (!key) {
        return damaged("the name of metadata entry " + std::to_string(i + 1) + " of " +
                       std::to_string(entry_count_) + " is too long or not all there");
      }
      const auto type = cursor_.take<uint32_t>();
      if (!type || !is_value_type(*type)) {
        return damaged_key(*key, type ? "value type " + std::to_string(*type) + " is not known"
                                      : "the file ends there");
      }
      GgufEntry entry;
      entry.type = static_cast<GgufValueType>(*type);
      RELATA_CHECK(read_value(*key, entry));
      if (!part_.entries.emplace(*key, entry).second) {
        return damaged_key(*key, "it is there twice");
      }
      part_.keys.emplace_back(*key);
    }
    return {};
  }

  Status read_value(std::string_view key, GgufEntry& entry) {
    const size_t head = cursor_.at();
    entry.element = entry.type;
    if (entry.type == GgufValueType::kArray) RELATA_CHECK(read_array_head(key, entry));
    const size_t begin = cursor_.at();
    RELATA_CHECK(skip_values(key, entry.element, entry.count, 0));
    entry.bytes = cursor_.since(begin);
    entry.bytes_and_head = cursor_.since(head);
    return {};
  }

  Status read_array_head(std::string_view key, GgufEntry& entry) {
    const auto element = cursor_.take<uint32_t>();
    const auto count = cursor_.take<uint64_t>();
    if (!count) return damaged_key(key, "the file ends there");
    if (!is_value_type(*element)) {
      return damaged_key(key, "element type " + std::to_string(*element) + " is not known");
    }
    entry.element = static_cast<GgufValueType>(*element);
    entry.count = *count;
    return {};
  }

  Status skip_values(std::string_view key, GgufValueType type, uint64_t count, int nesting) {
    const size_t size = fixed_size(type);
    // Strings and arrays begin with 8 and 12 bytes of their own.
    const uint64_t least = size != 0 ? size : 8;
    if (count > cursor_.left() / least) {
      return damaged_key(key, std::to_string(count) + " values of " + name_of(type) +
                                  " do not fit into the rest of the file");
    }
    if (size != 0) {
      const size_t begin = cursor_.at();
      cursor_.skip(count * size);
      return type == GgufValueType::kBool ? check_bools(key, cursor_.since(begin)) : Status{};
    }
    for (uint64_t i = 0; i < count; ++i) {
      if (type == GgufValueType::kString) {
        if (!cursor_.take_string(cursor_.left())) {
          return damaged_key(key, "string " + std::to_string(i + 1) + " of " +
                                      std::to_string(count) + " ends beyond the file");
        }
      } else {
        if (nesting == kMostNesting) return damaged_key(key, "its arrays are nested too deeply");
        GgufEntry inner;
        RELATA_CHECK(read_array_head(key, inner));
        RELATA_CHECK(skip_values(key, inner.element, inner.count, nesting + 1));
      }
    }
    return {};
  }

  Status check_bools(std::string_view key, std::span<const std::byte> bytes) const {
    const bool good = std::all_of(bytes.begin(), bytes.end(), [](std::byte value) {
      return value == std::byte{0} || value == std::byte{1};
    });
    return good ? Status{} : damaged_key(key, "a truth value is neither 0 nor 1");
  }

  Status read_alignment() {
    const auto found = part_.entries.find(kAlignmentKey);
    if (found == part_.entries.end()) return {};
    const GgufEntry& entry = found->second;
    if (entry.type != GgufValueType::kUint32) {
      return damaged_key(kAlignmentKey,
                         std::string("it is ") + name_of(entry.type) + ", the format wants uint32");
    }
    alignment_ = load_value<uint32_t>(entry.bytes.data());
    if (!std::has_single_bit(alignment_) || alignment_ > kMostAlignment) {
      return damaged_key(kAlignmentKey, std::to_string(alignment_) + " is no power of two up to " +
                                            std::to_string(kMostAlignment));
    }
    return {};
  }

  Status read_tensor_infos() {
    std::vector<std::string_view> names;
    for (uint64_t i = 0; i < tensor_count_; ++i) {
      const auto name = cursor_.take_string(kMostNameBytes);
      if (!name) {
        return damaged("the name of tensor " + std::to_string(i + 1) + " of " +
                       std::to_string(tensor_count_) + " is too long or not all there");
      }
      RELATA_CHECK(read_tensor_info(*name));
      names.push_back(*name);
    }
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) return damaged_tensor(*twice, "it is there twice");
    return {};
  }

  Status read_tensor_info(std::string_view name) {
    const auto dimensions = cursor_.take<uint32_t>();
    if (!dimensions) return damaged_tensor(name, "the file ends there");
    if (*dimensions > kMostDimensions) {
      return damaged_tensor(name, std::to_string(*dimensions) + " dimensions, at most " +
                                      std::to_string(kMostDimensions) + " are possible");
    }
    GgufTensor tensor;
    tensor.name = name;
    for (uint32_t i = 0; i < *dimensions; ++i) {
      const auto size = cursor_.take<int64_t>();
      if (!size) return damaged_tensor(name, "the file ends there");
      if (*size <= 0) {
        return damaged_tensor(name, "a size of " + std::to_string(*size) + " in its shape");
      }
      tensor.shape.push_back(*size);
    }
    std::reverse(tensor.shape.begin(), tensor.shape.end());
    const auto type = cursor_.take<uint32_t>();
    const auto offset = cursor_.take<uint64_t>();
    if (!offset) return damaged_tensor(name, "the file ends there");
    tensor.type = static_cast<GgmlType>(*type);
    if (!is_known(tensor.type)) {
      return input_error(part_.path + ": tensor " + gguf_quoted(name) + ": type " +
                             std::to_string(*type) + " is not known",
                         "update relata, or get the model in another quantisation");
    }
    const auto size = gguf_tensor_bytes(tensor.type, tensor.shape);
    if (!size) {
      const auto block = ggml_block(tensor.type);
      return damaged_tensor(name, std::string("its shape does not fit its type ") +
                                      name_of(tensor.type) + " (rows of whole blocks of " +
                                      std::to_string(block.elements) + ")");
    }
    infos_.push_back({*offset, static_cast<uint64_t>(*size)});
    part_.tensors.push_back(std::move(tensor));
    return {};
  }

  uint64_t aligned(uint64_t offset) const { return (offset + alignment_ - 1) & ~(alignment_ - 1); }

  // As every writer does and llama.cpp demands: tensors follow each other in the order of their
  // descriptions, each aligned. A damaged offset cannot pass for another one.
  Status place_tensors() {
    const auto bytes = part_.map->bytes();
    const uint64_t begin = aligned(cursor_.at());
    uint64_t offset = 0;
    uint64_t end = cursor_.at();
    for (size_t i = 0; i < infos_.size(); ++i) {
      GgufTensor& tensor = part_.tensors[i];
      const Info& info = infos_[i];
      if (info.offset != offset) {
        return damaged_tensor(tensor.name,
                              "its data is said to be at " + std::to_string(info.offset) +
                                  ", which overlaps another tensor's or leaves a gap (" +
                                  std::to_string(offset) + " is next)");
      }
      if (begin + offset > bytes.size() || info.size > bytes.size() - begin - offset) {
        return damaged_tensor(tensor.name, "its data ends at byte " +
                                               std::to_string(begin + offset + info.size) +
                                               ", the file has " + std::to_string(bytes.size()));
      }
      tensor.bytes =
          bytes.subspan(static_cast<size_t>(begin + offset), static_cast<size_t>(info.size));
      end = begin + offset + info.size;
      offset = aligned(offset + info.size);
    }
    if (aligned(end) < bytes.size()) {
      return damaged(std::to_string(bytes.size() - end) + " bytes follow its last tensor");
    }
    return {};
  }

  GgufPart part_;
  Cursor cursor_{{}};
  uint64_t tensor_count_ = 0;
  uint64_t entry_count_ = 0;
  uint64_t alignment_ = kGgufAlignment;
  std::vector<Info> infos_;
};

}  // namespace

Result<GgufPart> read_gguf_part(const std::string& path) { return PartReader(path).read(); }

size_t fixed_size(GgufValueType type) {
  switch (type) {
    case GgufValueType::kUint8:
    case GgufValueType::kInt8:
    case GgufValueType::kBool:
      return 1;
    case GgufValueType::kUint16:
    case GgufValueType::kInt16:
      return 2;
    case GgufValueType::kUint32:
    case GgufValueType::kInt32:
    case GgufValueType::kFloat32:
      return 4;
    case GgufValueType::kUint64:
    case GgufValueType::kInt64:
    case GgufValueType::kFloat64:
      return 8;
    case GgufValueType::kString:
    case GgufValueType::kArray:
      return 0;
  }
  return 0;
}

std::optional<int64_t> gguf_tensor_bytes(GgmlType type, const std::vector<int64_t>& shape) {
  const GgmlBlock block = ggml_block(type);
  const int64_t row = shape.empty() ? 1 : shape.back();
  if (block.elements == 0 || row % block.elements != 0) return {};
  int64_t total = block.bytes;
  int64_t elements = 1;
  if (__builtin_mul_overflow(total, row / block.elements, &total)) return {};
  for (size_t i = 0; i < shape.size(); ++i) {
    // Elements can overflow where bytes do not: a block has fewer bytes than elements.
    if (__builtin_mul_overflow(elements, shape[i], &elements)) return {};
    if (i + 1 < shape.size() && __builtin_mul_overflow(total, shape[i], &total)) return {};
  }
  return total;
}

std::string gguf_quoted(std::string_view name) {
  constexpr size_t kShown = 200;
  return "'" + clean_text(name, kShown) + "'";
}

Error gguf_damaged(const std::string& path, const std::string& problem) {
  return input_error(path + ": " + problem,
                     "the file is cut short or damaged; copy or download it again");
}

}  // namespace relata::internal
