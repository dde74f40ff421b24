// Tokenizers: text to ids and back, with the byte range each piece covers.
//
// load_tokenizer() reads a model folder: tokenizer.json (Hugging Face), tokenizer.model or
// spiece.model (SentencePiece), tiktoken's rank files, vocab.json with merges.txt (GPT-2),
// vocab.txt (BERT), together with tokenizer_config.json, special_tokens_map.json and
// generation_config.json for the special tokens; or a GGUF file's metadata. docs/tokenizers.md says
// which kinds of each are supported.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/text/utf8.h"

namespace relata::text {

struct Token {
  int32_t id = 0;
  // In the encoded text. A token of some bytes of a code point has the whole code point; tokens
  // that are not of the text (BOS, EOS) have an empty range at 0.
  ByteRange range;
};

// Thread-safe: all const members may be called concurrently.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // Added tokens (special and user-defined) found in `text` become single ids. `add_special` adds
  // BOS/EOS as the model's own tokenizer does. `text` must be valid UTF-8 of less than 2 GiB.
  // Throws InputFailure where a regular expression of the file does not come to an end.
  virtual std::vector<Token> encode(std::string_view text, bool add_special) const = 0;
  // Bytes that are not valid UTF-8 (a piece cut inside a code point) become U+FFFD.
  virtual std::string decode(const std::vector<int32_t>& ids, bool skip_special) const = 0;
  virtual int32_t vocab_size() const = 0;  // largest id + 1, added tokens included
  virtual int32_t token_to_id(std::string_view piece) const = 0;  // -1: none
  virtual std::string id_to_token(int32_t id) const = 0;          // "" when out of range
  virtual int32_t bos_id() const = 0;                             // -1: none
  virtual int32_t eos_id() const = 0;                             // -1: none
  // What ends an answer: EOS and whatever else the model's generation_config.json or GGUF file
  // names, such as the end of a turn. Empty when there is neither.
  virtual std::vector<int32_t> stop_ids() const;
  virtual bool is_special(int32_t id) const = 0;
  // The bytes that the token stands for inside a text, which may be a part of a code point; a space
  // that decode() takes off the beginning of a text is there. "" for special and unknown tokens
  // and ids out of range. What is here is for tokenizers that write their tokens as they stand.
  virtual std::string token_bytes(int32_t id) const;
  // Copies the files this tokenizer was made from, so that Transformers loads it from `folder`.
  virtual Status save(const std::string& folder) const = 0;
  virtual std::string kind() const = 0;  // "sentencepiece-unigram", "tokenizer.json-bpe", ...

  std::vector<int32_t> encode_ids(std::string_view text, bool add_special) const;
  // encode() of every text, on up to `threads` threads; 0: one for each core.
  std::vector<std::vector<Token>> encode_batch(std::span<const std::string> texts, bool add_special,
                                               int threads) const;
};

// Decodes tokens as they come. The parts joined are what decode() says of all ids at once, but that
// bytes of no text (a model's mistake) may give other numbers of U+FFFD. No part ends inside a code
// point: bytes wait for the rest of theirs. Cost: one decode() of the last few ids per token.
class StreamDecoder {
 public:
  StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special);
  std::string add(int32_t id);  // the text that `id` completes; "" when it must wait
  std::string finish();         // what still waits, bytes of no text as U+FFFD; then starts afresh

 private:
  std::string decode(size_t begin, size_t end) const;
  std::string advance(const std::string& text, size_t count);
  size_t whole_tokens() const;

  std::shared_ptr<const Tokenizer> tokenizer_;
  bool skip_special_;
  std::vector<int32_t> window_;  // the last ids: some that are out, then those that wait
  size_t given_ = 0;             // how many of window_ are out
  std::string given_text_;       // what those alone decode to
};

// Errors: no tokenizer file in `folder`, a malformed one, or one of an unsupported kind (named).
Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const std::string& folder);
// The same; null where the folder holds none of these files, as of a model of bare ids.
Result<std::shared_ptr<const Tokenizer>> find_tokenizer(const std::string& folder);
// What ends an answer of such a model: the ids in its generation_config.json, if it has that file.
Result<std::vector<int32_t>> generation_stops(const std::string& folder);

// SentencePiece's, and a vocabulary's of all bytes with some characters.
constexpr double kLeastCoverage = 0.98;
constexpr int kLeastVocabulary = 300;
constexpr int kLargestVocabulary = 1'000'000;

struct TokenizerTraining {
  int vocab_size = 8000;
  std::string model_type = "unigram";     // or "bpe"
  double character_coverage = 1.0;        // < 1 drops rare characters (byte fallback covers them)
  std::vector<std::string> user_symbols;  // pieces that are never split, e.g. "<rel:mother>"
  int threads = 2;
};

// Trains a SentencePiece vocabulary (byte fallback; <unk> 0, <s> 1, </s> 2) on `lines` and writes
// tokenizer.model, tokenizer_config.json and special_tokens_map.json into `folder`, and for unigram
// a tokenizer.json, which Transformers needs and load_tokenizer() passes over. The vocabulary
// shrinks when the text is too small for `vocab_size`. Deterministic for one thread count.
Status train_tokenizer(const std::vector<std::string>& lines, const TokenizerTraining& options,
                       const std::string& folder);

}  // namespace relata::text
