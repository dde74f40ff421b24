#include <algorithm>
#include <array>

#include "gguf/gguf_parts.h"
#include "hf/stages/node_parts.h"
#include "hf/stages/split_pattern.h"

namespace relata::text {
namespace {

// How a byte-level vocabulary's text is prepared, by llama.cpp's name for it.
struct Preparation {
  const char* name;
  const char* pattern;  // "": GPT-2's
  bool splits_digits;   // every digit alone, before the pattern
  bool composes;        // NFC first, as the model's own tokenizer does
  bool whole_words;     // a word that is a token is taken without its merges
  bool adds_bos;        // where the file does not say
};

// `default` has four patterns of its own, below.
constexpr std::array kPreparations = {
    Preparation{"gpt-2", "", false, false, false, false},
    Preparation{"phi-2", "", false, false, false, false},
    Preparation{"smollm", "", true, false, false, false},
    Preparation{"starcoder", "", true, false, false, false},
    Preparation{"refact", "", true, false, false, false},
};
constexpr const char* kDefault = "default";

// What llama.cpp does with files that were made before `pre` was thought of.
constexpr std::array<const char*, 4> kDefaultPatterns = {
    R"([\p{P}\$\+<=>\^~\|]+)",
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))", R"(\p{N}+)",
    "[0-9][0-9][0-9]"};

std::optional<Preparation> preparation_of(const std::string& name) {
  for (const Preparation& known : kPreparations) {
    if (name == known.name) return known;
  }
  if (name == "qwen2") return Preparation{"qwen2", kQwenPattern, false, true, false, false};
  if (name == "deepseek-r1-qwen") return Preparation{"", kQwenPattern, false, false, false, false};
  if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") {
    return Preparation{"llama-bpe", kLlama3Pattern, false, false, true, true};
  }
  if (name == kDefault) return Preparation{kDefault, "", false, false, false, false};
  return {};
}

Node pre_tokenizer_of(const Preparation& preparation, bool prefix_space) {
  if (preparation.name == std::string_view(kDefault)) {
    Node steps = Node::array();
    for (const char* pattern : kDefaultPatterns) steps.push_back(isolated_split(pattern));
    Node bytes = byte_level_pre_tokenizer("", prefix_space);
    bytes["use_regex"] = false;
    steps.push_back(std::move(bytes));
    return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
  }
  Node bytes = byte_level_pre_tokenizer(preparation.pattern, prefix_space);
  if (!preparation.splits_digits) return bytes;
  const Node digits = {{"type", "Digits"}, {"individual_digits", true}};
  return {{"type", "Sequence"}, {"pretokenizers", Node::array({digits, std::move(bytes)})}};
}

Node added_tokens(const GgufVocab& vocab) {
  Node out = Node::array();
  for (size_t id = 0; id < vocab.tokens.size(); ++id) {
    const int kind = vocab.kinds[id];
    const bool special = kind == GgufVocab::Kind::kControl || kind == GgufVocab::Kind::kUnknown;
    if (!special && kind != GgufVocab::Kind::kUserDefined) continue;
    Node token = special_token(std::string(vocab.tokens[id]), static_cast<int64_t>(id));
    token["special"] = special;
    out.push_back(std::move(token));
  }
  return out;
}

Node model_of(const GgufVocab& vocab, const Preparation& preparation) {
  Node ids = Node::object();
  for (size_t id = 0; id < vocab.tokens.size(); ++id) ids[std::string(vocab.tokens[id])] = id;
  Node merges = Node::array();
  for (const std::string_view merge : vocab.merges) merges.push_back(std::string(merge));
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", preparation.whole_words},
          {"vocab", std::move(ids)},
          {"merges", std::move(merges)}};
}

}  // namespace

Result<Node> gguf_tokenizer_json(const GgufVocab& vocab) {
  const std::optional<Preparation> preparation = preparation_of(vocab.pre);
  if (!preparation) {
    const std::string problem =
        vocab.pre.empty() ? "it does not say how text is split (no key 'tokenizer.ggml.pre')"
                          : "tokenizer.ggml.pre '" + vocab.pre + "' is not supported";
    return input_error(vocab.path + ": " + problem,
                       "these are: default, gpt-2, phi-2, smollm, starcoder, refact, qwen2, "
                       "deepseek-r1-qwen, llama-bpe; or use the model's Hugging Face folder");
  }
  if (vocab.merges.empty()) {
    return input_error(vocab.path + ": key 'tokenizer.ggml.merges' is missing or empty",
                       "the file is damaged; download it again");
  }
  const bool prefix_space = vocab.add_space_prefix.value_or(false);
  Node root = {{"version", "1.0"},
               {"truncation", nullptr},
               {"padding", nullptr},
               {"added_tokens", added_tokens(vocab)},
               {"normalizer", nullptr},
               {"pre_tokenizer", pre_tokenizer_of(*preparation, prefix_space)},
               {"decoder", byte_level_pre_tokenizer("", prefix_space)},
               {"model", model_of(vocab, *preparation)}};
  if (preparation->composes) root["normalizer"] = {{"type", "NFC"}};
  root["post_processor"] =
      frame_template(vocab.framing(vocab.add_bos.value_or(preparation->adds_bos), vocab.bos),
                     vocab.framing(vocab.add_eos.value_or(false), vocab.eos));
  return root;
}

}  // namespace relata::text
