// What all pipelines' extractions have in common: batches, a journal, the stamp on results.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "relata/base/file.h"
#include "relata/extract/document_run.h"
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

// Answers documents in batches and notes each that is finished in a journal.
class Extraction {
 public:
  virtual ~Extraction() = default;

  Status run(const DocumentRun& run, int batch_size);
  // The same of documents that are there, all results at the end.
  Result<std::vector<data::Document>> run_all(const std::vector<data::Document>& documents,
                                              const std::string& journal, int batch_size);

 protected:
  Extraction(const Extractor& extractor, generate::Engine& engine)
      : extractor_(extractor), engine_(engine) {}

  // Of hash_of_settings(): a journal of other ones is refused.
  virtual std::string settings() const = 0;
  // What progress counts.
  virtual int64_t work_of(const data::Document& document) const = 0;
  // What decides the document's answer: a journal's answer to anything else is not taken.
  virtual data::Document asked_part(const data::Document& document) const = 0;
  // The finished documents, without a stamp.
  virtual Result<std::vector<data::Document>> answer(
      const std::vector<data::Document>& documents) = 0;
  virtual void note_skipped(int64_t work) const = 0;
  virtual void report(int64_t more) const = 0;  // beyond done_

  const Extractor& extractor_;
  generate::Engine& engine_;
  int64_t done_ = 0;

 private:
  // Where an answer stands in the journal.
  struct Entry {
    std::string given;  // hash of what was asked about
    size_t offset = 0;
    size_t size = 0;
  };

  Status open_journal(const std::string& path);
  Status note_entry(std::string_view line, size_t number, size_t offset);
  Status fill_batch(data::DocumentSource& source, size_t size);
  std::string given_hash(const data::Document& document) const;
  Result<bool> take_finished(size_t index);
  Status finish_batch();
  Status extract(const std::vector<size_t>& asked, const std::vector<size_t>& open);
  void stamp(data::Document& document);

  std::vector<data::Document> documents_;  // of the batch
  std::vector<data::Document> out_;        // their results
  std::string path_;
  std::unique_ptr<Journal> journal_;
  std::unordered_multimap<std::string, Entry> finished_;  // the journal's, by id
  int64_t changed_ = 0;  // documents of which the journal has only an answer to others
  std::string schema_id_;
};

}  // namespace relata::extract
