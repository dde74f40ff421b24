#include "weights/source.h"

#include <cstring>

#include "relata/model/safetensors.h"
#include "weights/types.h"

namespace relata::model {
namespace {

class SafetensorsSource final : public WeightSource {
 public:
  SafetensorsSource(TensorViews views, std::string where)
      : views_(std::move(views)), where_(std::move(where)) {}

  std::string where() const override { return where_; }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, view] : views_) out.push_back(name);
    return out;
  }
  std::optional<StoredTensor> find(const std::string& name) const override {
    const auto found = views_.find(name);
    if (found == views_.end()) return {};
    return StoredTensor{found->second.shape, found->second.dtype};
  }
  Status read(const std::string& name, const at::Tensor& target) const override {
    const TensorView& view = views_.at(name);
    RELATA_TRY(const at::ScalarType type, scalar_type(view.dtype, where_ + ": " + name));
    // safetensors data need not be aligned for its type: copy the bytes, then convert.
    at::Tensor stored = at::empty(view.shape, at::TensorOptions().dtype(type));
    std::memcpy(stored.data_ptr(), view.bytes.data(), view.bytes.size());
    at::NoGradGuard no_grad;
    target.copy_(stored);
    return {};
  }

 private:
  TensorViews views_;
  std::string where_;
};

}  // namespace

Result<std::unique_ptr<WeightSource>> open_safetensors(const std::string& folder) {
  RELATA_TRY(TensorViews views, read_model_tensors(folder));
  return std::unique_ptr<WeightSource>(new SafetensorsSource(std::move(views), folder));
}

Result<std::unique_ptr<WeightSource>> open_safetensors_file(const std::string& path) {
  RELATA_TRY(TensorViews views, read_safetensors(path));
  return std::unique_ptr<WeightSource>(new SafetensorsSource(std::move(views), path));
}

}  // namespace relata::model
