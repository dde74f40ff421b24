#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "relata/text/tokenizer.h"
#include "temp_folder.h"

namespace relata::text {
namespace {

using Node = nlohmann::json;

constexpr char kSpace[] = "\u2581";

// A small tokenizer.json in the form Llama's converter writes.
Node small_tokenizer() {
  Node vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (unsigned byte = 0; byte < 256; ++byte) {
    vocab[std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">"] = 3 + byte;
  }
  int id = 259;
  for (const std::string piece : {kSpace, "a", "b", "c", "中", "国"}) vocab[piece] = id++;
  for (const std::string piece : {"ab", "abc", "bc", "\u2581a", "\u2581ab", "中国"}) {
    vocab[piece] = id++;
  }
  const auto special = [](int token_id, const std::string& content) {
    return Node{{"id", token_id},  {"content", content},  {"special", true},     {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"single_word", false}};
  };
  return {{"version", "1.0"},
          {"added_tokens", {special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")}},
          {"normalizer",
           {{"type", "Sequence"},
            {"normalizers",
             {{{"type", "Prepend"}, {"prepend", kSpace}},
              {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpace}}}}}},
          {"pre_tokenizer", nullptr},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single",
             {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
              {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
            {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}, {"tokens", {"<s>"}}}}}}}},
          {"decoder",
           {{"type", "Sequence"},
            {"decoders",
             {{{"type", "Replace"}, {"pattern", {{"String", kSpace}}}, {"content", " "}},
              {{"type", "ByteFallback"}},
              {{"type", "Fuse"}},
              {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", "<unk>"},
            {"fuse_unk", true},
            {"byte_fallback", true},
            {"vocab", vocab},
            {"merges", {"b c", "a b", "a bc", "\u2581 a", "\u2581a b", "中 国"}}}}};
}

Result<std::shared_ptr<const Tokenizer>> load(const Node& root) {
  const TempFolder folder;
  folder.write("tokenizer.json", root.dump());
  return load_tokenizer(folder.path());
}

std::vector<std::string> pieces(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<std::string> out;
  for (const Token& token : tokenizer.encode(text, false)) {
    out.push_back(tokenizer.id_to_token(token.id));
  }
  return out;
}

using Pieces = std::vector<std::string>;

TEST(HfTokenizer, MergesByRank) {
  const auto tokenizer = load(small_tokenizer()).value();
  EXPECT_EQ(tokenizer->kind(), "tokenizer.json-bpe");
  // "b c" is the first merge, so "a b" never happens in "abc".
  EXPECT_EQ(pieces(*tokenizer, "abc"), (Pieces{kSpace, "abc"}));
  EXPECT_EQ(pieces(*tokenizer, "ab"), (Pieces{kSpace, "ab"}));
  EXPECT_EQ(pieces(*tokenizer, "ac"), (Pieces{"\u2581a", "c"}));
  EXPECT_EQ(pieces(*tokenizer, "中国中"), (Pieces{kSpace, "中国", "中"}));
  EXPECT_EQ(pieces(*tokenizer, ""), Pieces{});
}

TEST(HfTokenizer, FallsBackToBytes) {
  const auto tokenizer = load(small_tokenizer()).value();
  EXPECT_EQ(pieces(*tokenizer, "é"), (Pieces{kSpace, "<0xC3>", "<0xA9>"}));
  const auto tokens = tokenizer->encode("aé", false);
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(tokens[0].range, (ByteRange{0, 1}));
  EXPECT_EQ(tokens[1].range, (ByteRange{1, 3}));
  EXPECT_EQ(tokens[2].range, (ByteRange{1, 3}));
}

TEST(HfTokenizer, DecodesWhatItEncoded) {
  const auto tokenizer = load(small_tokenizer()).value();
  for (const std::string text :
       {"", "a", " a", "  abc  cab ", "中国 China 😀👩‍👧\n\tend", "e\u0301"}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode_ids(text, true), true), text);
  }
}

TEST(HfTokenizer, AddsWhatTheTemplateSays) {
  const auto tokenizer = load(small_tokenizer()).value();
  EXPECT_EQ(tokenizer->bos_id(), 1);
  EXPECT_EQ(tokenizer->eos_id(), 2);
  EXPECT_EQ(tokenizer->encode("", true).size(), 1u);
  EXPECT_EQ(tokenizer->encode("a", true).front().id, 1);
  EXPECT_TRUE(tokenizer->is_special(1));
}

