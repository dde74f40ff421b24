// Products of float32 matrices whose second one, a weight, does not change: it is packed once.
//
// legend: M rows of x; N rows of the weight; K their common width. A panel holds kPanel rows of the
// weight, element k of all of them side by side: [K, kPanel], the last one filled up with zeros.
#pragma once

#include <cstdint>

namespace relata::kernels {

constexpr int64_t kPanel = 32;

inline int64_t panels_of(int64_t rows) { return (rows + kPanel - 1) / kPanel; }

// Whether multiply_panel() runs on this processor: it needs the 32 registers of AVX-512.
bool can_multiply_panels();

// Panel `panel` of weight [N, K] into out [K, kPanel].
void pack_panel(const float* weight, int64_t n, int64_t k, int64_t panel, float* out);

// y = x weight^T (+ bias), all dense: x [M, K], y [M, N], bias [N] or null.
struct PanelProduct {
  const float* x;
  const float* panels;  // [panels_of(N), K, kPanel]
  const float* bias;
  float* y;
  int64_t n;
  int64_t k;
};

// Columns [kPanel panel, kPanel (panel + 1)) of rows [begin, end) of y. Which rows are computed
// together does not change them. Cost: 2 (end - begin) K kPanel operations at about nine tenths of
// the processor's limit from 32 rows on; below, one read of the panel at the memory's.
void multiply_panel(const PanelProduct& p, int64_t panel, int64_t begin, int64_t end);

// The same on any processor; slower.
void multiply_panel_anywhere(const PanelProduct& p, int64_t panel, int64_t begin, int64_t end);

}  // namespace relata::kernels
