#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "relata/text/tokenizer.h"
#include "temp_folder.h"

namespace relata::text {
namespace {

std::vector<std::string> training_lines() {
  std::vector<std::string> lines;
  const std::vector<std::string> people = {"Alice", "Bob", "张三", "李四", "王小明", "Marie Curie"};
  const std::vector<std::string> places = {"Paris", "北京大学", "上海市", "New York", "the garden"};
  const std::vector<std::string> verbs = {"visited", "works at", "出生于", "毕业于", "lives in"};
  for (const auto& person : people) {
    for (const auto& verb : verbs) {
      for (const auto& place : places) {
        lines.push_back(person + " " + verb + " " + place + " in 19" +
                        std::to_string(10 + lines.size() % 90) + ".");
      }
    }
  }
  return lines;
}

const std::vector<std::string>& samples() {
  static const std::vector<std::string> texts = {
      "",
      " ",
      "Alice visited 北京大学 in 1987.",
      "  two  spaces  and\ttab\nnewline\r\n",
      "张三毕业于上海市😀👩‍👩‍👧 and 🇨🇳!",
      "combining: e\u0301 \u00A0 nbsp \uFEFF bom \u200B zero",
      "完全陌生的汉字：齉龘靐",
      "\u0420\u0443\u0441\u0441\u043A\u0438\u0439 العربية हिन्दी",
      "trailing ",
  };
  return texts;
}

class SentencePiece : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    TokenizerTraining options;
    options.vocab_size = 500;
    options.model_type = GetParam();
    options.user_symbols = {"<rel:mother>", "<rel:mother,of>", "关系"};
    const Status status = train_tokenizer(training_lines(), options, folder_.path());
    ASSERT_TRUE(status.ok()) << status.error().message;
    auto loaded = load_tokenizer(folder_.path());
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    tokenizer_ = std::move(loaded).value();
  }

  TempFolder folder_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, SentencePiece, testing::Values("unigram", "bpe"));

TEST_P(SentencePiece, DescribesItself) {
  EXPECT_EQ(tokenizer_->kind(), "sentencepiece-" + GetParam());
  EXPECT_EQ(tokenizer_->bos_id(), 1);
  EXPECT_EQ(tokenizer_->eos_id(), 2);
  EXPECT_EQ(tokenizer_->id_to_token(0), "<unk>");
  EXPECT_EQ(tokenizer_->token_to_id("</s>"), 2);
  EXPECT_EQ(tokenizer_->token_to_id("no such piece"), -1);
  EXPECT_EQ(tokenizer_->id_to_token(-1), "");
  EXPECT_EQ(tokenizer_->id_to_token(tokenizer_->vocab_size()), "");
  EXPECT_TRUE(tokenizer_->is_special(1));
  EXPECT_FALSE(tokenizer_->is_special(tokenizer_->token_to_id("<rel:mother>")));
  EXPECT_LE(tokenizer_->vocab_size(), 500);
}

TEST_P(SentencePiece, DecodesWhatItEncoded) {
  for (const auto& text : samples()) {
    for (const bool special : {false, true}) {
      const auto ids = tokenizer_->encode_ids(text, special);
      EXPECT_EQ(tokenizer_->decode(ids, true), text);
    }
  }
}

TEST_P(SentencePiece, DecodesRandomUnicode) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (size_t i = random() % 40; i > 0; --i) {
      const char32_t point = random() % 3 == 0 ? random() % 0x80 : random() % 0x20000;
      // U+2581 is SentencePiece's own way to write a space, and 0 ends its pieces.
      if (point != 0 && point != 0x2581 && (point < 0xD800 || point > 0xDFFF)) {
        append_utf8(text, point);
      }
    }
    EXPECT_EQ(tokenizer_->decode(tokenizer_->encode_ids(text, true), true), text);
  }
}

TEST_P(SentencePiece, OffsetsTileTheText) {
  for (const auto& text : samples()) {
    ByteRange last;
    for (const Token& token : tokenizer_->encode(text, false)) {
      // The next part of the text, or another byte of the same code point.
      EXPECT_TRUE(token.range.begin == last.end || token.range == last) << text;
      EXPECT_GT(token.range.end, token.range.begin);
      last = token.range;
    }
    EXPECT_EQ(last.end, text.size());
  }
}

