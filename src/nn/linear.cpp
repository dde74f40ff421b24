#include "relata/nn/linear.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <map>

#include "dispatch.h"
#include "reference.h"
#include "relata/kernels/low_rank.h"

namespace relata::nn {
namespace {

// Of so many rows a product by LibTorch takes longer to start than to compute.
constexpr int64_t kFewRows = 16;

bool is_few_rows(const at::Tensor& x, const at::Tensor& rows) {
  return !at::GradMode::is_enabled() && !use_reference(x) &&
         (rows.defined() ? rows.numel() : x.size(0)) <= kFewRows;
}

// y is the caller's own.
void add_lora_to_few(const LoraSlice& lora, const at::Tensor& x, const at::Tensor& rows,
                     const at::Tensor& y) {
  const at::Tensor input = x.contiguous();
  const at::Tensor a = lora.a.dense(x.scalar_type()).contiguous();
  const at::Tensor b = lora.b.dense(x.scalar_type()).contiguous();
  dispatch(x.scalar_type(), [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const kernels::LowRankProduct<T> product{data<T>(input),
                                             data<T>(a),
                                             data<T>(b),
                                             data<T>(y) + lora.row,
                                             x.size(1),
                                             y.size(1),
                                             x.size(1),
                                             a.size(0),
                                             lora.rows,
                                             static_cast<float>(lora.scale),
                                             rows.defined() ? data<int64_t>(rows) : nullptr};
    constexpr int64_t kGrain = 4;  // rows that are worth a thread
    at::parallel_for(0, rows.defined() ? rows.numel() : x.size(0), kGrain,
                     [&](int64_t begin, int64_t end) {
                       std::vector<float> scratch(static_cast<size_t>(product.rank));
                       kernels::add_low_rank(product, begin, end, scratch.data());
                     });
  });
}

void add_lora(const LoraSlice& lora, const at::Tensor& x, const at::Tensor& rows, at::Tensor& y) {
  if (is_few_rows(x, rows)) {
    add_lora_to_few(lora, x, rows, y);
    return;
  }
  at::Tensor input = rows.defined() ? x.index_select(0, rows) : x;
  if (lora.dropout > 0 && at::GradMode::is_enabled() && lora.a.value().requires_grad()) {
    input = at::dropout(input, lora.dropout, true);
  }
  const at::Tensor delta = lora.b.multiply(lora.a.multiply(input, {}), {});
  if (rows.defined()) {
    y.narrow(1, lora.row, lora.rows).index_add_(0, rows, delta, lora.scale);
  } else if (lora.rows == y.size(1) && at::GradMode::is_enabled()) {
    y = at::add(y, delta, lora.scale);
  } else {
    y.narrow(1, lora.row, lora.rows).add_(delta, lora.scale);
  }
}

}  // namespace

RowAdapters RowAdapters::all(int adapter) {
  RowAdapters out;
  if (adapter >= 0) out.groups.push_back({adapter, {}});
  return out;
}

RowAdapters RowAdapters::of(const std::vector<int>& adapters, at::Device device) {
  std::map<int, std::vector<int64_t>> rows;
  for (size_t i = 0; i < adapters.size(); ++i) {
    if (adapters[i] >= 0) rows[adapters[i]].push_back(static_cast<int64_t>(i));
  }
  if (rows.size() == 1 && rows.begin()->second.size() == adapters.size()) {
    return all(rows.begin()->first);
  }
  RowAdapters out;
  for (const auto& [adapter, list] : rows) {
    out.groups.push_back({adapter, at::tensor(list, at::kLong).to(device)});
  }
  return out;
}

at::Tensor Linear::forward(const at::Tensor& x, const RowAdapters& adapters) const {
  at::Tensor y = weight.multiply(x, bias);
  for (const RowAdapters::Group& group : adapters.groups) {
    for (const LoraSlice& lora : loras) {
      if (lora.adapter == group.adapter) add_lora(lora, x, group.rows, y);
    }
  }
  return y;
}

}  // namespace relata::nn
