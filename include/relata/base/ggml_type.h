// The element types of GGUF tensors. Most are blocks: some elements of one row share scales and lie
// packed in a fixed number of bytes. Numbers and layouts are those of ggml (ggml.h, ggml-common.h).
#pragma once

#include <cstdint>
#include <string>

namespace relata {

enum class GgmlType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ40 = 2,
  kQ41 = 3,
  kQ50 = 6,
  kQ51 = 7,
  kQ80 = 8,
  kQ81 = 9,
  kQ2K = 10,
  kQ3K = 11,
  kQ4K = 12,
  kQ5K = 13,
  kQ6K = 14,
  kQ8K = 15,
  kIq2Xxs = 16,
  kIq2Xs = 17,
  kIq3Xxs = 18,
  kIq1S = 19,
  kIq4Nl = 20,
  kIq3S = 21,
  kIq2S = 22,
  kIq4Xs = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIq1M = 29,
  kBf16 = 30,
  kTq10 = 34,
  kTq20 = 35,
  kMxfp4 = 39,
  kNvfp4 = 40,
  kQ10 = 41,
};

// How a type packs: `elements` of a row in `bytes` bytes. Plain types have blocks of one element.
struct GgmlBlock {
  int64_t elements = 0;
  int64_t bytes = 0;
};

bool is_known(GgmlType type);         // false for numbers that are no enumerator
const char* name_of(GgmlType type);   // "Q4_K"; "unknown" where is_known() is false
GgmlBlock ggml_block(GgmlType type);  // {0, 0} where is_known() is false

}  // namespace relata
