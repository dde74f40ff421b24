// Guessing a format never fails otherwise than by saying so.
#include "fuzz.h"
#include "relata/data/formats.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace relata;
  const std::string_view content = fuzz::input(data, size);
  for (const char* path : {"in.json", "in.jsonl", "in.txt", "in.csv"}) {
    const auto format = data::guess_format(content, path);
    if (format.ok()) fuzz::require(!format.value().empty(), "a guess has a name");
    (void)data::parse_dataset(content, path, {});
  }
  return 0;
}
