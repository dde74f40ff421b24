// Files that do not outlive the process unless they are finished: not where it ends by itself, and
// not where a signal ends it.
#pragma once

#include <string>

namespace relata {

// The name of such a file, which is there. Removes what it names when it is destroyed: a file that
// was finished has been renamed.
class TemporaryName {
 public:
  explicit TemporaryName(std::string path);
  ~TemporaryName();
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// For handlers of signals that end the process, with all signals blocked: removes the files of all
// names that there are. Nothing that uses names goes on afterwards.
void remove_temporary_files() noexcept;

}  // namespace relata
