#include "relata/kernels/product.h"

#include <algorithm>

#include "relata/kernels/isa.h"
#include "vector.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define RELATA_AVX512 __attribute__((target("arch=x86-64-v4")))
#else
#define RELATA_AVX512
#endif

namespace relata::kernels {
namespace {

// Rows that are multiplied together. Their 16 sums are enough to hide what an addition takes, and
// 64 rows make whole blocks.
constexpr int64_t kRows = 8;
// A panel is worked on in parts of so many k, which stay in the second-level cache.
constexpr int64_t kDepth = 2048;

// Where the sums of a tile go, and what is added to them: the bias (stride 0), or the sums of the k
// before.
struct TileOut {
  float* y;
  int64_t stride;  // between rows of y
  const float* addend;
  int64_t addend_stride;
};

// y [R, kPanel] from x [R, k] and panel [k, kPanel]. Meanwhile `ahead` is brought near, a vector
// for each k.
template <int R>
RELATA_AVX512 void multiply_tile(const float* x, int64_t x_stride, const float* panel, int64_t k,
                                 const float* ahead, const TileOut& out) {
  Vector low[R] = {}, high[R] = {};
  for (int64_t i = 0; i < k; ++i) {
    const Vector first = *reinterpret_cast<const Vector*>(panel + i * kPanel);
    const Vector second = *reinterpret_cast<const Vector*>(panel + i * kPanel + kLane);
    __builtin_prefetch(ahead + i * kLane, 0, 2);
    for (int r = 0; r < R; ++r) {
      const float factor = x[r * x_stride + i];
      low[r] += factor * first;
      high[r] += factor * second;
    }
  }
  for (int r = 0; r < R; ++r) {
    const float* addend = out.addend + r * out.addend_stride;
    float* y = out.y + r * out.stride;
    const Vector left = low[r] + *reinterpret_cast<const Vector*>(addend);
    const Vector right = high[r] + *reinterpret_cast<const Vector*>(addend + kLane);
    *reinterpret_cast<Vector*>(y) = left;
    *reinterpret_cast<Vector*>(y + kLane) = right;
  }
}

using Tile = void (*)(const float*, int64_t, const float*, int64_t, const float*, const TileOut&);
constexpr Tile kTiles[kRows + 1] = {nullptr,          multiply_tile<1>, multiply_tile<2>,
                                    multiply_tile<3>, multiply_tile<4>, multiply_tile<5>,
                                    multiply_tile<6>, multiply_tile<7>, multiply_tile<8>};

}  // namespace

bool can_multiply_panels() {
#if defined(__x86_64__) && defined(__GNUC__)
  return isa_limit() == Isa::kAvx512 && __builtin_cpu_supports("avx512f") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512cd") != 0;
#else
  return false;
#endif
}

void pack_panel(const float* weight, int64_t n, int64_t k, int64_t panel, float* out) {
  const int64_t first = panel * kPanel;
  for (int64_t c = 0; c < kPanel; ++c) {
    const float* row = weight + (first + c) * k;
    for (int64_t i = 0; i < k; ++i) out[i * kPanel + c] = first + c < n ? row[i] : 0.0F;
  }
}

void multiply_panel(const PanelProduct& p, int64_t panel, int64_t begin, int64_t end) {
  const int64_t column = panel * kPanel;
  const int64_t columns = std::min(kPanel, p.n - column);
  float bias[kPanel] = {};
  if (p.bias != nullptr) std::copy_n(p.bias + column, columns, bias);
  float last[kRows * kPanel];  // of the last panel, which is wider than what is left of y
  const int64_t blocks = (end - begin + kRows - 1) / kRows;
  for (int64_t depth = 0; depth < p.k; depth += kDepth) {
    const int64_t k = std::min(kDepth, p.k - depth);
    const float* part = p.panels + (panel * p.k + depth) * kPanel;
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t row = begin + (end - begin) * block / blocks;
      const int64_t rows = begin + (end - begin) * (block + 1) / blocks - row;
      float* y = p.y + row * p.n + column;
      TileOut out{y, p.n, bias, 0};
      if (columns < kPanel) {
        out.y = last;
        out.stride = kPanel;
        for (int64_t r = 0; depth > 0 && r < rows; ++r) {
          std::copy_n(y + r * p.n, columns, last + r * kPanel);
        }
      }
      if (depth > 0) {
        out.addend = out.y;
        out.addend_stride = out.stride;
      }
      // What comes next in memory is what is multiplied next: each block brings a share of it.
      const float* ahead = part + k * kPanel + k * kPanel * block / blocks / kLane * kLane;
      kTiles[rows](p.x + row * p.k + depth, p.k, part, k, ahead, out);
      for (int64_t r = 0; columns < kPanel && r < rows; ++r) {
        std::copy_n(last + r * kPanel, columns, y + r * p.n);
      }
    }
  }
}

RELATA_CLONES void multiply_panel_anywhere(const PanelProduct& p, int64_t panel, int64_t begin,
                                           int64_t end) {
  const int64_t column = panel * kPanel;
  const int64_t columns = std::min(kPanel, p.n - column);
  const float* part = p.panels + panel * p.k * kPanel;
  for (int64_t row = begin; row < end; ++row) {
    Vector low = {}, high = {};
    for (int64_t i = 0; i < p.k; ++i) {
      const float factor = p.x[row * p.k + i];
      low += factor * load(part + i * kPanel);
      high += factor * load(part + i * kPanel + kLane);
    }
    float sums[kPanel];
    *reinterpret_cast<Vector*>(sums) = low;
    *reinterpret_cast<Vector*>(sums + kLane) = high;
    for (int64_t c = 0; c < columns; ++c) {
      p.y[row * p.n + column + c] = sums[c] + (p.bias == nullptr ? 0.0F : p.bias[column + c]);
    }
  }
}

}  // namespace relata::kernels
