// Scores of pairs of texts that an encoder reads together: slower than comparing two vectors, and
// sharper (Nogueira and Cho 2019).
//
// Implemented with LibTorch, in relata::retrieve_torch; this header is free of it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "relata/base/result.h"

namespace relata::retrieve {

struct TextPair {
  std::string first, second;  // valid UTF-8
};

// Const members may be called from several threads at once.
class CrossEncoder {
 public:
  virtual ~CrossEncoder() = default;
  // The model's output for each pair as it is, without a sigmoid. Of a pair that is too long the
  // longer text is cut first. Cost: a pass over all tokens, pairs of like length together. Error: a
  // score is not finite; the damaged weight is named.
  virtual Result<std::vector<float>> score(std::span<const TextPair> pairs) const = 0;
  virtual const std::string& identity() const = 0;  // as Encoder's
};

struct CrossEncoderOptions {
  std::string model;              // Transformers folder of a classifier with one label
  std::string dtype = "float32";  // or bfloat16
  size_t max_tokens = 0;          // of a pair; 0: as many as its tokenizer and positions allow
};

// Errors: a file that is missing or wrong; a model with no head, or one of several labels.
Result<std::unique_ptr<CrossEncoder>> make_cross_encoder(const CrossEncoderOptions& options);

}  // namespace relata::retrieve
