// Products of small matrices whose sums stay in registers, for attention.
//
// A tile of sums is as wide as the registers are: with 32 of sixteen floats (AVX-512) 6 rows by
// four of them, with 16 of eight (AVX2) 6 rows by two. Every element is summed up in the order of
// k, so that the shape of the tiles does not show in results.
#pragma once

#include "relata/kernels/isa.h"
#include "vector.h"

namespace relata::kernels {

constexpr int kTileRows = 6;

struct Matrix {
  const float* data;
  int64_t row;  // stride between rows
  int64_t column;
};

// Columns of a matrix in blocks of 16: `row` elements from one k to the next, `block` from one
// block to the next.
template <class T>
struct Panels {
  const T* data;
  int64_t row;
  int64_t block;
};

struct LongVectors {
  using Floats = Vector;
  static constexpr int kTogether = 4;  // of them in a tile's row
};

struct ShortVectors {
  using Floats = float __attribute__((vector_size(32), aligned(4), may_alias));
  static constexpr int kTogether = 2;
};

RELATA_INLINE void read(const float* in, Vector& out) { out = load(in); }
RELATA_INLINE void read(const Bf16* in, Vector& out) { out = load(in); }
RELATA_INLINE void read(const float* in, ShortVectors::Floats& out) {
  out = *reinterpret_cast<const ShortVectors::Floats*>(in);
}
RELATA_INLINE void read(const Bf16* in, ShortVectors::Floats& out) {
  using Halves = uint16_t __attribute__((vector_size(16), aligned(2), may_alias));
  using Words = uint32_t __attribute__((vector_size(32)));
  const Words words = __builtin_convertvector(*reinterpret_cast<const Halves*>(in), Words) << 16U;
  out = std::bit_cast<ShortVectors::Floats>(words);
}

RELATA_INLINE Matrix from_row(const Matrix& a, int64_t row) {
  return {a.data + row * a.row, a.row, a.column};
}

// c[R, lanes C] (+)= a[R, k] b[k, lanes C].
template <class Kind, int R, int C, class T>
RELATA_INLINE void tile(const Matrix& a, const Panels<T>& b, float* c, int64_t c_stride, int64_t k,
                        bool add) {
  using Floats = typename Kind::Floats;
  constexpr int64_t kLanes = sizeof(Floats) / sizeof(float);
  Floats sums[R][C];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < C; ++v) {
      if (add) {
        read(c + r * c_stride + v * kLanes, sums[r][v]);
      } else {
        sums[r][v] = Floats{};
      }
    }
  }
  for (int64_t i = 0; i < k; ++i) {
    Floats row[C];
    for (int v = 0; v < C; ++v) {
      const int64_t lane = v * kLanes;
      read(b.data + i * b.row + lane / kLane * b.block + lane % kLane, row[v]);
    }
    for (int r = 0; r < R; ++r) {
      const float left = a.data[r * a.row + i * a.column];
      for (int v = 0; v < C; ++v) sums[r][v] += left * row[v];
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < C; ++v) {
      *reinterpret_cast<Floats*>(c + r * c_stride + v * kLanes) = sums[r][v];
    }
  }
}

template <class Kind, int C, class T>
RELATA_INLINE void tile_columns(const Matrix& a, const Panels<T>& b, float* c, int64_t c_stride,
                                int64_t m, int64_t k, bool add) {
  int64_t r = 0;
  for (; r + kTileRows <= m; r += kTileRows) {
    tile<Kind, kTileRows, C>(from_row(a, r), b, c + r * c_stride, c_stride, k, add);
  }
  for (; r + 3 <= m; r += 3)
    tile<Kind, 3, C>(from_row(a, r), b, c + r * c_stride, c_stride, k, add);
  for (; r < m; ++r) tile<Kind, 1, C>(from_row(a, r), b, c + r * c_stride, c_stride, k, add);
}

template <class Kind, class T>
RELATA_INLINE void multiply_tiles(const Matrix& a, Panels<T> b, float* c, int64_t c_stride,
                                  int64_t m, int64_t n, int64_t k, bool add) {
  constexpr int64_t kLanes = sizeof(typename Kind::Floats) / sizeof(float);
  constexpr int64_t kBlocks = Kind::kTogether * kLanes / kLane;  // that a tile covers
  for (; n >= kBlocks; n -= kBlocks) {
    tile_columns<Kind, Kind::kTogether>(a, b, c, c_stride, m, k, add);
    b.data += kBlocks * b.block;
    c += kBlocks * kLane;
  }
  for (; n > 0; --n) {
    tile_columns<Kind, kLane / kLanes>(a, b, c, c_stride, m, k, add);
    b.data += b.block;
    c += kLane;
  }
}

// c[m, 16 n] (+)= a[m, k] b[k, 16 n].
template <class T>
RELATA_INLINE void multiply_panels(const Matrix& a, const Panels<T>& b, float* c, int64_t c_stride,
                                   int64_t m, int64_t n, int64_t k, bool add) {
  if (isa() == Isa::kAvx512) {
    multiply_tiles<LongVectors>(a, b, c, c_stride, m, n, k, add);
  } else {
    multiply_tiles<ShortVectors>(a, b, c, c_stride, m, n, k, add);
  }
}

}  // namespace relata::kernels
