// The parts of a tokenizer.json around its model. Each parser takes the JSON of one part (null for
// none) and refuses, by name, the kinds relata does not have.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aligned_text.h"
#include "json_reader.h"

namespace relata::text {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual AlignedText apply(AlignedText text) const = 0;
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual std::vector<AlignedText> apply(AlignedText text) const = 0;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual std::vector<std::string> apply(std::vector<std::string> tokens) const = 0;
};

using NormalizerPtr = std::unique_ptr<const Normalizer>;
using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;
using DecoderPtr = std::unique_ptr<const Decoder>;

Result<NormalizerPtr> parse_normalizer(const Node& node, const std::string& where);
Result<PreTokenizerPtr> parse_pre_tokenizer(const Node& node, const std::string& where);
Result<DecoderPtr> parse_decoder(const Node& node, const std::string& where);

// Ids that a post-processor puts before and after a text.
struct SpecialFrame {
  std::vector<int32_t> before;
  std::vector<int32_t> after;
};
Result<SpecialFrame> parse_post_processor(const Node& node, const std::string& where);

// The object's "type"; an error when `node` is no object or has none.
Result<std::string> component_type(const Node& node, const std::string& where);
Error unsupported_component(const std::string& where, const std::string& type);
// A "pattern" that is a literal string.
Result<std::string> literal_pattern(const Node& node, const std::string& where);
// Sequences inside sequences deeper than this are refused.
constexpr int kDepthLimit = 8;

}  // namespace relata::text
