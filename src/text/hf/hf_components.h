// The parts of a tokenizer.json around its model. Each parser takes the JSON of one part (null for
// none) and refuses, by name, the kinds relata does not have.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "json_reader.h"
#include "tokenizer_base.h"

namespace relata::text {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(AlignedText& text, AlignedText& spare) const = 0;  // `spare` is scratch
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(PieceBuffers& buffers) const = 0;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual std::vector<std::string> apply(std::vector<std::string> tokens) const = 0;
  // The bytes of one token inside a text, where they may be a part of a code point.
  virtual std::string spell(std::string token) const = 0;
  // Whether what comes after this step sees the text as a whole, not its tokens.
  virtual bool joins() const { return false; }
};

using NormalizerPtr = std::unique_ptr<const Normalizer>;
using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;
using DecoderPtr = std::unique_ptr<const Decoder>;

Result<NormalizerPtr> parse_normalizer(const Node& node, const std::string& where);
// The kinds that rewrite by rules of their own; null when `type` is none of them.
Result<NormalizerPtr> parse_rule_normalizer(const std::string& type, const Node& node,
                                            const std::string& where);

// A last ByteLevel step leaves plain bytes when `raw_bytes`, for a model that takes them.
Result<PreTokenizerPtr> parse_pre_tokenizer(const Node& node, bool raw_bytes,
                                            const std::string& where);
bool ends_in_byte_level(const Node& pre_tokenizer);

Result<DecoderPtr> parse_decoder(const Node& node, const std::string& where);

// What comes after the model: the ids around a text, and white space taken off the offsets of
// tokens that begin or end with it.
struct PostProcessing {
  SpecialFrame frame;
  bool trim_offsets = false;
  bool add_prefix_space = false;  // the space before the first token is not of the text
};
Result<PostProcessing> parse_post_processor(const Node& node, const std::string& where);

// The object's "type"; an error when `node` is no object or has none.
Result<std::string> component_type(const Node& node, const std::string& where);
Error unsupported_component(const std::string& where, const std::string& type);
// Sequences inside sequences deeper than this are refused.
constexpr int kDepthLimit = 8;

}  // namespace relata::text
