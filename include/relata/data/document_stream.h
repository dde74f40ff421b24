// Documents one after the other, without all of them in memory: what an extraction works through,
// and a file read a part at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relata/data/document.h"
#include "relata/data/formats.h"

namespace relata::data {

class DocumentSource {
 public:
  virtual ~DocumentSource() = default;
  // The next document, or none at the end.
  virtual Result<std::optional<Document>> next() = 0;
  // Whether next() returns at once: who has something else to do need not wait.
  virtual Result<bool> ready() { return true; }
};

// Documents that are there already; must outlive this.
class ListedDocuments : public DocumentSource {
 public:
  explicit ListedDocuments(const std::vector<Document>& documents) : documents_(documents) {}
  Result<std::optional<Document>> next() override {
    if (next_ == documents_.size()) return std::optional<Document>();
    return std::optional<Document>(documents_[next_++]);
  }

 private:
  const std::vector<Document>& documents_;
  size_t next_ = 0;
};

// A file of documents, as read_dataset() reads it, but for the words about a record that is broken
// where a part ends. Of a format whose records stand alone (jsonl as a sequence, lines) 64 KiB and
// the record that they begin are in memory at a time, besides all ids; any other file is read as a
// whole. Of a pipe the format is guessed from what it has given when it first pauses behind a line.
class DocumentStream {
 public:
  // "-" is standard input, which messages call "stdin".
  static Result<DocumentStream> open(const std::string& path, const ReadOptions& options);

  // Adds what the next part holds to `out`: documents, bad records and notes. False at the end. An
  // error ends the file, as it does with read_dataset().
  Result<bool> next(Dataset& out);
  // Whether next() has a part at once; reads what has come.
  Result<bool> ready();

  DocumentStream(DocumentStream&&) noexcept;
  DocumentStream& operator=(DocumentStream&&) noexcept;
  ~DocumentStream();

 private:
  class State;
  explicit DocumentStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace relata::data
