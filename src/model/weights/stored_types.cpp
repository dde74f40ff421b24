#include "relata/model/stored_types.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "relata/base/gguf.h"
#include "relata/model/device.h"
#include "weights/checkpoint.h"
#include "weights/types.h"

namespace relata::model {
namespace {

// Of llama.cpp's LLAMA_FTYPE_*, `general.file_type`, those whose tensors can be read.
constexpr std::array kFileTypes = {
    std::pair(0, "F32"),     std::pair(1, "F16"),     std::pair(2, "Q4_0"),
    std::pair(3, "Q4_1"),    std::pair(7, "Q8_0"),    std::pair(8, "Q5_0"),
    std::pair(9, "Q5_1"),    std::pair(10, "Q2_K"),   std::pair(11, "Q3_K_S"),
    std::pair(12, "Q3_K_M"), std::pair(13, "Q3_K_L"), std::pair(14, "Q4_K_S"),
    std::pair(15, "Q4_K_M"), std::pair(16, "Q5_K_S"), std::pair(17, "Q5_K_M"),
    std::pair(18, "Q6_K"),   std::pair(21, "Q2_K_S"), std::pair(25, "IQ4_NL"),
    std::pair(30, "IQ4_XS"), std::pair(32, "BF16")};
constexpr int64_t kGuessed = 1024;  // added where the file's writer did not say

std::string usual_name(const std::string& type) {
  if (type == "F32") return "float32";
  if (type == "F16") return "float16";
  return type == "BF16" ? "bfloat16" : type;
}

// "": it says nothing that is known here.
Result<std::string> file_type(const std::string& path) {
  RELATA_TRY(const auto file, GgufFile::open(path));
  RELATA_TRY(const int64_t number, file->get_integer("general.file_type", -1));
  for (const auto& [known, name] : kFileTypes) {
    if (number >= 0 && (number & ~kGuessed) == known) return std::string(name);
  }
  return std::string();
}

std::vector<TypeShare> shares_of(const WeightSource& source) {
  std::map<std::string, TypeShare> found;
  for (const std::string& name : source.names()) {
    const StoredTensor stored = *source.find(name);
    TypeShare& share = found[stored.type];
    share.type = stored.type;
    ++share.tensors;
    int64_t weights = 1;
    for (const int64_t size : stored.shape) weights *= size;
    share.weights += weights;
  }
  std::vector<TypeShare> out;
  for (auto& [type, share] : found) out.push_back(std::move(share));
  std::stable_sort(out.begin(), out.end(),
                   [](const TypeShare& a, const TypeShare& b) { return a.weights > b.weights; });
  return out;
}

}  // namespace

Result<StoredTypes> stored_types(const std::string& path) {
  const bool gguf = is_gguf(path);
  RELATA_TRY(const DecoderConfig config, read_decoder_config(path));
  RELATA_TRY(const auto source, open_weights(path));
  RELATA_TRY(const at::Device device, find_device(default_device()));
  StoredTypes out;
  out.shares = shares_of(*source);
  if (out.shares.empty()) {
    return input_error(path + ": it holds no tensors", "this is not a whole model; fetch it again");
  }
  if (gguf) {
    RELATA_TRY(out.name, file_type(path));
  }
  out.name = usual_name(out.name.empty() ? out.shares.front().type : out.name);
  const std::string computed =
      config.causal ? automatic_dtype(*source, config, gguf, device) : "float32";
  RELATA_CHECK(scalar_type(computed, path));
  out.computed = usual_name(computed);
  return out;
}

}  // namespace relata::model
