#include "relata/kernels/dot.h"

#include "vector.h"

namespace relata::kernels {
namespace {

constexpr int64_t kTogether = 4;  // vectors that share what is read of w

RELATA_INLINE float sum_of(Vector v) {
  float sum = 0;
  for (int64_t i = 0; i < kLane; ++i) sum += v[i];
  return sum;
}

template <int R, class T>
RELATA_INLINE void dot_some(const T* w, const float* x, int64_t width, float* y, int64_t stride) {
  Vector sums[R] = {};
  const int64_t whole = width / kLane * kLane;
  for (int64_t i = 0; i < whole; i += kLane) {
    const Vector weight = load(w + i);
    for (int r = 0; r < R; ++r) sums[r] += weight * load(x + r * width + i);
  }
  for (int r = 0; r < R; ++r) {
    float sum = sum_of(sums[r]);
    for (int64_t i = whole; i < width; ++i) sum += to_float(w[i]) * x[r * width + i];
    y[r * stride] = sum;
  }
}

template <class T>
RELATA_INLINE void dot_all(const T* w, const float* x, int64_t rows, int64_t width, float* y,
                           int64_t stride) {
  int64_t row = 0;
  for (; row + kTogether <= rows; row += kTogether) {
    dot_some<kTogether>(w, x + row * width, width, y + row * stride, stride);
  }
  for (; row < rows; ++row) dot_some<1>(w, x + row * width, width, y + row * stride, stride);
}

}  // namespace

RELATA_CLONES void dot_rows(const float* w, const float* x, int64_t rows, int64_t width, float* y,
                            int64_t stride) {
  dot_all(w, x, rows, width, y, stride);
}
RELATA_CLONES void dot_rows(const Bf16* w, const float* x, int64_t rows, int64_t width, float* y,
                            int64_t stride) {
  dot_all(w, x, rows, width, y, stride);
}

}  // namespace relata::kernels
