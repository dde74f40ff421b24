// Log lines for people, on stderr and in the log file when one is set. Never results.
#pragma once

#include <string>

#include "relata/base/result.h"

namespace relata {

enum class LogLevel { kQuiet, kNormal, kVerbose };
void set_log_level(LogLevel level);
Status set_log_file(const std::string& path);  // appends every level; "" closes it

void log_info(const std::string& message);     // shown unless quiet
void log_warning(const std::string& message);  // always shown
void log_debug(const std::string& message);    // shown when verbose
void log_error(const std::string& message);    // never shown: who ends the run has said it

}  // namespace relata
