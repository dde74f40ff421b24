// One data set format (RELATA_FORMAT): any bytes give documents or an error that names the file,
// and documents survive relata's own format.
#include <string>

#include "documents.h"
#include "fuzz.h"
#include "relata/data/formats.h"
#include "relata/text/utf8.h"

namespace relata {
namespace {

void check(std::string_view content, const std::string& on_error) {
  data::ReadOptions options;
  options.format = RELATA_FORMAT;
  options.on_error = on_error;
  const auto read = data::parse_dataset(content, "in", options);
  if (!read.ok()) {
    fuzz::require(read.error().message.find("in") == 0, "an error names the file");
    fuzz::require(!text::find_invalid_utf8(read.error().message), "a message is UTF-8");
    return;
  }
  fuzz::require_same_in_own_format(read.value().documents);
}

}  // namespace
}  // namespace relata

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  relata::check(relata::fuzz::input(data, size), "stop");
  relata::check(relata::fuzz::input(data, size), "skip");
  relata::check(relata::fuzz::input(data, size), "fix");
  return 0;
}
