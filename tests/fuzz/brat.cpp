// brat: an .ann file beside a .txt that stays the same; like reader.cpp, which has no second file.
#include <filesystem>
#include <string>

#include "documents.h"
#include "fuzz.h"
#include "relata/base/file.h"
#include "relata/data/formats.h"
#include "relata/text/utf8.h"

namespace relata {
namespace {

// Written once for each process: several fuzz side by side.
const std::string& ann_path() {
  static const std::string path = [] {
    std::string folder = (std::filesystem::temp_directory_path() / "relata_fuzz_XXXXXX").string();
    fuzz::require(mkdtemp(folder.data()) != nullptr, "a folder can be made");
    const std::string text =
        "Aspirin and ibuprofen \U0001F600 tablets stop headaches.\nIt works; the drug\nhelps.\n";
    fuzz::require(write_file_atomic(folder + "/in.txt", text).ok(), "the text can be written");
    return folder + "/in.ann";
  }();
  return path;
}

void check(std::string_view content, const std::string& on_error) {
  data::ReadOptions options;
  options.format = "brat";
  options.on_error = on_error;
  const auto read = data::parse_dataset(content, ann_path(), options);
  if (!read.ok()) {
    fuzz::require(read.error().message.find(ann_path()) == 0, "an error names the file");
    fuzz::require(!text::find_invalid_utf8(read.error().message), "a message is UTF-8");
    return;
  }
  const auto files =
      data::write_dataset_files(read.value().documents, {.format = "brat", .instruction = ""});
  fuzz::require(files.ok(), "what was read as brat is written as brat");
  fuzz::require_same_in_own_format(read.value().documents);
}

}  // namespace
}  // namespace relata

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const char* on_error : {"stop", "skip", "fix"}) {
    relata::check(relata::fuzz::input(data, size), on_error);
  }
  return 0;
}
