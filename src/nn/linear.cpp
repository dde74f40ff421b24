#include "relata/nn/linear.h"

#include <map>

namespace relata::nn {
namespace {

void add_lora(const LoraSlice& lora, const at::Tensor& x, const at::Tensor& rows, at::Tensor& y) {
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

RowAdapters RowAdapters::of(const std::vector<int>& adapters) {
  std::map<int, std::vector<int64_t>> rows;
  for (size_t i = 0; i < adapters.size(); ++i) {
    if (adapters[i] >= 0) rows[adapters[i]].push_back(static_cast<int64_t>(i));
  }
  if (rows.size() == 1 && rows.begin()->second.size() == adapters.size()) {
    return all(rows.begin()->first);
  }
  RowAdapters out;
  for (const auto& [adapter, list] : rows) {
    out.groups.push_back({adapter, at::tensor(list, at::kLong)});
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
