// Damaged files are refused with a message that names them, or read as what they say.
#include <gtest/gtest.h>

#include "gguf_mutations.h"
#include "relata/base/gguf.h"
#include "temp_folder.h"

namespace relata {
namespace {

struct Content {
  GgufMetadata metadata;
  std::vector<std::pair<GgmlType, std::vector<int64_t>>> tensors;
};

std::string bytes_of(size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(i * 37 + 11);
  return out;
}

std::string made(const std::string& path, const Content& content) {
  std::vector<GgufTensorToWrite> tensors;
  std::string bytes;
  for (const auto& [type, shape] : content.tensors) {
    int64_t size = ggml_block(type).bytes * shape.back() / ggml_block(type).elements;
    for (size_t i = 0; i + 1 < shape.size(); ++i) size *= shape[i];
    tensors.push_back({"blk." + std::to_string(tensors.size()) + ".weight", type, shape,
                       [&bytes, size]() -> Result<std::span<const std::byte>> {
                         bytes = bytes_of(static_cast<size_t>(size));
                         return std::as_bytes(std::span(bytes));
                       }});
  }
  EXPECT_TRUE(write_gguf(path, content.metadata, tensors).ok());
  return slurp(path);
}

// The file written again from what was read of it.
std::string written_again(const GgufFile& file, const std::string& path) {
  GgufMetadata metadata;
  for (const std::string& key : file.keys()) metadata.emplace_back(key, file.raw_value(key));
  std::vector<GgufTensorToWrite> tensors;
  for (const GgufTensor& tensor : file.tensors()) {
    tensors.push_back({tensor.name, tensor.type, tensor.shape,
                       [&tensor]() -> Result<std::span<const std::byte>> { return tensor.bytes; }});
  }
  EXPECT_TRUE(write_gguf(path, metadata, tensors).ok());
  return slurp(path);
}

// Reads every value through every getter: none may fail otherwise than with a Result.
void read_all(const GgufFile& file) {
  for (const std::string& key : file.keys()) {
    static_cast<void>(file.get_string(key));
    static_cast<void>(file.get_integer(key));
    static_cast<void>(file.get_number(key));
    static_cast<void>(file.get_bool(key));
    static_cast<void>(file.get_strings(key));
    static_cast<void>(file.get_integers(key));
    static_cast<void>(file.get_floats(key));
  }
}

// Whether `text` says what `again` says. The writer fills with zeros what the format leaves free
// behind the header and behind tensors; nothing reads it, so anything may stand there.
bool same_but_padding(const std::string& text, const std::string& again) {
  constexpr size_t kMostPadding = 31;
  if (std::max(text.size(), again.size()) - std::min(text.size(), again.size()) > kMostPadding) {
    return false;
  }
  for (size_t i = 0; i < std::min(text.size(), again.size()); ++i) {
    const bool version = i >= 4 && i < 8;
    if (text[i] != again[i] && !version && again[i] != 0) return false;
  }
  return true;
}

constexpr int kWrittenAgain = 100;  // files; each waits for the disk

void check(uint64_t seed, const Content& content) {
  const TempFolder folder;
  const std::string whole = made(folder / "whole.gguf", content);
  Mutator mutator(seed);
  int opened = 0;
  for (int i = 0; i < mutation_count(); ++i) {
    const std::string text = mutator.mutate(whole);
    spill(folder / "x.gguf", text);
    const auto file = GgufFile::open(folder / "x.gguf");
    if (!file.ok()) {
      ASSERT_TRUE(contains(file.error().message, "x.gguf: ")) << file.error().message;
      ASSERT_FALSE(file.error().hint.empty()) << file.error().message;
      continue;
    }
    ++opened;
    read_all(**file);
    // Another alignment is another layout than is written.
    if (opened > kWrittenAgain || file.value()->has("general.alignment")) continue;
    ASSERT_TRUE(same_but_padding(text, written_again(**file, folder / "y.gguf"))) << i;
  }
  EXPECT_GT(opened, 0);                 // data and strings are free to change
  EXPECT_LT(opened, mutation_count());  // much else is not
}

TEST(GgufMutations, OfMetadataOfEveryType) {
  check(1, {{{"u8", uint8_t{1}},
             {"i8", int8_t{-1}},
             {"u16", uint16_t{2}},
             {"i16", int16_t{-2}},
             {"u32", uint32_t{3}},
             {"i32", int32_t{-3}},
             {"f32", 0.5F},
             {"bool", true},
             {"string", std::string("text")},
             {"u64", uint64_t{4}},
             {"i64", int64_t{-4}},
             {"f64", 0.25},
             {"strings", std::vector<std::string>{"a", "bb", ""}},
             {"ints", std::vector<int32_t>{1, 2, 3}},
             {"floats", std::vector<float>{1, 2}}},
            {{GgmlType::kF32, {4}}}});
}

TEST(GgufMutations, OfTensorsOfEveryType) {
  Content content;
  content.metadata.emplace_back("general.architecture", std::string("llama"));
  for (uint32_t number = 0; number < 42; ++number) {
    const auto type = static_cast<GgmlType>(number);
    if (is_known(type)) content.tensors.emplace_back(type, std::vector<int64_t>{2, 256});
  }
  check(2, content);
}

TEST(GgufMutations, OfAFileOfManySmallTensors) {
  Content content;
  for (int i = 0; i < 12; ++i) content.tensors.push_back({GgmlType::kF32, {1}});
  content.tensors.push_back({GgmlType::kQ80, {2, 3, 2, 32}});
  check(3, content);
}

}  // namespace
}  // namespace relata
