// How the program talks about itself: help pages, and what to say when the words do not parse.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "relata/base/fields.h"
#include "relata/base/result.h"

namespace relata::app {

// Declares a verb whose help begins with `summary` (one line, also shown in its parent's list) and
// `purpose` (a paragraph), and ends with `examples` (one command a line).
CLI::App* add_verb(CLI::App& parent, const std::string& name, const std::string& summary,
                   const std::string& purpose, const std::vector<std::string>& examples);

// For flags with floating-point numbers: CLI11's own ranges take not-a-number for one of theirs.
CLI::Validator number_in(const NumberRange& range);

// For the root app; inherited by every verb added afterwards.
void set_help_style(CLI::App& root);

// A usage error with the nearest verb or flag, and the help page to read.
Error explain_parse_error(const CLI::App& root, const CLI::ParseError& problem);

// "data convert" for the verb the user chose, "" for none.
std::string chosen_verb(const CLI::App& root);

}  // namespace relata::app
