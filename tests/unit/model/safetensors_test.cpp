#include "relata/model/safetensors.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "relata/base/json.h"

namespace relata::model {
namespace {

class SafetensorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("relata_safetensors_" + std::to_string(::getpid()) + "_" + info->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string put(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }
  std::string message(const std::string& header, const std::string& data) const {
    const auto views = read_safetensors(put("x.safetensors", file_of(header, data)));
    if (views.ok()) return "(no error)";
    EXPECT_EQ(views.error().code, ErrorCode::kBadInput);
    EXPECT_NE(views.error().message.find("x.safetensors"), std::string::npos);
    return views.error().message;
  }

  static std::string file_of(const std::string& header, const std::string& data) {
    std::string length(8, '\0');
    for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i));
    return length + header + data;
  }

  std::filesystem::path folder_;
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(const TensorView& view) {
  return {reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size()};
}

void expect_mention(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "\nhas no " << part;
}

// Whatever a damaged file was read as must lie inside it.
void expect_well_formed(const TensorViews& views) {
  for (const auto& [name, view] : views) {
    int64_t size = safetensors_dtype_size(view.dtype);
    ASSERT_GT(size, 0);
    for (const int64_t side : view.shape) size *= side;
    ASSERT_EQ(static_cast<size_t>(size), view.bytes.size());
    const auto all = view.file->bytes();
    ASSERT_GE(view.bytes.data(), all.data());
    ASSERT_LE(view.bytes.data() + view.bytes.size(), all.data() + all.size());
    for (const std::byte byte : view.bytes) {
      volatile std::byte touched = byte;
      static_cast<void>(touched);
    }
  }
}

TEST_F(SafetensorsTest, WrittenTensorsReadBack) {
  const std::string floats(24, 'f'), halves(6, 'h'), ids(16, 'i'), scalar(4, 's');
  const std::vector<TensorToWrite> tensors = {{"z.half", "BF16", {3}, bytes_of(halves)},
                                              {"a.float", "F32", {2, 3}, bytes_of(floats)},
                                              {"empty", "F16", {0, 5}, {}},
                                              {"m.ids", "I64", {2}, bytes_of(ids)},
                                              {"b.scalar", "F32", {}, bytes_of(scalar)}};
  const std::string file = path("deep/er/x.safetensors");
  ASSERT_TRUE(write_safetensors(file, tensors).ok());
  std::map<std::string, std::string> metadata;
  const auto views = read_safetensors(file, &metadata);
  ASSERT_TRUE(views.ok()) << views.error().message;
  EXPECT_EQ(metadata, (std::map<std::string, std::string>{{"format", "pt"}}));
  ASSERT_EQ(views->size(), tensors.size());
  for (const TensorToWrite& tensor : tensors) {
    const TensorView& view = views->at(tensor.name);
    EXPECT_EQ(view.dtype, tensor.dtype);
    EXPECT_EQ(view.shape, tensor.shape);
    EXPECT_EQ(text_of(view),
              std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view.bytes.data()) %
                  static_cast<uintptr_t>(safetensors_dtype_size(view.dtype)),
              0U);
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "deep/er")) {
    EXPECT_EQ(entry.path().filename(), "x.safetensors");
  }
}

TEST_F(SafetensorsTest, WritingOverAMappedFileLeavesItsViewsAlone) {
  const std::string before = "before..", after = "after...";
  const std::string file = path("x.safetensors");
  ASSERT_TRUE(write_safetensors(file, {{"w", "U8", {8}, bytes_of(before)}}).ok());
  const auto views = read_safetensors(file);
  ASSERT_TRUE(views.ok());
  ASSERT_TRUE(write_safetensors(file, {{"w", "U8", {8}, bytes_of(after)}}).ok());
  EXPECT_EQ(text_of(views->at("w")), before);
  EXPECT_EQ(text_of(read_safetensors(file)->at("w")), after);
}

TEST_F(SafetensorsTest, RefusesToWriteWhatDoesNotFit) {
  const std::string data(8, 'x');
  const std::string file = path("x.safetensors");
  const TensorToWrite good = {"w", "F32", {2}, bytes_of(data)};
  EXPECT_FALSE(write_safetensors(file, {good, good}).ok());
  EXPECT_FALSE(write_safetensors(file, {{"w", "F32", {3}, bytes_of(data)}}).ok());
  EXPECT_FALSE(write_safetensors(file, {{"w", "F31", {2}, bytes_of(data)}}).ok());
  EXPECT_FALSE(write_safetensors(file, {{"__metadata__", "F32", {2}, bytes_of(data)}}).ok());
  EXPECT_FALSE(std::filesystem::exists(file));
  put("blocked", "");
  const Status blocked = write_safetensors(path("blocked/x.safetensors"), {good});
  ASSERT_FALSE(blocked.ok());
  expect_mention(blocked.error().message, "blocked");
}

