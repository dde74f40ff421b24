#include "relata/model/identity.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <set>

#include "relata/base/file.h"

namespace relata::model {
namespace {

namespace fs = std::filesystem;

class Identity : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = (fs::temp_directory_path() / "relata_identity_XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    model_ = folder_ + "/model";
    adapter_ = folder_ + "/adapter";
    put(model_ + "/config.json", "{}");
    put(model_ + "/model.safetensors", "weights");
    put(adapter_ + "/adapter_config.json", "{}");
    put(adapter_ + "/adapter_model.safetensors", "matrices");
  }
  void TearDown() override { fs::remove_all(folder_); }
  static void put(const std::string& path, const std::string& content) {
    ASSERT_TRUE(write_file_atomic(path, content).ok());
  }
  std::string of(const ModelFiles& files) const {
    const auto id = model_identity(files);
    return id.ok() ? *id : "error: " + id.error().message;
  }
  std::string id() const { return of({model_, adapter_}); }

  std::string folder_, model_, adapter_;
};

TEST_F(Identity, IsAHashThatDoesNotKnowTheFoldersName) {
  const std::string first = id();
  EXPECT_EQ(first.size(), 71U);
  EXPECT_TRUE(first.starts_with("sha256:"));
  fs::rename(model_, folder_ + "/moved");
  EXPECT_EQ(of({folder_ + "/moved", adapter_}), first);
}

// Everything that changes an answer changes it; each state differs from all before.
TEST_F(Identity, EveryFileThatChangesAnAnswerChangesIt) {
  std::set<std::string> seen;
  const auto expect_new = [&](const std::string& what) {
    EXPECT_TRUE(seen.insert(id()).second) << what;
  };
  seen.insert(of({model_}));
  expect_new("an adapter");
  put(adapter_ + "/adapter_model.safetensors", "matrices, trained on");
  expect_new("the adapter's weights");
  put(adapter_ + "/adapter_config.json", "{\"lora_alpha\": 32}");
  expect_new("the adapter's alpha");
  put(model_ + "/config.json", "{\"rope_theta\": 5}");
  expect_new("the configuration");
  put(model_ + "/model.safetensors", "other weights");
  expect_new("the weights");
  for (const char* name : {"tokenizer.json", "tokenizer.model", "spiece.model", "vocab.txt",
                           "tokenizer_config.json", "x.tiktoken", "chat_template.jinja",
                           "generation_config.json", "merges.txt", "special_tokens_map.json"}) {
    put(model_ + "/" + name, "1");
    expect_new(name);
    put(model_ + "/" + name, "2");
    expect_new(name);
  }
  EXPECT_TRUE(seen.insert(of({model_, adapter_, "bfloat16"})).second);
  const std::string last = id();
  put(model_ + "/sentencepiece.bpe.model", "beside a tokenizer.json");
  EXPECT_EQ(id(), last);
  put(model_ + "/README.md", "about the model");
  EXPECT_EQ(id(), last);
  fs::remove(model_ + "/tokenizer.json");
  const std::string pieces = id();
  put(model_ + "/sentencepiece.bpe.model", "alone");
  EXPECT_NE(id(), pieces);
}

TEST_F(Identity, EveryShardCounts) {
  fs::remove(model_ + "/model.safetensors");
  put(model_ + "/model.safetensors.index.json",
      "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"b\": \"m-2.safetensors\"}}");
  put(model_ + "/m-1.safetensors", "one");
  put(model_ + "/m-2.safetensors", "two");
  const std::string first = id();
  EXPECT_TRUE(first.starts_with("sha256:")) << first;
  put(model_ + "/m-2.safetensors", "2");
  EXPECT_NE(id(), first);
  put(model_ + "/m-2.safetensors", "two");
  EXPECT_EQ(id(), first);
  fs::remove(model_ + "/m-1.safetensors");
  EXPECT_NE(id().find("m-1.safetensors"), std::string::npos);
}

TEST_F(Identity, ContentCannotPassForAnotherFiles) {
  put(model_ + "/vocab.txt", "a");
  const std::string first = id();
  fs::rename(model_ + "/vocab.txt", model_ + "/merges.txt");
  EXPECT_NE(id(), first);
}

TEST_F(Identity, LargeFilesCountToTheirLastByte) {
  std::string large((size_t{1} << 26) + 5, 'x');
  put(model_ + "/model.safetensors", large);
  const std::string first = id();
  large.back() = 'y';
  put(model_ + "/model.safetensors", large);
  EXPECT_NE(id(), first);
}

TEST_F(Identity, AFileMayBeAWholeModel) {
  put(folder_ + "/m.gguf", "weights");
  const std::string first = of({folder_ + "/m.gguf"});
  EXPECT_TRUE(first.starts_with("sha256:")) << first;
  put(folder_ + "/m.gguf", "other weights");
  EXPECT_NE(of({folder_ + "/m.gguf"}), first);
}

TEST_F(Identity, AFolderOfAdaptersHasOneOfAll) {
  for (const char* name : {"head", "relation"}) {
    put(folder_ + "/adapters/" + name + "/adapter_config.json", "{}");
    put(folder_ + "/adapters/" + name + "/adapter_model.safetensors", name);
  }
  const std::string first = adapter_identity(folder_ + "/adapters").value();
  EXPECT_NE(first, adapter_identity(folder_ + "/adapters/head").value());
  put(folder_ + "/adapters/relation/adapter_model.safetensors", "trained on");
  EXPECT_NE(adapter_identity(folder_ + "/adapters").value(), first);
}

TEST_F(Identity, WhatIsMissingIsNamed) {
  fs::remove(model_ + "/model.safetensors");
  EXPECT_NE(id().find("no model.safetensors"), std::string::npos) << id();
  EXPECT_NE(of({folder_ + "/nowhere"}).find("nowhere"), std::string::npos);
  put(model_ + "/model.safetensors", "weights");
  fs::remove(adapter_ + "/adapter_model.safetensors");
  EXPECT_NE(id().find("adapter_model.safetensors"), std::string::npos);
}

}  // namespace
}  // namespace relata::model
