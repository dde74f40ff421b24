#include "gguf/gguf_vocab.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "gguf/gguf_chat.h"
#include "hf/models/vocabulary.h"
#include "relata/text/utf8.h"

namespace relata::text {
namespace {

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kScores = "tokenizer.ggml.scores";
constexpr const char* kMerges = "tokenizer.ggml.merges";

// Control tokens with which instruction-tuned models end a turn or a message. Many files name only
// one of theirs.
constexpr std::array<std::string_view, 8> kEnds = {
    "<|im_end|>",    "<|eot_id|>",      "<|eom_id|>",    "<|end|>",
    "<end_of_turn>", "<|end_of_text|>", "<|endoftext|>", "<|end_of_turn|>"};

Error at_key(const GgufVocab& vocab, const std::string& key, const std::string& problem) {
  return input_error(vocab.path + ": key '" + key + "': " + problem,
                     "the file is damaged; download it again");
}

Error at_token(const GgufVocab& vocab, const char* key, size_t index, const std::string& problem) {
  return at_key(vocab, key, "entry " + std::to_string(index) + " " + problem);
}

Status check_tokens(const GgufVocab& vocab) {
  if (vocab.tokens.empty()) return at_key(vocab, kTokens, "it is empty");
  if (vocab.tokens.size() > static_cast<size_t>(kIdLimit)) {
    return at_key(vocab, kTokens, std::to_string(vocab.tokens.size()) + " tokens are too many");
  }
  std::unordered_set<std::string_view> seen;
  seen.reserve(vocab.tokens.size());
  for (size_t i = 0; i < vocab.tokens.size(); ++i) {
    const std::string_view token = vocab.tokens[i];
    if (token.empty()) return at_token(vocab, kTokens, i, "is empty");
    if (token.size() > kLongestToken) return at_token(vocab, kTokens, i, "is too long");
    if (find_invalid_utf8(token)) return at_token(vocab, kTokens, i, "is not valid UTF-8");
    if (!seen.insert(token).second) {
      return at_token(vocab, kTokens, i, "is there twice: \"" + std::string(token) + "\"");
    }
  }
  return {};
}

Status read_kinds(const GgufFile& file, GgufVocab& vocab) {
  vocab.kinds.assign(vocab.tokens.size(), GgufVocab::Kind::kNormal);
  if (!file.has(kTypes)) return {};
  RELATA_TRY(const std::vector<int64_t> types, file.get_integers(kTypes));
  if (types.size() != vocab.tokens.size()) {
    return at_key(vocab, kTypes,
                  std::to_string(types.size()) + " types for " +
                      std::to_string(vocab.tokens.size()) + " tokens");
  }
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] < GgufVocab::Kind::kNormal || types[i] > GgufVocab::Kind::kByte) {
      return at_token(vocab, kTypes, i, "is " + std::to_string(types[i]) + ", no known type");
    }
    vocab.kinds[i] = static_cast<int>(types[i]);
  }
  return {};
}

Status read_scores(const GgufFile& file, GgufVocab& vocab) {
  if (!file.has(kScores)) return {};
  RELATA_TRY(vocab.scores, file.get_floats(kScores));
  if (vocab.scores.size() == vocab.tokens.size()) return {};
  return at_key(vocab, kScores,
                std::to_string(vocab.scores.size()) + " scores for " +
                    std::to_string(vocab.tokens.size()) + " tokens");
}

Status read_merges(const GgufFile& file, GgufVocab& vocab) {
  if (!file.has(kMerges)) return {};
  RELATA_TRY(vocab.merges, file.get_strings(kMerges));
  for (size_t i = 0; i < vocab.merges.size(); ++i) {
    if (find_invalid_utf8(vocab.merges[i])) {
      return at_token(vocab, kMerges, i, "is not valid UTF-8");
    }
  }
  return {};
}

// The id that a key gives, when it is there.
Result<std::optional<int32_t>> read_id(const GgufFile& file, const GgufVocab& vocab,
                                       const std::string& key) {
  if (!file.has(key)) return std::optional<int32_t>();
  RELATA_TRY(const int64_t id, file.get_integer(key));
  if (id < 0 || id >= static_cast<int64_t>(vocab.tokens.size())) {
    return at_key(vocab, key,
                  "id " + std::to_string(id) + " is outside the vocabulary of " +
                      std::to_string(vocab.tokens.size()));
  }
  return std::optional(static_cast<int32_t>(id));
}

Result<std::optional<bool>> read_flag(const GgufFile& file, const std::string& key) {
  if (!file.has(key)) return std::optional<bool>();
  RELATA_TRY(const bool flag, file.get_bool(key));
  return std::optional(flag);
}