TEST(HfTokenizer, GoesByTheFileAloneForBosAndEos) {
  for (const std::string name :
       {"", "LlamaTokenizer", "LlamaTokenizerFast", "GemmaTokenizerFast", "CohereTokenizerFast",
        "PreTrainedTokenizerFast", "TokenizersBackend", "GPT2TokenizerFast"}) {
    const TempFolder folder;
    folder.write("tokenizer.json", small_tokenizer().dump());
    Node config = {{"add_bos_token", false}, {"add_eos_token", true}, {"eos_token", "</s>"}};
    if (!name.empty()) config["tokenizer_class"] = name;
    folder.write("tokenizer_config.json", config.dump());
    const auto tokenizer = load_tokenizer(folder.path()).value();
    EXPECT_EQ(tokenizer->encode_ids("", true), std::vector<int32_t>{1}) << name;
  }
}

// The normaliser puts a space before the token, too, so that only whole words are found.
TEST(HfTokenizer, SearchesTokensOfTheOldFileInNormalisedText) {
  const TempFolder folder;
  folder.write("tokenizer.json", small_tokenizer().dump());
  folder.write("added_tokens.json", R"({"<z>": 999})");
  const int32_t added = load(small_tokenizer()).value()->vocab_size();
  const auto plain = load_tokenizer(folder.path()).value();
  EXPECT_EQ(plain->encode_ids("a <z>", false).back(), added);
  EXPECT_NE(plain->encode_ids("a<z>", false).back(), added);
  EXPECT_FALSE(plain->is_special(added));
  for (const char* config : {R"({"pad_token": "<z>"})", R"({"additional_special_tokens": ["<z>"]})",
                             R"({"extra_special_tokens": ["<z>"]})"}) {
    folder.write("tokenizer_config.json", config);
    const auto special = load_tokenizer(folder.path()).value();
    EXPECT_EQ(special->encode_ids("a<z>", false).back(), added) << config;
    EXPECT_TRUE(special->is_special(added)) << config;
  }
  // Transformers does not read the old file where the configuration lists the tokens.
  folder.write("tokenizer_config.json", R"({"added_tokens_decoder": {}})");
  EXPECT_EQ(load_tokenizer(folder.path()).value()->vocab_size(), added);
}

TEST(HfTokenizer, GivesIdsToNamedTokensThatTheFileLacks) {
  const TempFolder folder;
  folder.write("tokenizer.json", small_tokenizer().dump());
  folder.write("tokenizer_config.json",
               R"({"zoo_token": "<z>", "additional_special_tokens": ["<x>", "<s>"], )"
               R"("foo_token": "<y>", "mask_token": "<m>", "pad_token": "<pad>"})");
  const auto tokenizer = load_tokenizer(folder.path()).value();
  const int32_t last = load(small_tokenizer()).value()->vocab_size();
  int32_t next = last;
  for (const char* name : {"<pad>", "<m>", "<z>", "<y>", "<x>"}) {
    EXPECT_EQ(tokenizer->token_to_id(name), next) << name;
    EXPECT_TRUE(tokenizer->is_special(next++)) << name;
  }
  EXPECT_EQ(tokenizer->vocab_size(), last + 5);
  EXPECT_EQ(tokenizer->encode_ids("<y>", false), std::vector<int32_t>{last + 3});
}

TEST(HfTokenizer, FindsAddedTokensFirst) {
  const auto tokenizer = load(small_tokenizer()).value();
  const auto tokens = tokenizer->encode("ab</s>ab", false);
  ASSERT_EQ(tokens.size(), 5u);
  EXPECT_EQ(tokens[2].id, 2);
  EXPECT_EQ(tokens[2].range, (ByteRange{2, 6}));
  EXPECT_EQ(tokens[4].range, (ByteRange{6, 8}));
}

