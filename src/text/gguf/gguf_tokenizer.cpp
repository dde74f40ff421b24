#include "gguf/gguf_tokenizer.h"

#include "gguf/gguf_parts.h"
#include "gguf/gguf_vocab.h"
#include "hf/hf_tokenizer.h"
#include "sentencepiece/sentencepiece_tokenizer.h"

namespace relata::text {
namespace {

constexpr char kJsonFile[] = "tokenizer.json";
constexpr char kPieceFile[] = "tokenizer.model";
constexpr char kConfigFile[] = "tokenizer_config.json";
constexpr char kGenerationFile[] = "generation_config.json";

// Generation ends at the tokens of this file, in Transformers as here.
std::string generation_config(const GgufVocab& vocab) {
  Json config = {{"eos_token_id", vocab.stops}};
  if (vocab.bos) config["bos_token_id"] = *vocab.bos;
  if (vocab.padding) config["pad_token_id"] = *vocab.padding;
  return config.dump(2) + "\n";
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> load_gguf_tokenizer(const std::string& path) {
  RELATA_TRY(const auto file, GgufFile::open(path));
  RELATA_TRY(const GgufVocab vocab, read_gguf_vocab(*file));
  RELATA_TRY(Json config, gguf_tokenizer_config(*file));
  std::map<std::string, std::string> files;
  if (!vocab.stops.empty()) files[kGenerationFile] = generation_config(vocab);
  if (vocab.model == "gpt2" || vocab.model == "bert") {
    RELATA_TRY(Node root,
               vocab.model == "bert" ? gguf_wordpiece_json(vocab) : gguf_tokenizer_json(vocab));
    config["tokenizer_class"] = "PreTrainedTokenizerFast";
    files[kConfigFile] = config.dump(2) + "\n";
    files[kJsonFile] = root.dump();
    return assemble_tokenizer(ModelFolder::of(path, std::move(files)),
                              {std::move(root), nullptr, path, "gguf"});
  }
  if (vocab.model == "llama") {
    RELATA_TRY(files[kPieceFile], gguf_sentencepiece_model(vocab));
    config.update(gguf_sentencepiece_config(vocab));
    files[kConfigFile] = config.dump(2) + "\n";
    ModelFolder folder = ModelFolder::of(path, std::move(files));
    if (!has_own_rules(vocab)) {
      // The views of `vocab` live as long as `file`.
      folder.save_instead(kPieceFile, kJsonFile,
                          [file, vocab] { return gguf_pieces_json(vocab).dump(); });
    }
    return load_sentencepiece(std::move(folder), kPieceFile);
  }
  return input_error(path + ": tokenizer.ggml.model '" + vocab.model + "' is not supported",
                     "models with 'gpt2' (byte-level BPE), 'llama' (SentencePiece) and 'bert' "
                     "(WordPiece) are read; or use the model's Hugging Face folder");
}

}  // namespace relata::text
