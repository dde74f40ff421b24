// Compiling functions for an instruction set that the build as a whole does not assume.
#pragma once

#include "vector.h"  // for RELATA_INLINE

#if defined(__x86_64__) && defined(__GNUC__)
#define RELATA_BLOCKS_X86 1
#define RELATA_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define RELATA_SET_BEGIN(set) \
  RELATA_PRAGMA(clang attribute push(__attribute__((target(set))), apply_to = function))
#define RELATA_SET_END RELATA_PRAGMA(clang attribute pop)
#else
#define RELATA_SET_BEGIN(set) RELATA_PRAGMA(GCC push_options) RELATA_PRAGMA(GCC target(set))
#define RELATA_SET_END RELATA_PRAGMA(GCC pop_options)
#endif
#endif
