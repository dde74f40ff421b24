#include "relata/model/kv_run.h"

#include "relata/kernels/attention.h"

namespace relata::model {

int64_t KvRun::bytes() const {
  int64_t sum = 0;
  for (const Layer& layer : layers) {
    sum += static_cast<int64_t>(layer.keys.nbytes() + layer.values.nbytes());
  }
  return sum;
}

KvRun KvRun::part(int64_t begin, int64_t end) const {
  constexpr int64_t kBlock = kernels::kKeyBlock;
  KvRun out;
  out.length = end - begin;
  out.capacity = (out.length + kBlock - 1) / kBlock * kBlock;
  for (const Layer& layer : layers) {
    const int64_t heads = layer.values.size(0), width = layer.values.size(2);
    // Keys [K, capacity, E] hold blocks [capacity / 16, E, 16]: as rows, cut, and blocks again.
    const at::Tensor rows = layer.keys.view({heads, capacity / kBlock, width, kBlock})
                                .transpose(2, 3)
                                .reshape({heads, capacity, width});
    at::Tensor cut = at::zeros({heads, out.capacity, width}, rows.options());
    cut.narrow(1, 0, out.length).copy_(rows.narrow(1, begin, out.length));
    at::Tensor keys = cut.view({heads, out.capacity / kBlock, kBlock, width})
                          .transpose(2, 3)
                          .contiguous()
                          .view({heads, out.capacity, width});
    at::Tensor values = at::zeros({heads, out.capacity, width}, rows.options());
    values.narrow(1, 0, out.length).copy_(layer.values.narrow(1, begin, out.length));
    out.layers.push_back({keys, values, keys.data_ptr(), values.data_ptr()});
  }
  return out;
}

}  // namespace relata::model
