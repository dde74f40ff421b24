// Encoding any text with one tokenizer of every kind in tests/files/text.
#include <vector>

#include "tokenizer_files.h"

namespace {

std::vector<std::shared_ptr<const relata::text::Tokenizer>> load_all() {
  const relata::text::FuzzFolder folder;
  std::vector<std::shared_ptr<const relata::text::Tokenizer>> all;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(RELATA_TEST_FILES) + "/text")) {
    const std::string kind = entry.path().extension().string();
    if (kind != ".json" && kind != ".model") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    all.push_back(folder.load("tokenizer" + kind, content));
    if (all.back() == nullptr) std::abort();
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto all = load_all();
  const std::string text =
      relata::text::replace_invalid_utf8({reinterpret_cast<const char*>(data), size});
  for (const auto& tokenizer : all) relata::text::exercise(tokenizer, text, true);
  return 0;
}
