// The schemas that are installed with the program, and opening a schema by path or by their names.
#pragma once

#include <string>

#include "relata/base/result.h"
#include "relata/data/schema.h"

namespace relata::app {

// <prefix>/share/relata/schemas, found from where the running program lies.
std::string shipped_schema_folder();

// What `schema` of a command line or a recipe stands for: see data::find_schema_file().
Result<std::string> schema_path(const std::string& schema);
Result<data::Schema> open_schema(const std::string& schema);

}  // namespace relata::app
