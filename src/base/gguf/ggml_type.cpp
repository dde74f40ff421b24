#include "relata/base/ggml_type.h"

#include <algorithm>
#include <array>

namespace relata {
namespace {

struct TypeFacts {
  GgmlType type;
  const char* name;
  GgmlBlock block;
};

constexpr std::array kTypes = {
    TypeFacts{GgmlType::kF32, "F32", {1, 4}},
    TypeFacts{GgmlType::kF16, "F16", {1, 2}},
    TypeFacts{GgmlType::kQ40, "Q4_0", {32, 18}},
    TypeFacts{GgmlType::kQ41, "Q4_1", {32, 20}},
    TypeFacts{GgmlType::kQ50, "Q5_0", {32, 22}},
    TypeFacts{GgmlType::kQ51, "Q5_1", {32, 24}},
    TypeFacts{GgmlType::kQ80, "Q8_0", {32, 34}},
    TypeFacts{GgmlType::kQ81, "Q8_1", {32, 40}},
    TypeFacts{GgmlType::kQ2K, "Q2_K", {256, 84}},
    TypeFacts{GgmlType::kQ3K, "Q3_K", {256, 110}},
    TypeFacts{GgmlType::kQ4K, "Q4_K", {256, 144}},
    TypeFacts{GgmlType::kQ5K, "Q5_K", {256, 176}},
    TypeFacts{GgmlType::kQ6K, "Q6_K", {256, 210}},
    TypeFacts{GgmlType::kQ8K, "Q8_K", {256, 292}},
    TypeFacts{GgmlType::kIq2Xxs, "IQ2_XXS", {256, 66}},
    TypeFacts{GgmlType::kIq2Xs, "IQ2_XS", {256, 74}},
    TypeFacts{GgmlType::kIq3Xxs, "IQ3_XXS", {256, 98}},
    TypeFacts{GgmlType::kIq1S, "IQ1_S", {256, 50}},
    TypeFacts{GgmlType::kIq4Nl, "IQ4_NL", {32, 18}},
    TypeFacts{GgmlType::kIq3S, "IQ3_S", {256, 110}},
    TypeFacts{GgmlType::kIq2S, "IQ2_S", {256, 82}},
    TypeFacts{GgmlType::kIq4Xs, "IQ4_XS", {256, 136}},
    TypeFacts{GgmlType::kI8, "I8", {1, 1}},
    TypeFacts{GgmlType::kI16, "I16", {1, 2}},
    TypeFacts{GgmlType::kI32, "I32", {1, 4}},
    TypeFacts{GgmlType::kI64, "I64", {1, 8}},
    TypeFacts{GgmlType::kF64, "F64", {1, 8}},
    TypeFacts{GgmlType::kIq1M, "IQ1_M", {256, 56}},
    TypeFacts{GgmlType::kBf16, "BF16", {1, 2}},
    TypeFacts{GgmlType::kTq10, "TQ1_0", {256, 54}},
    TypeFacts{GgmlType::kTq20, "TQ2_0", {256, 66}},
    TypeFacts{GgmlType::kMxfp4, "MXFP4", {32, 17}},
    TypeFacts{GgmlType::kNvfp4, "NVFP4", {64, 36}},
    TypeFacts{GgmlType::kQ10, "Q1_0", {128, 18}},
};

const TypeFacts* find_type(GgmlType type) {
  const auto* found = std::find_if(kTypes.begin(), kTypes.end(),
                                   [&](const TypeFacts& facts) { return facts.type == type; });
  return found == kTypes.end() ? nullptr : found;
}

}  // namespace

bool is_known(GgmlType type) { return find_type(type) != nullptr; }

const char* name_of(GgmlType type) {
  const TypeFacts* facts = find_type(type);
  return facts != nullptr ? facts->name : "unknown";
}

GgmlBlock ggml_block(GgmlType type) {
  const TypeFacts* facts = find_type(type);
  return facts != nullptr ? facts->block : GgmlBlock{};
}

}  // namespace relata
