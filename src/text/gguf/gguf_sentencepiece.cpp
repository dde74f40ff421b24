#include <algorithm>
#include <bit>

#include "gguf/gguf_parts.h"

namespace relata::text {
namespace {

using Kind = GgufVocab::Kind;

// Protocol buffers' wire format, as far as sentencepiece_model.proto needs it.
class WireWriter {
 public:
  void number(uint32_t field, uint64_t value) {
    key(field, 0);
    varint(value);
  }
  void text(uint32_t field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    out_ += value;
  }
  void real(uint32_t field, float value) {
    key(field, 5);
    const auto bits = std::bit_cast<uint32_t>(value);
    for (unsigned shift = 0; shift < 32; shift += 8) out_ += static_cast<char>(bits >> shift);
  }
  std::string take() { return std::move(out_); }

 private:
  void key(uint32_t field, uint32_t type) { varint(field << 3U | type); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out_ += static_cast<char>(value | 0x80U);
    out_ += static_cast<char>(value);
  }
  std::string out_;
};

// SentencePiece writes spaces inside pieces as U+2581; files of Gemma have user-defined tokens of
// plain spaces.
std::string piece_text(std::string_view token, int kind) {
  if (kind != Kind::kUserDefined) return std::string(token);
  std::string out;
  for (const char c : token) {
    if (c == ' ') {
      out += "\u2581";
    } else {
      out += c;
    }
  }
  return out;
}

std::string trainer_spec(const GgufVocab& vocab, int32_t unknown) {
  const bool bytes =
      std::find(vocab.kinds.begin(), vocab.kinds.end(), Kind::kByte) != vocab.kinds.end();
  // Ids as 64-bit two's complement: -1 for a token that the model does not have.
  const auto id = [](const std::optional<int32_t>& value) {
    return static_cast<uint64_t>(static_cast<int64_t>(value.value_or(-1)));
  };
  WireWriter spec;
  spec.number(3, SentencePieceProto::kBpe);
  spec.number(4, vocab.tokens.size());
  spec.number(35, bytes ? 1 : 0);
  spec.number(40, static_cast<uint64_t>(unknown));
  spec.number(41, id(vocab.bos));
  spec.number(42, id(vocab.eos));
  spec.number(43, id(vocab.padding));
  spec.text(45, vocab.token(unknown));
  if (vocab.bos) spec.text(46, vocab.token(*vocab.bos));
  if (vocab.eos) spec.text(47, vocab.token(*vocab.eos));
  if (vocab.padding) spec.text(48, vocab.token(*vocab.padding));
  return spec.take();
}

std::string normalizer_spec(const GgufVocab& vocab) {
  WireWriter spec;
  spec.text(1, vocab.charsmap.empty() ? "identity" : "user_defined");
  spec.text(2, vocab.charsmap);
  spec.number(3, vocab.add_space_prefix.value_or(true) ? 1 : 0);
  spec.number(4, vocab.remove_extra_whitespaces ? 1 : 0);
  spec.number(5, 1);
  return spec.take();
}

}  // namespace

bool has_own_rules(const GgufVocab& vocab) {
  return !vocab.charsmap.empty() || vocab.remove_extra_whitespaces;
}

Result<std::string> gguf_sentencepiece_model(const GgufVocab& vocab) {
  if (vocab.scores.empty()) {
    return input_error(vocab.path + ": key 'tokenizer.ggml.scores' is missing",
                       "the file is damaged; download it again");
  }
  const int32_t unknown = vocab.unknown.value_or(0);
  WireWriter model;
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    // Files call the unknown token what they like; SentencePiece has exactly one.
    int kind = vocab.kinds[id];
    if (static_cast<int32_t>(id) == unknown)
      kind = Kind::kUnknown;
    else if (kind == Kind::kUnknown)
      kind = Kind::kControl;
    WireWriter piece;
    piece.text(1, piece_text(vocab.tokens[id], kind));
    piece.real(2, vocab.scores[id]);
    piece.number(3, static_cast<uint64_t>(kind));
    model.text(1, piece.take());
  }
  model.text(2, trainer_spec(vocab, unknown));
  model.text(3, normalizer_spec(vocab));
  return model.take();
}

Json gguf_sentencepiece_config(const GgufVocab& vocab) {
  const bool prefix = vocab.add_space_prefix.value_or(true);
  Json added = Json::object();
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    // The unknown token too is found in the text, as by llama.cpp.
    if (vocab.kinds[id] != Kind::kControl && vocab.kinds[id] != Kind::kUnknown) continue;
    added[std::to_string(id)] = {{"content", std::string(vocab.tokens[id])},
                                 {"lstrip", false},
                                 {"normalized", false},
                                 {"rstrip", false},
                                 {"single_word", false},
                                 {"special", true}};
  }
  return {{"tokenizer_class", has_own_rules(vocab) ? "LlamaTokenizer" : "PreTrainedTokenizerFast"},
          {"add_bos_token", vocab.add_bos.value_or(true)},
          {"add_eos_token", vocab.add_eos.value_or(false)},
          {"add_prefix_space", prefix},
          {"legacy", true},
          {"added_tokens_decoder", std::move(added)}};
}

}  // namespace relata::text
