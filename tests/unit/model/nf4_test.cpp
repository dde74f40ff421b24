// Models in NF4: written, read as they are, and refused where they are damaged.
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>

#include "relata/model/decoder.h"
#include "relata/model/export.h"
#include "relata/model/safetensors.h"

namespace relata::model {
namespace {

constexpr const char* kQuery = "model.layers.1.self_attn.q_proj.weight";
constexpr const char* kState = ".quant_state.bitsandbytes__nf4";

DecoderConfig small(const std::string& type) {
  DecoderConfig c;
  c.model_type = type;
  c.vocab_size = 29;
  c.hidden_size = 48;  // blocks of 64 span rows
  c.intermediate_size = 100;
  c.num_layers = 2;
  c.num_heads = 3;
  c.num_kv_heads = 1;
  c.head_dim = 16;
  c.max_positions = 64;
  c.initializer_range = 0.3;
  return c;
}

// A tensor on its way into a file that is changed.
struct Stored {
  std::string dtype;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;
};
using AllStored = std::map<std::string, Stored>;

class Nf4Folder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "nf4_" + std::to_string(::getpid());
    ASSERT_TRUE(Decoder::random(small("llama"), 1)->save(folder_ + "/float").ok());
    ASSERT_TRUE(export_nf4(folder_ + "/float", nf4(), true).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string nf4() const { return folder_ + "/nf4"; }
  static Result<std::shared_ptr<Decoder>> load(const std::string& path, bool dequantize,
                                               const std::string& quantize = "") {
    LoadOptions options;
    options.dequantize = dequantize;
    options.quantize = quantize;
    return Decoder::load(path, options);
  }
  static at::Tensor logits(const Result<std::shared_ptr<Decoder>>& model) {
    at::NoGradGuard no_grad;
    const Decoder& m = *model.value();
    return m.logits(m.forward(Pass::of({{1, 4, 7, 9, 3}, {1, 5}})));
  }
  static void change_tensors(const std::string& model,
                             const std::function<void(AllStored&)>& change) {
    AllStored all;
    const auto tensors = read_model_tensors(model).value();
    for (const auto& [name, view] : tensors) {
      all[name] = {view.dtype, view.shape, {view.bytes.begin(), view.bytes.end()}};
    }
    change(all);
    std::vector<TensorToWrite> list;
    for (const auto& [name, t] : all) list.push_back({name, t.dtype, t.shape, t.bytes});
    ASSERT_TRUE(write_safetensors(model + "/model.safetensors", list).ok());
  }
  // The error of loading the folder after `change` of its tensors.
  std::string problem_after(const std::function<void(AllStored&)>& change) const {
    change_tensors(nf4(), change);
    const auto packed = load(nf4(), false);
    const auto dense = load(nf4(), true);
    EXPECT_FALSE(packed.ok());
    EXPECT_FALSE(dense.ok());
    if (packed.ok() || dense.ok()) return "(no error)";
    EXPECT_EQ(packed.error().message, dense.error().message);
    EXPECT_NE(packed.error().hint.find("relata model quantize"), std::string::npos);
    return packed.error().message;
  }
  static void set_state(AllStored& all, const std::string& from, const std::string& to) {
    Stored& state = all.at(std::string(kQuery) + kState);
    std::string text(reinterpret_cast<const char*>(state.bytes.data()), state.bytes.size());
    ASSERT_NE(text.find(from), std::string::npos) << text;
    text.replace(text.find(from), from.size(), to);
    const auto bytes = std::as_bytes(std::span(text));
    state.bytes.assign(bytes.begin(), bytes.end());
    state.shape = {static_cast<int64_t>(text.size())};
  }
  static void expect_mention(const std::string& message, const std::string& word) {
    EXPECT_NE(message.find(word), std::string::npos) << message << "\nhas no " << word;
  }
  std::string folder_;
};

TEST_F(Nf4Folder, PackedDenseAndQuantisedAtLoadAreOneModel) {
  const at::Tensor packed = logits(load(nf4(), false)), dense = logits(load(nf4(), true));
  EXPECT_TRUE(load(nf4(), false).value()->quantized());
  EXPECT_FALSE(load(nf4(), true).value()->quantized());
  // Products of packed dense weights sum in another order: 100 terms of a few units, 24 bits.
  EXPECT_LE((packed - dense).abs().max().item<double>(), 1e-4);
  EXPECT_TRUE(at::equal(logits(load(folder_ + "/float", false, "nf4")), packed));
  EXPECT_TRUE(at::equal(logits(load(folder_ + "/float", true, "nf4")), dense));
  EXPECT_GT((logits(load(folder_ + "/float", true)) - dense).abs().max().item<double>(), 1e-2);
  EXPECT_TRUE(at::equal(logits(load(nf4(), false, "nf4")), packed));  // what is, stays
}

TEST_F(Nf4Folder, OneQuantisation) {
  ASSERT_TRUE(export_nf4(folder_ + "/float", folder_ + "/once", false).ok());
  EXPECT_FALSE(read_model_tensors(folder_ + "/once")
                   .value()
                   .contains(std::string(kQuery) + ".nested_absmax"));
  const at::Tensor packed = logits(load(folder_ + "/once", false));
  EXPECT_LE((packed - logits(load(folder_ + "/once", true))).abs().max().item<double>(), 1e-4);
  EXPECT_FALSE(at::equal(packed, logits(load(nf4(), false))));
}

// Rows of ChatGLM's query and key lie in another order than they are computed with.
TEST_F(Nf4Folder, RowsAreReordered) {
  DecoderConfig c = small("chatglm");
  c.qkv_bias = true;
  c.rotary_dim = 8;
  const std::string folder = folder_ + "/glm";
  ASSERT_TRUE(Decoder::random(c, 2)->save(folder).ok());
  ASSERT_TRUE(export_nf4(folder, folder + "_nf4", true).ok());
  const at::Tensor packed = logits(load(folder + "_nf4", false));
  EXPECT_LE((packed - logits(load(folder + "_nf4", true))).abs().max().item<double>(), 1e-4);
}

TEST_F(Nf4Folder, AnAdapterIsTrainedAndNothingElse) {
  const auto model = load(nf4(), false).value();
  ASSERT_TRUE(model->add_adapter("a", {}, 3).ok());
  const Pass pass = Pass::of({{1, 4, 7, 9, 3}});
  const at::Tensor targets = at::tensor({4, 7, 9, 3, 2}, at::kLong);
  model->loss(model->forward(pass), targets, at::ones({5}), 5.0).backward();
  const auto trained = model->trainable();
  EXPECT_EQ(trained.size(), 8U);  // A and B of query and value in two layers
  for (const auto& p : trained) {
    EXPECT_NE(p.name.find("lora_"), std::string::npos);
    EXPECT_TRUE(p.value.grad().defined()) << p.name;
  }
  EXPECT_EQ(model->merge_adapter(0).error().code, ErrorCode::kUsage);
  EXPECT_EQ(model->save(folder_ + "/saved").error().code, ErrorCode::kUsage);
}

TEST_F(Nf4Folder, IsNotQuantisedAgain) {
  expect_mention(export_nf4(nf4(), folder_ + "/again", true).error().message, "already");
}

TEST_F(Nf4Folder, NumbersThatAreNotFiniteAreNamed) {
  ASSERT_TRUE(Decoder::random(small("llama"), 1)->save(folder_ + "/bad").ok());
  change_tensors(folder_ + "/bad", [](AllStored& all) {
    constexpr float kInfinite = std::numeric_limits<float>::infinity();
    std::memcpy(all.at(kQuery).bytes.data(), &kInfinite, sizeof kInfinite);
  });
  expect_mention(export_nf4(folder_ + "/bad", folder_ + "/out", true).error().message, kQuery);
  expect_mention(load(folder_ + "/bad", false, "nf4").error().message, kQuery);
}

TEST_F(Nf4Folder, APartOfTheStateThatIsMissingIsNamed) {
  for (const std::string part :
       {".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", kState}) {
    SetUp();
    expect_mention(problem_after([&](AllStored& all) { all.erase(kQuery + part); }), kQuery + part);
  }
}

TEST_F(Nf4Folder, AStateWithoutItsWeight) {
  expect_mention(problem_after([&](AllStored& all) { all.erase(kQuery); }), kQuery);
}

TEST_F(Nf4Folder, AStateOfAnotherShape) {
  const std::string message =
      problem_after([](AllStored& all) { set_state(all, "[48,48]", "[48,50]"); });
  expect_mention(message, kQuery);
  expect_mention(message, "[48, 50]");
}

TEST_F(Nf4Folder, PartsOfOtherSizes) {
  const std::string place = std::string(kQuery) + ".absmax";
  expect_mention(problem_after([&](AllStored& all) {
                   all.at(place).bytes.pop_back();
                   all.at(place).shape = {35};
                 }),
                 "needs [36] of U8");
  SetUp();
  expect_mention(problem_after([&](AllStored& all) {
                   set_state(all, "\"blocksize\":64", "\"blocksize\":128");
                 }),
                 place);
}

TEST_F(Nf4Folder, ValuesOfTheStateThatCannotBe) {
  for (const auto& [from, to, word] :
       {std::tuple("\"nf4\"", "\"nf5\"", "quant_type"),
        {":64", ":65", "blocksize"},
        {":64", ":-64", "blocksize"},
        {"[48,48]", "[48]", "shape"},
        {"[48,48]", "[48,-1]", "shape"},
        {"[48,48]", "[1e300,48]", "shape"},
        {":256", ":128", "nested_blocksize"},
        {"nested_blocksize", "nested_blocks", "nested_blocksize"},
        {"nested_offset", "nested_offsets", "nested_offset"},
        {"\"dtype\":\"float32\"", "\"dtype\":\"float8\"", "\"dtype\""},
        {"\"dtype\":\"float32\"", "\"no\":\"float32\"", "\"dtype\""},
        {"{\"quant", "{{\"quant", kState}}) {
    SetUp();
    expect_mention(problem_after([&](AllStored& all) { set_state(all, from, to); }), word);
  }
}

TEST_F(Nf4Folder, ScalesThatAreNotFinite) {
  const float bad = std::numeric_limits<float>::quiet_NaN();
  const auto message = problem_after([&](AllStored& all) {
    std::memcpy(all.at(std::string(kQuery) + ".nested_absmax").bytes.data(), &bad, sizeof bad);
  });
  expect_mention(message, kQuery);
  expect_mention(message, "not finite");
}

TEST_F(Nf4Folder, OtherMethodsAreRefusedByName) {
  const std::string path = nf4() + "/config.json";
  const Json config = read_json(path).value();
  for (const auto& [change, word] :
       {std::pair(Json{{"quant_method", "gptq"}}, "gptq"),
        {Json{{"quant_method", "bitsandbytes"}, {"load_in_8bit", true}}, "8 bits"},
        {Json{{"quant_method", "bitsandbytes"}, {"load_in_4bit", true}}, "fp4"},
        {Json(7), "quantization_config"}}) {
    Json changed = config;
    changed["quantization_config"] = change;
    ASSERT_TRUE(write_json(path, changed).ok());
    expect_mention(load(nf4(), false).error().message, word);
  }
}

}  // namespace
}  // namespace relata::model
