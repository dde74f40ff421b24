#include "weights/gguf_source.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <cstring>
#include <mutex>
#include <optional>

#include "relata/kernels/gguf_blocks.h"

namespace relata::model {
namespace {

class GgufSource final : public WeightSource {
 public:
  explicit GgufSource(std::shared_ptr<const GgufFile> file) : file_(std::move(file)) {}

  std::string where() const override { return file_->path(); }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const GgufTensor& tensor : file_->tensors()) out.push_back(tensor.name);
    return out;
  }
  std::optional<StoredTensor> find(const std::string& name) const override {
    const GgufTensor* tensor = file_->find(name);
    if (tensor == nullptr) return {};
    return StoredTensor{tensor->shape, name_of(tensor->type),
                        ggml_block(tensor->type).elements > 1};
  }
  Status read(const std::string& name, const at::Tensor& target) const override;
  Result<nn::QuantizedRows> rows(const std::string& name) const override;

 private:
  std::shared_ptr<const GgufFile> file_;
};

// Rows are turned into floats a piece at a time, so that a whole float copy never exists.
Status GgufSource::read(const std::string& name, const at::Tensor& target) const {
  constexpr int64_t kPiece = 1 << 18;  // elements
  const GgufTensor& tensor = *file_->find(name);
  const int64_t width = tensor.shape.empty() ? 1 : tensor.shape.back();
  const int64_t rows = target.numel() / width;
  const int64_t row_bytes = static_cast<int64_t>(tensor.bytes.size()) / rows;
  const int64_t step = std::max<int64_t>(1, kPiece / width);
  const int64_t pieces = (rows + step - 1) / step;
  const at::Tensor out = target.view({rows, width});
  std::mutex mutex;
  std::optional<Error> error;
  at::parallel_for(0, pieces, 1, [&](int64_t first, int64_t last) {
    at::NoGradGuard no_grad;
    std::vector<float> floats(static_cast<size_t>(step * width));
    for (int64_t piece = first; piece < last; ++piece) {
      const int64_t begin = piece * step;
      const int64_t count = std::min(step, rows - begin);
      const Status status = kernels::dequantize(
          tensor.type, tensor.bytes.subspan(begin * row_bytes, count * row_bytes), floats.data(),
          count * width);
      if (!status.ok()) {
        const std::lock_guard lock(mutex);
        error = status.error();
        return;
      }
      out.narrow(0, begin, count)
          .copy_(
              at::from_blob(floats.data(), {count, width}, at::TensorOptions().dtype(at::kFloat)));
    }
  });
  if (!error) return {};
  return Error{error->code, where() + ": tensor " + name + ": " + error->message, error->hint};
}

Result<nn::QuantizedRows> GgufSource::rows(const std::string& name) const {
  const GgufTensor& tensor = *file_->find(name);
  if (!kernels::can_dequantize(tensor.type)) {
    const Status why = kernels::dequantize(tensor.type, {}, static_cast<float*>(nullptr), 0);
    return Error{why.error().code, where() + ": tensor " + name + ": " + why.error().message,
                 why.error().hint};
  }
  const int64_t count = tensor.shape.front();
  at::Tensor bytes =
      at::empty({count, static_cast<int64_t>(tensor.bytes.size()) / count}, at::kByte);
  std::memcpy(bytes.data_ptr(), tensor.bytes.data(), tensor.bytes.size());
  return nn::QuantizedRows::of_blocks(tensor.type, bytes, tensor.shape.back());
}

}  // namespace

std::unique_ptr<WeightSource> gguf_source(std::shared_ptr<const GgufFile> file) {
  return std::make_unique<GgufSource>(std::move(file));
}

}  // namespace relata::model
