// Tokenizers that come as vocab.txt, vocab.json with merges.txt, or a tiktoken rank file.
#include <gtest/gtest.h>

#include "relata/text/tokenizer.h"
#include "temp_folder.h"

namespace relata::text {
namespace {

std::string error_of(const TempFolder& folder) {
  const auto loaded = load_tokenizer(folder.path());
  return loaded.ok() ? "" : loaded.error().message;
}

std::vector<std::string> pieces(const Tokenizer& tokenizer, const std::string& text, bool special) {
  std::vector<std::string> out;
  for (const int32_t id : tokenizer.encode_ids(text, special)) {
    out.push_back(tokenizer.id_to_token(id));
  }
  return out;
}

using Pieces = std::vector<std::string>;

constexpr char kBert[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\nriver\n##s\nR\n中\n,\ncafe\n";

TEST(VocabText, EncodesAsBert) {
  const TempFolder folder;
  folder.write("vocab.txt", kBert);
  const auto tokenizer = load_tokenizer(folder.path()).value();
  EXPECT_EQ(tokenizer->kind(), "vocab.txt-wordpiece");
  EXPECT_EQ(pieces(*tokenizer, "The RIVERS,Café中x", true),
            (Pieces{"[CLS]", "the", "river", "##s", ",", "cafe", "中", "[UNK]", "[SEP]"}));
  EXPECT_EQ(pieces(*tokenizer, "the[SEP]R", false), (Pieces{"the", "[SEP]", "[UNK]"}));
  // Punctuation in the Unicode that BERT's tables are of, a mark today.
  EXPECT_EQ(pieces(*tokenizer, "the\U000111C9the", false), (Pieces{"the", "[UNK]", "the"}));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode_ids("the rivers, the", true), true),
            "the rivers, the");
}

TEST(VocabText, TakesItsOptions) {
  const TempFolder folder;
  folder.write("vocab.txt", kBert);
  folder.write("tokenizer_config.json", R"({"do_lower_case": false})");
  const auto tokenizer = load_tokenizer(folder.path()).value();
  EXPECT_EQ(pieces(*tokenizer, "The R the café", false), (Pieces{"[UNK]", "R", "the", "[UNK]"}));
}

TEST(VocabText, NamesTheBadLine) {
  const TempFolder folder;
  folder.write("vocab.txt", "[UNK]\na\nb\na\n");
  EXPECT_NE(error_of(folder).find("vocab.txt:4: \"a\" is also in line 2"), std::string::npos);
  folder.write("vocab.txt", "[UNK]\na\xFF\n");
  EXPECT_NE(error_of(folder).find("vocab.txt:2"), std::string::npos);
  folder.write("vocab.txt", "a\nb\n");
  EXPECT_NE(error_of(folder).find("[UNK]"), std::string::npos);
  folder.write("vocab.txt", "");
  EXPECT_NE(error_of(folder).find("vocab.txt"), std::string::npos);
}

// GPT-2's files with a vocabulary of a few letters.
void write_gpt2(const TempFolder& folder) {
  folder.write("vocab.json",
               R"({"a":0,"b":1,"c":2,"ab":3,"Ġ":4,"Ġab":5,"1":6,"2":7,"12":8,"<|endoftext|>":9})");
  folder.write("merges.txt", "#version: 0.2\na b\nĠ ab\n1 2\n");
}

TEST(VocabJson, AddsBosAndEosWhereItsClassFramesNothing) {
  const TempFolder folder;
  write_gpt2(folder);
  const std::string adds =
      R"("bos_token": "1", "eos_token": "2", "add_bos_token": true, "add_eos_token": true)";
  for (const char* name : {"GPT2Tokenizer", "Qwen2TokenizerFast"}) {
    folder.write("tokenizer_config.json",
                 R"({"tokenizer_class": ")" + std::string(name) + "\", " + adds + "}");
    EXPECT_EQ(pieces(*load_tokenizer(folder.path()).value(), "ab", true), (Pieces{"1", "ab", "2"}))
        << name;
  }
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizer", )" + adds + "}");
  EXPECT_EQ(pieces(*load_tokenizer(folder.path()).value(), "ab", true), (Pieces{"ab"}));
}

TEST(VocabJson, EncodesAsItsClassDoes) {
  const TempFolder folder;
  write_gpt2(folder);
  const auto gpt2 = load_tokenizer(folder.path()).value();
  EXPECT_EQ(gpt2->kind(), "vocab.json-bpe");
  EXPECT_EQ(pieces(*gpt2, "ab abc12<|endoftext|>", true),
            (Pieces{"ab", "Ġab", "c", "12", "<|endoftext|>"}));
  EXPECT_TRUE(gpt2->is_special(9));
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "Qwen2Tokenizer"})");
  const auto qwen = load_tokenizer(folder.path()).value();
  EXPECT_EQ(pieces(*qwen, "ab12", true), (Pieces{"ab", "1", "2"}));
  folder.write("tokenizer_config.json", R"({"tokenizer_class": "CLIPTokenizer"})");
  EXPECT_NE(error_of(folder).find("CLIPTokenizer"), std::string::npos);
}

