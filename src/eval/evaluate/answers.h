// Gold and predictions as files hold them: documents, or bare labels.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/file_text.h"
#include "relata/eval/labels.h"

namespace relata::eval {

std::string path_name(const std::string& path);  // "-" is "stdin"

struct AnswerFile {
  std::string name;  // for messages
  std::shared_ptr<const FileText> file;
  std::string format;                                      // as asked for; "" guesses
  const std::vector<data::Document>* documents = nullptr;  // of a folder; the file is empty then
  std::string_view content() const { return file->text(); }
  bool is_empty() const;  // "[]" or nothing
};
using FolderDocuments = std::optional<std::vector<data::Document>>;
// Borrows the documents, if there are any: the path is a folder then, and not looked at.
Result<AnswerFile> open_answers(const std::string& path, const std::string& format,
                                const FolderDocuments& documents);

struct Answers {
  std::optional<std::vector<data::Document>> documents;
  std::optional<std::vector<KeyedLabels>> keyed;
  std::optional<LabelList> labels;
};
Result<Answers> read_answers(const AnswerFile& file);

// One document an answer, so that bare gold labels go the same way as gold documents.
std::vector<data::Document> documents_of(Answers answers);

}  // namespace relata::eval
