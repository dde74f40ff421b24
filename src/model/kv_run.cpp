#include "relata/model/kv_run.h"

#include <algorithm>

#include "relata/kernels/attention.h"

namespace relata::model {
namespace {

constexpr int64_t kBlock = kernels::kKeyBlock;

}  // namespace

KvRun KvRun::make(int64_t layers, int64_t heads, int64_t width, int64_t capacity,
                  const at::TensorOptions& options) {
  KvRun run;
  run.capacity = (capacity + kBlock - 1) / kBlock * kBlock;
  run.keys = at::empty({layers, heads, run.capacity, width}, options);
  run.values = at::empty({layers, heads, run.capacity, width}, options);
  run.key_data = run.keys.data_ptr();
  run.value_data = run.values.data_ptr();
  run.layer_bytes = static_cast<int64_t>(run.keys.nbytes()) / std::max<int64_t>(layers, 1);
  return run;
}

int64_t KvRun::bytes() const {
  return defined() ? static_cast<int64_t>(keys.nbytes() + values.nbytes()) : 0;
}

KvRun KvRun::part(int64_t begin, int64_t end) const {
  const int64_t layers = keys.size(0), heads = keys.size(1), width = keys.size(3);
  KvRun out = make(layers, heads, width, end - begin, keys.options());
  out.length = end - begin;
  // Keys [K, capacity, E] hold blocks [capacity / 16, E, 16].
  const auto blocks = [&](const KvRun& run) {
    return run.keys.view({layers, heads, run.capacity / kBlock, width, kBlock});
  };
  if (begin % kBlock == 0) {
    const int64_t count = out.capacity / kBlock;
    blocks(out).copy_(blocks(*this).narrow(2, begin / kBlock, count));
  } else {
    // As rows, cut, and blocks again.
    const auto rows = [&](const KvRun& run) { return blocks(run).transpose(3, 4); };
    const at::Tensor cut =
        rows(*this).reshape({layers, heads, capacity, width}).narrow(2, begin, out.length);
    at::Tensor padded = at::zeros({layers, heads, out.capacity, width}, keys.options());
    padded.narrow(2, 0, out.length).copy_(cut);
    rows(out).copy_(padded.view({layers, heads, out.capacity / kBlock, kBlock, width}));
  }
  out.values.narrow(2, 0, out.length).copy_(values.narrow(2, begin, out.length));
  return out;
}

void KvRun::grow(int64_t wanted) {
  if (wanted <= capacity) return;
  KvRun larger = make(keys.size(0), keys.size(1), keys.size(3), std::max(wanted, 2 * capacity),
                      keys.options());
  larger.length = length;
  // Whole blocks of keys keep their place.
  larger.keys.narrow(2, 0, capacity).copy_(keys);
  larger.values.narrow(2, 0, length).copy_(values.narrow(2, 0, length));
  *this = std::move(larger);
}

}  // namespace relata::model
