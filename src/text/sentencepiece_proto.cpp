#include "sentencepiece_proto.h"

#include <cstdint>
#include <optional>

namespace relata::text {
namespace {

// Field numbers of sentencepiece_model.proto.
constexpr uint64_t kTrainerSpec = 2;
constexpr uint64_t kModelType = 3;

enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // of a varint
  std::string_view bytes;  // of a length-delimited field
};

class WireReader {
 public:
  explicit WireReader(std::string_view data) : data_(data) {}

  std::optional<Field> next() {
    const auto key = varint();
    if (!key) return std::nullopt;
    Field field{*key >> 3, 0, {}};
    switch (*key & 7) {
      case kVarint: {
        const auto value = varint();
        if (!value) return std::nullopt;
        field.value = *value;
        return field;
      }
      case kBytes: {
        const auto size = varint();
        if (!size) return std::nullopt;
        return take(field, *size);
      }
      case kFixed64:
        return take(field, 8);
      case kFixed32:
        return take(field, 4);
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<Field> take(Field field, uint64_t size) {
    if (size > data_.size()) return std::nullopt;
    field.bytes = data_.substr(0, size);
    data_.remove_prefix(size);
    return field;
  }

  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !data_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(data_.front());
      data_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::string_view data_;
};

}  // namespace

std::string sentencepiece_model_type(std::string_view model) {
  uint64_t type = 1;
  WireReader fields(model);
  while (const auto field = fields.next()) {
    if (field->number != kTrainerSpec) continue;
    WireReader spec(field->bytes);
    while (const auto option = spec.next()) {
      if (option->number == kModelType) type = option->value;
    }
  }
  switch (type) {
    case 2:
      return "bpe";
    case 3:
      return "word";
    case 4:
      return "char";
    default:
      return "unigram";
  }
}

std::string without_dummy_prefix(std::string_view model) {
  // Protocol buffers merge a repeated message into the first: this is normalizer_spec (field 3)
  // with add_dummy_prefix (its field 3) false.
  return std::string(model) + std::string("\x1A\x02\x18\x00", 4);
}

}  // namespace relata::text
