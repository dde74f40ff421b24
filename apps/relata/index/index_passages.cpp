#include "index/index_passages.h"

#include "command_io.h"
#include "relata/retrieve/passages.h"

namespace relata::app {

void add_passage_options(CLI::App& verb, PassageFlags& flags) {
  verb.add_option("--format", flags.read.format, "Input format (default: guessed)")
      ->type_name("FMT");
  verb.add_option("--on-error", flags.read.on_error, "stop (default) or skip")
      ->check(CLI::IsMember({"stop", "skip"}));
  verb.add_option("--text-of", flags.text_of,
                  "What is a passage: sentence (default) or document, its whole text")
      ->type_name("UNIT")
      ->check(CLI::IsMember({"sentence", "document"}));
  verb.add_option("--partition-by", flags.partition_by,
                  "The member of a document's meta that names the partition of its passages")
      ->type_name("KEY");
}

Result<ReadPassages> read_passages(const PassageFlags& flags, const std::string& output) {
  data::ReadOptions read = flags.read;
  read.whole_file = true;  // a file of plain text is one document, as for `relata extract`
  RELATA_TRY(const data::Dataset dataset, read_datasets(flags.inputs, read));
  ReadPassages out;
  RELATA_TRY(out.code, report_skipped(dataset, output));
  retrieve::PassageOptions options;
  options.unit = flags.text_of == "document" ? retrieve::PassageUnit::Document
                                             : retrieve::PassageUnit::Sentence;
  options.partition_key = flags.partition_by;
  out.passages = retrieve::passages_of(dataset.documents, options);
  for (const data::Document& document : dataset.documents) out.documents.push_back(document.id);
  return out;
}

}  // namespace relata::app
