// A Hugging Face hub over HTTP: what a repository holds, and its files.
// Source: huggingface.co/docs/hub/api, and what huggingface_hub asks for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/hub_models.h"
#include "relata/base/result.h"

namespace relata::app {

struct HubFile {
  std::string path;  // in the repository; never leads out of it
  int64_t size = 0;
  std::string sha256;   // of large files; "": the hub does not say
  std::string blob_id;  // git's, of all others; "": the hub does not say
  // What the cache calls its content: the hash that the hub knows; "": none.
  const std::string& content_name() const { return sha256.empty() ? blob_id : sha256; }
};

struct HubListing {
  std::string commit;
  std::vector<HubFile> files;
};

// One connection, kept open. Not thread-safe.
class Hub {
 public:
  // Asks `endpoint` ("https://huggingface.co"), with the user's token unless it is empty.
  Hub(std::string endpoint, const std::string& token);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // Errors (usage): there is no such repository or revision, or this user may not read it;
  // (resource): no answer; (input): one that is not a hub's.
  Result<HubListing> list(const HubName& name);

  // Appends to `path` what it lacks of the file, and tells how many bytes are there. What a hub
  // sends from the beginning, since it cannot do otherwise, replaces them. Failures that may pass
  // are tried again. Errors: as list(), and (resource) a full disk.
  Status fetch(const HubName& name, const std::string& commit, const HubFile& file,
               const std::string& path, const std::function<void(int64_t)>& bytes_there);

 private:
  struct State;
  std::string endpoint_;
  std::unique_ptr<State> state_;
};

// Whether the file holds what the hub says of it: its hash, or where none is known its size.
Result<bool> is_content_of(const std::string& path, const HubFile& file);

}  // namespace relata::app