TEST(VocabJson, NamesTheBadLine) {
  const TempFolder folder;
  write_gpt2(folder);
  folder.write("merges.txt", "a b\nab\n");
  EXPECT_NE(error_of(folder).find("merges.txt:2"), std::string::npos);
  folder.write("merges.txt", "a b\n\xFF x\n");
  EXPECT_NE(error_of(folder).find("merges.txt"), std::string::npos);
  folder.write("merges.txt", "a z\n");
  EXPECT_NE(error_of(folder).find("\"z\" is not in the vocabulary"), std::string::npos);
  const TempFolder without;
  without.write("vocab.json", "{\"a\": 0}");
  EXPECT_NE(error_of(without).find("merges.txt"), std::string::npos);
}

std::string base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0U);
    }
    for (size_t k = 0; k < 4; ++k) {
      out += i + k <= bytes.size() ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

// A rank file of GPT-2's size: all bytes, then pairs of them from (0, 0) on.
std::string rank_file() {
  std::string out;
  for (int rank = 0; rank < 50256; ++rank) {
    const int pair = rank - 256;
    std::string token(1, static_cast<char>(pair < 0 ? rank : pair / 256));
    if (pair >= 0) token += static_cast<char>(pair % 256);
    out += base64(token) + " " + std::to_string(rank) + "\n";
  }
  return out;
}

TEST(Tiktoken, EncodesByRanks) {
  const TempFolder folder;
  folder.write("test.tiktoken", rank_file());
  const auto tokenizer = load_tokenizer(folder.path()).value();
  EXPECT_EQ(tokenizer->kind(), "tiktoken-bpe");
  EXPECT_EQ(tokenizer->vocab_size(), 50257);
  // Of "aab", the pair "aa" has a lower rank than "ab".
  EXPECT_EQ(tokenizer->encode_ids("aab", true), (std::vector<int32_t>{256 + 'a' * 256 + 'a', 'b'}));
  const std::string text = "it's 2004; 上海 😀<|endoftext|>";
  const auto ids = tokenizer->encode_ids(text, true);
  EXPECT_EQ(ids.back(), 50256);
  EXPECT_EQ(tokenizer->decode(ids, false), text);
}

TEST(Tiktoken, NamesTheBadLine) {
  const TempFolder folder;
  const std::string good = rank_file();
  const auto error = [&](const std::string& content) {
    folder.write("test.tiktoken", content);
    return error_of(folder);
  };
  const size_t second = good.find('\n') + 1;
  EXPECT_NE(error(good.substr(0, second) + "!" + good.substr(second + 1)).find(":2:"),
            std::string::npos);
  EXPECT_NE(error(good.substr(0, second) + good).find(":2: the rank is there twice"),
            std::string::npos);
  EXPECT_NE(error(good + "YWI= 50256\n").find(":50257: the token is also in line"),
            std::string::npos);
  EXPECT_NE(error("YQ== 7\n").find(":1:"), std::string::npos);
  EXPECT_NE(error("YQ== 0\n").find("the byte 0 has no rank"), std::string::npos);
  EXPECT_NE(error(good + "AAAA 50256\n").find("50257 ranks"), std::string::npos);
  for (size_t size = 0; size < good.size(); size += good.size() / 40) {
    EXPECT_NE(error(good.substr(0, size)).find("test.tiktoken"), std::string::npos);
  }
}

TEST(Loading, NamesTheFilesItLooksFor) {
  const TempFolder folder;
  EXPECT_NE(error_of(folder).find("tokenizer.json"), std::string::npos);
  EXPECT_NE(error_of(folder).find(folder.path()), std::string::npos);
}

TEST(FindTokenizer, IsNullOnlyWhereThereIsNoTokenizerFile) {
  TempFolder folder;
  folder.write("config.json", "{}");
  const auto none = find_tokenizer(folder.path());
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(*none, nullptr);
  EXPECT_FALSE(load_tokenizer(folder.path()).ok());
  folder.write("tekken.json", "{}");
  const auto tekken = load_tokenizer(folder.path());
  ASSERT_FALSE(tekken.ok());
  EXPECT_NE(tekken.error().message.find("tekken.json: Mistral's own form"), std::string::npos);
  folder.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nada\n");
  const auto found = find_tokenizer(folder.path());
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_NE(*found, nullptr);
  folder.write("tokenizer.json", "{");
  EXPECT_FALSE(find_tokenizer(folder.path()).ok());
}

}  // namespace
}  // namespace relata::text
