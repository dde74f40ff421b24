// Which instruction set the kernels are run with that are written for some by name: products on
// GGUF blocks and on float panels. (All others are compiled for several; the loader chooses.)
#pragma once

#include <string_view>

#include "relata/base/result.h"

namespace relata::kernels {

// kAvx2 needs FMA and F16C too, as every processor with AVX2 has; kAvx512 needs VNNI, BW and VL.
enum class Isa { kScalar, kAvx2, kAvx512 };

std::string_view name_of(Isa isa);  // "scalar", "avx2", "avx512"
bool can_run(Isa isa);              // on this processor

// The most that RELATA_ISA allows; kAvx512 where it is not set or says nothing that can be obeyed.
// Read once: later changes of the environment count for nothing.
Isa isa_limit();
// The best that this processor has within isa_limit().
Isa isa();
// The error, for the user: RELATA_ISA is no known name, or names what this processor lacks.
Status check_isa();

}  // namespace relata::kernels
