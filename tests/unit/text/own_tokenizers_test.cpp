// The small tokenizers of tests/files/text: what their own libraries say, streams, batches, damage.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "relata/text/tokenizer.h"
#include "temp_folder.h"

namespace relata::text {
namespace {

using Node = nlohmann::json;
using Loaded = std::shared_ptr<const Tokenizer>;

const std::filesystem::path kFolder = std::filesystem::path(RELATA_TEST_FILES) / "text";

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string name_in_folder(const std::string& file) {
  return file.ends_with(".json") ? "tokenizer.json" : "tokenizer.model";
}

Loaded load(const std::string& file) {
  const TempFolder folder;
  folder.write(name_in_folder(file), read(kFolder / file));
  return load_tokenizer(folder.path()).value();
}

struct Expected {
  std::string file;
  std::string text;
  std::vector<int32_t> ids;
  std::vector<std::pair<size_t, size_t>> offsets;
};

std::vector<Expected> expected() {
  std::vector<Expected> all;
  std::istringstream lines(read(kFolder / "expected.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const Node node = Node::parse(line);
    all.push_back({node["file"], node["text"], node["ids"], node["offsets"]});
  }
  return all;
}

std::vector<std::string> files() {
  std::vector<std::string> names;
  for (const Expected& item : expected()) {
    if (names.empty() || names.back() != item.file) names.push_back(item.file);
  }
  return names;
}

class OwnTokenizer : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Files, OwnTokenizer, testing::ValuesIn(files()), [](const auto& info) {
  return info.param.substr(0, info.param.find('.'));
});

TEST_P(OwnTokenizer, SaysWhatItsLibrarySays) {
  const Loaded tokenizer = load(GetParam());
  int compared = 0;
  for (const Expected& item : expected()) {
    if (item.file != GetParam()) continue;
    const OffsetMap map(item.text);
    std::vector<int32_t> ids;
    std::vector<std::pair<size_t, size_t>> offsets;
    for (const Token& token : tokenizer->encode(item.text, false)) {
      ids.push_back(token.id);
      offsets.emplace_back(map.to_code_point(token.range.begin),
                           map.to_code_point(token.range.end));
    }
    EXPECT_EQ(ids, item.ids) << item.text;
    EXPECT_EQ(offsets, item.offsets) << item.text;
    ++compared;
  }
  EXPECT_GE(compared, 14);
}

TEST_P(OwnTokenizer, StreamsWhatItDecodes) {
  const Loaded tokenizer = load(GetParam());
  for (const Expected& item : expected()) {
    const auto ids = tokenizer->encode_ids(item.text, true);
    StreamDecoder stream(tokenizer, true);
    std::string joined;
    for (const int32_t id : ids) {
      const std::string part = stream.add(id);
      EXPECT_EQ(find_invalid_utf8(part), std::nullopt);
      joined += part;
    }
    joined += stream.finish();
    EXPECT_EQ(joined, tokenizer->decode(ids, true)) << item.text;
  }
}

// Word pieces do not say where punctuation stood beside words.
TEST_P(OwnTokenizer, TokensHaveTheBytesOfTheText) {
  const Loaded tokenizer = load(GetParam());
  const bool words = tokenizer->kind().find("word") != std::string::npos;
  int compared = 0;
  for (const Expected& item : expected()) {
    const auto ids = tokenizer->encode_ids(item.text, false);
    const bool unknown =
        std::any_of(ids.begin(), ids.end(), [&](int32_t id) { return tokenizer->is_special(id); });
    if (words || unknown) continue;
    std::string bytes;
    for (const int32_t id : ids) bytes += tokenizer->token_bytes(id);
    const std::string text = tokenizer->decode(ids, true);
    EXPECT_TRUE(bytes == text || bytes == " " + text) << bytes << " for " << text;
    ++compared;
  }
  EXPECT_GE(compared, words ? 0 : 14);
  EXPECT_EQ(tokenizer->token_bytes(-1), "");
  EXPECT_EQ(tokenizer->token_bytes(tokenizer->vocab_size()), "");
  for (int32_t id = 0; id < tokenizer->vocab_size(); ++id) {
    EXPECT_EQ(tokenizer->is_special(id) ? tokenizer->token_bytes(id) : "", "") << id;
  }
}

TEST_P(OwnTokenizer, EncodesBatchesAsItEncodesTexts) {
  const Loaded tokenizer = load(GetParam());
  std::vector<std::string> texts;
  for (int round = 0; round < 20; ++round) {
    for (const Expected& item : expected()) texts.push_back(item.text + std::to_string(round % 3));
  }
  const auto batch = tokenizer->encode_batch(texts, true, 4);
  ASSERT_EQ(batch.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto one = tokenizer->encode(texts[i], true);
    ASSERT_EQ(batch[i].size(), one.size());
    for (size_t k = 0; k < one.size(); ++k) {
      EXPECT_EQ(batch[i][k].id, one[k].id);
      EXPECT_EQ(batch[i][k].range, one[k].range);
    }
  }
  EXPECT_THROW(tokenizer->encode_batch(std::vector<std::string>(100, "\xFF"), true, 4),
               std::logic_error);
}

// Every beginning of the file, and the file with single bytes changed: an error that names it, or a
// tokenizer that works.
TEST_P(OwnTokenizer, SurvivesDamage) {
  const std::string content = read(kFolder / GetParam());
  const std::string name = name_in_folder(GetParam());
  const TempFolder folder;
  std::mt19937 random(11);
  int refused = 0;
  const auto attempt = [&](const std::string& damaged) {
    folder.write(name, damaged);
    const auto loaded = load_tokenizer(folder.path());
    if (loaded.ok()) {
      for (const std::string text : {"the river in 1987", "上海 é 😀", ""}) {
        loaded.value()->decode(loaded.value()->encode_ids(text, true), false);
      }
    } else {
      ++refused;
      EXPECT_NE(loaded.error().message.find(name), std::string::npos) << loaded.error().message;
      EXPECT_EQ(loaded.error().code, ErrorCode::kBadInput);
    }
    return loaded.ok();
  };
  const size_t step = content.size() / 300 + 1;
  for (size_t size = 0; size < content.size(); size += step) {
    const bool ok = attempt(content.substr(0, size));
    // What is left of JSON is never JSON.
    EXPECT_FALSE(ok && name == "tokenizer.json");
  }
  for (int round = 0; round < 300; ++round) {
    std::string damaged = content;
    for (int i = 0; i < 1 + round % 3; ++i) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    attempt(damaged);
  }
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace relata::text
