// What parse_yaml accepts survives being written and read again.
#include "fuzz.h"
#include "relata/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace relata;
  const auto parsed = parse_yaml(fuzz::input(data, size), "in.yaml");
  if (!parsed.ok()) {
    fuzz::require(parsed.error().message.starts_with("in.yaml:"), "an error names its place");
    return 0;
  }
  const std::string written = to_yaml(parsed.value());
  const auto again = parse_yaml(written, "again.yaml");
  fuzz::require(again.ok(), "what was written can be read");
  fuzz::require(to_yaml(again.value()) == written, "nothing changes");
  return 0;
}
