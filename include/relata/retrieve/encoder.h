// Texts as vectors: an encoder with its pooling, by whose inner products texts are compared.
//
// Implemented with LibTorch, in relata::retrieve_torch; this header is free of it.
// Sources: Devlin et al. 2019 (BERT), Reimers and Gurevych 2019 (Sentence-BERT), whose folders say
// how a model's vectors are made.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relata/base/result.h"

namespace relata::retrieve {

// A row for each text, one after the other.
struct Vectors {
  size_t width = 0;
  std::vector<float> values;  // size() * width
  size_t size() const { return width == 0 ? 0 : values.size() / width; }
  std::span<const float> row(size_t i) const { return {values.data() + i * width, width}; }
};

// Some models put other words before a query than before what it should find.
enum class TextRole { Query, Passage };

// Told how many texts are done, now and then, in the thread that called.
using EncodeProgress = std::function<void(size_t done)>;

// Const members may be called from several threads at once.
class Encoder {
 public:
  virtual ~Encoder() = default;
  // Texts are valid UTF-8; what is beyond max_tokens is cut off. A text's vector does not depend on
  // the others but for rounding. Cost: a pass over all tokens, those of texts of like length
  // together, without padding; shared among LibTorch's threads. Error: a vector is not finite; the
  // damaged weight is named.
  virtual Result<Vectors> encode(std::span<const std::string> texts, TextRole role,
                                 const EncodeProgress& progress = {}) const = 0;
  virtual size_t width() const = 0;
  virtual size_t max_tokens() const = 0;  // of a text, with its prefix and special tokens
  // "sha256:" and 64 digits over everything that decides a text's vector: weights, tokenizer,
  // pooling, prefixes, length, type. Vectors of different identities must not be compared.
  virtual const std::string& identity() const = 0;
};

struct EncoderOptions {
  std::string model;  // folder of sentence-transformers or Transformers
  // What products are computed in: float32 or bfloat16.
  std::string dtype = "float32";
  // Instead of what the folder says.
  std::optional<size_t> max_tokens;
  std::optional<std::string> pooling;  // mean, cls, max, mean_sqrt_len or lasttoken
  std::optional<bool> normalise;       // vectors of length 1
  std::optional<std::string> query_prefix, passage_prefix;
};

// The folder's modules.json, 1_Pooling/config.json, sentence_bert_config.json and
// config_sentence_transformers.json are followed as sentence-transformers does, and where the
// length is not there tokenizer_config.json; one without them has its states averaged, and not
// normalised. Errors: a file that is missing or wrong, or a part that is not computed here, is
// named.
Result<std::unique_ptr<Encoder>> make_encoder(const EncoderOptions& options);

}  // namespace relata::retrieve
