// What RELATA_ISA does, in processes of their own: it is read once.
#include "relata/kernels/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "relata/kernels/product.h"

namespace relata::kernels {
namespace {

constexpr int kRefused = 9;

// Ends the process with what isa() is, or kRefused where check_isa() has an error.
[[noreturn]] void tell(const char* value) {
  setenv("RELATA_ISA", value, 1);
  std::exit(check_isa().ok() ? static_cast<int>(isa()) : kRefused);
}

TEST(Isa, IsWhatTheEnvironmentNames) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(tell("scalar"), testing::ExitedWithCode(static_cast<int>(Isa::kScalar)), "");
  const int avx2 = can_run(Isa::kAvx2) ? static_cast<int>(Isa::kAvx2) : kRefused;
  EXPECT_EXIT(tell("avx2"), testing::ExitedWithCode(avx2), "");
  EXPECT_EXIT(tell("sse9"), testing::ExitedWithCode(kRefused), "");
  const Isa best = can_run(Isa::kAvx512) ? Isa::kAvx512
                   : can_run(Isa::kAvx2) ? Isa::kAvx2
                                         : Isa::kScalar;
  EXPECT_EXIT(tell(""), testing::ExitedWithCode(static_cast<int>(best)), "");  // as if not set
}

TEST(Isa, LimitsFloatPanelsToo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto tell_panels = [] {
    setenv("RELATA_ISA", "scalar", 1);
    std::exit(can_multiply_panels() ? 1 : 0);
  };
  EXPECT_EXIT(tell_panels(), testing::ExitedWithCode(0), "");
}

TEST(Isa, CanAlwaysRunTheOneItTakes) {
  EXPECT_TRUE(can_run(Isa::kScalar));
  EXPECT_TRUE(can_run(isa()));
  EXPECT_EQ(name_of(Isa::kAvx512), "avx512");
}

}  // namespace
}  // namespace relata::kernels
