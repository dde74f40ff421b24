#include "model_places.h"

#include <filesystem>

#include "models/hub_models.h"
#include "program.h"
#include "relata/base/file.h"

namespace relata::app {

Result<std::string> find_base(const extract::Extractor& extractor) {
  if (const auto name = parse_hub_name(extractor.config.model);
      name && !file_exists(extractor.model_path())) {
    RELATA_TRY(const std::optional<std::string> pulled, pulled_model(*name));
    if (pulled) return *pulled;
  }
  const Result<std::string> found = extractor.find_model(model_places());
  if (found.ok()) return found;
  // Where the name may be a hub's, what can be said of that says more.
  const Result<std::string> named = find_named_model(extractor.config.model);
  return named.ok() ? found : named;
}

std::string shipped_extractor(const std::string& name) {
  return (program_folder() / RELATA_SHARE_FROM_PROGRAM / "extractors" / name)
      .lexically_normal()
      .string();
}

}  // namespace relata::app
