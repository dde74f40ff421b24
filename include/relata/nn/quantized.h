// Rows of a matrix that stay in the few bits they are stored in: blocks of a GGUF file, or NF4.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "relata/base/ggml_type.h"

namespace relata::nn {

// legend: R rows of the matrix, I its width, B = ceil(R I / block) blocks.
// A matrix in NF4 (kernels/nf4.h), by the names that bitsandbytes gives its tensors.
struct Nf4Tensors {
  at::Tensor packed;            // uint8 [ceil(R I / 2)]
  at::Tensor absmax;            // float32 [B]; of double quantisation uint8
  at::Tensor quant_map;         // float32 [16]
  at::Tensor nested_absmax;     // float32 [ceil(B / 256)]; undefined: quantised once
  at::Tensor nested_quant_map;  // float32 [256]
  float nested_offset = 0;
  int64_t block = 64;
};

// Of a matrix in any floating type. Cost: two reads of it. The mean of the absolute maxima is taken
// as LibTorch does on one thread, so that it does not depend on their number. Numbers that are not
// finite give maxima that are not.
Nf4Tensors quantize_nf4(const at::Tensor& weight, bool double_quantization);

struct Span {
  int64_t begin = 0;
  int64_t count = 0;
};

// Copies share the bytes, which must not change. Const members may be called from several threads.
class QuantizedRows {
 public:
  // `bytes` uint8 [R, bytes of a row], contiguous: whole blocks of a type that
  // kernels::can_dequantize() knows, the plain ones included.
  static QuantizedRows of_blocks(GgmlType type, at::Tensor bytes, int64_t in);
  // Tensors of the sizes that Nf4Tensors states, contiguous.
  static QuantizedRows of_nf4(Nf4Tensors tensors, int64_t rows, int64_t in);

  int64_t rows() const { return rows_; }
  int64_t in() const { return in_; }
  bool is_nf4() const { return !bytes_.defined(); }
  GgmlType type() const { return type_; }             // of blocks
  const at::Tensor& bytes() const { return bytes_; }  // of blocks
  int64_t stored_bytes() const;
  at::Device device() const { return is_nf4() ? nf4_.packed.device() : bytes_.device(); }

  // The same rows, their bytes on the device.
  QuantizedRows to(at::Device device) const;

  // Row i of the result is row stored_rows[i] of this; empty: the same order.
  QuantizedRows reordered(const std::vector<int64_t>& stored_rows) const;

  // A range of columns begins at a multiple of this, and ends at one or at the last column.
  int64_t column_step() const;
  // The numbers of some rows and columns, each rounded once, into `out` [rows, columns], float32 or
  // bfloat16, whose rows are dense. Rows are shared among threads.
  void dequantize(Span rows, Span columns, const at::Tensor& out) const;
  // Of one row, on the CPU. T: float or kernels::Bf16.
  template <class T>
  void read_row(int64_t row, Span columns, T* out) const;
  // What dequantize() gives, in plain operations and float32.
  at::Tensor plain(Span rows, Span columns) const;

 private:
  int64_t rows_ = 0, in_ = 0;
  GgmlType type_ = GgmlType::kF32;
  at::Tensor bytes_;
  Nf4Tensors nf4_;
  at::Tensor order_;  // of NF4, int64 [R]: the stored row of each; undefined: the same order
};

}  // namespace relata::nn
