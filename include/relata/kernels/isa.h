// Which instruction set the integer kernels are run with.
#pragma once

#include <string_view>

#include "relata/base/result.h"

namespace relata::kernels {

// kAvx2 needs FMA and F16C too, as every processor with AVX2 has; kAvx512 needs VNNI, BW and VL.
enum class Isa { kScalar, kAvx2, kAvx512 };

std::string_view name_of(Isa isa);  // "scalar", "avx2", "avx512"
bool can_run(Isa isa);              // on this processor

// The best that this processor has, or what RELATA_ISA names. Asked for once: later changes of the
// environment count for nothing. A name that cannot be obeyed counts for nothing either; programs
// say so with check_isa().
Isa isa();
// The error, for the user: RELATA_ISA is no known name, or names what this processor lacks.
Status check_isa();

}  // namespace relata::kernels
