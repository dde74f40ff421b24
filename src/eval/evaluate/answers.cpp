#include "evaluate/answers.h"

#include <fmt/format.h>

#include <algorithm>

namespace relata::eval {
namespace {

bool is_label_list(std::string_view content, const std::string& path) {
  const size_t first = content.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return true;
  if (content[first] == '{' || content[first] == '[') {
    // {"0": "label"}, also in a list, or a list of strings or of lists of strings
    const size_t inside = content.find_first_not_of(" \t\r\n[{", first);
    if (inside == std::string_view::npos || content[inside] == ']') return true;
    const bool object = content.find('{', first) < inside;
    return content[inside] == '"' && (!object || content.compare(inside, 3, "\"0\"") == 0);
  }
  // A string a line is an answer a line, and so is a table (by the file's name) of one column.
  if (content[first] == '"' && holds_strings(content)) return true;
  const auto format = data::guess_format(content, path);
  return !format.ok() || *format == "text" ||
         (*format == "cre-tsv" && content.find('\t') == std::string_view::npos);
}

data::Document labelled_document(const std::string& id, const std::vector<std::string>& labels) {
  data::Document document;
  document.id = id;
  document.text = fmt::format("answer {}", id);
  document.entities = {{"e0", "head", "", {}, {}}, {"e1", "tail", "", {}, {}}};
  for (const std::string& label : labels) document.relations.push_back({0, 1, label, {}, {}});
  document.meta = {{"pairs", {{0, 1}}}};
  return document;
}

}  // namespace

std::string path_name(const std::string& path) { return path == "-" ? "stdin" : path; }

bool AnswerFile::is_empty() const {
  if (documents != nullptr) return documents->empty();
  std::string bare;
  for (const char c : content()) {
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') bare += c;
    if (bare.size() > 2) return false;
  }
  return bare.empty() || bare == "[]";
}

Result<AnswerFile> open_answers(const std::string& path, const std::string& format,
                                const FolderDocuments& documents) {
  if (documents) return AnswerFile{path, FileText::of(""), format, &*documents};
  RELATA_TRY(std::shared_ptr<const FileText> file, FileText::open(path));
  return AnswerFile{path_name(path), std::move(file), format};
}

Result<Answers> read_answers(const AnswerFile& file) {
  Answers answers;
  if (file.documents != nullptr) {
    answers.documents = *file.documents;
    return answers;
  }
  const bool guess = file.format.empty();
  const std::string_view content = file.content();
  const bool json = content.find_first_of("[{") == content.find_first_not_of(" \t\r\n");
  if (file.format == "keyed" || (guess && !json && looks_keyed(content))) {
    RELATA_TRY(answers.keyed, parse_keyed_labels(content, file.name));
    return answers;
  }
  if (file.format == "labels" || (guess && is_label_list(content, file.name))) {
    RELATA_TRY(answers.labels, parse_label_list(content, file.name));
    return answers;
  }
  data::ReadOptions read;
  read.format = file.format;
  RELATA_TRY(data::Dataset dataset, data::parse_dataset(content, file.name, read));
  if (dataset.format == "jsonl") {
    // Where a pair stood in the table that it was converted from says nothing about this file.
    for (data::Document& document : dataset.documents) {
      if (document.meta.is_object()) document.meta.erase("rows");
    }
  }
  answers.documents = std::move(dataset.documents);
  return answers;
}

std::vector<data::Document> documents_of(Answers answers) {
  if (answers.documents) return *std::move(answers.documents);
  std::vector<data::Document> documents;
  if (answers.keyed) {
    for (const KeyedLabels& entry : *answers.keyed) {
      documents.push_back(labelled_document(entry.id, entry.labels));
    }
  } else if (answers.labels) {
    for (size_t i = 0; i < answers.labels->size(); ++i) {
      documents.push_back(labelled_document(std::to_string(i + 1), (*answers.labels)[i]));
    }
  }
  return documents;
}

}  // namespace relata::eval
