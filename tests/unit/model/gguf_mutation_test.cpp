// Models out of damaged GGUF files: refused with a message that names the file, or usable.
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <string>

#include "../base/gguf_mutations.h"
#include "../base/temp_folder.h"
#include "relata/base/file.h"
#include "relata/model/config.h"
#include "relata/model/decoder.h"
#include "relata/model/export.h"

namespace relata::model {
namespace {

// A byte-level BPE tokenizer of `size` single signs, as tokenizer.json.
std::string tokenizer_json(int64_t size) {
  Json vocabulary = Json::object();
  for (int64_t id = 0; id < size; ++id) {
    vocabulary[std::string(1, static_cast<char>('A' + id))] = id;
  }
  const Json byte_level = {{"type", "ByteLevel"},
                           {"add_prefix_space", false},
                           {"trim_offsets", true},
                           {"use_regex", true}};
  return Json{{"version", "1.0"},
              {"added_tokens", Json::array()},
              {"normalizer", nullptr},
              {"pre_tokenizer", byte_level},
              {"post_processor", nullptr},
              {"decoder", byte_level},
              {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array()}}}}
      .dump();
}

// A model of the configuration with weights of its own, as a GGUF file's bytes.
std::string made(const TempFolder& folder, const char* config, const std::string& dtype) {
  const auto read = decoder_config_from_json(Json::parse(config), "config.json");
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().message);
  EXPECT_TRUE(Decoder::random(*read, 5)->save(folder / "model").ok());
  spill(folder / "model/tokenizer.json", tokenizer_json(read->vocab_size));
  ExportOptions options;
  options.dtype = dtype;
  const Status written = export_gguf(folder / "model", folder / "whole.gguf", options);
  EXPECT_TRUE(written.ok()) << (written.ok() ? "" : written.error().message);
  return slurp(folder / "whole.gguf");
}

void use(const Decoder& model) {
  const at::NoGradGuard no_gradients;
  const int64_t vocabulary = model.config().vocab_size;
  const auto last = static_cast<int32_t>(vocabulary - 1);
  const at::Tensor logits = model.logits(model.forward(Pass::of({{0, last, last / 2}})));
  ASSERT_EQ(logits.sizes(), (std::vector<int64_t>{3, vocabulary}));
}

void check(uint64_t seed, const char* config, const std::string& dtype) {
  const TempFolder folder;
  const std::string whole = made(folder, config, dtype);
  Mutator mutator(seed);
  int loaded = 0;
  for (int i = 0; i < mutation_count(); ++i) {
    spill(folder / "x.gguf", mutator.mutate(whole));
    LoadOptions options;
    options.dequantize = i % 2 == 0;
    const auto model = Decoder::load(folder / "x.gguf", options);
    if (model.ok()) {
      ++loaded;
      use(**model);
      continue;
    }
    ASSERT_NE(model.error().message.find("x.gguf"), std::string::npos) << model.error().message;
    ASSERT_FALSE(model.error().hint.empty()) << model.error().message;
  }
  EXPECT_GT(loaded, 0);                 // weights are free to change
  EXPECT_LT(loaded, mutation_count());  // names and shapes are not
}

TEST(GgufMutations, OfALlamaInBlocks) {
  check(1, R"({"model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
    "intermediate_size": 64, "max_position_embeddings": 64, "num_attention_heads": 4,
    "num_hidden_layers": 1, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "vocab_size": 32})",
        "q8_0");
}

TEST(GgufMutations, OfAQwenWithBiases) {
  check(2, R"({"model_type": "qwen2", "hidden_act": "silu", "hidden_size": 24,
    "intermediate_size": 40, "max_position_embeddings": 64, "num_attention_heads": 3,
    "num_hidden_layers": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-06,
    "tie_word_embeddings": true, "vocab_size": 29})",
        "f16");
}

TEST(GgufMutations, OfAGemmaWithWindows) {
  check(3, R"({"model_type": "gemma3_text", "hidden_activation": "gelu_pytorch_tanh",
    "head_dim": 8, "hidden_size": 16, "intermediate_size": 24, "max_position_embeddings": 64,
    "num_attention_heads": 2, "num_hidden_layers": 2, "num_key_value_heads": 1,
    "query_pre_attn_scalar": 8, "rms_norm_eps": 1e-06, "sliding_window": 16, "vocab_size": 30})",
        "bf16");
}

}  // namespace
}  // namespace relata::model
