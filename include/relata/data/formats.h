// Readers and writers by format name (INTERFACE.md, "Formats").
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "relata/data/document.h"
#include "relata/data/schema.h"

namespace relata::data {

struct ReadOptions {
  std::string format;  // "" guesses from the content
  // "stop" at the first bad record (a file that is bad as a whole is one), "skip" it and list it in
  // Dataset::skipped, or "fix": mend what is safe (listed in Dataset::fixed) and skip the rest.
  std::string on_error = "stop";
  // "text" only: the file is one document with sentences and meta "title", not one a line. "lines"
  // reads line by line whatever stands here.
  bool whole_file = false;
  // "tacred" only: a file of other labels by id, [{"id", "relation"}] as TACRED Revisited has it
  // (records it does not name keep their label) or {id: label} as Re-TACRED (they are left out).
  std::string label_patch = "";
  // "label-studio" only: the member of a task's data that is the text; "" takes the one in which
  // the stated spans' texts stand.
  std::string text_key = "";
  // A record whose id an earlier one of the file has is no bad record: it gets a number behind its
  // id ("x#2"), which is counted in Dataset::noted. For texts of people, not for gold.
  bool number_ids = false;
  // A record with a label that this schema lacks is a bad record. on_error=fix spells labels as the
  // schema does where they differ in capitals, spaces and punctuation only. Null: any label is
  // good. Must live as long as the reading takes.
  const Schema* schema = nullptr;
};

struct Dataset {
  std::string format;  // the one used
  std::vector<Document> documents;
  std::vector<std::string> skipped;  // "file:line: reason"
  std::vector<std::string> fixed;    // "file:line: what was mended"
  // What else a user should know, and how often it was so:
  // {"records left out, whose answer is \"reject\"", 2}.
  std::map<std::string, size_t> noted;
};

struct WriteOptions {
  std::string format = "jsonl";
  std::string instruction;  // for cre-llm, alpaca, sharegpt
};

struct FormatInfo {
  std::string name;
  std::string description;
  bool reads = false;
  bool writes = false;
};

// A file that a format writes; `name` is without folder.
struct DatasetFile {
  std::string name;
  std::string content;
};

std::vector<FormatInfo> formats();
// The files without those that are read along with another: a .txt beside an .ann of its name, and
// brat's settings (.conf) in such a folder.
std::vector<std::string> without_companions(const std::vector<std::string>& files);
// Whether the format puts every document into files of its own; write_dataset() cannot write it.
bool writes_folder(const std::string& format);
Result<std::vector<DatasetFile>> write_dataset_files(const std::vector<Document>& documents,
                                                     const WriteOptions& options,
                                                     std::vector<std::string>* lost = nullptr);
// Looks at the name and at the first 64 KiB.
Result<std::string> guess_format(std::string_view content, const std::string& path);
Result<Dataset> read_dataset(const std::string& path, const ReadOptions& options);
Result<Dataset> parse_dataset(std::string_view content, const std::string& path,
                              const ReadOptions& options);
// `lost`, if given, gets a line for each kind of thing that the format cannot hold, with how many
// there were: "12 scores of relations".
Result<std::string> write_dataset(const std::vector<Document>& documents,
                                  const WriteOptions& options,
                                  std::vector<std::string>* lost = nullptr);

// One question of the pair task: which relations hold from `head` to `tail` in `document`?
struct PairQuery {
  int document = 0;  // index into the dataset's documents
  int head = 0;      // indices into that document's entities
  int tail = 0;
  std::vector<std::string>
      labels;  // gold relation ids in file order, duplicates kept; may be empty
};
// Which of the stated pairs: those whose entities have a text, about which a model can be asked, or
// all of them, which is what answers are scored against.
enum class PairChoice { kAnswerable, kAll };
// One query per distinct (head, tail) of the document's relations and its meta "pairs".
std::vector<PairQuery> pair_queries(const std::vector<Document>& documents,
                                    PairChoice choice = PairChoice::kAnswerable);
// All queries in the order of the rows of the file they came from if the documents tell it (meta
// "rows"), else in the documents' order. A query of several rows stands where its first row does.
std::vector<PairQuery> pair_queries_by_row(const std::vector<Document>& documents);

// Counts, lengths and label table of a dataset.
Json dataset_stats(const Dataset& dataset);

}  // namespace relata::data