TEST(HfTokenizer, HonoursTheFlagsOfAddedTokens) {
  Node root = small_tokenizer();
  const auto add = [&](int id, const std::string& content, bool left, bool right, bool word) {
    root["added_tokens"].push_back({{"id", id},
                                    {"content", content},
                                    {"special", false},
                                    {"normalized", false},
                                    {"lstrip", left},
                                    {"rstrip", right},
                                    {"single_word", word}});
  };
  add(300, "<L>", true, false, false);
  add(301, "<R>", false, true, false);
  add(302, "cab", false, false, true);
  const auto tokenizer = load(root).value();
  EXPECT_EQ(tokenizer->vocab_size(), 274);
  const auto tokens = tokenizer->encode("<R> \u3000a  <L>", false);
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(tokens[0].range, (ByteRange{0, 7}));
  EXPECT_EQ(tokens[2].range, (ByteRange{8, 13}));
  EXPECT_EQ(pieces(*tokenizer, "cab")[0], "cab");
  EXPECT_EQ(pieces(*tokenizer, "cab,")[0], "cab");
  EXPECT_NE(pieces(*tokenizer, "caba")[1], "cab");
  const auto inside = pieces(*tokenizer, "中cab");
  EXPECT_EQ(std::count(inside.begin(), inside.end(), "cab"), 0);
}

// What the model knows keeps its id; the rest follow the vocabulary without a gap.
TEST(HfTokenizer, NumbersAddedTokensAsHuggingFaceDoes) {
  Node root = small_tokenizer();
  const auto add = [&](int64_t id, const std::string& content) {
    root["added_tokens"].push_back({{"id", id}, {"content", content}, {"normalized", false}});
  };
  add(900, "<first>");
  add(300, "<second>");
  add(7, "bc");
  add(900, "<third>");
  add(300, "<first>");
  const auto tokenizer = load(root).value();
  EXPECT_EQ(tokenizer->encode_ids("<first><second><third>", false),
            (std::vector<int32_t>{271, 272, 273}));
  EXPECT_EQ(tokenizer->token_to_id("bc"), root["model"]["vocab"]["bc"]);
  EXPECT_EQ(tokenizer->id_to_token(272), "<second>");
  EXPECT_EQ(tokenizer->id_to_token(300), "");
  EXPECT_EQ(tokenizer->vocab_size(), 274);
}

