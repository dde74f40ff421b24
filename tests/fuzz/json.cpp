// What parse_json accepts survives being written and read again.
#include "relata/base/json.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace relata;
  const auto parsed = parse_json(fuzz::input(data, size), "in.json");
  if (!parsed.ok()) {
    fuzz::require(parsed.error().message.starts_with("in.json:"), "an error names its place");
    return 0;
  }
  const std::string written = parsed.value().dump();
  const auto again = parse_json(written, "again.json");
  fuzz::require(again.ok(), "what was written can be read");
  fuzz::require(again.value().dump() == written, "nothing changes");
  return 0;
}
