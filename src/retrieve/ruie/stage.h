// Folders of stages, named by what they are made from.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"

namespace relata::retrieve {

class Stage {
 public:
  // `inputs`: everything that decides what the stage makes.
  Stage(const std::string& output_dir, const std::string& name, const Json& inputs);
  const std::string& key() const { return key_; }        // 64 digits
  const std::string& folder() const { return folder_; }  // OUTPUT/NAME-0123456789ab
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  bool done() const;
  // What finish() was told; null where the stage is not complete.
  Json facts() const;
  // Writes stage.json, which says that the stage is complete; `facts` are for people. `files` of
  // the folder are as they will stay: their hashes are kept.
  Status finish(const Json& facts, const std::vector<std::string>& files = {}) const;
  // The files that finish() named are as they were then: not cut short, changed or taken away.
  Status check_files() const;

 private:
  std::string folder_, key_;
  Json inputs_;
};

// JSON lines, in one atomic write.
Status write_json_lines(const std::string& path, const std::vector<Json>& lines);
// Each line of the file through `take`; an error names the file and the line.
Status read_json_lines(const std::string& path, const std::function<void(const Json&)>& take);

}  // namespace relata::retrieve
