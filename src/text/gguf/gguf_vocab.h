// What a GGUF file's metadata says about its tokenizer, read and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relata/base/gguf.h"
#include "relata/base/json.h"
#include "sentencepiece/sentencepiece_proto.h"

namespace relata::text {

struct GgufVocab {
  using Kind = SentencePieceProto::Kind;  // llama.cpp's token types have the same numbers

  std::string path;                      // for messages
  std::string model;                     // "gpt2", "llama" or "bert"
  std::string pre;                       // how a byte-level text is split; "" where it is not said
  std::vector<std::string_view> tokens;  // valid UTF-8, none twice; views into the file
  std::vector<int> kinds;                // Kind, one for each token
  std::vector<float> scores;             // empty: none there
  std::vector<std::string_view> merges;  // "left right"
  std::optional<int32_t> bos;
  std::optional<int32_t> eos;
  std::optional<int32_t> unknown;
  std::optional<int32_t> padding;
  std::optional<int32_t> first;      // of encoders: stands before every text
  std::optional<int32_t> separator;  // and behind it
  std::optional<bool> add_bos;
  std::optional<bool> add_eos;
  std::optional<bool> add_space_prefix;
  std::optional<bool> lowercase;      // of "bert": letters are put into lower case
  std::optional<bool> strip_accents;  // and lose their accents
  bool remove_extra_whitespaces = false;
  std::string charsmap;        // SentencePiece's precompiled rules; "": none
  std::vector<int32_t> stops;  // what ends an answer: EOS, end of turn, end of message

  std::string_view token(int32_t id) const { return tokens[static_cast<size_t>(id)]; }
  // [token, id] to put around texts; nothing where it is not wanted or not there.
  std::vector<std::pair<std::string, int64_t>> framing(bool wanted,
                                                       const std::optional<int32_t>& id) const {
    if (!wanted || !id) return {};
    return {{std::string(token(*id)), *id}};
  }
};

// Errors name `file` and the key, or the token.
Result<GgufVocab> read_gguf_vocab(const GgufFile& file);

// The keys of a tokenizer_config.json that every kind has: the names of the special tokens and the
// chat templates.
Result<Json> gguf_tokenizer_config(const GgufFile& file);

}  // namespace relata::text
