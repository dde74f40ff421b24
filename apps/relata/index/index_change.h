// `relata index add` and `relata index delete`: an index follows its documents.
#pragma once

#include <CLI/CLI.hpp>

#include "commands.h"

namespace relata::app {

void add_index_change_commands(CLI::App& index, Context& context);

}  // namespace relata::app
