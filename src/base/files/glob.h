// Patterns that stand for paths.
#pragma once

#include <string>
#include <vector>

#include "relata/base/result.h"

namespace relata::internal {

// The files and folders of a pattern, sorted and distinct. * and ? stand for what a name may have
// there, but for a dot at its beginning; a ** between slashes for any number of folders, none too.
// It goes into no hidden folder, follows no link to one, and finds nothing but files and folders.
Result<std::vector<std::string>> expand_glob(const std::string& pattern);

}  // namespace relata::internal