TEST_F(SafetensorsTest, RefusesDamage) {
  const auto one = [](const std::string& entry) { return "{\"w.x\":" + entry + "}"; };
  const std::string data(8, 'x');
  EXPECT_EQ(message(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), data),
            "(no error)");
  expect_mention(message(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), "1234567"),
                 "ends at byte 8 of 7");
  expect_mention(message(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), data + "y"),
                 "1 bytes follow");
  for (const char* entry :
       {R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[-8,0]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[0.0,8.0]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[0]})", R"({"dtype":"F32","shape":[2]})",
        R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":["2"],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]})",
        R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]})",
        R"({"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,8]})",
        R"({"dtype":"Q4","shape":[2],"data_offsets":[0,8]})", R"({"dtype":4})", "[]", "3"}) {
    expect_mention(message(one(entry), data), "tensor 'w.x'");
  }
  expect_mention(message(one(R"({"dtype":"Q4","shape":[2],"data_offsets":[0,8]})"), data), "'Q4'");
  expect_mention(message(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                         R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                         data),
                 "tensor 'b': its data overlaps");
  expect_mention(message(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                         R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                         data),
                 "belong to no tensor");
  expect_mention(message(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                         R"("a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                         data),
                 "tensor 'a': the name occurs twice");
  for (const char* header : {"", "[]", "3", " {}", "{", "{}}", "{\"\xff\":1}", "null"}) {
    expect_mention(message(header, ""), "not a JSON object");
  }
  expect_mention(message(R"({"__metadata__":{"a":1}})", ""), "__metadata__");
  expect_mention(message(R"({"__metadata__":[]})", ""), "__metadata__");
  EXPECT_EQ(message("{}", ""), "(no error)");
  EXPECT_EQ(message("{}      ", ""), "(no error)");
}

TEST_F(SafetensorsTest, RefusesImpossibleHeaderLengths) {
  for (const std::string& content :
       {std::string(), std::string(7, '\0'), std::string(8, '\xff'),
        std::string("\3\0\0\0\0\0\0\0{}", 10), std::string("\2\0\0\0\0\0\0\x80{}", 10)}) {
    const auto views = read_safetensors(put("x.safetensors", content));
    ASSERT_FALSE(views.ok());
    expect_mention(views.error().message, "x.safetensors");
  }
  const auto missing = read_safetensors(path("none.safetensors"));
  ASSERT_FALSE(missing.ok());
  expect_mention(missing.error().message, "none.safetensors");
}

TEST_F(SafetensorsTest, SurvivesEveryFlippedByteAndEveryLength) {
  const std::string floats(8, 'f'), halves(2, 'h');
  ASSERT_TRUE(write_safetensors(path("good"), {{"a", "F32", {2, 1}, bytes_of(floats)},
                                               {"b", "BF16", {1}, bytes_of(halves)}})
                  .ok());
  std::string good;
  {
    std::ifstream in(path("good"), std::ios::binary);
    good.assign(std::istreambuf_iterator<char>(in), {});
  }
  const size_t header_end = good.size() - floats.size() - halves.size();
  for (size_t at = 0; at < header_end; ++at) {
    for (const int mask : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ mask);
      const auto views = read_safetensors(put("bad", bad));
      if (views.ok()) {
        expect_well_formed(*views);
      } else {
        EXPECT_FALSE(views.error().message.empty());
      }
    }
  }
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(read_safetensors(put("bad", good.substr(0, length))).ok()) << length;
  }
}

TEST_F(SafetensorsTest, ReadsASingleFileOrItsShards) {
  const std::string one(4, '1'), two(4, '2');
  ASSERT_TRUE(write_safetensors(path("model-00001-of-00002.safetensors"),
                                {{"a", "F32", {1}, bytes_of(one)}})
                  .ok());
  ASSERT_TRUE(write_safetensors(path("model-00002-of-00002.safetensors"),
                                {{"b", "F32", {1}, bytes_of(two)}})
                  .ok());
  const Json index = {
      {"metadata", {{"total_size", 8}}},
      {"weight_map",
       {{"a", "model-00001-of-00002.safetensors"}, {"b", "model-00002-of-00002.safetensors"}}}};
  put("model.safetensors.index.json", index.dump());
  const auto sharded = read_model_tensors(folder_.string());
  ASSERT_TRUE(sharded.ok()) << sharded.error().message;
  EXPECT_EQ(text_of(sharded->at("a")), one);
  EXPECT_EQ(text_of(sharded->at("b")), two);

  ASSERT_TRUE(write_safetensors(path("model.safetensors"), {{"c", "U8", {4}, bytes_of(one)}}).ok());
  const auto single = read_model_tensors(folder_.string());
  ASSERT_TRUE(single.ok());
  EXPECT_EQ(single->size(), 1U);
}

