#include "weights/nf4_source.h"

#include "weights/nf4_state.h"

namespace relata::model {
namespace {

// The type that a stored one is read in, with no bit lost.
at::ScalarType plain_type(const std::string& stored) {
  if (stored == "BF16") return at::kBFloat16;
  return stored == "F16" ? at::kHalf : at::kFloat;
}

class Nf4Source final : public WeightSource {
 public:
  Nf4Source(const WeightSource& source, std::set<std::string> names, bool twice)
      : source_(source), names_(std::move(names)), twice_(twice) {}

  std::string where() const override { return source_.where(); }
  std::vector<std::string> names() const override { return source_.names(); }
  std::optional<StoredTensor> find(const std::string& name) const override {
    auto stored = source_.find(name);
    if (stored && names_.contains(name)) stored->quantized = true;
    return stored;
  }
  Status read(const std::string& name, const at::Tensor& target) const override {
    if (!quantises(name)) return source_.read(name, target);
    RELATA_TRY(const nn::QuantizedRows packed, rows(name));
    packed.dequantize({0, packed.rows()}, {0, packed.in()}, target);
    return {};
  }
  Result<nn::QuantizedRows> rows(const std::string& name) const override {
    if (!quantises(name)) return source_.rows(name);
    const StoredTensor stored = *source_.find(name);
    at::Tensor value = at::empty(stored.shape, plain_type(stored.type));
    RELATA_CHECK(source_.read(name, value));
    nn::Nf4Tensors tensors = nn::quantize_nf4(value, twice_);
    if (!finite_scales(tensors)) {
      return input_error(where() + ": tensor " + name + " holds a number that is not finite",
                         "the files of the model are damaged; get them again");
    }
    return nn::QuantizedRows::of_nf4(std::move(tensors), stored.shape[0], stored.shape[1]);
  }

 private:
  bool quantises(const std::string& name) const {
    return names_.contains(name) && !source_.find(name)->quantized;
  }

  const WeightSource& source_;
  std::set<std::string> names_;
  bool twice_;
};

}  // namespace

std::unique_ptr<WeightSource> nf4_source(const WeightSource& source, std::set<std::string> names,
                                         bool double_quantization) {
  return std::make_unique<Nf4Source>(source, std::move(names), double_quantization);
}

}  // namespace relata::model
