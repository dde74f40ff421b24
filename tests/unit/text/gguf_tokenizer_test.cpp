// Small tokenizers in GGUF files that are made on the spot.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "relata/base/file.h"
#include "relata/base/gguf.h"
#include "relata/text/chat.h"
#include "relata/text/tokenizer.h"
#include "temp_folder.h"

namespace relata::text {
namespace {

using Strings = std::vector<std::string>;
constexpr int32_t kNormal = 1, kUnknown = 2, kControl = 3, kUser = 4, kUnused = 5, kByte = 6;

// The metadata of a file; set() replaces or, with nothing, removes.
class Draft {
 public:
  Draft& set(const std::string& key, std::optional<GgufValue> value) {
    std::erase_if(metadata_, [&](const auto& entry) { return entry.first == key; });
    if (value) metadata_.emplace_back(key, *std::move(value));
    return *this;
  }
  Result<std::shared_ptr<const Tokenizer>> load() const { return load_tokenizer(write()); }
  std::string error() const {
    const auto loaded = load();
    return loaded.ok() ? "loaded" : loaded.error().message;
  }
  std::string write() const {
    const std::string path = folder_.path() + "/m.gguf";
    EXPECT_TRUE(write_gguf(path, metadata_, {}).ok());
    return path;
  }

 private:
  TempFolder folder_;
  GgufMetadata metadata_;
};

void fill_bytes(Draft& draft) {
  draft.set("general.architecture", "llama")
      .set("tokenizer.ggml.model", "gpt2")
      .set("tokenizer.ggml.pre", "smollm")
      .set("tokenizer.ggml.tokens", Strings{"a", "b", "1", "\u0120", "ab", "\u0120a", "<|im_end|>",
                                            "<tool>", "[PAD8]", "<|eot|>", "11"})
      .set("tokenizer.ggml.token_type",
           std::vector<int32_t>{kNormal, kNormal, kNormal, kNormal, kNormal, kNormal, kControl,
                                kUser, kUnused, kControl, kNormal})
      .set("tokenizer.ggml.merges", Strings{"a b", "\u0120 a", "1 1"})
      .set("tokenizer.ggml.bos_token_id", uint32_t{9})
      .set("tokenizer.ggml.eos_token_id", uint32_t{9});
}

TEST(GgufBytes, SplitsAsTheFileSays) {
  Draft draft;
  fill_bytes(draft);
  const auto smollm = draft.load().value();
  EXPECT_EQ(smollm->kind(), "gguf-bpe");
  EXPECT_EQ(smollm->vocab_size(), 11);
  EXPECT_EQ(smollm->encode_ids("ab a11", true), (std::vector<int32_t>{4, 5, 2, 2}));
  EXPECT_EQ(smollm->decode({4, 5, 2, 2}, false), "ab a11");
  draft.set("tokenizer.ggml.pre", "gpt-2");
  EXPECT_EQ(draft.load().value()->encode_ids("ab a11", true), (std::vector<int32_t>{4, 5, 10}));
  draft.set("tokenizer.ggml.pre", "deepseek-r1-qwen");
  EXPECT_EQ(draft.load().value()->encode_ids("ab a11", true), (std::vector<int32_t>{4, 5, 2, 2}));
}

TEST(GgufBytes, FindsControlAndUserTokensInTheText) {
  Draft draft;
  fill_bytes(draft);
  const auto tokenizer = draft.load().value();
  EXPECT_EQ(tokenizer->encode_ids("a<|im_end|>b<tool>[PAD8]", false).front(), 0);
  const auto ids = tokenizer->encode_ids("a<|im_end|>b<tool>", false);
  EXPECT_EQ(ids, (std::vector<int32_t>{0, 6, 1, 7}));
  EXPECT_TRUE(tokenizer->is_special(6));
  EXPECT_FALSE(tokenizer->is_special(7));
  EXPECT_EQ(tokenizer->decode(ids, true), "ab<tool>");
}

TEST(GgufBytes, AddsBosAndEosWhenTheFileSaysSo) {
  Draft draft;
  fill_bytes(draft);
  draft.set("tokenizer.ggml.bos_token_id", uint32_t{6})
      .set("tokenizer.ggml.add_bos_token", true)
      .set("tokenizer.ggml.add_eos_token", true);
  const auto tokenizer = draft.load().value();
  EXPECT_EQ(tokenizer->encode_ids("a", true), (std::vector<int32_t>{6, 0, 9}));
  EXPECT_EQ(tokenizer->encode_ids("a", false), (std::vector<int32_t>{0}));
  EXPECT_EQ(tokenizer->bos_id(), 6);
  EXPECT_EQ(tokenizer->eos_id(), 9);
}

TEST(GgufBytes, LlamaThreeAddsBosUnlessToldOtherwise) {
  Draft draft;
  fill_bytes(draft);
  draft.set("tokenizer.ggml.pre", "llama-bpe");
  EXPECT_EQ(draft.load().value()->encode_ids("a", true), (std::vector<int32_t>{9, 0}));
  draft.set("tokenizer.ggml.add_bos_token", false);
  EXPECT_EQ(draft.load().value()->encode_ids("a", true), (std::vector<int32_t>{0}));
}

TEST(GgufBytes, SaysEveryStop) {
  Draft draft;
  fill_bytes(draft);
  // EOS, then what the file calls the end of a turn, then a control token of a well-known name.
  draft.set("tokenizer.ggml.eot_token_id", uint32_t{7});
  EXPECT_EQ(draft.load().value()->stop_ids(), (std::vector<int32_t>{9, 7, 6}));
}

TEST(GgufBytes, SavesWhatItReads) {
  Draft draft;
  fill_bytes(draft);
  draft.set("tokenizer.ggml.eot_token_id", uint32_t{7})
      .set("tokenizer.ggml.add_bos_token", true)
      .set("tokenizer.chat_template", "{{ messages[0]['content'] }}");
  const auto tokenizer = draft.load().value();
  const TempFolder folder;
  ASSERT_TRUE(tokenizer->save(folder.path()).ok());
  const auto saved = load_tokenizer(folder.path()).value();
  for (const char* text : {"", "ab a11 b", "a<|im_end|> <tool>b", "[PAD8]"}) {
    EXPECT_EQ(saved->encode_ids(text, true), tokenizer->encode_ids(text, true)) << text;
  }
  EXPECT_EQ(saved->vocab_size(), tokenizer->vocab_size());
  EXPECT_EQ(saved->stop_ids(), tokenizer->stop_ids());
  EXPECT_EQ(saved->eos_id(), tokenizer->eos_id());
  EXPECT_EQ(CheckpointChat::load(folder.path()).value().names(), Strings{"default"});
}

struct BadCase {
  const char* key;
  std::optional<GgufValue> value;
  const char* message;
};

TEST(GgufBytes, NamesWhatIsWrong) {
  const std::vector<BadCase> cases = {
      {"tokenizer.ggml.model", {}, "no tokenizer (no key 'tokenizer.ggml.model')"},
      {"tokenizer.ggml.model", "rwkv", "tokenizer.ggml.model 'rwkv' is not supported"},
      {"tokenizer.ggml.model", "bert", "no token for what is unknown"},
      {"tokenizer.ggml.pre", {}, "does not say how text is split"},
      {"tokenizer.ggml.pre", "viking", "tokenizer.ggml.pre 'viking' is not supported"},
      {"tokenizer.ggml.tokens", {}, "key 'tokenizer.ggml.tokens': it is missing"},
      {"tokenizer.ggml.tokens", Strings{}, "it is empty"},
      {"tokenizer.ggml.tokens", Strings{"a", "a"}, "entry 1 is there twice"},
      {"tokenizer.ggml.tokens", Strings{"a", ""}, "entry 1 is empty"},
      {"tokenizer.ggml.tokens", Strings{"\xff"}, "entry 0 is not valid UTF-8"},
      {"tokenizer.ggml.tokens", Strings{std::string(5000, 'x')}, "entry 0 is too long"},
      {"tokenizer.ggml.tokens", Strings{"a"}, "11 types for 1 tokens"},
      {"tokenizer.ggml.token_type", std::vector<int32_t>(11, 7), "entry 0 is 7, no known type"},
      {"tokenizer.ggml.merges", {}, "'tokenizer.ggml.merges' is missing or empty"},
      {"tokenizer.ggml.merges", Strings{"a x"}, "merges"},
      {"tokenizer.ggml.merges", Strings{"\xff \xff"}, "entry 0 is not valid UTF-8"},
      {"tokenizer.ggml.eos_token_id", uint32_t{11}, "id 11 is outside the vocabulary of 11"},
      {"tokenizer.ggml.eos_token_id", "x", "it is string"},
      {"tokenizer.ggml.eot_token_id", int32_t{-1}, "id -1 is outside"},
      {"tokenizer.ggml.add_bos_token", uint8_t{1}, "a truth value is wanted"},
      {"tokenizer.chat_template", "\xff", "not valid UTF-8"},
      {"tokenizer.chat_templates", Strings{"tool_use"}, "tokenizer.chat_template.tool_use"},
  };
  for (const BadCase& bad : cases) {
    Draft draft;
    fill_bytes(draft);
    draft.set(bad.key, bad.value);
    const std::string message = draft.error();
    EXPECT_NE(message.find(bad.message), std::string::npos) << bad.key << ": " << message;
    EXPECT_NE(message.find("m.gguf"), std::string::npos) << message;
  }
}

void fill_pieces(Draft& draft) {
  Strings tokens = {"<unk>", "<s>",      "</s>", "\u2581",       "a", "b", "\u2581a",
                    "ab",    "\u2581ab", "  ",   "<end_of_turn>"};
  std::vector<int32_t> types = {kUnknown, kControl, kControl, kNormal, kNormal, kNormal,
                                kNormal,  kNormal,  kNormal,  kUser,   kControl};
  std::vector<float> scores = {0, 0, 0, -10, -11, -12, -2, -3, -4, -1000, -1000};
  for (int byte = 0; byte < 256; ++byte) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    tokens.push_back({'<', '0', 'x', kDigits[byte / 16], kDigits[byte % 16], '>'});
    types.push_back(kByte);
    scores.push_back(0);
  }
  draft.set("tokenizer.ggml.model", "llama")
      .set("tokenizer.ggml.tokens", tokens)
      .set("tokenizer.ggml.token_type", types)
      .set("tokenizer.ggml.scores", scores)
      .set("tokenizer.ggml.bos_token_id", uint32_t{1})
      .set("tokenizer.ggml.eos_token_id", uint32_t{2})
      .set("tokenizer.ggml.unknown_token_id", uint32_t{0});
}

TEST(GgufPieces, SegmentsByScore) {
  Draft draft;
  fill_pieces(draft);
  const auto tokenizer = draft.load().value();
  EXPECT_EQ(tokenizer->kind(), "sentencepiece-bpe");
  // "\u2581a" scores above "ab", so it is merged first and "\u2581ab" after it.
  EXPECT_EQ(tokenizer->encode_ids("ab", true), (std::vector<int32_t>{1, 8}));
  EXPECT_EQ(tokenizer->encode_ids("a b", true), (std::vector<int32_t>{1, 6, 3, 5}));
  EXPECT_EQ(tokenizer->encode_ids("\x07", false), (std::vector<int32_t>{3, 11 + 7}));
  EXPECT_EQ(tokenizer->encode_ids("<unk>", true), (std::vector<int32_t>{1, 0}));
  EXPECT_EQ(tokenizer->decode({6, 3, 5}, true), "a b");
  EXPECT_EQ(tokenizer->stop_ids(), (std::vector<int32_t>{2, 10}));
}

TEST(GgufPieces, TakesFlagsAndTokensOfSpaces) {
  Draft draft;
  fill_pieces(draft);
  draft.set("tokenizer.ggml.add_space_prefix", false).set("tokenizer.ggml.add_bos_token", false);
  const auto tokenizer = draft.load().value();
  EXPECT_EQ(tokenizer->encode_ids("ab", true), (std::vector<int32_t>{7}));
  EXPECT_EQ(tokenizer->encode_ids("a  b", true), (std::vector<int32_t>{4, 9, 5}));
  EXPECT_EQ(tokenizer->decode({4, 9, 5}, true), "a  b");
  EXPECT_EQ(tokenizer->encode_ids("a<end_of_turn>", true), (std::vector<int32_t>{4, 10}));
}

TEST(GgufPieces, SavesWhatItReads) {
  Draft draft;
  fill_pieces(draft);
  const auto saves = [&](const Strings& texts) {
    const auto tokenizer = draft.load().value();
    const TempFolder folder;
    ASSERT_TRUE(tokenizer->save(folder.path()).ok());
    const auto saved = load_tokenizer(folder.path()).value();
    EXPECT_EQ(saved->kind(), "tokenizer.json-bpe");
    for (const std::string& text : texts) {
      EXPECT_EQ(saved->encode_ids(text, true), tokenizer->encode_ids(text, true)) << text;
    }
    EXPECT_EQ(saved->stop_ids(), tokenizer->stop_ids());
  };
  saves({"ab a", "b<end_of_turn>ab", "é", "", "ab<unk>a"});
  draft.set("tokenizer.ggml.add_space_prefix", false);
  saves({"ab  a", "b<end_of_turn>ab", "é", "", "   ", "a b"});
}

TEST(GgufPieces, NamesWhatIsWrong) {
  Draft draft;
  fill_pieces(draft);
  draft.set("tokenizer.ggml.scores", std::vector<float>{1});
  EXPECT_NE(draft.error().find("1 scores for 267 tokens"), std::string::npos) << draft.error();
  draft.set("tokenizer.ggml.scores", {});
  EXPECT_NE(draft.error().find("'tokenizer.ggml.scores' is missing"), std::string::npos);
}

TEST(GgufChat, ReadsTheTemplatesOfTheFile) {
  Draft draft;
  fill_bytes(draft);
  draft
      .set("tokenizer.chat_template",
           "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
           "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
      .set("tokenizer.chat_templates", Strings{"default", "tool_use"})
      .set("tokenizer.chat_template.tool_use", "{{ eos_token }}");
  const std::string path = draft.write();
  const auto chat = CheckpointChat::load(path).value();
  EXPECT_EQ(chat.names(), (Strings{"default", "tool_use"}));
  ChatRequest request;
  request.messages.push_back({{"role", "user"}, {"content", "Hi"}});
  request.template_name = "tool_use";
  EXPECT_EQ(chat.render(request).value().text, "<|eot|>");
  const auto wrapper = chat_template("auto", path).value();
  EXPECT_EQ(wrapper.before, "<|im_start|>user\n");
  EXPECT_EQ(wrapper.after, "<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(wrapper.stops, Strings{"<|im_end|>"});
}

TEST(GgufChat, SaysThatThereIsNone) {
  Draft draft;
  fill_bytes(draft);
  const auto chat = chat_template("auto", draft.write());
  EXPECT_NE(chat.error().message.find("has no chat template"), std::string::npos);
}

TEST(StopIds, ComeFromGenerationConfigToo) {
  const TempFolder folder;
  const std::string files = RELATA_TEST_FILES "/text/";
  std::filesystem::copy_file(files + "bpe_bytes.json", folder.path() + "/tokenizer.json");
  const auto write = [&](const std::string& ids) {
    const std::string text = "{\"eos_token_id\": " + ids + "}";
    EXPECT_TRUE(write_file_atomic(folder.path() + "/generation_config.json", text).ok());
  };
  write("[3, 5]");
  const auto stops = load_tokenizer(folder.path()).value()->stop_ids();
  EXPECT_TRUE(std::count(stops.begin(), stops.end(), 3) == 1 &&
              std::count(stops.begin(), stops.end(), 5) == 1);
  write("999999");
  EXPECT_NE(load_tokenizer(folder.path()).error().message.find("eos_token_id 999999 is outside"),
            std::string::npos);
  write("\"x\"");
  EXPECT_NE(load_tokenizer(folder.path()).error().message.find("an id or a list of ids"),
            std::string::npos);
}

}  // namespace
}  // namespace relata::text
