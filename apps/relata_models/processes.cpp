#include "processes.h"

#include <fmt/format.h>

#include "relata/base/log.h"
#include "relata/base/progress.h"

namespace relata::app {

Result<std::shared_ptr<train::ProcessGroup>> join_processes() {
  RELATA_TRY(const train::ProcessPlace place, train::process_place());
  if (place.count == 1) return std::shared_ptr<train::ProcessGroup>();
  if (place.rank > 0) {
    set_log_level(LogLevel::kQuiet);
    set_progress_mode(ProgressMode::kOff);
  }
  RELATA_TRY(auto processes, train::ProcessGroup::join(place));
  log_info(fmt::format("{} processes train together", place.count));
  return processes;
}

}  // namespace relata::app
