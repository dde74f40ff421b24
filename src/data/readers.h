// The formats behind formats.h. Readers get content that is not blank and has no byte order mark;
// writers return the whole file.
#pragma once

#include <string>
#include <vector>

#include "reading.h"
#include "relata/data/formats.h"

namespace relata::data {

Status read_jsonl(const Source& source, BadRecords& bad, Dataset& dataset);
Status read_text(const Source& source, bool whole_file, BadRecords& bad, Dataset& dataset);
Status read_cre_tsv(const Source& source, BadRecords& bad, Dataset& dataset);
Status read_csv(const Source& source, BadRecords& bad, Dataset& dataset);
Status read_cre_llm(const Source& source, BadRecords& bad, Dataset& dataset);
Status read_fewrel(const Source& source, BadRecords& bad, Dataset& dataset);

Result<std::string> write_jsonl(const std::vector<Document>& documents);
Result<std::string> write_text(const std::vector<Document>& documents);
Result<std::string> write_cre_tsv(const std::vector<Document>& documents);
Result<std::string> write_csv(const std::vector<Document>& documents);
Result<std::string> write_cre_llm(const std::vector<Document>& documents,
                                  const std::string& instruction);
Result<std::string> write_alpaca(const std::vector<Document>& documents,
                                 const std::string& instruction);
Result<std::string> write_sharegpt(const std::vector<Document>& documents,
                                   const std::string& instruction);

// Whether the first line names the columns head, tail, relation and sentence.
bool has_csv_header(std::string_view content);

}  // namespace relata::data
