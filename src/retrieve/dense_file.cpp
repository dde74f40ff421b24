// The file of a DenseIndex: a first line that says what it is, the size of its header and the
// header's SHA-256; the header, JSON, filled up with spaces to a multiple of 64 bytes; the vectors,
// float32, little-endian, row after row.
#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>

#include "relata/base/atomic_file.h"
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/retrieve/dense.h"

namespace relata::retrieve {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are mapped as they lie");

constexpr std::string_view kMagic = "relata-vectors ";
constexpr std::string_view kVersion = "1 ";
constexpr size_t kSizeDigits = 16;
constexpr size_t kHashLetters = 64;
constexpr size_t kLineBytes = kMagic.size() + kVersion.size() + kSizeDigits + 1 + kHashLetters + 1;
constexpr size_t kAlignment = 64;
constexpr uint64_t kMostHeader = 1 << 20;

Error damaged(const std::string& path, const std::string& what) {
  return input_error(path + ": damaged: " + what, "make it again: relata index build --encoder");
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string digits(uint64_t number) {
  std::string out(kSizeDigits, '0');
  const std::string plain = std::to_string(number);
  out.replace(kSizeDigits - plain.size(), plain.size(), plain);
  return out;
}

Json options_json(const EncoderOptions& options) {
  Json out = {{"model", options.model}, {"dtype", options.dtype}};
  if (options.max_tokens) out["max_tokens"] = *options.max_tokens;
  if (options.pooling) out["pooling"] = *options.pooling;
  if (options.normalise) out["normalise"] = *options.normalise;
  if (options.query_prefix) out["query_prefix"] = *options.query_prefix;
  if (options.passage_prefix) out["passage_prefix"] = *options.passage_prefix;
  return out;
}

// The header is checked against its hash, so that a wrong type is another program's doing; nlohmann
// throws then, and the caller says that the file is damaged.
EncoderOptions options_of(const Json& value) {
  EncoderOptions out;
  out.model = value.at("model").get<std::string>();
  out.dtype = value.at("dtype").get<std::string>();
  if (value.contains("max_tokens")) out.max_tokens = value["max_tokens"].get<size_t>();
  if (value.contains("pooling")) out.pooling = value["pooling"].get<std::string>();
  if (value.contains("normalise")) out.normalise = value["normalise"].get<bool>();
  if (value.contains("query_prefix")) out.query_prefix = value["query_prefix"].get<std::string>();
  if (value.contains("passage_prefix")) {
    out.passage_prefix = value["passage_prefix"].get<std::string>();
  }
  return out;
}

struct Header {
  VectorOrigin origin;
  uint64_t count = 0, width = 0;
  std::string hash;  // of the vectors
};

Result<Header> parse_header(std::string_view text, const std::string& path) {
  RELATA_TRY(const Json value, parse_json(text, path));
  Header out;
  try {
    out.origin.encoder = value.at("encoder").get<std::string>();
    out.origin.corpus = value.at("corpus").get<std::string>();
    out.origin.options = options_of(value.at("options"));
    out.count = value.at("count").get<uint64_t>();
    out.width = value.at("width").get<uint64_t>();
    out.hash = value.at("vectors").get<std::string>();
  } catch (const Json::exception& problem) {
    return damaged(path, problem.what());
  }
  return out;
}

// The header's text, if its line vouches for it.
Result<std::string_view> checked_header(std::string_view bytes, const std::string& path) {
  if (!bytes.starts_with(kMagic)) {
    return input_error(path + ": is no file of vectors",
                       "name a file that `relata index build --encoder` wrote");
  }
  if (!bytes.substr(kMagic.size()).starts_with(kVersion)) {
    return input_error(path + ": is of another format version than this program reads",
                       "make it again: relata index build --encoder");
  }
  if (bytes.size() < kLineBytes) return damaged(path, "it ends within its first line");
  if (bytes[kLineBytes - kHashLetters - 2] != ' ' || bytes[kLineBytes - 1] != '\n') {
    return damaged(path, "its first line is not of the form that it should have");
  }
  const std::string_view number = bytes.substr(kMagic.size() + kVersion.size(), kSizeDigits);
  uint64_t size = 0;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), size);
  if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size() ||
      size > kMostHeader || size > bytes.size() - kLineBytes) {
    return damaged(path, "its header has no size that it could have");
  }
  const std::string_view header = bytes.substr(kLineBytes, size);
  if (sha256_hex(header) != bytes.substr(kLineBytes - kHashLetters - 1, kHashLetters)) {
    return damaged(path, "its header's checksum is another");
  }
  return header;
}

}  // namespace

Status DenseIndex::save(const std::string& path) const {
  const auto data = std::as_bytes(values_);
  const Json value = {{"encoder", origin_.encoder},
                      {"corpus", origin_.corpus},
                      {"options", options_json(origin_.options)},
                      {"count", size()},
                      {"width", width_},
                      {"vectors", sha256_hex(text_of(data))}};
  std::string header = value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  header.append((kAlignment - (kLineBytes + header.size()) % kAlignment) % kAlignment, ' ');
  const std::string start = std::string(kMagic) + std::string(kVersion) + digits(header.size()) +
                            " " + sha256_hex(header) + "\n" + header;
  RELATA_TRY(AtomicFile file, AtomicFile::create(path));
  RELATA_CHECK(file.write(std::as_bytes(std::span(start))));
  RELATA_CHECK(file.write(data));
  return file.finish();
}

Result<DenseIndex> DenseIndex::open(const std::string& path) {
  RELATA_TRY(auto file, MappedFile::open(path));
  const std::string_view bytes = text_of(file->bytes());
  RELATA_TRY(const std::string_view text, checked_header(bytes, path));
  RELATA_TRY(Header header, parse_header(text, path));
  const std::string_view data = bytes.substr(kLineBytes + text.size());
  uint64_t wanted = 0;
  if (header.width == 0 || __builtin_mul_overflow(header.count, header.width, &wanted) ||
      __builtin_mul_overflow(wanted, sizeof(float), &wanted) || wanted != data.size()) {
    return damaged(path, std::to_string(data.size()) + " bytes behind its header, " +
                             std::to_string(header.count) + " vectors of " +
                             std::to_string(header.width) + " numbers wanted");
  }
  const auto* values = data.data();
  if (reinterpret_cast<uintptr_t>(values) % alignof(float) != 0) {
    return damaged(path, "its vectors do not begin where they should");
  }
  if (sha256_hex(data) != header.hash) return damaged(path, "its checksum is another");
  DenseIndex out;
  out.origin_ = std::move(header.origin);
  out.width_ = header.width;
  out.values_ = {reinterpret_cast<const float*>(values), data.size() / sizeof(float)};
  out.owner_ = std::move(file);
  return out;
}

}  // namespace relata::retrieve
