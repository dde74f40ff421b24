// SentencePiece models written byte by byte: what no trainer would write, and what it seldom does.
#include <gtest/gtest.h>

#include <cstring>

#include "relata/text/tokenizer.h"
#include "temp_folder.h"

namespace relata::text {
namespace {

enum Kind { kNormal = 1, kUnknown = 2, kUserDefined = 4 };
enum Type { kUnigram = 1, kBpe = 2 };

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 128; value >>= 7) out += static_cast<char>(value | 128);
  return out + static_cast<char>(value);
}
std::string number_field(int number, uint64_t value) {
  return varint(static_cast<uint64_t>(number) << 3) + varint(value);
}
std::string bytes_field(int number, const std::string& bytes) {
  return varint(static_cast<uint64_t>(number) << 3 | 2) + varint(bytes.size()) + bytes;
}

struct Model {
  Type type = kBpe;
  std::string pieces;
  std::string charsmap;

  Model& add(const std::string& text, float score, Kind kind = kNormal) {
    std::string bits(sizeof score, '\0');
    std::memcpy(bits.data(), &score, sizeof score);
    const std::string score_field = varint(2 << 3 | 5) + bits;
    pieces += bytes_field(1, bytes_field(1, text) + score_field + number_field(3, kind));
    return *this;
  }
  Result<std::shared_ptr<const Tokenizer>> load() const {
    const TempFolder folder;
    folder.write("tokenizer.model", pieces + bytes_field(2, number_field(3, type)) +
                                        bytes_field(3, bytes_field(2, charsmap)));
    return load_tokenizer(folder.path());
  }
};

// A double array, as darts-clone lays it out, of rules that are one byte long.
class Rules {
 public:
  Rules() : units_(1024) { units_[0] = kFirst << 10; }
  Rules& add(uint8_t byte, const std::string& replacement) {
    const size_t node = kFirst ^ byte;
    const size_t leaf = 512 + 2 * byte;
    units_[node] = byte | 1U << 8 | static_cast<uint32_t>(node ^ leaf) << 10;
    units_[leaf] = static_cast<uint32_t>(replacements_.size()) | 1U << 31;
    replacements_ += replacement + '\0';
    return *this;
  }
  std::string blob() const {
    std::string out;
    const auto put = [&](uint32_t value) {
      for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift);
    };
    put(static_cast<uint32_t>(4 * units_.size()));
    for (const uint32_t unit : units_) put(unit);
    return out + replacements_;
  }

 private:
  static constexpr uint32_t kFirst = 256;
  std::vector<uint32_t> units_;
  std::string replacements_;
};

std::string shown(const Tokenizer& tokenizer, const std::string& text) {
  std::string out;
  for (const Token& token : tokenizer.encode(text, false)) {
    out += tokenizer.id_to_token(token.id) + "[" + std::to_string(token.range.begin) + "," +
           std::to_string(token.range.end) + ")";
  }
  return out;
}

Model small(Type type) {
  Model model;
  model.type = type;
  model.add("<unk>", 0, kUnknown);
  for (const std::string piece : {"\u2581", "a", "b", "n"}) model.add(piece, -9);
  return model.add("ab", -3).add("\u2581a", -4).add("\u2581ab", -5);
}

TEST(HandmadeSentencePiece, ReplacesByRules) {
  for (const Type type : {kUnigram, kBpe}) {
    Model model = small(type);
    model.charsmap = Rules().add('x', "ab").add('_', " ").blob();
    const auto tokenizer = model.load().value();
    EXPECT_EQ(shown(*tokenizer, "x ab_x b__"),
              "\u2581ab[0,1)\u2581ab[1,4)\u2581ab[4,6)\u2581[6,7)b[7,8)");
  }
}

