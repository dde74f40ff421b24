#include "relata/base/gguf.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <functional>

#include "temp_folder.h"

namespace relata {
namespace {

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void put_text(std::string& out, const std::string& text) {
  put(out, uint64_t{text.size()});
  out += text;
}

// A GGUF file written by hand, so that any part of it can be wrong.
struct Draft {
  uint32_t version = 3;
  uint64_t tensor_count = 0;
  uint64_t entry_count = 0;
  std::string entries;
  std::string infos;
  std::string data;

  void entry(const std::string& key, uint32_t type, const std::string& value) {
    put_text(entries, key);
    put(entries, type);
    entries += value;
    ++entry_count;
  }
  void integer(const std::string& key, uint32_t value) {
    std::string bytes;
    put(bytes, value);
    entry(key, 4, bytes);
  }
  void tensor(const std::string& name, const std::vector<int64_t>& ne, uint32_t type,
              uint64_t offset) {
    put_text(infos, name);
    put(infos, static_cast<uint32_t>(ne.size()));
    for (const int64_t size : ne) put(infos, size);
    put(infos, type);
    put(infos, offset);
    ++tensor_count;
  }
  std::string text() const {
    std::string out = "GGUF";
    put(out, version);
    put(out, tensor_count);
    put(out, entry_count);
    out += entries + infos;
    out.resize((out.size() + 31) / 32 * 32);
    return out + data;
  }
};

std::string error_of(const std::string& content) {
  const TempFolder folder;
  spill(folder / "x.gguf", content);
  const auto file = GgufFile::open(folder / "x.gguf");
  if (file.ok()) return "opened";
  EXPECT_TRUE(contains(file.error().message, "x.gguf: "));
  EXPECT_FALSE(file.error().hint.empty());
  return file.error().message.substr(file.error().message.find("x.gguf: ") + 8);
}

Draft two_tensors() {
  Draft draft;
  draft.integer("a.count", 7);
  draft.tensor("first", {3, 2}, 0, 0);
  draft.tensor("second", {32}, 8, 32);
  draft.data.resize(32 + 34, 'x');
  return draft;
}

TEST(Gguf, ReadsTensorsInRowMajorOrder) {
  const TempFolder folder;
  spill(folder / "x.gguf", two_tensors().text());
  const auto file = GgufFile::open(folder / "x.gguf").value();
  ASSERT_EQ(file->tensors().size(), 2U);
  EXPECT_EQ(file->find("first")->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file->find("first")->bytes.size(), 24U);
  EXPECT_EQ(file->find("second")->type, GgmlType::kQ80);
  EXPECT_EQ(file->find("second")->bytes.size(), 34U);
  EXPECT_EQ(file->find("third"), nullptr);
  EXPECT_EQ(file->get_integer("a.count").value(), 7);
}

TEST(Gguf, ReadsVersion2) {
  Draft draft = two_tensors();
  draft.version = 2;
  EXPECT_EQ(error_of(draft.text()), "opened");
}

TEST(Gguf, RefusesOtherFilesByName) {
  EXPECT_TRUE(contains(error_of(""), "not a GGUF file"));
  EXPECT_TRUE(contains(error_of("<html>"), "not a GGUF file"));
  EXPECT_TRUE(contains(error_of("version https://git-lfs.github.com/spec/v1"), "Git LFS pointer"));
  EXPECT_TRUE(contains(error_of("tjgg and so on"), "from before GGUF"));
  Draft draft = two_tensors();
  draft.version = 1;
  EXPECT_TRUE(contains(error_of(draft.text()), "GGUF version 1; versions 2 and 3"));
  draft.version = 0x03000000;
  EXPECT_TRUE(contains(error_of(draft.text()), "big-endian"));
}

TEST(Gguf, RefusesEveryCutFile) {
  const std::string whole = two_tensors().text();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(error_of(whole.substr(0, size)), "opened") << size;
  }
  EXPECT_EQ(error_of(whole), "opened");
  EXPECT_EQ(error_of(whole + std::string(30, '\0')), "opened");  // padding up to 32 bytes
  EXPECT_EQ(error_of(whole + std::string(31, '\0')), "31 bytes follow its last tensor");
}

struct BadCase {
  const char* what;
  std::function<void(Draft&)> spoil;
  const char* message;
};

TEST(Gguf, NamesWhatIsWrong) {
  const std::vector<BadCase> cases = {
      {"tensor count", [](Draft& d) { d.tensor_count = uint64_t{1} << 60U; }, "claims"},
      {"entry count", [](Draft& d) { d.entry_count = UINT64_MAX; }, "metadata entries"},
      {"key twice", [](Draft& d) { d.integer("a.count", 8); }, "key 'a.count': it is there twice"},
      {"value type", [](Draft& d) { d.entry("k", 13, "x"); },
       "key 'k': value type 13 is not known"},
      {"bool", [](Draft& d) { d.entry("k", 7, "\x02"); }, "neither 0 nor 1"},
      {"alignment", [](Draft& d) { d.integer("general.alignment", 24); }, "24 is no power of two"},
      {"alignment type", [](Draft& d) { d.entry("general.alignment", 0, " "); }, "wants uint32"},
      {"name twice", [](Draft& d) { d.tensor("first", {1}, 0, 96); },
       "tensor 'first': it is there twice"},
      {"dimensions",
       [](Draft& d) {
         d.tensor("t", {1, 1, 1, 1, 1}, 0, 96);
       },
       "5 dimensions"},
      {"negative", [](Draft& d) { d.tensor("t", {-1}, 0, 96); }, "a size of -1"},
      {"empty",
       [](Draft& d) {
         d.tensor("t", {4, 0}, 0, 96);
       },
       "a size of 0"},
      {"overflow",
       [](Draft& d) {
         d.tensor("t", {int64_t{1} << 40U, int64_t{1} << 40U}, 0, 96);
       },
       "tensor 't': its shape does not fit"},
      {"block", [](Draft& d) { d.tensor("t", {33}, 8, 96); }, "whole blocks of 32"},
      {"type", [](Draft& d) { d.tensor("t", {32}, 31, 96); }, "tensor 't': type 31 is not known"},
      {"gap", [](Draft& d) { d.tensor("t", {1}, 0, 128); }, "leaves a gap"},
      {"overlap", [](Draft& d) { d.tensor("t", {1}, 0, 0); }, "overlaps"},
      {"outside", [](Draft& d) { d.tensor("t", {1000}, 0, 96); }, "the file has"},
      {"far outside", [](Draft& d) { d.tensor("t", {int64_t{1} << 60U}, 24, 96); },
       "tensor 't': its data ends"},
  };
  for (const BadCase& bad : cases) {
    Draft draft = two_tensors();
    bad.spoil(draft);
    EXPECT_TRUE(contains(error_of(draft.text()), bad.message))
        << bad.what << ": " << error_of(draft.text());
  }
}

TEST(Gguf, DistrustsArrays) {
  std::string absurd;
  put(absurd, uint32_t{4});
  put(absurd, uint64_t{1} << 62U);
  Draft draft;
  draft.entry("k", 9, absurd);
  EXPECT_TRUE(contains(error_of(draft.text()), "key 'k': 4611686018427387904 values of uint32"));

  std::string text;
  put(text, uint32_t{8});
  put(text, uint64_t{1});
  put(text, uint64_t{1} << 40U);
  draft = Draft();
  draft.entry("k", 9, text);
  EXPECT_TRUE(contains(error_of(draft.text()), "string 1 of 1 ends beyond the file"));

  std::string nested;
  for (int i = 0; i < 40; ++i) {
    put(nested, uint32_t{9});
    put(nested, uint64_t{1});
  }
  put(nested, uint32_t{4});
  put(nested, uint64_t{0});
  draft = Draft();
  draft.entry("k", 9, nested);
  EXPECT_TRUE(contains(error_of(draft.text()), "nested too deeply"));
}

GgufTensorToWrite to_write(const std::string& name, GgmlType type, std::vector<int64_t> shape,
                           const std::string& bytes) {
  return {name, type, std::move(shape), [&bytes]() -> Result<std::span<const std::byte>> {
            return std::as_bytes(std::span(bytes));
          }};
}

TEST(Gguf, WritesWhatItReads) {
  const TempFolder folder;
  const GgufMetadata metadata = {{"u8", uint8_t{200}},
                                 {"i8", int8_t{-3}},
                                 {"i64", int64_t{-5}},
                                 {"u64", UINT64_MAX},
                                 {"f", 0.5F},
                                 {"d", 0.25},
                                 {"yes", true},
                                 {"name", std::string("Zoë")},
                                 {"words", std::vector<std::string>{"a", "", "ccc"}},
                                 {"ids", std::vector<int32_t>{1, -2}},
                                 {"scores", std::vector<float>{1.5F, -2.5F}}};
  const std::string floats(24, 'f'), blocks(34, 'b');
  ASSERT_TRUE(write_gguf(folder / "sub/x.gguf", metadata,
                         {to_write("one", GgmlType::kF32, {2, 3}, floats),
                          to_write("two", GgmlType::kQ80, {1, 32}, blocks)})
                  .ok());
  const auto file = GgufFile::open(folder / "sub/x.gguf").value();
  EXPECT_EQ(file->keys().size(), metadata.size());
  EXPECT_EQ(file->get_integer("u8").value(), 200);
  EXPECT_EQ(file->get_integer("i8").value(), -3);
  EXPECT_EQ(file->get_integer("i64").value(), -5);
  EXPECT_TRUE(contains(file->get_integer("u64").error().message, "key 'u64': it is uint64"));
  EXPECT_EQ(file->get_number("f").value(), 0.5);
  EXPECT_EQ(file->get_number("d").value(), 0.25);
  EXPECT_EQ(file->get_number("i8").value(), -3);
  EXPECT_TRUE(file->get_bool("yes").value());
  EXPECT_EQ(file->get_string("name").value(), "Zoë");
  EXPECT_EQ(file->get_strings("words").value(), (std::vector<std::string_view>{"a", "", "ccc"}));
  EXPECT_EQ(file->get_integers("ids").value(), (std::vector<int64_t>{1, -2}));
  EXPECT_EQ(file->get_integers("u8").value(), (std::vector<int64_t>{200}));
  EXPECT_EQ(file->get_floats("scores").value(), (std::vector<float>{1.5F, -2.5F}));
  EXPECT_EQ(file->find("one")->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(file->find("two")->bytes.data(), blocks.data(), blocks.size()), 0);

  // Missing and mistyped.
  EXPECT_TRUE(contains(file->get_integer("none").error().message, "key 'none': it is missing"));
  EXPECT_EQ(file->get_integer("none", 4).value(), 4);
  EXPECT_TRUE(contains(file->get_integer("name", 4).error().message, "it is string"));
  EXPECT_TRUE(contains(file->get_string("u8").error().message, "a string is wanted"));
  EXPECT_TRUE(contains(file->get_bool("u8").error().message, "a truth value is wanted"));
  EXPECT_TRUE(contains(file->get_strings("ids").error().message, "an array of int32"));
  EXPECT_TRUE(contains(file->get_integers("words").error().message, "an array of string"));
  EXPECT_TRUE(contains(file->get_integers("scores").error().message, "an array of float32"));

  // Raw values carry metadata over unchanged.
  GgufMetadata copied;
  for (const std::string& key : file->keys()) copied.emplace_back(key, file->raw_value(key));
  ASSERT_TRUE(write_gguf(folder / "y.gguf", copied,
                         {to_write("one", GgmlType::kF32, {2, 3}, floats),
                          to_write("two", GgmlType::kQ80, {1, 32}, blocks)})
                  .ok());
  EXPECT_EQ(slurp(folder / "y.gguf"), slurp(folder / "sub/x.gguf"));
}

TEST(Gguf, LeavesNothingBehindWhenATensorFails) {
  const TempFolder folder;
  const GgufTensorToWrite bad = {
      "t", GgmlType::kF32, {1}, []() -> Result<std::span<const std::byte>> {
        return input_error("no");
      }};
  EXPECT_EQ(write_gguf(folder / "x.gguf", {}, {bad}).error().message, "no");
  EXPECT_EQ(folder.count(), 0U);
}

class SplitGguf : public testing::Test {
 protected:
  std::string part(int number) const {
    return folder_ / ("m-0000" + std::to_string(number) + "-of-00003.gguf");
  }
  void write_part(int number, const std::string& tensor, int count = 3) const {
    GgufMetadata metadata;
    if (number == 1) metadata.emplace_back("general.architecture", std::string("llama"));
    metadata.emplace_back("split.no", static_cast<uint16_t>(number - 1));
    metadata.emplace_back("split.count", static_cast<uint16_t>(count));
    metadata.emplace_back("split.tensors.count", int32_t{3});
    ASSERT_TRUE(
        write_gguf(part(number), metadata, {to_write(tensor, GgmlType::kF32, {1}, four_)}).ok());
  }
  void SetUp() override {
    write_part(1, "a");
    write_part(2, "b");
    write_part(3, "c");
  }
  TempFolder folder_;
  std::string four_ = "abcd";
};

TEST_F(SplitGguf, AnyPartOpensAll) {
  for (int number = 1; number <= 3; ++number) {
    const auto file = GgufFile::open(part(number)).value();
    EXPECT_EQ(file->tensors().size(), 3U);
    EXPECT_NE(file->find("c"), nullptr);
    EXPECT_EQ(file->get_string("general.architecture").value(), "llama");
  }
}

TEST_F(SplitGguf, NamesAMissingPart) {
  std::filesystem::remove(part(2));
  EXPECT_TRUE(contains(GgufFile::open(part(1)).error().message,
                       "m-00002-of-00003.gguf: this part of the model is missing"));
}

TEST_F(SplitGguf, RefusesPartsThatDoNotBelongTogether) {
  std::filesystem::copy_file(part(1), folder_ / "renamed.gguf");
  EXPECT_TRUE(contains(GgufFile::open(folder_ / "renamed.gguf").error().message, "one of 3 parts"));
  write_part(2, "b", 4);
  EXPECT_TRUE(contains(GgufFile::open(part(1)).error().message, "disagree on which part"));
  write_part(2, "a");
  EXPECT_TRUE(contains(GgufFile::open(part(1)).error().message, "tensor 'a' is in another part"));
}

TEST(GgmlTypes, SayTheirBlocks) {
  EXPECT_STREQ(name_of(GgmlType::kIq4Xs), "IQ4_XS");
  EXPECT_EQ(ggml_block(GgmlType::kQ4K).bytes, 144);
  EXPECT_FALSE(is_known(static_cast<GgmlType>(4)));
  EXPECT_EQ(ggml_block(static_cast<GgmlType>(1000)).elements, 0);
}

TEST(GgufPartNumber, IsReadFromTheName) {
  EXPECT_EQ(gguf_part_number("a/m-00001-of-00002.gguf"), 1);
  EXPECT_EQ(gguf_part_number("m-00012-of-00020.gguf"), 12);
  for (const char* path :
       {"m.gguf", "m-1-of-2.gguf", "m-00001-of-00002.bin", "", "x00001-of-00002"}) {
    EXPECT_EQ(gguf_part_number(path), 0) << path;
  }
}

}  // namespace
}  // namespace relata
