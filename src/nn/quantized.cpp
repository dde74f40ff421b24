#include "relata/nn/quantized.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "dispatch.h"
#include "quantized_reference.h"
#include "reference.h"
#include "relata/kernels/gguf_blocks.h"
#include "relata/kernels/nf4.h"

namespace relata::nn {
namespace {

constexpr int64_t kBlocksTogether = 1 << 10;  // that one thread quantises

int64_t blocks_of(int64_t count, int64_t block) { return (count + block - 1) / block; }

// The signed map of eight bits: seven powers of ten, the greater the finer divided (Dettmers 2016,
// 8-Bit Approximations for Parallelism in Deep Learning), computed in the steps that bitsandbytes
// takes, so that its roundings are the same.
at::Tensor dynamic_map() {
  constexpr int kPowers = 7;
  std::vector<float> values = {0.0F, 1.0F};
  for (int i = 0; i < kPowers; ++i) {
    const at::Tensor bounds = at::linspace(0.1, 1, (1 << i) + 1, at::kFloat);
    const at::Tensor means = (bounds.slice(0, 0, -1) + bounds.slice(0, 1)) / 2.0;
    const at::Tensor scaled = means * std::pow(10.0, i - kPowers + 1);
    const auto* data = scaled.data_ptr<float>();
    for (int64_t k = 0; k < scaled.numel(); ++k) {
      values.push_back(data[k]);
      values.push_back(-data[k]);
    }
  }
  std::sort(values.begin(), values.end());
  return at::tensor(values, at::kFloat);
}

// Float32 pieces of a matrix, so that a whole float copy never exists.
const float* as_floats(const at::Tensor& flat, int64_t begin, int64_t count, at::Tensor& holder) {
  holder = flat.narrow(0, begin, count).to(at::kFloat).contiguous();
  return data<float>(holder);
}

// The mean as LibTorch sums it up on one thread: inside a parallel region it uses no other.
at::Tensor serial_mean(const at::Tensor& values) {
  at::Tensor mean;
  at::parallel_for(0, 2, 1, [&](int64_t begin, int64_t) {
    at::NoGradGuard no_grad;
    if (begin == 0) mean = values.mean();
  });
  return mean;
}

}  // namespace

Nf4Tensors quantize_nf4(const at::Tensor& weight, bool double_quantization) {
  at::NoGradGuard no_grad;
  const at::Tensor flat = weight.detach().contiguous().view({-1});
  const int64_t count = flat.numel(), blocks = blocks_of(count, kernels::kNf4Block);
  const auto bytes = at::TensorOptions().dtype(at::kByte);
  Nf4Tensors out;
  out.packed = at::empty({(count + 1) / 2}, bytes);
  out.absmax = at::empty({blocks}, at::kFloat);
  out.quant_map = at::tensor(at::ArrayRef<float>(kernels::kNf4Values), at::kFloat);
  at::parallel_for(0, blocks_of(blocks, kBlocksTogether), 1, [&](int64_t first, int64_t last) {
    at::NoGradGuard no_graph;
    at::Tensor holder;
    for (int64_t piece = first; piece < last; ++piece) {
      const int64_t block = piece * kBlocksTogether, begin = block * kernels::kNf4Block;
      const int64_t size = std::min(kBlocksTogether * kernels::kNf4Block, count - begin);
      kernels::quantize_nf4(as_floats(flat, begin, size, holder), size,
                            data<uint8_t>(out.packed) + begin / 2, data<float>(out.absmax) + block);
    }
  });
  if (!double_quantization || blocks == 0) return out;
  const at::Tensor mean = serial_mean(out.absmax);
  const at::Tensor rest = out.absmax - mean;
  out.nested_offset = mean.item<float>();
  out.nested_quant_map = dynamic_map();
  out.nested_absmax = at::empty({blocks_of(blocks, kernels::kNf4Nested)}, at::kFloat);
  out.absmax = at::empty({blocks}, bytes);
  if (!std::isfinite(out.nested_offset)) {
    out.nested_absmax.fill_(out.nested_offset);
    out.absmax.zero_();
    return out;
  }
  kernels::quantize_by_map(data<float>(rest), blocks, data<float>(out.nested_quant_map),
                           data<uint8_t>(out.absmax), data<float>(out.nested_absmax));
  return out;
}

QuantizedRows QuantizedRows::of_blocks(GgmlType type, at::Tensor bytes, int64_t in) {
  const GgmlBlock block = ggml_block(type);
  if (!kernels::can_dequantize(type) || in % block.elements != 0 || bytes.dim() != 2 ||
      bytes.size(1) != in / block.elements * block.bytes || bytes.scalar_type() != at::kByte) {
    throw std::logic_error("QuantizedRows: the bytes are no rows of whole blocks");
  }
  QuantizedRows out;
  out.rows_ = bytes.size(0);
  out.in_ = in;
  out.type_ = type;
  out.bytes_ = bytes.contiguous();
  return out;
}

QuantizedRows QuantizedRows::of_nf4(Nf4Tensors tensors, int64_t rows, int64_t in) {
  const int64_t blocks = blocks_of(rows * in, tensors.block);
  const bool nested = tensors.nested_absmax.defined();
  if (tensors.packed.numel() != (rows * in + 1) / 2 || tensors.absmax.numel() != blocks ||
      tensors.quant_map.numel() != 16 || tensors.block % 2 != 0 ||
      tensors.absmax.scalar_type() != (nested ? at::kByte : at::kFloat) ||
      (nested && (tensors.nested_absmax.numel() != blocks_of(blocks, kernels::kNf4Nested) ||
                  tensors.nested_quant_map.numel() != 256))) {
    throw std::logic_error("QuantizedRows: the tensors are not of this matrix");
  }
  QuantizedRows out;
  out.rows_ = rows;
  out.in_ = in;
  out.nf4_ = std::move(tensors);
  return out;
}

int64_t QuantizedRows::stored_bytes() const {
  if (!is_nf4()) return static_cast<int64_t>(bytes_.nbytes());
  const auto size = [](const at::Tensor& t) {
    return t.defined() ? static_cast<int64_t>(t.nbytes()) : 0;
  };
  return size(nf4_.packed) + size(nf4_.absmax) + size(nf4_.nested_absmax);
}

QuantizedRows QuantizedRows::to(at::Device device) const {
  QuantizedRows out = *this;
  for (at::Tensor* part :
       {&out.bytes_, &out.order_, &out.nf4_.packed, &out.nf4_.absmax, &out.nf4_.quant_map,
        &out.nf4_.nested_absmax, &out.nf4_.nested_quant_map}) {
    if (part->defined()) *part = part->to(device);
  }
  return out;
}

QuantizedRows QuantizedRows::reordered(const std::vector<int64_t>& stored_rows) const {
  if (stored_rows.empty()) return *this;
  const at::Tensor order = at::tensor(stored_rows, at::kLong).to(device());
  QuantizedRows out = *this;
  if (is_nf4()) {
    out.order_ = order_.defined() ? order_.index_select(0, order) : order;
  } else {
    out.bytes_ = bytes_.index_select(0, order);
  }
  return out;
}

int64_t QuantizedRows::column_step() const {
  return is_nf4() ? nf4_.block : ggml_block(type_).elements;
}

template <class T>
void QuantizedRows::read_row(int64_t row, Span columns, T* out) const {
  if (!is_nf4()) {
    const GgmlBlock block = ggml_block(type_);
    const auto* bytes = static_cast<const std::byte*>(bytes_.data_ptr()) + row * bytes_.size(1) +
                        columns.begin / block.elements * block.bytes;
    const auto size = static_cast<size_t>(columns.count / block.elements * block.bytes);
    // The type was checked when these rows were made.
    (void)kernels::dequantize(type_, {bytes, size}, out, columns.count);
    return;
  }
  kernels::Nf4View run;
  run.packed = data<uint8_t>(nf4_.packed);
  run.values = data<float>(nf4_.quant_map);
  run.block = nf4_.block;
  run.absmax = data<float>(nf4_.nested_absmax.defined() ? nf4_.nested_absmax : nf4_.absmax);
  if (nf4_.nested_absmax.defined()) {
    run.codes = data<uint8_t>(nf4_.absmax);
    run.map = data<float>(nf4_.nested_quant_map);
    run.offset = nf4_.nested_offset;
  }
  const int64_t stored = order_.defined() ? data<int64_t>(order_)[row] : row;
  kernels::dequantize_nf4(run, stored * in_ + columns.begin, columns.count, out);
}

template void QuantizedRows::read_row(int64_t row, Span columns, float* out) const;
template void QuantizedRows::read_row(int64_t row, Span columns, kernels::Bf16* out) const;

at::Tensor QuantizedRows::plain(Span rows, Span columns) const {
  return is_nf4() ? reference::nf4_values(nf4_, order_, in_, rows, columns)
                  : reference::block_values(type_, bytes_, rows, columns);
}

void QuantizedRows::dequantize(Span rows, Span columns, const at::Tensor& out) const {
  if (use_reference(out)) {
    out.copy_(plain(rows, columns));
    return;
  }
  constexpr int64_t kGrain = 1 << 14;  // numbers that are worth a thread
  const int64_t stride = out.stride(0);
  dispatch(out.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    at::parallel_for(0, rows.count,
                     std::max<int64_t>(1, kGrain / std::max<int64_t>(1, columns.count)),
                     [&](int64_t begin, int64_t end) {
                       for (int64_t i = begin; i < end; ++i) {
                         read_row(rows.begin + i, columns, data<T>(out) + i * stride);
                       }
                     });
  });
}

}  // namespace relata::nn