// Without limits, this one takes time that doubles with every letter.
TEST(HfTokenizer, EndsRegularExpressionsThatDoNot) {
  Node root = small_tokenizer();
  root["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"Regex", "^(a|aa)+$"}}}, {"behavior", "Isolated"}};
  root["normalizer"] = nullptr;
  const auto tokenizer = load(root).value();
  EXPECT_EQ(tokenizer->encode(std::string(20, 'a'), false).size(), 20u);
  try {
    tokenizer->encode(std::string(80, 'a') + "b", false);
    FAIL() << "no exception";
  } catch (const std::runtime_error& problem) {
    EXPECT_NE(std::string(problem.what()).find("tokenizer.json: pre_tokenizer"), std::string::npos);
  }
}

TEST(HfTokenizer, TakesMergesAsPairs) {
  Node root = small_tokenizer();
  root["model"]["merges"] = Node::array({Node::array({"b", "c"}), Node::array({"a", "bc"})});
  EXPECT_EQ(pieces(*load(root).value(), "abc"), (Pieces{kSpace, "abc"}));
}

TEST(HfTokenizer, IgnoresMergesWhenAsked) {
  Node root = small_tokenizer();
  root["normalizer"] = nullptr;
  root["model"]["merges"] = Node::array();
  EXPECT_EQ(pieces(*load(root).value(), "abc"), (Pieces{"a", "b", "c"}));
  root["model"]["ignore_merges"] = true;
  EXPECT_EQ(pieces(*load(root).value(), "abc"), Pieces{"abc"});
}

TEST(HfTokenizer, FusesUnknowns) {
  Node root = small_tokenizer();
  root["model"]["byte_fallback"] = false;
  EXPECT_EQ(pieces(*load(root).value(), "xyza"), (Pieces{kSpace, "<unk>", "a"}));
  root["model"]["fuse_unk"] = false;
  EXPECT_EQ(pieces(*load(root).value(), "xya"), (Pieces{kSpace, "<unk>", "<unk>", "a"}));
  root["model"]["unk_token"] = nullptr;
  EXPECT_EQ(pieces(*load(root).value(), "xya"), (Pieces{"\u2581a"}));
}

TEST(HfTokenizer, MetaspacePrependsByScheme) {
  Node root = small_tokenizer();
  root["normalizer"] = nullptr;
  const auto scheme = [&](const std::string& name, bool split) {
    root["pre_tokenizer"] = {
        {"type", "Metaspace"}, {"replacement", kSpace}, {"prepend_scheme", name}, {"split", split}};
    return load(root).value();
  };
  EXPECT_EQ(pieces(*scheme("never", false), "c</s>c"), (Pieces{"c", "</s>", "c"}));
  EXPECT_EQ(pieces(*scheme("first", false), "c</s>c"), (Pieces{kSpace, "c", "</s>", "c"}));
  EXPECT_EQ(pieces(*scheme("always", true), "c</s>c"), (Pieces{kSpace, "c", "</s>", kSpace, "c"}));
  EXPECT_EQ(pieces(*scheme("first", false), " a"), (Pieces{"\u2581a"}));
}

TEST(HfTokenizer, EncodesAMillionEqualBytesQuickly) {
  const auto tokenizer = load(small_tokenizer()).value();
  const std::string text(1'000'000, 'b');
  EXPECT_EQ(tokenizer->encode(text, false).size(), text.size() + 1);
}

TEST(HfTokenizer, NamesUnsupportedComponents) {
  const auto error = [](const Node& root) {
    const auto loaded = load(root);
    return loaded.ok() ? "" : loaded.error().message;
  };
  for (const std::string part : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    Node root = small_tokenizer();
    root[part] = {{"type", "Outlandish"}};
    const std::string message = error(root);
    EXPECT_NE(message.find("Outlandish"), std::string::npos) << part;
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_NE(message.find("tokenizer.json"), std::string::npos) << message;
  }
  Node root = small_tokenizer();
  root["model"]["type"] = "Outlandish";
  EXPECT_NE(error(root).find("Outlandish"), std::string::npos);
  root = small_tokenizer();
  root["model"]["continuing_subword_prefix"] = "##";
  EXPECT_NE(error(root).find("continuing_subword_prefix"), std::string::npos);
}

TEST(HfTokenizer, RefusesMalformedFiles) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"/model/vocab", "[]"},
      {"/model/vocab", "{}"},
      {"/model/vocab", R"({"a": "b"})"},
      {"/model/vocab", R"({"<unk>": -1})"},
      {"/model/vocab", R"({"<unk>": 4000000000})"},
      {"/model/vocab", R"({"<unk>": 1, "a": 1})"},
      {"/model/merges", "{}"},
      {"/model/merges", R"(["a"])"},
      {"/model/merges", R"(["a b c"])"},
      {"/model/merges", R"([["a"]])"},
      {"/model/merges", R"([["a", 3]])"},
      {"/model/merges", R"(["a zz"])"},
      {"/model/merges", R"(["c a"])"},
      {"/model/unk_token", R"("<none>")"},
      {"/model/byte_fallback", "3"},
      {"/model", "7"},
      {"/added_tokens", "{}"},
      {"/added_tokens", "[7]"},
      {"/added_tokens", R"([{"content": "x"}])"},
      {"/added_tokens", R"([{"id": 99999999999, "content": "x"}])"},
      {"/added_tokens", R"([{"id": 5, "content": ""}])"},
      {"/added_tokens", R"([{"id": 5, "content": ")" + std::string(5000, 'x') + R"("}])"},
      {"/added_tokens", R"([{"id": 18446744073709551615, "content": "x"}])"},
      {"/normalizer", "7"},
      {"/normalizer", R"({"type": "Replace", "content": ""})"},
      {"/normalizer", R"({"type": "Replace", "pattern": {"Regex": "("}, "content": ""})"},
      {"/normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "!"})"},
      {"/normalizer", R"({"type": "Precompiled", "precompiled_charsmap": "AAEAAA=="})"},
      {"/model", R"({"type": "Unigram", "vocab": []})"},
      {"/model", R"({"type": "Unigram", "vocab": [["a", "b"]]})"},
      {"/model", R"({"type": "Unigram", "vocab": [["a", -1.5]], "unk_id": 1})"},
      {"/model", R"({"type": "Unigram", "vocab": [["a", -1]], "unk_id": 18446744073709551615})"},
      {"/model", R"({"type": "Unigram", "vocab": [[")" + std::string(5000, 'x') + R"(", -1]]})"},
      {"/model", R"({"type": "WordPiece", "vocab": {"a": 0}})"},
      {"/model", R"({"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "b"})"},
      {"/pre_tokenizer", R"({"type": "CharDelimiterSplit"})"},
      {"/post_processor", R"({"type": "BertProcessing", "sep": ["x"], "cls": ["y", 1]})"},
      {"/pre_tokenizer", R"({"type": "Metaspace", "prepend_scheme": "last"})"},
      {"/pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"})"},
      {"/post_processor", R"({"type": "TemplateProcessing", "single": []})"},
      {"/post_processor/special_tokens", "{}"},
      {"/decoder", R"({"type": "Strip", "content": " ", "start": -1})"},
  };
  for (const auto& [place, value] : bad) {
    Node root = small_tokenizer();
    root[Node::json_pointer(place)] = Node::parse(value);
    const auto loaded = load(root);
    ASSERT_FALSE(loaded.ok()) << place << " " << value;
    EXPECT_EQ(loaded.error().code, ErrorCode::kBadInput);
    EXPECT_NE(loaded.error().message.find("tokenizer.json"), std::string::npos);
  }
}