TEST_P(SentencePiece, AddsBosAsLlamaDoes) {
  const auto tokens = tokenizer_->encode("Alice", true);
  ASSERT_FALSE(tokens.empty());
  EXPECT_EQ(tokens.front().id, 1);
  EXPECT_EQ(tokens.front().range, (ByteRange{0, 0}));
  EXPECT_NE(tokens.back().id, 2);
  EXPECT_EQ(tokenizer_->decode({1, 2}, false), "<s></s>");
}

TEST_P(SentencePiece, KeepsUserSymbolsWhole) {
  for (const std::string symbol : {"<rel:mother>", "<rel:mother,of>", "关系"}) {
    const int32_t id = tokenizer_->token_to_id(symbol);
    ASSERT_GE(id, 3) << symbol;
    const auto tokens = tokenizer_->encode("张三" + symbol + symbol + "Bob", false);
    const auto whole = std::count_if(tokens.begin(), tokens.end(),
                                     [&](const Token& token) { return token.id == id; });
    EXPECT_EQ(whole, 2) << symbol;
    EXPECT_EQ(tokenizer_->decode({id}, true), symbol);
  }
}

TEST_P(SentencePiece, FindsSpecialTokensInText) {
  const auto tokens = tokenizer_->encode("Bob</s>Alice", false);
  const auto found =
      std::find_if(tokens.begin(), tokens.end(), [](const Token& token) { return token.id == 2; });
  ASSERT_NE(found, tokens.end());
  EXPECT_EQ(found->range, (ByteRange{3, 7}));
}

TEST_P(SentencePiece, ReplacesBytesCutInsideACodePoint) {
  const auto ids = tokenizer_->encode_ids("😀", false);
  ASSERT_EQ(ids.size(), 4u);
  EXPECT_EQ(find_invalid_utf8(tokenizer_->decode({ids[0], ids[1]}, true)), std::nullopt);
  EXPECT_NE(tokenizer_->decode({ids[0], ids[1]}, true).find("\uFFFD"), std::string::npos);
}

TEST_P(SentencePiece, IgnoresIdsItDoesNotHave) {
  EXPECT_EQ(tokenizer_->decode({-5, 1 << 30}, false), "");
}

TEST_P(SentencePiece, RefusesInvalidUtf8) {
  EXPECT_THROW(tokenizer_->encode("a\xFF", false), std::logic_error);
}

TEST_P(SentencePiece, SavesWhatItRead) {
  const TempFolder copy;
  ASSERT_TRUE(tokenizer_->save(copy.path()).ok());
  EXPECT_EQ(copy.read("tokenizer.model"), folder_.read("tokenizer.model"));
  const auto loaded = load_tokenizer(copy.path());
  ASSERT_TRUE(loaded.ok());
  const std::string text = "Alice 毕业于 北京大学";
  EXPECT_EQ(loaded.value()->encode_ids(text, true), tokenizer_->encode_ids(text, true));
}

TEST_P(SentencePiece, TrainsTheSameModelTwice) {
  const TempFolder again;
  TokenizerTraining options;
  options.vocab_size = 500;
  options.model_type = GetParam();
  options.user_symbols = {"<rel:mother>", "<rel:mother,of>", "关系"};
  ASSERT_TRUE(train_tokenizer(training_lines(), options, again.path()).ok());
  for (const char* name : {"tokenizer.model", "tokenizer_config.json", "tokenizer.json"}) {
    EXPECT_EQ(again.read(name), folder_.read(name));
  }
}

TEST_P(SentencePiece, HandlesAddedTokensPastTheModel) {
  const int32_t next = tokenizer_->vocab_size();
  folder_.write("tokenizer_config.json", "{}");  // one that lists added tokens lists them alone
  folder_.write("added_tokens.json", "{\"<pad>\": " + std::to_string(next) + "}");
  const auto loaded = load_tokenizer(folder_.path());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  const Tokenizer& tokenizer = *loaded.value();
  EXPECT_EQ(tokenizer.vocab_size(), next + 1);
  const auto tokens = tokenizer.encode("a<pad>", false);
  EXPECT_EQ(tokens.back().id, next);
  EXPECT_EQ(tokens.back().range, (ByteRange{1, 6}));
  EXPECT_EQ(tokenizer.decode({next}, false), "<pad>");
}

