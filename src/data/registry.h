// The table of formats. Each format is an entry made in its own source file; adding one takes that
// file, its line below and its line in registry.cpp.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "reading.h"
#include "relata/data/formats.h"
#include "sniffing.h"

namespace relata::data {

// What a format can hold of a document, so that a conversion can say what it drops. Text, relation
// types and the names of heads and tails are taken for granted.
enum Holds : unsigned {
  kHoldsIds = 1U << 0,
  kHoldsSentences = 1U << 1,
  kHoldsLoneEntities = 1U << 2,  // entities in no relation
  kHoldsEntityTypes = 1U << 3,
  kHoldsMentions = 1U << 4,  // where entities stand, when that is not wherever their name stands
  kHoldsClusters = 1U << 5,  // several mentions of one entity
  kHoldsScores = 1U << 6,
  kHoldsEvidence = 1U << 7,
  kHoldsEvents = 1U << 8,
  kHoldsRelations = 1U << 9,
  kHoldsTextAlone = 1U << 10,  // documents without relations
  kHoldsPairs = 1U << 11,      // pairs that are asked about and have no relation
  kHoldsNames = 1U << 12,      // names of mentions that are not the text they cover
  kHoldsMeta = 1U << 13,       // any notes in meta
  kHoldsAll = ~0U,
};

// Where a file may be cut into parts that are read one after the other, by one intake, as the whole
// would be: its records know nothing of each other.
enum class Parts {
  kNone,
  kLines,       // behind any line
  kJsonValues,  // behind a line that ends a value, unless the file is one list
};

// What a writer had to leave out or change: a kind ("scores of relations"), and how many.
using Losses = std::map<std::string, size_t>;

struct FormatEntry {
  FormatInfo info;                     // reads and writes are set from the functions below
  unsigned holds = 0;                  // of Holds; for writers
  std::vector<std::string_view> meta;  // keys of meta that it holds, if not any
  bool may_be_empty = false;           // a file without content is a good one
  Parts parts = Parts::kNone;
  bool is_binary = false;  // the reader gets the bytes of the file; they are no text
  // Whether a file that begins like this is of the format; null if it is never guessed.
  bool (*sniff)(const Sample& sample) = nullptr;
  // Hands documents and bad records to the intake. The content is not blank, unless it is a part of
  // a file, without byte order mark, and not checked otherwise. An error returned ends the reading.
  Status (*read)(const Source& source, const ReadOptions& options, Intake& intake) = nullptr;
  // The whole file. Losses that `holds` tells are counted by the caller.
  Result<std::string> (*write)(const std::vector<Document>& documents, const WriteOptions& options,
                               Losses& losses) = nullptr;
  // Instead of `write`, for a format that puts every document into files of its own.
  std::vector<DatasetFile> (*write_files)(const std::vector<Document>& documents,
                                          Losses& losses) = nullptr;
};

// In the order in which they are asked to sniff: the first that says yes is the guess.
const std::vector<FormatEntry>& format_registry();
Status check_options(const ReadOptions& options);
Status check_readable(const std::string& format);
// Null if there is none of that name.
const FormatEntry* find_format(const std::string& name);

// Counts what the documents have and the format does not hold.
void count_losses(const std::vector<Document>& documents, const FormatEntry& format,
                  Losses& losses);

FormatEntry jsonl_format();
FormatEntry text_format();
FormatEntry lines_format();
FormatEntry html_format();
FormatEntry pdf_format();
FormatEntry docx_format();
FormatEntry cre_tsv_format();
FormatEntry csv_format();
FormatEntry cre_llm_format();
FormatEntry alpaca_format();
FormatEntry sharegpt_format();
FormatEntry fewrel_format();
FormatEntry docred_format();
FormatEntry docred_result_format();
FormatEntry tacred_format();
FormatEntry semeval2010_format();
FormatEntry nyt_format();
FormatEntry conll04_format();
FormatEntry ade_format();
FormatEntry scierc_format();
FormatEntry chemprot_format();
FormatEntry kbp37_format();
FormatEntry spo_format();
FormatEntry opennre_format();
FormatEntry glirel_format();
FormatEntry spacy_format();
FormatEntry instructuie_format();

}  // namespace relata::data
