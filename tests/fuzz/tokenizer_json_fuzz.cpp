// Loading a tokenizer.json of any content, and using it when it loads.
#include "tokenizer_files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const relata::text::FuzzFolder folder;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  if (const auto tokenizer = folder.load("tokenizer.json", content)) {
    relata::text::exercise(tokenizer, "The river, 1987: é 上海 😀\n\n  <unk></s>");
  }
  return 0;
}