TEST(SentencePieceTraining, TakesTextTooSmallForItsSize) {
  for (const std::string type : {"unigram", "bpe"}) {
    for (const auto& lines : std::vector<std::vector<std::string>>{
             {"a"}, {"ab ab ab"}, {"", "中"}, {std::string(10000, 'x')}, {"😀"}, {"1", "2"}}) {
      const TempFolder folder;
      TokenizerTraining options;
      options.model_type = type;
      const Status status = train_tokenizer(lines, options, folder.path());
      ASSERT_TRUE(status.ok()) << type << ": " << lines.front() << ": " << status.error().message;
      const auto loaded = load_tokenizer(folder.path());
      ASSERT_TRUE(loaded.ok());
      EXPECT_EQ(loaded.value()->decode(loaded.value()->encode_ids(lines.back(), true), true),
                lines.back());
    }
  }
}

TEST(SentencePieceTraining, KeepsBlanksThatTheTextHardlyHas) {
  std::vector<std::string> none, few;
  for (int i = 0; i < 400; ++i) none.push_back("学校的老师" + std::to_string(i) + "在北京工作");
  few = none;
  few.push_back("a b");
  for (const std::string type : {"unigram", "bpe"}) {
    for (const auto& lines : {none, few}) {
      const TempFolder folder;
      TokenizerTraining options;
      options.model_type = type;
      options.vocab_size = 320;
      options.character_coverage = 0.99;
      const Status status = train_tokenizer(lines, options, folder.path());
      ASSERT_TRUE(status.ok()) << type << ": " << status.error().message;
      const auto loaded = load_tokenizer(folder.path());
      ASSERT_TRUE(loaded.ok());
      for (const std::string text : {"a b", " ", "  两 个  ", "a\tb\nc"}) {
        EXPECT_EQ(loaded.value()->decode(loaded.value()->encode_ids(text, true), true), text);
      }
    }
  }
}

TEST(SentencePieceTraining, RefusesWhatItCannotTrain) {
  const TempFolder folder;
  const auto fails = [&](const std::vector<std::string>& lines, const TokenizerTraining& options) {
    const Status status = train_tokenizer(lines, options, folder.path());
    return !status.ok() && !status.error().message.empty();
  };
  const auto refuses = [&](auto TokenizerTraining::*member, auto value) {
    TokenizerTraining options;
    options.*member = value;
    return fails({"abc def"}, options);
  };
  EXPECT_TRUE(fails({}, {}));
  EXPECT_TRUE(fails({"", "  "}, {}));
  EXPECT_TRUE(fails({"a\xFF"}, {}));
  EXPECT_TRUE(refuses(&TokenizerTraining::model_type, "wordpiece"));
  EXPECT_TRUE(refuses(&TokenizerTraining::vocab_size, 0));
  EXPECT_TRUE(refuses(&TokenizerTraining::vocab_size, 10));
  EXPECT_TRUE(refuses(&TokenizerTraining::character_coverage, 7.0));
  EXPECT_TRUE(refuses(&TokenizerTraining::character_coverage, 0.97));
  EXPECT_TRUE(refuses(&TokenizerTraining::threads, 0));
  EXPECT_TRUE(fails({"\u2585 is reserved"}, {}));
  for (const std::string symbol : {"</s>", "", "a b", "a\xFF", "\u2581", "<0x4A>"}) {
    EXPECT_TRUE(refuses(&TokenizerTraining::user_symbols, std::vector<std::string>{symbol}));
  }
}

TEST(SentencePieceTraining, SaysHowLargeAVocabularyMustBe) {
  const TempFolder folder;
  TokenizerTraining options;
  options.vocab_size = 300;
  std::string line = "ab ";
  for (char32_t c = 0x4E00; c < 0x4E00 + 100; ++c) append_utf8(line, c);
  for (const std::string type : {"unigram", "bpe"}) {
    options.model_type = type;
    const Status status = train_tokenizer({line}, options, folder.path());
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().message,
              "tokenizer vocab_size 300 is too small: the text's characters, bytes and symbols "
              "are 362");  // 100 and a, b and the blank, 256 bytes and three control pieces
    EXPECT_NE(status.error().hint.find("at least 362"), std::string::npos);
  }
}

