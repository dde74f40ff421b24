// Streams of tokens whose text depends on what stands before them.
#include <gtest/gtest.h>

#include "relata/text/tokenizer.h"

namespace relata::text {
namespace {

// Ids are bytes; 0 is special. As SentencePiece's, a text loses the spaces at its beginning.
class Bytes : public Tokenizer {
 public:
  std::string decode(const std::vector<int32_t>& ids, bool skip_special) const override {
    decoded_ += ids.size();
    std::string bytes;
    for (const int32_t id : ids) {
      if (id != 0) bytes += static_cast<char>(id);
      if (id == 0 && !skip_special) bytes += "<0>";
    }
    bytes.erase(0, std::min(bytes.find_first_not_of(' '), bytes.size()));
    return replace_invalid_utf8(bytes);
  }
  std::vector<Token> encode(std::string_view, bool) const override { return {}; }
  int32_t vocab_size() const override { return 256; }
  int32_t token_to_id(std::string_view) const override { return -1; }
  std::string id_to_token(int32_t) const override { return ""; }
  int32_t bos_id() const override { return -1; }
  int32_t eos_id() const override { return -1; }
  bool is_special(int32_t id) const override { return id == 0; }
  Status save(const std::string&) const override { return {}; }
  std::string kind() const override { return "bytes"; }

  size_t decoded() const { return decoded_; }

 private:
  mutable size_t decoded_ = 0;  // ids that decode() was given
};

std::vector<int32_t> ids_of(const std::string& bytes) {
  std::vector<int32_t> ids;
  for (const char byte : bytes) ids.push_back(static_cast<uint8_t>(byte));
  return ids;
}

std::string streamed(const std::shared_ptr<const Bytes>& tokenizer, const std::vector<int32_t>& ids,
                     bool skip_special) {
  StreamDecoder stream(tokenizer, skip_special);
  std::string out;
  for (const int32_t id : ids) {
    const std::string part = stream.add(id);
    EXPECT_EQ(find_invalid_utf8(part), std::nullopt);
    out += part;
  }
  return out + stream.finish();
}

TEST(StreamDecoder, GivesWholeCodePoints) {
  const auto tokenizer = std::make_shared<Bytes>();
  StreamDecoder stream(tokenizer, true);
  EXPECT_EQ(stream.add('a'), "a");
  EXPECT_EQ(stream.add(0xE4), "");
  EXPECT_EQ(stream.add(0xB8), "");
  EXPECT_EQ(stream.add(0xAD), "中");
  EXPECT_EQ(stream.add(0xF0), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
  EXPECT_EQ(stream.add(' '), "");
  EXPECT_EQ(stream.add('b'), "b");
}

// A U+FFFD of the text itself looks like bytes that wait for more.
TEST(StreamDecoder, GivesReplacementCharactersOfTheText) {
  const auto bytes = std::make_shared<Bytes>();
  std::string text = "a";
  for (int i = 0; i < 30; ++i) text += "\uFFFD";
  text += "中b";
  EXPECT_EQ(streamed(bytes, ids_of(text), true), text);
}

// Bytes of no text are given out, and what they are taken for later leaves no part of a code point.
TEST(StreamDecoder, GivesWholeCodePointsAfterBytesOfNoText) {
  const auto bytes = std::make_shared<Bytes>();
  const std::string out = streamed(bytes, ids_of(std::string(20, '\xFF') + "中"), true);
  EXPECT_TRUE(out.starts_with("\uFFFD")) << out;
  EXPECT_TRUE(out.ends_with("中")) << out;
}

// However long a run of tokens without a text of their own is.
TEST(StreamDecoder, KeepsSpacesInTheMiddle) {
  const auto tokenizer = std::make_shared<Bytes>();
  for (const std::string text : {"  a  b", "a   \xE4\xB8\xAD    c "}) {
    EXPECT_EQ(streamed(tokenizer, ids_of(text), true), tokenizer->decode(ids_of(text), true));
  }
  for (const size_t count : {7u, 8u, 9u, 63u, 64u, 65u, 500u}) {
    const std::string text = "  \u4E2D" + std::string(count, ' ') + "b  c";
    EXPECT_EQ(streamed(tokenizer, ids_of(text), true), tokenizer->decode(ids_of(text), true));
  }
}

TEST(StreamDecoder, ForgetsTokensWithoutText) {
  const auto tokenizer = std::make_shared<Bytes>();
  std::vector<int32_t> ids(20'000, 0);
  ids.push_back('x');
  EXPECT_EQ(streamed(tokenizer, ids, true), "x");
  // Each id is looked at with at most some dozens before it.
  EXPECT_LT(tokenizer->decoded(), 300 * ids.size());
}

}  // namespace
}  // namespace relata::text
