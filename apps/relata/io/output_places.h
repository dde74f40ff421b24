// Whether what a verb writes would destroy what else it writes, or what it reads.
#pragma once

#include <string>
#include <vector>

#include "relata/base/result.h"

namespace relata::app {

struct OutputPlace {
  std::string what;  // "the relations", "--html"
  std::string path;  // "" and "-" are standard output
};

// Error (usage): two outputs have one place, or an output is one of the files that the inputs (as
// on the command line) mean. However they are written: by another path, or through a link.
Status check_places(const std::vector<OutputPlace>& outputs,
                    const std::vector<std::string>& inputs);

}  // namespace relata::app
