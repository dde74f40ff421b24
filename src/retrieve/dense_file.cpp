// The file of a DenseIndex: a header line (header_line.h); the vectors, float32, little-endian, row
// after row.
#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

#include "header_line.h"
#include "relata/base/atomic_file.h"
#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/retrieve/dense.h"

namespace relata::retrieve {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are mapped as they lie");

constexpr FileKind kKind = {"relata-vectors ", "1 ", "file of vectors",
                            "relata index build --encoder"};

Error damaged(const std::string& path, const std::string& what) {
  return damaged_file(kKind, path, what);
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
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

Result<Header> header_of(const Json& value, const std::string& path) {
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

}  // namespace

Status DenseIndex::save(const std::string& path) const {
  const auto data = std::as_bytes(values_);
  const Json value = {{"encoder", origin_.encoder},
                      {"corpus", origin_.corpus},
                      {"options", options_json(origin_.options)},
                      {"count", size()},
                      {"width", width_},
                      {"vectors", sha256_hex(text_of(data))}};
  const std::string start = with_header_line(kKind, value);
  RELATA_TRY(AtomicFile file, AtomicFile::create(path));
  RELATA_CHECK(file.write(std::as_bytes(std::span(start))));
  RELATA_CHECK(file.write(data));
  return file.finish();
}

Result<DenseIndex> DenseIndex::open(const std::string& path) {
  RELATA_TRY(auto file, MappedFile::open(path));
  RELATA_TRY(const HeaderAndData parts, split_header(text_of(file->bytes()), kKind, path));
  RELATA_TRY(Header header, header_of(parts.header, path));
  const std::string_view data = parts.data;
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
  const auto bad = std::find_if(out.values_.begin(), out.values_.end(),
                                [](float number) { return !std::isfinite(number); });
  if (bad != out.values_.end()) {
    const auto passage = static_cast<size_t>(bad - out.values_.begin()) / out.width_;
    return damaged(path, "the vector of passage " + std::to_string(passage + 1) +
                             " has a number that is none or infinite, and would never be found");
  }
  out.owner_ = std::move(file);
  return out;
}

}  // namespace relata::retrieve
