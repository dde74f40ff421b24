#include "block_panels.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "dispatch.h"
#include "relata/kernels/block_product.h"

namespace relata::nn {
namespace {

constexpr int64_t kWorthAThread = 1 << 17;  // products of two numbers: about a microsecond
// So many tiles of x stay in the second-level cache while the panels pass.
constexpr int64_t kTilesTogether = 16;

int64_t grain_of(int64_t work) {
  return std::max<int64_t>(1, kWorthAThread / std::max<int64_t>(1, work));
}

}  // namespace

std::optional<BlockPanels> BlockPanels::pack(const std::vector<QuantizedRows>& parts) {
  BlockPanels out;
  for (const QuantizedRows& part : parts) {
    if (part.is_nf4() || !part.device().is_cpu() || !kernels::can_multiply_blocks(part.type())) {
      return {};
    }
  }
  for (const QuantizedRows& rows : parts) {
    out.in_ = rows.in();
    Part& part = out.parts_.emplace_back();
    part.type = rows.type();
    part.first = out.out_;
    part.count = rows.rows();
    const int64_t panels = kernels::block_panels(part.count);
    const int64_t bytes = kernels::block_panel_bytes(part.type, rows.in());
    part.panels = at::empty({panels, bytes}, at::kByte);
    const auto* from = static_cast<const std::byte*>(rows.bytes().data_ptr());
    auto* to = static_cast<std::byte*>(part.panels.data_ptr());
    at::parallel_for(0, panels, 1, [&](int64_t begin, int64_t end) {
      for (int64_t panel = begin; panel < end; ++panel) {
        kernels::pack_block_panel(part.type, from, part.count, rows.in(), panel,
                                  to + panel * bytes);
      }
    });
    out.out_ += part.count;
    out.panels_ += panels;
  }
  return out;
}

template <class T>
void BlockPanels::multiply_rows(const at::Tensor& x, const float* bias, const at::Tensor& y) const {
  using kernels::QuantizedBlock;
  const int64_t m = x.size(0);
  const int64_t tiles = kernels::quantized_tiles(m);
  const at::Tensor room =
      at::empty({kernels::quantized_blocks(m, in_) * static_cast<int64_t>(sizeof(QuantizedBlock))},
                at::kByte);
  auto* rounded = static_cast<QuantizedBlock*>(room.data_ptr());
  at::parallel_for(0, tiles, grain_of(kernels::kQuantizedTile * in_),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t tile = begin; tile < end; ++tile) {
                       kernels::quantize_tile(data<T>(x), in_, m, in_, tile, rounded);
                     }
                   });
  std::vector<kernels::BlockProduct<T>> products;
  for (const Part& part : parts_) {
    products.push_back({part.type, static_cast<const std::byte*>(part.panels.data_ptr()), rounded,
                        bias == nullptr ? nullptr : bias + part.first, data<T>(y) + part.first,
                        out_, m, part.count, in_});
  }
  const kernels::Isa isa = kernels::isa();
  const int64_t chunks = (tiles + kTilesTogether - 1) / kTilesTogether;
  const int64_t work =
      kernels::kBlockPanel * in_ * std::min(m, kTilesTogether * kernels::kQuantizedTile);
  at::parallel_for(0, chunks * panels_, grain_of(work), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t chunk = i / panels_;
      int64_t panel = i % panels_;
      size_t p = 0;
      for (; panel >= parts_[p].panels.size(0); ++p) panel -= parts_[p].panels.size(0);
      for (int64_t tile = tiles * chunk / chunks; tile < tiles * (chunk + 1) / chunks; ++tile) {
        kernels::multiply_blocks(products[p], panel, tile, isa);
      }
    }
  });
}

at::Tensor BlockPanels::multiply(const at::Tensor& x, const at::Tensor& bias) const {
  const at::Tensor input = x.contiguous();
  const at::Tensor term = bias.defined() ? bias.to(at::kFloat).contiguous() : at::Tensor();
  at::Tensor y = at::empty({input.size(0), out_}, input.options());
  dispatch(input.scalar_type(), [&](auto* tag) {
    multiply_rows<std::remove_pointer_t<decltype(tag)>>(input, data<float>(term), y);
  });
  return y;
}

void BlockPanels::unpack_row(int64_t row, float* out) const {
  size_t p = 0;
  while (row >= parts_[p].first + parts_[p].count) ++p;
  const Part& part = parts_[p];
  kernels::unpack_block_row(part.type, static_cast<const std::byte*>(part.panels.data_ptr()), in_,
                            row - part.first, out);
}

at::Tensor BlockPanels::rows(const at::Tensor& ids) const {
  const at::Tensor wanted = ids.to(at::kLong).contiguous();
  const auto* id = data<int64_t>(wanted);
  at::Tensor out = at::empty({wanted.numel(), in_}, at::kFloat);
  at::parallel_for(0, wanted.numel(), grain_of(in_), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      TORCH_CHECK(id[i] >= 0 && id[i] < out_, "row ", id[i], " of a matrix of ", out_, " rows");
      unpack_row(id[i], data<float>(out) + i * in_);
    }
  });
  return out;
}

at::Tensor BlockPanels::dense(at::ScalarType type) const {
  return rows(at::arange(out_, at::kLong)).to(type);
}

}  // namespace relata::nn
