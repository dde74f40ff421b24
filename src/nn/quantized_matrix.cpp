#include "quantized_matrix.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "dispatch.h"
#include "matmul.h"
#include "reference.h"
#include "relata/kernels/dot.h"

namespace relata::nn {

QuantizedMatrix::QuantizedMatrix(std::vector<QuantizedRows> parts, int64_t panel_numbers)
    : parts_(std::move(parts)), panel_numbers_(panel_numbers) {
  if (parts_.empty()) throw std::logic_error("QuantizedMatrix: no parts");
  in_ = parts_.front().in();
  for (const QuantizedRows& part : parts_) {
    if (part.in() != in_) throw std::logic_error("QuantizedMatrix: parts of several widths");
    out_ += part.rows();
    column_step_ = std::lcm(column_step_, part.column_step());
  }
}

at::Tensor QuantizedMatrix::panel(Span rows, Span columns, at::ScalarType type) const {
  const auto options = at::TensorOptions().dtype(type).device(parts_.front().device());
  at::Tensor out = at::empty({rows.count, columns.count}, options);
  int64_t first = 0;  // of the part
  for (const QuantizedRows& part : parts_) {
    const int64_t begin = std::max(rows.begin, first);
    const int64_t end = std::min(rows.begin + rows.count, first + part.rows());
    if (begin < end) {
      part.dequantize({begin - first, end - begin}, columns,
                      out.narrow(0, begin - rows.begin, end - begin));
    }
    first += part.rows();
  }
  return out;
}

// Each row of the matrix on its own: nothing but its stored bits is read from memory.
at::Tensor QuantizedMatrix::multiply_few(const at::Tensor& x, const at::Tensor& bias) const {
  constexpr int64_t kGrain = 16;  // rows of the matrix that are worth a thread
  const int64_t count = x.size(0);
  const at::Tensor input = x.to(at::kFloat).contiguous();
  at::Tensor y = at::empty({count, out_}, input.options());
  dispatch(x.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    int64_t first = 0;
    for (const QuantizedRows& part : parts_) {
      at::parallel_for(0, part.rows(), kGrain, [&](int64_t begin, int64_t end) {
        std::vector<T> row(static_cast<size_t>(in_));
        for (int64_t i = begin; i < end; ++i) {
          part.read_row(i, {0, in_}, row.data());
          kernels::dot_rows(row.data(), data<float>(input), count, in_, data<float>(y) + first + i,
                            out_);
        }
      });
      first += part.rows();
    }
  });
  if (bias.defined()) y.add_(bias.to(at::kFloat));
  return y.to(x.scalar_type());
}

at::Tensor QuantizedMatrix::multiply(const at::Tensor& x, const at::Tensor& bias) const {
  constexpr int64_t kFew = 16;  // rows of x, from which on a product of panels is quicker
  if (x.size(0) < kFew && !use_reference(x)) return multiply_few(x, bias);
  const at::ScalarType type = x.scalar_type();
  const at::Tensor term = bias.defined() ? bias.to(type) : at::Tensor();
  const int64_t step = std::max<int64_t>(1, panel_numbers_ / in_);
  if (step >= out_) {
    return nn::multiply_transposed(x, panel({0, out_}, {0, in_}, type),
                                   term.defined() ? std::optional(term) : std::nullopt);
  }
  at::Tensor y = at::empty({x.size(0), out_}, x.options());
  for (int64_t begin = 0; begin < out_; begin += step) {
    const int64_t count = std::min(step, out_ - begin);
    const std::optional<at::Tensor> piece =
        term.defined() ? std::optional(term.narrow(0, begin, count)) : std::nullopt;
    y.narrow(1, begin, count)
        .copy_(nn::multiply_transposed(x, panel({begin, count}, {0, in_}, type), piece));
  }
  return y;
}

at::Tensor QuantizedMatrix::multiply_transposed(const at::Tensor& y) const {
  const at::ScalarType type = y.scalar_type();
  const int64_t steps = std::max<int64_t>(1, panel_numbers_ / out_ / column_step_);
  const int64_t step = steps * column_step_;
  if (step >= in_) return nn::multiply(y, panel({0, out_}, {0, in_}, type));
  at::Tensor x = at::empty({y.size(0), in_}, y.options());
  for (int64_t begin = 0; begin < in_; begin += step) {
    const int64_t count = std::min(step, in_ - begin);
    x.narrow(1, begin, count).copy_(nn::multiply(y, panel({0, out_}, {begin, count}, type)));
  }
  return x;
}

at::Tensor QuantizedMatrix::dense(at::ScalarType type) const {
  return panel({0, out_}, {0, in_}, type);
}

at::Tensor QuantizedMatrix::rows(const at::Tensor& ids) const {
  const at::Tensor list = ids.to(at::kCPU).contiguous();
  const auto* id = data<int64_t>(list);
  const int64_t count = list.numel();
  if (count > 0 && std::any_of(id, id + count, [&](int64_t i) { return i < 0 || i >= out_; })) {
    throw std::out_of_range("QuantizedMatrix: no such row");
  }
  const QuantizedRows& first = parts_.front();
  if (count > 0 && parts_.size() == 1 && use_reference(first.device())) {
    return first.reordered({id, id + count}).plain({0, count}, {0, in_});
  }
  at::Tensor out =
      at::empty({count, in_}, at::TensorOptions().dtype(at::kFloat).device(first.device()));
  for (int64_t i = 0; i < count; ++i) {
    int64_t row = id[i];
    size_t part = 0;
    while (row >= parts_[part].rows()) row -= parts_[part++].rows();
    parts_[part].dequantize({row, 1}, {0, in_}, out.narrow(0, i, 1));
  }
  return out;
}

}  // namespace relata::nn
