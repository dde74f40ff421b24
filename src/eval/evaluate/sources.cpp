#include "evaluate/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "docred/numbered_documents.h"
#include "relata/base/configuration.h"

namespace relata::eval {

using data::Document;

Error in_file(const std::string& name, const Error& error) {
  if (error.message.starts_with(name + ":")) return error;
  return {error.code, name + ": " + error.message, error.hint};
}

Status Sources::open() {
  RELATA_CHECK(check_standard_input());
  RELATA_TRY(gold_, open_answers(request_.gold, request_.gold_format, request_.gold_documents));
  return {};
}

Result<AnswerFile> Sources::open_system(const std::string& path,
                                        const FolderDocuments& documents) const {
  return open_answers(path, request_.predicted_format, documents);
}

Status Sources::check_standard_input() const {
  const std::vector<std::string> paths = {request_.gold,    request_.predicted,
                                          request_.compare, request_.train_facts,
                                          request_.aliases, request_.patch};
  if (std::count(paths.begin(), paths.end(), "-") <= 1) return {};
  return usage_error("standard input cannot be two files", "save one of them to a file");
}

Status Sources::read_schema() {
  if (request_.schema.empty()) return {};
  RELATA_TRY(schema_, as_configuration(data::read_schema(request_.schema)));
  has_schema_ = true;
  return {};
}

Result<const std::vector<Document>*> Sources::gold_documents() {
  if (gold_documents_) return &*gold_documents_;
  RELATA_TRY(Answers answers, read_answers(gold_));
  gold_documents_ = documents_of(std::move(answers));
  if (gold_documents_->empty()) return input_error(gold_.name + ": no gold answer in it");
  use_schema(*gold_documents_);
  return &*gold_documents_;
}

void Sources::use_schema(const std::vector<Document>& documents) {
  if (!has_schema_) schema_ = data::infer_schema(documents);
  negative_ = NegativeLabels(schema_, !has_schema_);
  for (const data::RelationType& type : schema_.relation_types) {
    const std::string& turned = type.inverse.empty() ? type.implies_inverse : type.inverse;
    if (!turned.empty()) inverses_[type.id] = turned;
  }
}

Result<const Answers*> Sources::answers_of(System& system) {
  if (!system.answers) {
    RELATA_TRY(system.answers, read_answers(system.file));
    if (system.answers->documents) {
      RELATA_TRY(const std::vector<Document>* gold, gold_documents());
      const Status filled = fill_numbered(*gold, *system.answers->documents);
      if (!filled.ok()) return in_file(system.file.name, filled.error());
    }
  }
  return &*system.answers;
}

Result<const std::vector<Document>*> Sources::predicted_documents(System& system,
                                                                  const Metric& metric) {
  if (system.file.is_empty()) return &no_documents_;
  RELATA_TRY(const Answers* answers, answers_of(system));
  if (answers->documents) return &*answers->documents;
  return input_error(
      fmt::format("{}: bare labels, and {} compares documents", system.file.name, metric.name),
      "it needs " + metric.needs);
}

Result<Sources::BothDocuments> Sources::documents_of_both(const Metric& metric, System& system) {
  RELATA_TRY(const std::vector<Document>* gold, gold_documents());
  RELATA_TRY(const std::vector<Document>* predicted, predicted_documents(system, metric));
  if (has_schema_) {
    const SchemaLabels labels = schema_labels(&metric);
    RELATA_CHECK(labels.check(*gold, gold_.name));
    RELATA_TRY(predicted, settled(*predicted, labels, system));
  }
  return BothDocuments{gold, predicted};
}

// Predictions with labels outside the schema: an error, or a copy without them, until the next
// metric, which may look at others.
Result<const std::vector<Document>*> Sources::settled(const std::vector<Document>& predicted,
                                                      const SchemaLabels& labels, System& system) {
  const Status known = labels.check(predicted, system.file.name);
  if (known.ok()) return &predicted;
  if (!drops_unknown()) return known.error();
  system.settled = predicted;
  note_dropped(labels.drop_unknown(system.settled), system);
  return &system.settled;
}

SchemaLabels Sources::schema_labels(const Metric* metric) const {
  return {schema_, request_.schema, metric == nullptr ? LabelKinds() : label_kinds(*metric)};
}

void Sources::note_dropped(size_t dropped, const System& system) {
  if (dropped == 0) return;
  std::string note =
      fmt::format("{}: {} labels that the schema lacks were dropped", system.file.name, dropped);
  if (std::find(notes_.begin(), notes_.end(), note) == notes_.end()) {
    notes_.push_back(std::move(note));
  }
}

}  // namespace relata::eval
