#include "relata/text/tokenizer.h"

#include <algorithm>

#include "gguf/gguf_tokenizer.h"
#include "hf/hf_tokenizer.h"
#include "hf/models/vocab_files.h"
#include "model_folder.h"
#include "relata/base/file.h"
#include "relata/base/gguf.h"
#include "relata/base/parallel.h"
#include "sentencepiece/sentencepiece_tokenizer.h"
#include "sentencepiece/xlm_roberta.h"

namespace relata::text {
namespace {

constexpr size_t kBatchStep = 32;  // texts that a thread takes at a time

}  // namespace

std::vector<int32_t> Tokenizer::stop_ids() const {
  return eos_id() >= 0 ? std::vector<int32_t>{eos_id()} : std::vector<int32_t>{};
}

std::vector<int32_t> Tokenizer::encode_ids(std::string_view text, bool add_special) const {
  const std::vector<Token> tokens = encode(text, add_special);
  std::vector<int32_t> ids(tokens.size());
  std::transform(tokens.begin(), tokens.end(), ids.begin(),
                 [](const Token& token) { return token.id; });
  return ids;
}

std::string Tokenizer::token_bytes(int32_t id) const {
  return is_special(id) ? std::string() : id_to_token(id);
}

std::vector<std::vector<Token>> Tokenizer::encode_batch(std::span<const std::string> texts,
                                                        bool add_special, int threads) const {
  std::vector<std::vector<Token>> out(texts.size());
  with_threads(threads, [&] {
    run_pieces((texts.size() + kBatchStep - 1) / kBatchStep, [&](size_t piece) {
      const size_t end = std::min((piece + 1) * kBatchStep, texts.size());
      for (size_t i = piece * kBatchStep; i < end; ++i) out[i] = encode(texts[i], add_special);
    });
  });
  return out;
}

Result<std::shared_ptr<const Tokenizer>> find_tokenizer(const std::string& folder) {
  if (is_gguf(folder)) return load_gguf_tokenizer(folder);
  RELATA_TRY(ModelFolder files, ModelFolder::read(folder));
  const auto has = [&](const char* name) { return files.find(name) != nullptr; };
  if (has("tokenizer.json")) return load_hf_tokenizer(std::move(files));
  for (const char* name : {"tokenizer.model", "spiece.model", "spm.model", "tokenizer.model.v3"}) {
    if (!has(name)) continue;
    // Llama-3's rank file has the name that SentencePiece models have.
    if (looks_like_tiktoken(*files.find(name))) return load_tiktoken(std::move(files), name);
    return load_sentencepiece(std::move(files), name);
  }
  if (has(kXlmRobertaFile)) return load_xlm_roberta(std::move(files));
  if (const auto name = files.rank_file()) return load_tiktoken(std::move(files), *name);
  if (has("vocab.json")) return load_vocab_json(std::move(files));
  if (has("vocab.txt")) return load_vocab_txt(std::move(files));
  return std::shared_ptr<const Tokenizer>();
}

Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const std::string& folder) {
  RELATA_TRY(auto tokenizer, find_tokenizer(folder));
  if (tokenizer) return tokenizer;
  if (!file_exists(folder)) return usage_error(folder + ": no such folder", "check the path");
  if (file_exists(folder + "/tekken.json")) {
    return input_error(folder + "/tekken.json: Mistral's own form of a tokenizer is not read",
                       "save the tokenizer with Transformers, which writes a tokenizer.json");
  }
  return input_error(folder +
                         ": no tokenizer.json, tokenizer.model, spiece.model, spm.model, "
                         "sentencepiece.bpe.model, *.tiktoken, vocab.json or vocab.txt",
                     "name the folder that holds the model's tokenizer files");
}

}  // namespace relata::text
