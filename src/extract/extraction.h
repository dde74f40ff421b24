// What all pipelines' extractions have in common: batches, a journal, the stamp on results.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relata/base/file.h"
#include "relata/extract/extractor.h"
#include "relata/generate/engine.h"

namespace relata::extract {

// Everything that changes an answer, whatever the pipeline. The extractor's folder and the batch
// size do not.
Json common_settings(const Extractor& extractor, const generate::Engine& engine,
                     const std::string& decode);
std::string hash_of_settings(const Json& settings);

// Notes how a document's examples went, in its meta: added to what is there.
void note_examples(data::Document& document, const DemonstrationCounts& counts);

struct FinishedDocument {
  std::string given;  // hash of what was asked about
  data::Document document;
};
// By id; equal ids stand in the order they were written.
using FinishedDocuments = std::map<std::string, std::deque<FinishedDocument>>;

// Answers documents in batches and notes each that is finished in a journal.
class Extraction {
 public:
  virtual ~Extraction() = default;

  // `settings`: of hash_of_settings(); a journal of other ones is refused.
  Status open_journal(const std::string& path, const std::string& settings);
  Result<std::vector<data::Document>> run(int batch_size);

 protected:
  Extraction(const Extractor& extractor, generate::Engine& engine,
             const std::vector<data::Document>& documents)
      : extractor_(extractor), engine_(engine), documents_(documents) {}

  // What progress counts.
  virtual int64_t work_of(const data::Document& document) const = 0;
  // What decides the document's answer: a journal's answer to anything else is not taken.
  virtual data::Document asked_part(const data::Document& document) const = 0;
  // The finished documents, without a stamp.
  virtual Result<std::vector<data::Document>> answer(
      const std::vector<data::Document>& documents) = 0;
  virtual void note_skipped(int64_t work) const = 0;
  virtual void report(int64_t more) const = 0;  // beyond done_
  // Takes a finished document away; false: they are all wanted at the end.
  virtual Result<bool> take(const data::Document& document) const { return false; }

  const Extractor& extractor_;
  generate::Engine& engine_;
  int64_t done_ = 0;

 private:
  Status hand_on(size_t end);
  std::string given_hash(const data::Document& document) const;
  bool take_finished(size_t index);
  Status finish_batch(size_t begin, size_t end);
  Status extract(const std::vector<size_t>& asked, const std::vector<size_t>& open);
  void stamp(data::Document& document);

  const std::vector<data::Document>& documents_;
  std::string path_;
  std::unique_ptr<Journal> journal_;
  FinishedDocuments finished_;  // the journal's
  int64_t changed_ = 0;         // documents of which the journal has only an answer to others
  std::vector<data::Document> out_;
  size_t handed_ = 0;
  std::string schema_id_;
};

}  // namespace relata::extract
