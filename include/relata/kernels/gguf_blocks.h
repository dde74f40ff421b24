// Turns the packed elements of GGUF tensors into floats, and floats into the blocks that export
// writes. Values are bit for bit those of the reference, gguf.quants of the PyPI package `gguf`
// (a NaN is a NaN, whatever its payload).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "relata/base/ggml_type.h"
#include "relata/base/result.h"
#include "relata/kernels/bf16.h"

namespace relata::kernels {

// F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K to Q6_K, IQ4_NL and IQ4_XS.
bool can_dequantize(GgmlType type);

// Writes `elements` floats. `bytes` are whole blocks, exactly as many as `elements` take, at any
// address. Blocks are independent: callers share a tensor among threads by rows. The error, for a
// type that can_dequantize() denies, names it; the caller adds file and tensor. Reads each byte
// once; the float writes are what it costs.
Status dequantize(GgmlType type, std::span<const std::byte> bytes, float* out, int64_t elements);
// The same, each float rounded to nearest even.
Status dequantize(GgmlType type, std::span<const std::byte> bytes, Bf16* out, int64_t elements);

// Blocks of 32 elements in 34 bytes: a half-precision scale and 32 signed bytes. `elements` is a
// multiple of 32. Of a block that holds an infinity or a NaN the scale is one too.
void quantize_q8_0(const float* in, int64_t elements, std::byte* out);

// IEEE half precision, as F16 tensors hold it; rounds to nearest even.
float half_to_float(uint16_t bits);
uint16_t float_to_half(float value);

}  // namespace relata::kernels
