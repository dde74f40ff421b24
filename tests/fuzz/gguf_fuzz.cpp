// Reading a GGUF file of any content, and using its tokenizer when there is one.
#include "relata/base/gguf.h"
#include "tokenizer_files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const relata::text::FuzzFile file("model.gguf");
  file.write(std::string_view(reinterpret_cast<const char*>(data), size));
  if (const auto read = relata::GgufFile::open(file.path()); read.ok()) {
    size_t sum = 0;
    for (const auto& tensor : read.value()->tensors()) {
      for (const std::byte byte : tensor.bytes) sum += std::to_integer<size_t>(byte);
    }
    for (const auto& key : read.value()->keys()) {
      if (const auto text = read.value()->get_string(key); text.ok()) sum += text.value().size();
      if (const auto list = read.value()->get_integers(key); list.ok()) sum += list.value().size();
    }
    if (sum == SIZE_MAX) std::abort();  // so that nothing of the above is left out
  }
  if (const auto tokenizer = file.load()) {
    relata::text::exercise(tokenizer, "The river, 1987: é 上海 😀\n\n  <unk></s>");
  }
  return 0;
}