TEST_F(SafetensorsTest, RefusesAWrongIndex) {
  const std::string data(4, '1');
  ASSERT_TRUE(write_safetensors(path("s.safetensors"), {{"a", "F32", {1}, bytes_of(data)}}).ok());
  const auto message_of = [&](const Json& index) {
    put("model.safetensors.index.json", index.dump());
    const auto views = read_model_tensors(folder_.string());
    return views.ok() ? "(no error)" : views.error().message;
  };
  const auto map = [](const Json& weight_map) { return Json{{"weight_map", weight_map}}; };
  EXPECT_EQ(message_of(map({{"a", "s.safetensors"}})), "(no error)");
  expect_mention(message_of(map({{"b", "s.safetensors"}})), "tensor 'b' is missing");
  expect_mention(message_of(map({{"a", "t.safetensors"}})), "t.safetensors: this shard is missing");
  for (const char* escape :
       {"../s.safetensors", "/etc/passwd", "x/s.safetensors", "..", ".", "", "x\\s.safetensors"}) {
    expect_mention(message_of(map({{"a", escape}})), "not a plain file name");
  }
  expect_mention(message_of(map({{"a", 1}})), "tensor 'a'");
  expect_mention(message_of(map(Json::object())), "weight_map");
  expect_mention(message_of(map(Json::array())), "weight_map");
  expect_mention(message_of(Json::array()), "weight_map");
  expect_mention(message_of(Json::object()), "weight_map");
}

TEST_F(SafetensorsTest, HintsAtConvertingPickles) {
  const auto nothing = read_model_tensors(folder_.string());
  ASSERT_FALSE(nothing.ok());
  expect_mention(nothing.error().message, "no model.safetensors");
  put("pytorch_model.bin", "x");
  const auto pickle = read_model_tensors(folder_.string());
  ASSERT_FALSE(pickle.ok());
  expect_mention(pickle.error().message, "pytorch_model.bin");
  expect_mention(pickle.error().hint, "save_pretrained");
}

TEST_F(SafetensorsTest, FilesThatWereNotReallyFetchedAreCalledWhatTheyAre) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
  const auto problem = [&](const std::string& content) {
    const auto views = read_safetensors(put("model.safetensors", content));
    EXPECT_FALSE(views.ok());
    if (views.ok()) return std::string();
    EXPECT_EQ(views.error().code, ErrorCode::kBadInput);
    EXPECT_FALSE(views.error().hint.empty());
    return views.error().message;
  };
  expect_mention(problem(pointer), "Git LFS pointer");
  expect_mention(problem("<!DOCTYPE html>\n<html>"), "web page");
  expect_mention(problem(std::string("PK\x03\x04", 4) + "archive/data.pkl"), "zip archive");
  put("model.safetensors", pointer);
  const auto whole = read_model_tensors(path(""));
  ASSERT_FALSE(whole.ok());
  expect_mention(whole.error().message, "Git LFS pointer");
}

TEST_F(SafetensorsTest, AdaptersAreReadFromSafetensorsOnly) {
  LoraConfig two;
  two.rank = 2;
  expect_mention(read_adapter_tensors(path(""), two).error().message,
                 "no adapter_model.safetensors");
  put("adapter_model.bin", "PK");
  const auto pickled = read_adapter_tensors(path(""), two);
  expect_mention(pickled.error().message, "adapter_model.bin");
  expect_mention(pickled.error().hint, "convert");
  const std::string data(24, 'x');
  ASSERT_TRUE(write_safetensors(path("adapter_model.safetensors"),
                                {{"m.lora_A.weight", "F32", {2, 1}, bytes_of(data).subspan(0, 8)},
                                 {"m.lora_B.weight", "F32", {2, 2}, bytes_of(data).subspan(8, 16)}})
                  .ok());
  EXPECT_TRUE(read_adapter_tensors(path(""), two).ok());
  two.rank_pattern = {{"other", 65536}};
  EXPECT_TRUE(read_adapter_tensors(path(""), two).ok());
  two.rank_pattern = {{"m", 65536}};
  const auto other = read_adapter_tensors(path(""), two);
  ASSERT_FALSE(other.ok());
  expect_mention(other.error().message, "m.lora_A.weight");
  expect_mention(other.error().message, "rank 65536");
}

}  // namespace
}  // namespace relata::model
