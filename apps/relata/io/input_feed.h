// The documents of a verb's inputs, read as they are wanted.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "io/unique_ids.h"
#include "relata/data/document_stream.h"

namespace relata::app {

// Whether the files are better not held: one is a stream, or together they are large.
bool are_large(const std::vector<std::string>& files);

// Ids are made unique over all files. Files are opened one after the other.
class InputFeed : public data::DocumentSource {
 public:
  InputFeed(std::vector<std::string> files, const data::ReadOptions& options)
      : files_(std::move(files)), options_(options) {}

  Result<std::optional<data::Document>> next() override;
  Result<bool> ready() override;
  // Reads until there is a document, and says whether there is one.
  Result<bool> has_next();
  // Whether the files can be opened: better known before anything is done with the first.
  Status check() const;

  // What was noted about the files so far, without documents.
  const data::Dataset& notes() const { return notes_; }

 private:
  Status open_next();
  Status read_part();

  std::vector<std::string> files_;
  data::ReadOptions options_;
  size_t opened_ = 0;
  std::optional<data::DocumentStream> stream_;  // of the file that is read
  std::deque<data::Document> waiting_;
  data::Dataset notes_;
  UniqueIds ids_;
};

}  // namespace relata::app