TEST(SentencePieceTraining, TakesSymbolsThatHoldEveryBlank) {
  for (const std::string type : {"unigram", "bpe"}) {
    const TempFolder folder;
    TokenizerTraining options;
    options.model_type = type;
    options.user_symbols = {"\u2581b"};
    const Status status = train_tokenizer({"a b"}, options, folder.path());
    EXPECT_TRUE(status.ok()) << status.error().message;
  }
}

TEST(SentencePieceTraining, DoesNotMixTokenizersInOneFolder) {
  const TempFolder folder;
  TokenizerTraining options;
  ASSERT_TRUE(train_tokenizer(training_lines(), options, folder.path()).ok());
  EXPECT_TRUE(train_tokenizer(training_lines(), options, folder.path()).ok());
  options.model_type = "bpe";
  const Status status = train_tokenizer(training_lines(), options, folder.path());
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("tokenizer.json"), std::string::npos);
}

TEST(SentencePieceLoading, NamesTheBadFile) {
  const TempFolder trained;
  TokenizerTraining options;
  options.vocab_size = 400;
  ASSERT_TRUE(train_tokenizer(training_lines(), options, trained.path()).ok());
  const std::string model = trained.read("tokenizer.model");
  const auto error = [](const TempFolder& folder) {
    const auto loaded = load_tokenizer(folder.path());
    return loaded.ok() ? "" : loaded.error().message;
  };
  const TempFolder folder;
  EXPECT_NE(error(folder).find(folder.path()), std::string::npos);
  for (const std::string& bad : {std::string(), std::string("version https://git-lfs"),
                                 model.substr(0, model.size() / 2) + "\xFF\xFF", model.substr(9)}) {
    folder.write("tokenizer.model", bad);
    EXPECT_NE(error(folder).find("tokenizer.model"), std::string::npos);
  }
  folder.write("tokenizer.model", model);
  EXPECT_EQ(error(folder), "");
  for (const std::string bad :
       {"[", "[]", R"({"added_tokens_decoder": {"x": {"content": "y"}}})",
        R"({"added_tokens_decoder": {"7": {"content": 7}}})",
        R"({"added_tokens_decoder": {"-7": {"content": "y"}}})", R"({"add_bos_token": "yes"})"}) {
    folder.write("tokenizer_config.json", bad);
    EXPECT_NE(error(folder).find("tokenizer_config.json"), std::string::npos) << bad;
  }
}

// A folder with nothing but the model that was trained, and a configuration.
std::shared_ptr<const Tokenizer> alone(const TempFolder& trained, const TempFolder& folder,
                                       const std::string& name, const std::string& config) {
  folder.write(name, trained.read("tokenizer.model"));
  if (!config.empty()) folder.write("tokenizer_config.json", config);
  auto loaded = load_tokenizer(folder.path());
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  return std::move(loaded).value();
}

TEST_P(SentencePiece, TheConfigurationMayForbidTheSpaceBeforeTheText) {
  for (const char* legacy : {"true", "false"}) {
    const TempFolder folder;
    const auto tokenizer =
        alone(folder_, folder, "tokenizer.model",
              std::string(R"({"add_prefix_space": false, "legacy": )") + legacy + "}");
    const auto tokens = tokenizer->encode("Alice", false);
    ASSERT_FALSE(tokens.empty());
    EXPECT_FALSE(tokenizer->id_to_token(tokens[0].id).starts_with("\u2581"));
    EXPECT_EQ(tokenizer->decode(tokenizer->encode_ids("Alice met", false), true), "Alice met");
  }
}

TEST_P(SentencePiece, T5EndsItsTextsAndHasSentinels) {
  const TempFolder folder;
  const auto tokenizer =
      alone(folder_, folder, "spiece.model", R"({"tokenizer_class": "T5Tokenizer"})");
  EXPECT_EQ(tokenizer->encode_ids("Alice", true).back(), tokenizer->eos_id());
  EXPECT_NE(tokenizer->encode_ids("Alice", true).front(), tokenizer->bos_id());
  EXPECT_EQ(tokenizer->token_to_id("<extra_id_0>"), tokenizer->vocab_size() - 1);
  EXPECT_EQ(tokenizer->token_to_id("<extra_id_99>"), tokenizer->vocab_size() - 100);
  const TempFolder other;
  const auto named = alone(folder_, other, "tokenizer.model", R"({"pad_token": "<pad>"})");
  EXPECT_EQ(named->token_to_id("<pad>"), named->vocab_size() - 1);
}

}  // namespace
}  // namespace relata::text
