#include "weights/source.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "relata/model/safetensors.h"
#include "weights/nf4_state.h"
#include "weights/types.h"

namespace relata::model {
namespace {

class SafetensorsSource final : public WeightSource {
 public:
  SafetensorsSource(TensorViews views, std::map<std::string, Nf4Stored> nf4, std::string where)
      : views_(std::move(views)), nf4_(std::move(nf4)), where_(std::move(where)) {}

  std::string where() const override { return where_; }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, view] : views_) out.push_back(name);
    for (const auto& [name, stored] : nf4_) out.push_back(name);
    return out;
  }
  std::optional<StoredTensor> find(const std::string& name) const override {
    const auto packed = nf4_.find(name);
    if (packed != nf4_.end()) return StoredTensor{packed->second.shape, "NF4", true};
    const auto found = views_.find(name);
    if (found == views_.end()) return {};
    return StoredTensor{found->second.shape, found->second.dtype, false};
  }
  Status read(const std::string& name, const at::Tensor& target) const override {
    if (nf4_.contains(name)) {
      RELATA_TRY(const nn::QuantizedRows packed, rows(name));
      packed.dequantize({0, packed.rows()}, {0, packed.in()}, target);
      return {};
    }
    const TensorView& view = views_.at(name);
    RELATA_TRY(const at::ScalarType type, scalar_type(view.dtype, where_ + ": " + name));
    // safetensors data need not be aligned for its type: copy the bytes, then convert.
    at::Tensor stored = at::empty(view.shape, at::TensorOptions().dtype(type));
    std::memcpy(stored.data_ptr(), view.bytes.data(), view.bytes.size());
    at::NoGradGuard no_grad;
    target.copy_(stored);
    return {};
  }
  Result<nn::QuantizedRows> rows(const std::string& name) const override;

 private:
  TensorViews views_;
  std::map<std::string, Nf4Stored> nf4_;
  std::string where_;
};

Result<nn::QuantizedRows> SafetensorsSource::rows(const std::string& name) const {
  const auto packed = nf4_.find(name);
  if (packed != nf4_.end()) return nf4_rows(packed->second, where_ + ": tensor " + name);
  const TensorView& view = views_.at(name);
  RELATA_TRY(const at::ScalarType type, scalar_type(view.dtype, where_ + ": " + name));
  const int64_t count = view.shape.front(), width = view.shape.back();
  const GgmlType plain = type == at::kFloat  ? GgmlType::kF32
                         : type == at::kHalf ? GgmlType::kF16
                                             : GgmlType::kBf16;
  at::Tensor bytes = at::empty({count, width * ggml_block(plain).bytes}, at::kByte);
  std::memcpy(bytes.data_ptr(), view.bytes.data(), view.bytes.size());
  return nn::QuantizedRows::of_blocks(plain, bytes, width);
}

// The first BERTs call the weight of a layer norm gamma and its bias beta; so do files that were
// made of theirs. Transformers reads them so, too.
void rename_norms(TensorViews& views) {
  constexpr std::pair<std::string_view, const char*> kEnds[] = {{"LayerNorm.gamma", "weight"},
                                                                {"LayerNorm.beta", "bias"}};
  std::vector<std::pair<std::string, std::string>> renamed;
  for (const auto& [name, view] : views) {
    for (const auto& [end, now] : kEnds) {
      if (!name.ends_with(end)) continue;
      renamed.emplace_back(name, name.substr(0, name.rfind('.') + 1) + now);
    }
  }
  for (const auto& [name, now] : renamed) {
    if (views.contains(now)) continue;
    views.emplace(now, views.at(name));
    views.erase(name);
  }
}

// A model that also reads images has its text part under names of its own, of Transformers 4 or
// 5. It gets those that it has alone, and what only images need is left out.
void take_text_part(TensorViews& views) {
  constexpr std::pair<std::string_view, const char*> kText[] = {
      {"language_model.model.", "model."},
      {"language_model.lm_head.", "lm_head."},
      {"model.language_model.", "model."}};
  constexpr std::string_view kImages[] = {"vision_tower.", "vision_model.",
                                          "multi_modal_projector.", "image_newline"};
  TensorViews taken;
  bool is_part = false;
  for (const auto& [name, view] : views) {
    const std::string_view whole = name;
    const std::string_view inner =
        whole.starts_with("model.") ? whole.substr(std::string_view("model.").size()) : whole;
    const bool of_images = std::any_of(std::begin(kImages), std::end(kImages),
                                       [&](auto begin) { return inner.starts_with(begin); });
    if (of_images) continue;
    const auto* text = std::find_if(std::begin(kText), std::end(kText), [&](const auto& each) {
      return whole.starts_with(each.first);
    });
    const bool of_text = text != std::end(kText);
    is_part = is_part || of_text;
    taken.emplace(of_text ? text->second + name.substr(text->first.size()) : name, view);
  }
  if (is_part) views = std::move(taken);
}

// T5's embeddings, which both stacks have, may be stored as those of one stack alone.
void name_shared(TensorViews& views) {
  constexpr const char* kShared = "shared.weight";
  for (const char* stack : {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight"}) {
    const auto found = views.find(stack);
    if (found == views.end() || views.contains(kShared)) continue;
    const TensorView view = found->second;
    views.emplace(kShared, view);
  }
}

Result<std::unique_ptr<WeightSource>> open_views(TensorViews views, const std::string& where) {
  RELATA_TRY(auto nf4, take_nf4(views, where));
  return std::unique_ptr<WeightSource>(
      new SafetensorsSource(std::move(views), std::move(nf4), where));
}

}  // namespace

Result<std::unique_ptr<WeightSource>> open_safetensors(const std::string& folder) {
  RELATA_TRY(TensorViews views, read_model_tensors(folder));
  rename_norms(views);
  take_text_part(views);
  name_shared(views);
  return open_views(std::move(views), folder);
}

Result<std::unique_ptr<WeightSource>> open_safetensors_file(const std::string& path) {
  RELATA_TRY(TensorViews views, read_safetensors(path));
  return open_views(std::move(views), path);
}

}  // namespace relata::model