// Words that are taken as they stand, and all that must not be: two spaces, other spaces, rules.
TEST(HandmadeSentencePiece, KeepsOffsetsOverWords) {
  for (const Type type : {kUnigram, kBpe}) {
    const auto tokenizer = small(type).load().value();
    EXPECT_EQ(shown(*tokenizer, "ab ab ab"), "\u2581ab[0,2)\u2581ab[2,5)\u2581ab[5,8)");
    EXPECT_EQ(shown(*tokenizer, "  ab  ab ab  "), "\u2581ab[2,4)\u2581ab[4,8)\u2581ab[8,11)");
    EXPECT_EQ(shown(*tokenizer, "n ab?? ?ab"),
              "\u2581[0,0)n[0,1)\u2581ab[1,4)<unk>[4,6)\u2581[6,7)<unk>[7,8)ab[8,10)");
    EXPECT_EQ(shown(*tokenizer, "n é ab é"),
              "\u2581[0,0)n[0,1)\u2581[1,2)<unk>[2,4)\u2581ab[4,7)\u2581[7,8)<unk>[8,10)");
  }
}

TEST(HandmadeSentencePiece, KeepsUserSymbolsOverWords) {
  for (const Type type : {kUnigram, kBpe}) {
    const auto tokenizer = small(type).add("ba", 0, kUserDefined).load().value();
    EXPECT_EQ(shown(*tokenizer, "n ba nba ab"),
              "\u2581[0,0)n[0,1)\u2581[1,2)ba[2,4)\u2581[4,5)n[5,6)ba[6,8)\u2581ab[8,11)");
  }
}

// "m mm" and "mm m" have one sum, which is rounded by what stands before: as SentencePiece 0.2.3
// has it with these pieces and scores, which are T5's.
TEST(HandmadeSentencePiece, RoundsSumsAsTheLibraryDoes) {
  Model model;
  model.type = kUnigram;
  model.add("<unk>", 0, kUnknown).add("\u2581", -2.0122928619384766F);
  model.add("a", -4.097104549407959F).add("\u2581H", -8.736178398132324F);
  model.add("m", -6.375206470489502F).add("mm", -9.085619926452637F);
  const auto tokenizer = model.load().value();
  EXPECT_EQ(shown(*tokenizer, "Hmmm a"), "\u2581H[0,1)mm[1,3)m[3,4)\u2581[4,5)a[5,6)");
  EXPECT_EQ(shown(*tokenizer, "a Hmmm"), "\u2581[0,0)a[0,1)\u2581H[1,3)m[3,4)mm[4,6)");
  EXPECT_EQ(shown(*tokenizer, "Hmmm Hmmm"), "\u2581H[0,1)mm[1,3)m[3,4)\u2581H[4,6)m[6,7)mm[7,9)");
}

// A rule may neither cut a code point nor write what is no text.
TEST(HandmadeSentencePiece, PassesOverDamagedRules) {
  for (const Type type : {kUnigram, kBpe}) {
    Model model = small(type);
    model.charsmap = Rules().add(0xE4, "a").add('n', "\xF0").blob();
    const auto tokenizer = model.load().value();
    EXPECT_EQ(shown(*tokenizer, "n中"), "\u2581[0,0)n[0,1)<unk>[1,4)");
  }
}

// More code points that are part of a piece, but none themselves, than there are pieces.
TEST(HandmadeSentencePiece, TellsPartsOfPiecesFromUserSymbols) {
  Model model;
  model.add("<unk>", 0, kUnknown).add("\u2581", -1).add("cdefghijkl", -2);
  const auto tokenizer = model.add("user", 0, kUserDefined).load().value();
  for (const std::string letter : {"c", "f", "g", "h", "i", "l", "z"}) {
    EXPECT_EQ(shown(*tokenizer, letter), "\u2581[0,0)<unk>[0,1)");
  }
  EXPECT_EQ(shown(*tokenizer, "cuser"), "\u2581[0,0)<unk>[0,1)user[1,5)");
}

TEST(HandmadeSentencePiece, RefusesAbsurdPieces) {
  const auto loaded = small(kBpe).add(std::string(100'000, 'a'), -1).load();
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().message.find("piece 8 is too long"), std::string::npos);
}

}  // namespace
}  // namespace relata::text