Status read_stops(const GgufFile& file, GgufVocab& vocab) {
  const auto add = [&](int32_t id) {
    if (std::find(vocab.stops.begin(), vocab.stops.end(), id) == vocab.stops.end()) {
      vocab.stops.push_back(id);
    }
  };
  if (vocab.eos) add(*vocab.eos);
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    RELATA_TRY(const std::optional<int32_t> id, read_id(file, vocab, key));
    if (id) add(*id);
  }
  for (size_t i = 0; i < vocab.tokens.size(); ++i) {
    if (vocab.kinds[i] != GgufVocab::Kind::kControl) continue;
    if (std::find(kEnds.begin(), kEnds.end(), vocab.tokens[i]) != kEnds.end()) {
      add(static_cast<int32_t>(i));
    }
  }
  return {};
}

Status read_ids(const GgufFile& file, GgufVocab& vocab) {
  RELATA_TRY(vocab.bos, read_id(file, vocab, "tokenizer.ggml.bos_token_id"));
  RELATA_TRY(vocab.eos, read_id(file, vocab, "tokenizer.ggml.eos_token_id"));
  RELATA_TRY(vocab.unknown, read_id(file, vocab, "tokenizer.ggml.unknown_token_id"));
  RELATA_TRY(vocab.padding, read_id(file, vocab, "tokenizer.ggml.padding_token_id"));
  RELATA_TRY(vocab.first, read_id(file, vocab, "tokenizer.ggml.cls_token_id"));
  RELATA_TRY(vocab.separator, read_id(file, vocab, "tokenizer.ggml.seperator_token_id"));  // sic
  return read_stops(file, vocab);
}

Status read_flags(const GgufFile& file, GgufVocab& vocab) {
  RELATA_TRY(vocab.add_bos, read_flag(file, "tokenizer.ggml.add_bos_token"));
  RELATA_TRY(vocab.add_eos, read_flag(file, "tokenizer.ggml.add_eos_token"));
  RELATA_TRY(vocab.add_space_prefix, read_flag(file, "tokenizer.ggml.add_space_prefix"));
  RELATA_TRY(vocab.lowercase, read_flag(file, "tokenizer.ggml.normalizer.lowercase"));
  RELATA_TRY(vocab.strip_accents, read_flag(file, "tokenizer.ggml.normalizer.strip_accents"));
  RELATA_TRY(vocab.remove_extra_whitespaces,
             file.get_bool("tokenizer.ggml.remove_extra_whitespaces", false));
  constexpr const char* kCharsmap = "tokenizer.ggml.precompiled_charsmap";
  if (!file.has(kCharsmap)) return {};
  RELATA_TRY(const std::vector<int64_t> bytes, file.get_integers(kCharsmap));
  for (const int64_t byte : bytes) vocab.charsmap += static_cast<char>(byte);
  return {};
}

}  // namespace

Result<GgufVocab> read_gguf_vocab(const GgufFile& file) {
  GgufVocab vocab;
  vocab.path = file.path();
  if (!file.has("tokenizer.ggml.model")) {
    return input_error(vocab.path + ": it has no tokenizer (no key 'tokenizer.ggml.model')",
                       "name the model's main file; adapters and projectors have none");
  }
  RELATA_TRY(vocab.model, file.get_string("tokenizer.ggml.model"));
  RELATA_TRY(vocab.pre, file.get_string("tokenizer.ggml.pre", ""));
  RELATA_TRY(vocab.tokens, file.get_strings(kTokens));
  RELATA_CHECK(check_tokens(vocab));
  RELATA_CHECK(read_kinds(file, vocab));
  RELATA_CHECK(read_scores(file, vocab));
  RELATA_CHECK(read_merges(file, vocab));
  RELATA_CHECK(read_ids(file, vocab));
  RELATA_CHECK(read_flags(file, vocab));
  return vocab;
}

Result<Json> gguf_tokenizer_config(const GgufFile& file) {
  Json config = Json::object();
  RELATA_TRY(const NamedTexts special, gguf_special_tokens(file));
  for (const auto& [name, token] : special) config[name] = token;
  config["clean_up_tokenization_spaces"] = false;
  RELATA_TRY(const NamedTexts templates, gguf_chat_templates(file));
  if (templates.size() == 1 && templates.front().first == "default") {
    config["chat_template"] = templates.front().second;
  } else if (!templates.empty()) {
    config["chat_template"] = Json::array();
    for (const auto& [key, source] : templates) {
      config["chat_template"].push_back({{"name", key}, {"template", source}});
    }
  }
  return config;
}

}  // namespace relata::text
