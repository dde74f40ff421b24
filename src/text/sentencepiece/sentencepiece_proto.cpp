#include "sentencepiece_proto.h"

#include <cmath>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "hf/models/vocabulary.h"
#include "relata/text/utf8.h"

namespace relata::text {
namespace {

using Proto = SentencePieceProto;

enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // of a varint
  std::string_view bytes;  // of a length-delimited or fixed-size field
  bool flag() const { return value != 0; }
};

class WireReader {
 public:
  explicit WireReader(std::string_view data) : data_(data) {}

  // After next() returned nothing: whether that was for damage and not for the end.
  bool damaged() const { return damaged_; }

  std::optional<Field> next() {
    if (data_.empty()) return std::nullopt;
    auto field = read();
    damaged_ = !field;
    return field;
  }

 private:
  std::optional<Field> read() {
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
  bool damaged_ = false;
};

float fixed_float(std::string_view bytes) {
  uint32_t bits = 0;
  for (size_t i = 0; i < bytes.size() && i < 4; ++i) {
    bits |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  }
  float value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

bool read_piece(std::string_view bytes, Proto::Piece& piece) {
  WireReader fields(bytes);
  while (const auto field = fields.next()) {
    if (field->number == 1) piece.text = field->bytes;
    if (field->number == 2) piece.score = fixed_float(field->bytes);
    if (field->number == 3) piece.kind = static_cast<int>(field->value);
  }
  return !fields.damaged();
}

bool read_trainer(std::string_view bytes, Proto& proto) {
  WireReader fields(bytes);
  while (const auto field = fields.next()) {
    switch (field->number) {
      case 3:
        proto.type = static_cast<int>(field->value);
        break;
      case 24:
        proto.space_as_suffix = field->flag();
        break;
      case 35:
        proto.byte_fallback = field->flag();
        break;
      case 44:
        proto.unknown_surface = field->bytes;
        break;
      case 46:
        proto.bos = field->bytes;
        break;
      case 47:
        proto.eos = field->bytes;
        break;
      default:
        break;
    }
  }
  return !fields.damaged();
}

bool read_normalizer(std::string_view bytes, Proto& proto) {
  WireReader fields(bytes);
  while (const auto field = fields.next()) {
    if (field->number == 2) proto.charsmap = field->bytes;
    if (field->number == 3) proto.add_dummy_prefix = field->flag();
    if (field->number == 4) proto.remove_extra_whitespaces = field->flag();
    if (field->number == 5) proto.escape_whitespaces = field->flag();
  }
  return !fields.damaged();
}

bool has_charsmap(std::string_view bytes) {
  Proto spec;
  return read_normalizer(bytes, spec) && !spec.charsmap.empty();
}

bool read_model(std::string_view model, Proto& proto) {
  WireReader fields(model);
  while (const auto field = fields.next()) {
    bool good = true;
    if (field->number == 1) {
      proto.pieces.emplace_back();
      good = read_piece(field->bytes, proto.pieces.back());
    } else if (field->number == 2) {
      good = read_trainer(field->bytes, proto);
    } else if (field->number == 3) {
      good = read_normalizer(field->bytes, proto);
    } else if (field->number == 5) {
      proto.has_denormalizer = has_charsmap(field->bytes);
    }
    if (!good) return false;
  }
  return !fields.damaged();
}

Status check_pieces(const Proto& proto, const std::string& where) {
  std::unordered_set<std::string_view> seen;
  bool unknown = false;
  if (proto.pieces.size() > static_cast<size_t>(kIdLimit)) {
    return input_error(where + ": " + std::to_string(proto.pieces.size()) + " pieces are too many");
  }
  for (size_t i = 0; i < proto.pieces.size(); ++i) {
    const Proto::Piece& piece = proto.pieces[i];
    const auto bad = [&](const std::string& what) {
      return input_error(where + ": piece " + std::to_string(i) + " " + what,
                         "the file may be damaged; fetch it again");
    };
    if (piece.text.empty()) return bad("is empty");
    if (piece.text.size() > kLongestToken) return bad("is too long");
    if (find_invalid_utf8(piece.text)) return bad("is not valid UTF-8");
    if (!seen.insert(piece.text).second) return bad("is there twice: \"" + piece.text + "\"");
    if (!std::isfinite(piece.score)) return bad("has no usable score");
    if (piece.kind < Proto::kNormal || piece.kind > Proto::kByte) return bad("is of no known kind");
    if (piece.kind == Proto::kUnknown && unknown) return bad("is a second unknown piece");
    unknown = unknown || piece.kind == Proto::kUnknown;
  }
  if (unknown) return {};
  return input_error(where + ": no piece stands for the unknown", "fetch the file again");
}

}  // namespace

Result<SentencePieceProto> parse_sentencepiece(std::string_view model, const std::string& where) {
  SentencePieceProto proto;
  if (!read_model(model, proto) || proto.pieces.empty()) {
    return input_error(where + ": not a SentencePiece model",
                       "the file may be cut off or a Git LFS pointer; fetch it again");
  }
  RELATA_CHECK(check_pieces(proto, where));
  if (proto.type < Proto::kUnigram || proto.type > Proto::kChar) {
    return input_error(where + ": unknown model_type " + std::to_string(proto.type));
  }
  if (proto.has_denormalizer) {
    return input_error(where + ": unsupported: a denormalizer with rules of its own");
  }
  return proto;
}

}  // namespace relata::text
