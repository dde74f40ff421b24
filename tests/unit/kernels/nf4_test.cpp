// NF4 beside its definition; beside bitsandbytes itself in tests/golden/test_nf4.py.
#include "relata/kernels/nf4.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace relata::kernels {
namespace {

struct Numbers {
  std::vector<uint8_t> packed, codes;
  std::vector<float> absmax, map;
  Nf4View view;
};

// `count` random codes, whose scales are kept in eight bits where `twice` is set.
Numbers random_run(int64_t count, int64_t block, bool twice) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  Numbers run;
  run.packed.resize(static_cast<size_t>((count + 1) / 2));
  for (uint8_t& byte : run.packed) byte = static_cast<uint8_t>(random());
  const int64_t blocks = (count + block - 1) / block;
  run.absmax.resize(static_cast<size_t>(twice ? (blocks + kNf4Nested - 1) / kNf4Nested : blocks));
  for (float& value : run.absmax) value = std::abs(normal(random)) + 0.1F;
  run.view.block = block;
  run.view.values = kNf4Values.data();
  if (twice) {
    run.codes.resize(static_cast<size_t>(blocks));
    for (uint8_t& code : run.codes) code = static_cast<uint8_t>(random());
    run.map.resize(256);
    for (size_t i = 0; i < run.map.size(); ++i) run.map[i] = static_cast<float>(i) / 128 - 1;
    run.view.codes = run.codes.data();
    run.view.map = run.map.data();
    run.view.offset = 1.75F;
  }
  run.view.packed = run.packed.data();
  run.view.absmax = run.absmax.data();
  return run;
}

float number(const Numbers& run, int64_t i) {
  const uint8_t byte = run.packed[static_cast<size_t>(i / 2)];
  const auto code = static_cast<size_t>(i % 2 == 0 ? byte >> 4U : byte & 15U);
  const auto block = static_cast<size_t>(i / run.view.block);
  float scale = 0;
  if (run.codes.empty()) {
    scale = run.absmax[block];
  } else {
    // A product and a sum, each rounded.
    volatile const float product = run.map[run.codes[block]] * run.absmax[block / kNf4Nested];
    scale = product + run.view.offset;
  }
  return kNf4Values.at(code) * scale;
}

TEST(Nf4, RangesBeginAndEndAnywhere) {
  constexpr int64_t kCount = 64 * 700 + 37;
  for (const bool twice : {false, true}) {
    for (const int64_t block : {64, 128}) {
      const Numbers run = random_run(kCount, block, twice);
      for (const int64_t begin : {0, 1, 63, 64, 100, 131, 44800}) {
        for (const int64_t count : {0, 1, 2, 15, 16, 17, 63, 64, 65, 200, 2000}) {
          if (begin + count > kCount) continue;
          std::vector<float> out(static_cast<size_t>(count + 2), 1234.5F);
          std::vector<Bf16> halves(out.size(), Bf16{77});
          dequantize_nf4(run.view, begin, count, out.data() + 1);
          dequantize_nf4(run.view, begin, count, halves.data() + 1);
          EXPECT_EQ(out.front(), 1234.5F);
          EXPECT_EQ(out.back(), 1234.5F);
          EXPECT_EQ(halves.front().bits, 77);
          EXPECT_EQ(halves.back().bits, 77);
          for (int64_t i = 0; i < count; ++i) {
            const float wanted = number(run, begin + i);
            Bf16 rounded;
            store(rounded, wanted);
            const auto at = static_cast<size_t>(i + 1);
            ASSERT_EQ(out[at], wanted) << begin << " " << i;
            ASSERT_EQ(halves[at].bits, rounded.bits) << begin << " " << i;
          }
        }
      }
    }
  }
}

TEST(Nf4, EveryNumberGetsTheNearestValue) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const int64_t count : {1, 2, 63, 64, 65, 1000}) {
    std::vector<float> in(static_cast<size_t>(count));
    for (float& value : in) value = normal(random);
    std::vector<uint8_t> packed(in.size() / 2 + in.size() % 2);
    std::vector<float> absmax((in.size() + kNf4Block - 1) / kNf4Block);
    quantize_nf4(in.data(), count, packed.data(), absmax.data());
    Nf4View view;
    view.packed = packed.data();
    view.values = kNf4Values.data();
    view.absmax = absmax.data();
    std::vector<float> out(in.size());
    dequantize_nf4(view, 0, count, out.data());
    for (size_t i = 0; i < in.size(); ++i) {
      const float scale = absmax[i / kNf4Block];
      double nearest = std::numeric_limits<double>::infinity();
      for (const float value : kNf4Values) {
        nearest = std::min(nearest, std::abs(static_cast<double>(value) * scale - in[i]));
      }
      // The scaled number and the bound between two values are each rounded.
      EXPECT_LE(std::abs(static_cast<double>(out[i]) - in[i]), nearest + 4e-7 * scale) << i;
      EXPECT_LE(std::abs(in[i]), scale);
    }
  }
}

TEST(Nf4, ZerosStayAndWhatIsNotFiniteShows) {
  std::vector<float> in(128, 0.0F), absmax(2), out(128, 1.0F);
  std::vector<uint8_t> packed(64);
  in[70] = std::numeric_limits<float>::quiet_NaN();
  quantize_nf4(in.data(), 128, packed.data(), absmax.data());
  EXPECT_EQ(absmax[0], 0.0F);
  EXPECT_TRUE(std::isnan(absmax[1]));
  in[70] = -std::numeric_limits<float>::infinity();
  quantize_nf4(in.data(), 128, packed.data(), absmax.data());
  EXPECT_TRUE(std::isinf(absmax[1]));
  Nf4View view;
  view.packed = packed.data();
  view.values = kNf4Values.data();
  view.absmax = absmax.data();
  dequantize_nf4(view, 0, 64, out.data());
  for (int i = 0; i < 64; ++i) EXPECT_EQ(out[static_cast<size_t>(i)], 0.0F);
}

}  // namespace
}  // namespace relata::kernels
