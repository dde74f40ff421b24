// What one evaluation reads: gold, a system's predictions, the schema. Read when a metric needs it,
// once for all metrics.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evaluate/answers.h"
#include "evaluate/schema_labels.h"
#include "relata/eval/evaluate.h"
#include "relata/eval/metric.h"

namespace relata::eval {

// One system's predictions.
struct System {
  AnswerFile file;
  std::optional<Answers> answers;
  std::optional<std::vector<PairItem>> items;
  std::vector<data::Document> settled;  // without what the schema lacks, of the metric at hand
  std::vector<Tally> tallies;           // of each metric of documents, for comparisons
};

// The error with the file's name before its message, unless it is there.
Error in_file(const std::string& name, const Error& error);

class Sources {
 public:
  // Borrows the request.
  explicit Sources(const EvaluateRequest& request) : request_(request) {}

  Status open();         // gold
  Status read_schema();  // where one is stated
  Result<AnswerFile> open_system(const std::string& path, const FolderDocuments& documents) const;

  const EvaluateRequest& request() const { return request_; }
  const AnswerFile& gold() const { return gold_; }
  bool has_schema() const { return has_schema_; }  // a stated one
  const data::Schema& schema() const { return schema_; }
  const NegativeLabels& negative() const { return negative_; }
  const std::map<std::string, std::string>& inverses() const { return inverses_; }

  // Documents of gold; what they, or a stated schema, say of labels is known from then on.
  Result<const std::vector<data::Document>*> gold_documents();
  void use_schema(const std::vector<data::Document>& documents);
  Result<const Answers*> answers_of(System& system);

  struct BothDocuments {
    const std::vector<data::Document>*gold, *predicted;
  };
  // With labels that the schema has.
  Result<BothDocuments> documents_of_both(const Metric& metric, System& system);

  // What of labels `metric` looks at; null: relations alone.
  SchemaLabels schema_labels(const Metric* metric) const;
  bool drops_unknown() const { return request_.on_error == "skip"; }
  void note_dropped(size_t dropped, const System& system);
  std::vector<std::string> take_notes() { return std::move(notes_); }

  // Adds the file's name to the message of an error that says nothing but whose fault it is.
  template <class T>
  Result<T> named(const System& system, Result<T> result) const {
    if (result.ok()) return result;
    const bool is_gold = result.error().message.starts_with("gold ");
    return in_file(is_gold ? gold_.name : system.file.name, result.error());
  }

 private:
  Status check_standard_input() const;
  Result<const std::vector<data::Document>*> predicted_documents(System& system,
                                                                 const Metric& metric);
  Result<const std::vector<data::Document>*> settled(const std::vector<data::Document>& predicted,
                                                     const SchemaLabels& labels, System& system);

  const EvaluateRequest& request_;
  AnswerFile gold_;
  std::optional<std::vector<data::Document>> gold_documents_;
  const std::vector<data::Document> no_documents_;
  data::Schema schema_;
  bool has_schema_ = false;
  NegativeLabels negative_;
  std::map<std::string, std::string> inverses_;
  std::vector<std::string> notes_;
};

}  // namespace relata::eval
