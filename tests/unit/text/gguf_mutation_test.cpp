// Tokenizers out of damaged GGUF files: refused with a message that names the file, or usable.
#include <gtest/gtest.h>

#include <fstream>

#include "../base/gguf_mutations.h"
#include "relata/base/file.h"
#include "relata/base/gguf.h"
#include "relata/text/chat.h"
#include "relata/text/tokenizer.h"
#include "temp_folder.h"

namespace relata::text {
namespace {

void use(const Tokenizer& tokenizer) {
  const std::string text = "ab ab1  b<|im_end|> é\n";
  try {
    std::vector<int32_t> ids;
    for (const Token& token : tokenizer.encode(text, true)) {
      ASSERT_LE(token.range.begin, token.range.end);
      ASSERT_LE(token.range.end, text.size());
      ASSERT_GE(token.id, 0);
      ASSERT_LT(token.id, tokenizer.vocab_size());
      ids.push_back(token.id);
    }
    ASSERT_FALSE(find_invalid_utf8(tokenizer.decode(ids, false)));
    for (const int32_t id : tokenizer.stop_ids()) ASSERT_LT(id, tokenizer.vocab_size());
  } catch (const std::runtime_error&) {
    // A regular expression came to its limits.
  }
}

void check(uint64_t seed, const GgufMetadata& metadata) {
  const TempFolder folder;
  const std::string path = folder.path() + "/x.gguf";
  ASSERT_TRUE(write_gguf(path, metadata, {}).ok());
  const std::string whole = read_file(path).value();
  ASSERT_TRUE(load_tokenizer(path).ok());
  Mutator mutator(seed);
  int loaded = 0;
  for (int i = 0; i < mutation_count(); ++i) {
    std::ofstream(path, std::ios::binary) << mutator.mutate(whole);
    const auto tokenizer = load_tokenizer(path);
    const auto chat = CheckpointChat::load(path);
    for (const Error* error :
         {tokenizer.ok() ? nullptr : &tokenizer.error(), chat.ok() ? nullptr : &chat.error()}) {
      if (error == nullptr) continue;
      ASSERT_NE(error->message.find(path), std::string::npos) << error->message;
    }
    if (!tokenizer.ok()) continue;
    ++loaded;
    use(**tokenizer);
  }
  EXPECT_GT(loaded, 0);
  EXPECT_LT(loaded, mutation_count());
}

TEST(GgufTokenizerMutations, OfByteLevelBpe) {
  check(4, {{"tokenizer.ggml.model", std::string("gpt2")},
            {"tokenizer.ggml.pre", std::string("smollm")},
            {"tokenizer.ggml.tokens",
             std::vector<std::string>{"a", "b", "1", "\u0120", "ab", "\u0120a", "<|im_end|>"}},
            {"tokenizer.ggml.token_type", std::vector<int32_t>{1, 1, 1, 1, 1, 1, 3}},
            {"tokenizer.ggml.merges", std::vector<std::string>{"a b", "\u0120 a"}},
            {"tokenizer.ggml.eos_token_id", uint32_t{6}},
            {"tokenizer.ggml.add_bos_token", false},
            {"tokenizer.chat_template", std::string("{{ messages[0]['content'] }}")}});
}

TEST(GgufTokenizerMutations, OfSentencePiece) {
  check(5,
        {{"tokenizer.ggml.model", std::string("llama")},
         {"tokenizer.ggml.tokens", std::vector<std::string>{"<unk>", "<s>", "</s>", "\u2581", "a",
                                                            "b", "\u2581a", "ab", "1", "  "}},
         {"tokenizer.ggml.token_type", std::vector<int32_t>{2, 3, 3, 1, 1, 1, 1, 1, 1, 4}},
         {"tokenizer.ggml.scores", std::vector<float>{0, 0, 0, -9, -9, -9, -1, -2, 0, -1000}},
         {"tokenizer.ggml.bos_token_id", uint32_t{1}},
         {"tokenizer.ggml.eos_token_id", uint32_t{2}},
         {"tokenizer.ggml.add_space_prefix", true}});
}

}  // namespace
}  // namespace relata::text
