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
  std::string format;  // as asked for; "" guesses
  std::string_view content() const { return file->text(); }
};
Result<AnswerFile> open_answers(const std::string& path, const std::string& format);

struct Answers {
  std::optional<std::vector<data::Document>> documents;
  std::optional<std::vector<KeyedLabels>> keyed;
  std::optional<LabelList> labels;
};
Result<Answers> read_answers(const AnswerFile& file);
bool is_empty_list(std::string_view content);  // "[]" or nothing

// One document an answer, so that bare gold labels go the same way as gold documents.
std::vector<data::Document> documents_of(Answers answers);

}  // namespace relata::eval
