// A folder that a fuzz target writes tokenizer files into, and what it does with what loads.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "relata/text/tokenizer.h"

namespace relata::text {

class FuzzFolder {
 public:
  FuzzFolder() {
    path_ = std::filesystem::temp_directory_path() / ("relata_fuzz_" + std::to_string(getpid()));
    std::filesystem::create_directories(path_);
  }
  ~FuzzFolder() { std::filesystem::remove_all(path_); }
  FuzzFolder(const FuzzFolder&) = delete;
  FuzzFolder& operator=(const FuzzFolder&) = delete;

  // Loads `content` as the folder's only file.
  std::shared_ptr<const Tokenizer> load(const std::string& name, std::string_view content) const {
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::filesystem::remove(entry.path());
    }
    std::ofstream(path_ / name, std::ios::binary) << content;
    auto loaded = load_tokenizer(path_.string());
    if (!loaded.ok() && loaded.error().message.find(path_.string()) == std::string::npos) {
      std::abort();  // an error must name the file
    }
    return loaded.ok() ? loaded.value() : nullptr;
  }

 private:
  std::filesystem::path path_;
};

// One file that load_tokenizer() takes by its path.
class FuzzFile {
 public:
  explicit FuzzFile(const std::string& name)
      : path_(std::filesystem::temp_directory_path() /
              ("relata_fuzz_" + std::to_string(getpid()) + "_" + name)) {}
  ~FuzzFile() { std::filesystem::remove(path_); }
  FuzzFile(const FuzzFile&) = delete;
  FuzzFile& operator=(const FuzzFile&) = delete;

  std::string path() const { return path_.string(); }
  void write(std::string_view content) const { std::ofstream(path_, std::ios::binary) << content; }
  std::shared_ptr<const Tokenizer> load() const {
    auto loaded = load_tokenizer(path());
    if (!loaded.ok() && loaded.error().message.find(path()) == std::string::npos) std::abort();
    return loaded.ok() ? loaded.value() : nullptr;
  }

 private:
  std::filesystem::path path_;
};

// Ranges lie in the text, parts of a stream are whole code points, ids are in the vocabulary. A
// stream gives what decode() gives, unless the file's decoder looks at more than one token at once.
inline void exercise(const std::shared_ptr<const Tokenizer>& tokenizer, const std::string& text,
                     bool is_streamable = false) {
  StreamDecoder stream(tokenizer, false);
  std::vector<Token> tokens;
  try {
    tokens = tokenizer->encode(text, true);
  } catch (const std::runtime_error&) {
    return;  // the file's regular expression came to its limits
  }
  std::vector<int32_t> ids;
  std::string streamed;
  const auto take = [&](const std::string& part) {
    if (find_invalid_utf8(part)) std::abort();
    streamed += part;
  };
  for (const Token& token : tokens) {
    if (token.range.begin > token.range.end || token.range.end > text.size()) std::abort();
    if (token.id < 0 || token.id >= tokenizer->vocab_size()) std::abort();
    ids.push_back(token.id);
    take(stream.add(token.id));
  }
  take(stream.finish());
  const std::string whole = tokenizer->decode(ids, false);
  if (find_invalid_utf8(whole)) std::abort();
  if (is_streamable && whole.find("\uFFFD") == std::string::npos && streamed != whole) std::abort();
}

}  // namespace relata::text
