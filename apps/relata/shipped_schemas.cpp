#include "shipped_schemas.h"

#include "program.h"
#include "relata/base/configuration.h"

namespace relata::app {

std::string shipped_schema_folder() {
  return (program_folder() / RELATA_SHARE_FROM_PROGRAM / "schemas").lexically_normal().string();
}

Result<std::string> schema_path(const std::string& schema) {
  return data::find_schema_file(schema, shipped_schema_folder());
}

Result<data::Schema> open_schema(const std::string& schema) {
  RELATA_TRY(const std::string path, schema_path(schema));
  return as_configuration(data::read_schema(path));
}

}  // namespace relata::app