TEST(HfTokenizer, RefusesTextThatIsNoTokenizer) {
  for (const std::string text :
       {"", "[]", "{", "null", "version https://git-lfs", "{\"a\":\"\xFF\"}"}) {
    const TempFolder folder;
    folder.write("tokenizer.json", text);
    const auto loaded = load_tokenizer(folder.path());
    ASSERT_FALSE(loaded.ok()) << text;
    EXPECT_NE(loaded.error().message.find("tokenizer.json"), std::string::npos);
  }
}

TEST(HfTokenizer, RefusesDeepNesting) {
  Node normalizer = {{"type", "NFC"}};
  for (int i = 0; i < 1000; ++i) {
    normalizer = {{"type", "Sequence"}, {"normalizers", Node::array({normalizer})}};
  }
  Node root = small_tokenizer();
  root["normalizer"] = normalizer;
  EXPECT_FALSE(load(root).ok());
}

Node byte_level_tokenizer() {
  Node root = small_tokenizer();
  root["normalizer"] = {{"type", "NFC"}};
  root["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  root["decoder"] = {{"type", "ByteLevel"}};
  Node vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  int id = 3;
  // The visible stand-ins of all bytes: 188 for themselves, 68 from U+0100 on.
  for (char32_t point = 0x21; point < 0x144; ++point) {
    if ((point > 0x7E && point < 0xA1) || point == 0xAD) continue;
    std::string text;
    append_utf8(text, point);
    vocab[text] = id++;
  }
  vocab["ab"] = id++;
  vocab["\u0120ab"] = id++;
  root["model"]["vocab"] = vocab;
  root["model"]["merges"] = {"a b", "\u0120 ab"};
  return root;
}

TEST(HfTokenizer, ReadsByteLevel) {
  const auto tokenizer = load(byte_level_tokenizer()).value();
  EXPECT_EQ(pieces(*tokenizer, "ab ab"), (Pieces{"ab", "\u0120ab"}));
  for (const std::string text : {"", "ab  ab\n 中国😀", "it's 12", " x"}) {
    const auto tokens = tokenizer->encode(text, false);
    ByteRange last;
    for (const Token& token : tokens) {
      // The next part of the text, or another byte of the same code point.
      EXPECT_TRUE(token.range.begin == last.end || token.range == last);
      last = token.range;
    }
    EXPECT_EQ(last.end, text.size());
    EXPECT_EQ(tokenizer->decode(tokenizer->encode_ids(text, false), true), text);
  }
  // The composed form is encoded; its range is that of the letter, as Hugging Face has it.
  const auto tokens = tokenizer->encode("e\u0301", false);
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[1].range, (ByteRange{0, 1}));
  EXPECT_EQ(tokenizer->decode({tokens[0].id}, true), "\uFFFD");
}

}  // namespace
}  // namespace relata::text
