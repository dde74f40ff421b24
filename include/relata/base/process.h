// Another program, run to its end with what it may use bounded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"

namespace relata {

struct ProcessLimits {
  double seconds = 60;                // wall clock
  size_t output = size_t{256} << 20;  // bytes of standard output
  size_t memory = size_t{4} << 30;    // address space in bytes; 0: no limit
};

struct ProcessResult {
  int code = 0;        // exit status; 128 + N when signal N ended it
  std::string output;  // standard output
  std::string errors;  // standard error, its first 64 KiB
};

// Runs `arguments` (the first is found in PATH; no shell) with `input` on standard input. The
// environment's language becomes C. Errors: kResource when the program is not there or cannot be
// started, kBadInput when it passes a limit; it is then killed. May be called from several threads.
Result<ProcessResult> run_process(const std::vector<std::string>& arguments, std::string_view input,
                                  const ProcessLimits& limits);

}  // namespace relata
