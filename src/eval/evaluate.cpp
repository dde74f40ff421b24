#include "relata/eval/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "alignment.h"
#include "answers.h"
#include "distance.h"
#include "docred/numbered_documents.h"
#include "record_list.h"
#include "relata/base/configuration.h"
#include "relata/base/file.h"
#include "relata/base/parallel.h"
#include "relata/eval/autore.h"
#include "relata/eval/docred.h"
#include "relata/eval/metric.h"
#include "relata/eval/ruie.h"
#include "relata/eval/semeval.h"
#include "schema_labels.h"

namespace relata::eval {
namespace {

using data::Document;

Error in_file(const std::string& name, const Error& error) {
  if (error.message.starts_with(name + ":")) return error;
  return {error.code, name + ": " + error.message, error.hint};
}

// One system's predictions, read once for all metrics.
struct System {
  AnswerFile file;
  std::optional<Answers> answers;
  std::optional<std::vector<PairItem>> items;
  std::vector<Document> settled;  // without what the schema lacks, of the metric at hand
  std::vector<Tally> tallies;     // of each metric of documents, for comparisons
};

class Evaluator {
 public:
  explicit Evaluator(const EvaluateRequest& request) : request_(request) {}

  Result<Evaluation> run() {
    for (const std::string& name : request_.metrics) {
      RELATA_TRY(Metric metric, find_metric(name));
      const bool known = std::any_of(metrics_.begin(), metrics_.end(),
                                     [&](const Metric& other) { return other.name == name; });
      if (!known) metrics_.push_back(std::move(metric));
    }
    RELATA_CHECK(check_standard_input());
    options_ = {{}, request_.bootstrap, request_.seed};
    RELATA_TRY(gold_, open_answers(request_.gold, request_.gold_format, request_.gold_documents));
    RELATA_TRY(own_.file, open_answers(request_.predicted, request_.predicted_format,
                                       request_.predicted_documents));
    if (!request_.schema.empty()) {
      RELATA_TRY(schema_, as_configuration(data::read_schema(request_.schema)));
      has_schema_ = true;
    }
    Report& report = evaluation_.report;
    report.title = fmt::format("{} against {}", request_.predicted, request_.gold);
    report.gold_path = request_.gold;
    report.predicted_path = request_.predicted;
    for (const Metric& metric : metrics_) RELATA_CHECK(score(metric, own_, true));
    if (!request_.compare.empty()) RELATA_CHECK(compare());
    report.negative = options_.negative;
    report.inverses = inverses_;
    return std::move(evaluation_);
  }

 private:
  Status check_standard_input() const {
    const std::vector<std::string> paths = {request_.gold,    request_.predicted,
                                            request_.compare, request_.train_facts,
                                            request_.aliases, request_.patch};
    if (std::count(paths.begin(), paths.end(), "-") <= 1) return {};
    return usage_error("standard input cannot be two files", "save one of them to a file");
  }

  // Documents of gold, and what the schema says; read when a metric needs them.
  Result<const std::vector<Document>*> gold_documents() {
    if (gold_documents_) return &*gold_documents_;
    RELATA_TRY(Answers answers, read_answers(gold_));
    gold_documents_ = documents_of(std::move(answers));
    if (gold_documents_->empty()) return input_error(gold_.name + ": no gold answer in it");
    use_schema(*gold_documents_);
    return &*gold_documents_;
  }

  void use_schema(const std::vector<Document>& documents) {
    if (!has_schema_) schema_ = data::infer_schema(documents);
    options_.negative = NegativeLabels(schema_, !has_schema_);
    for (const data::RelationType& type : schema_.relation_types) {
      const std::string& turned = type.inverse.empty() ? type.implies_inverse : type.inverse;
      if (!turned.empty()) inverses_[type.id] = turned;
    }
  }

  Result<const Answers*> answers_of(System& system) {
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

  Result<const std::vector<Document>*> predicted_documents(System& system, const Metric& metric) {
    if (system.file.is_empty()) return &no_documents_;
    RELATA_TRY(const Answers* answers, answers_of(system));
    if (answers->documents) return &*answers->documents;
    return input_error(
        fmt::format("{}: bare labels, and {} compares documents", system.file.name, metric.name),
        "it needs " + metric.needs);
  }

  Status score(const Metric& metric, System& system, bool report) {
    if (metric.kind == MetricKind::kPairs) {
      RELATA_CHECK(load_items(system));
      return report ? report_pairs(metric) : Status();
    }
    RELATA_TRY(DocumentScores scores, document_scores(metric, system));
    if (!request_.compare.empty()) system.tallies.push_back(scores.tallies.front());
    if (report) report_documents(std::move(scores));
    return {};
  }

  Result<DocumentScores> document_scores(const Metric& metric, System& system) {
    switch (metric.kind) {
      case MetricKind::kDocRed:
        return docred_scores(metric, system);
      case MetricKind::kTriples:
        return autore_scores(metric, system);
      case MetricKind::kLinearised:
        return ruie_scores(metric, system);
      default:
        break;
    }
    RELATA_TRY(const BothDocuments both, documents_of_both(metric, system));
    units_ = fmt::format("{} documents", both.gold->size());
    return named(system, score_spans(metric.name, *both.gold, *both.predicted,
                                     {options_.negative, inverses_}));
  }

  // Adds the file's name to the message of an error that says nothing but whose fault it is.
  template <class T>
  Result<T> named(const System& system, Result<T> result) const {
    if (result.ok()) return result;
    const bool is_gold = result.error().message.starts_with("gold ");
    return in_file(is_gold ? gold_.name : system.file.name, result.error());
  }

  struct BothDocuments {
    const std::vector<Document>*gold, *predicted;
  };
  // With labels that the schema has.
  Result<BothDocuments> documents_of_both(const Metric& metric, System& system) {
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
  Result<const std::vector<Document>*> settled(const std::vector<Document>& predicted,
                                               const SchemaLabels& labels, System& system) {
    const Status known = labels.check(predicted, system.file.name);
    if (known.ok()) return &predicted;
    if (request_.on_error != "skip") return known.error();
    system.settled = predicted;
    note_dropped(labels.drop_unknown(system.settled), system);
    return &system.settled;
  }

  SchemaLabels schema_labels(const Metric* metric) const {
    return {schema_, request_.schema, metric == nullptr ? LabelKinds() : label_kinds(*metric)};
  }

  void note_dropped(size_t dropped, const System& system) {
    if (dropped == 0) return;
    std::string note =
        fmt::format("{}: {} labels that the schema lacks were dropped", system.file.name, dropped);
    std::vector<std::string>& notes = evaluation_.notes;
    if (std::find(notes.begin(), notes.end(), note) == notes.end()) {
      notes.push_back(std::move(note));
    }
  }

  Result<DocumentScores> docred_scores(const Metric& metric, System& system) {
    const std::string_view content = system.file.content();
    const bool result_file = system.file.format == "docred-result" ||
                             (system.file.format.empty() && looks_like_docred_result(content)) ||
                             system.file.is_empty();
    const bool gold_file = (gold_.format.empty() || gold_.format == "docred") &&
                           looks_like_docred(gold_.content()) && result_file;
    RELATA_CHECK(start_train_facts());
    BothDocuments both{nullptr, nullptr};
    if (!result_file) {
      RELATA_TRY(both, documents_of_both(metric, system));
    }
    DocRedGold gold;
    if (gold_file) {
      RELATA_TRY(gold, parse_docred(gold_.file, gold_.name));
      if (has_schema_) use_schema({});
    } else {
      RELATA_TRY(const std::vector<Document>* documents, gold_documents());
      gold = docred_from_documents(*documents, options_.negative);
    }
    const size_t gold_relations = gold.relations.size();
    DocRedAnswers answers;
    if (result_file) {
      RELATA_TRY(answers, parse_docred_result(system.file.is_empty() ? "[]" : content,
                                              system.file.name, gold));
    } else {
      RELATA_TRY(answers, named(system, docred_answers(*both.gold, *both.predicted,
                                                       options_.negative, gold)));
    }
    if (has_schema_) RELATA_CHECK(settle_answers(gold, gold_relations, answers, system));
    // Of DocRED's own two files without a schema every label counts, as in the official script.
    if (!gold_file || has_schema_) drop_negative(gold, answers);
    RELATA_CHECK(finish_train_facts());
    units_ = fmt::format("{} documents", gold.documents.size());
    return named(system, score_docred(gold, answers,
                                      {train_facts_ ? &**train_facts_ : nullptr, inverses_,
                                       request_.list_errors}));
  }

  // The same for answers of result.json; the first `gold_relations` are those that gold states.
  Status settle_answers(const DocRedGold& gold, size_t gold_relations, DocRedAnswers& answers,
                        const System& system) {
    const SchemaLabels labels = schema_labels(nullptr);
    std::vector<bool> known;
    for (const std::string_view relation : gold.relations) {
      known.push_back(labels.has_relation(relation));
      if (known.back()) continue;
      const bool of_gold = known.size() <= gold_relations;
      if (of_gold || request_.on_error != "skip") {
        return labels.unknown_relation(of_gold ? gold_.name : system.file.name, relation);
      }
    }
    note_dropped(std::erase_if(answers.list,
                               [&](const DocRedAnswer& answer) { return !known[answer.relation]; }),
                 system);
    return {};
  }

  void drop_negative(DocRedGold& gold, DocRedAnswers& answers) const {
    std::vector<bool> negative;
    for (const std::string_view relation : gold.relations) {
      negative.push_back(options_.negative.contains(relation));
    }
    for (DocRedDocument& document : gold.documents) {
      std::erase_if(document.facts,
                    [&](const DocRedFact& fact) { return negative[fact.relation]; });
    }
    std::erase_if(answers.list,
                  [&](const DocRedAnswer& answer) { return negative[answer.relation]; });
  }

  // Training facts are read beside the other files where they are worth it.
  Status start_train_facts() {
    if (request_.train_facts.empty() || train_facts_) return {};
    RELATA_TRY(std::shared_ptr<const FileText> file, FileText::open(request_.train_facts));
    const auto read = [this, file] {
      train_facts_ = TrainFacts::parse(file, path_name(request_.train_facts));
    };
    if (pieces_of(file->text().size() / kBytesOfPart) > 1) {
      facts_ahead_ = std::make_unique<WorkAhead>(read);
    } else {
      read();
    }
    return {};
  }
  Status finish_train_facts() {
    if (facts_ahead_) facts_ahead_->finish();
    if (train_facts_ && !train_facts_->ok()) return train_facts_->error();
    return {};
  }

  Result<DocumentScores> autore_scores(const Metric& metric, System& system) {
    std::vector<AutoreDocument> documents;
    RELATA_TRY(const BothDocuments both, documents_of_both(metric, system));
    if (request_.aliases.empty()) {
      // The answers below are found by id alone; whether the texts agree is known only here.
      const auto places = named(system, match_documents(*both.gold, *both.predicted));
      if (!places.ok()) return places.error();
      documents = autore_documents(*both.gold, options_.negative);
    } else {
      RELATA_TRY(const std::string content, read_file(request_.aliases));
      RELATA_TRY(documents, parse_alias_groups(content, path_name(request_.aliases)));
    }
    const Status added = add_autore_answers(documents, *both.predicted, options_.negative);
    if (!added.ok()) return in_file(system.file.name, added.error());
    units_ = fmt::format("{} documents", documents.size());
    return named(system, score_autore(documents));
  }

  Result<DocumentScores> ruie_scores(const Metric& metric, System& system) {
    std::vector<RuieRecord> records;
    if (gold_.format.empty() && looks_like_ruie(gold_.content())) {
      RELATA_TRY(records, parse_ruie_records(gold_.content(), gold_.name, system.file.content(),
                                             system.file.name));
    } else {
      RELATA_TRY(const BothDocuments both, documents_of_both(metric, system));
      RELATA_TRY(records,
                 named(system, ruie_records(*both.gold, *both.predicted, options_.negative)));
    }
    units_ = fmt::format("{} records", records.size());
    return score_ruie(records);
  }

  Status load_items(System& system) {
    if (system.items) return {};
    RELATA_TRY(const std::vector<Document>* gold, gold_documents());
    RELATA_TRY(const Answers* answers, answers_of(system));
    std::vector<PairItem> items;
    std::vector<std::string> places;  // of each answer in its file
    bool patched = false;
    if (answers->documents) {
      auto aligned = named(system, align_pairs(*gold, *answers->documents));
      if (!aligned.ok()) return aligned.error();
      items = std::move(*aligned);
    } else {
      items = gold_pairs(*gold);
      if (answers->keyed) {
        RELATA_CHECK(answer_by_id(items, *answers->keyed));
      } else if (gold_.documents != nullptr) {
        return input_error(fmt::format("{}: labels in the order of a file, and {} is several",
                                       system.file.name, gold_.name),
                           "join the gold files into one, or give predictions with ids");
      } else {
        // Answers may have been made for the patched gold alone.
        if (!request_.patch.empty() && answers->labels->size() != items.size()) {
          RELATA_TRY(items, patch(std::move(items)));
          patched = true;
        }
        const Status done = answer_in_order(items, *answers->labels);
        if (!done.ok()) return in_file(system.file.name, done.error());
      }
    }
    RELATA_CHECK(check_labels(items, *answers, system));
    warn_of_strangers(items, system);
    if (!patched && !request_.patch.empty()) {
      RELATA_TRY(items, patch(std::move(items)));
    }
    system.items = std::move(items);
    return {};
  }

  Result<std::vector<PairItem>> patch(std::vector<PairItem> items) {
    RELATA_TRY(const std::string content, read_file(request_.patch));
    RELATA_TRY(const LabelPatch patch, parse_label_patch(content, path_name(request_.patch)));
    return apply_patch(std::move(items), patch);
  }

  // Where the answer to an item stands in its file.
  static std::string place_of(const PairItem& item, size_t index, const Answers& answers,
                              const AnswerFile& file) {
    if (answers.labels) {
      const size_t first = file.content().find_first_not_of(" \t\r\n");
      const bool json =
          first != std::string_view::npos && file.content().find_first_of("[{") == first;
      return file.name + (json ? ": entry " : ":") + std::to_string(index + 1);
    }
    if (answers.keyed) {
      for (const KeyedLabels& answer : *answers.keyed) {
        if (answer.id == item.id) return answer.where;
      }
    }
    return fmt::format("{}: pair '{}'", file.name, item.id);
  }

  Status check_labels(std::vector<PairItem>& items, const Answers& answers, const System& system) {
    if (!has_schema_) return {};
    const SchemaLabels labels = schema_labels(nullptr);
    size_t dropped = 0;
    for (size_t i = 0; i < items.size(); ++i) {
      PairItem& item = items[i];
      for (const std::string& label : item.gold) {
        if (labels.has_relation(label)) continue;
        return labels.unknown_relation(fmt::format("{}: pair '{}'", gold_.name, item.id), label);
      }
      for (size_t l = 0; l < item.predicted.size();) {
        if (labels.has_relation(item.predicted[l])) {
          ++l;
          continue;
        }
        if (request_.on_error != "skip") {
          return labels.unknown_relation(place_of(item, i, answers, system.file),
                                         item.predicted[l]);
        }
        ++dropped;
        item.predicted.erase(item.predicted.begin() + static_cast<long>(l));
        if (l < item.scores.size()) item.scores.erase(item.scores.begin() + static_cast<long>(l));
      }
    }
    note_dropped(dropped, system);
    return {};
  }

  // Labels that all mean nothing to gold are hardly a system's answers.
  void warn_of_strangers(const std::vector<PairItem>& items, const System& system) {
    std::set<std::string> labels;
    for (const PairItem& item : items) {
      for (const std::string& label : item.predicted) {
        if (schema_.find(label) >= 0) return;
        if (!options_.negative.contains(label)) labels.insert(label);
      }
    }
    for (const PairItem& item : items) {
      for (const std::string& label : item.gold) {
        if (labels.contains(label)) return;
      }
    }
    if (labels.empty()) return;
    evaluation_.warnings.push_back(fmt::format("{}: gold has none of its {} labels, as '{}'",
                                               system.file.name, labels.size(), *labels.begin()));
  }

  Status report_pairs(const Metric& metric) {
    auto score = named(own_, score_pairs(metric.name, *own_.items, options_));
    if (!score.ok()) return score.error();
    Report& report = evaluation_.report;
    report.scores.push_back(std::move(*score));
    report.items = *own_.items;
    report.distance_unit = unit_name(distance_unit(*gold_documents_));
    if (metric.name == "semeval") {
      auto text = named(own_, semeval_scorer_text(*own_.items));
      if (text.ok()) evaluation_.official = std::move(*text);
    }
    return {};
  }

  void report_documents(DocumentScores scores) {
    Report& report = evaluation_.report;
    const EvalOptions options = options_;
    report.scores.push_back(score_of(scores, options));
    report.units = units_;
    for (CountTable& table : scores.tables) {
      table.metric = report.scores.back().metric;
      report.tables.push_back(std::move(table));
    }
    if (!request_.list_errors) return;
    for (ErrorRow& error : scores.errors) report.errors.push_back(std::move(error));
  }

  Status compare() {
    System other;
    RELATA_TRY(other.file, open_answers(request_.compare, request_.predicted_format,
                                        request_.compared_documents));
    for (const Metric& metric : metrics_) RELATA_CHECK(score(metric, other, false));
    size_t of_documents = 0;
    for (const Metric& metric : metrics_) {
      NamedComparison comparison{metric.name, {}};
      if (metric.kind == MetricKind::kPairs) {
        auto result = named(other, compare_pairs(metric.name, *own_.items, *other.items, options_));
        if (!result.ok()) return result.error();
        comparison.result = *result;
      } else {
        comparison.result =
            compare_tallies(own_.tallies[of_documents], other.tallies[of_documents], options_);
        ++of_documents;
      }
      evaluation_.report.comparisons.push_back(std::move(comparison));
    }
    evaluation_.report.other_path = request_.compare;
    return {};
  }

  const EvaluateRequest& request_;
  std::vector<Metric> metrics_;
  AnswerFile gold_;
  System own_;
  std::optional<std::vector<Document>> gold_documents_;
  const std::vector<Document> no_documents_;
  data::Schema schema_;
  bool has_schema_ = false;
  std::map<std::string, std::string> inverses_;
  EvalOptions options_;
  std::optional<Result<TrainFacts>> train_facts_;
  std::unique_ptr<WorkAhead> facts_ahead_;  // behind what it works on, so that it ends first
  std::string units_;
  Evaluation evaluation_;
};

}  // namespace

Result<Evaluation> evaluate(const EvaluateRequest& request) {
  std::optional<Result<Evaluation>> result;
  with_threads(request.threads, [&] { result = Evaluator(request).run(); });
  return *std::move(result);
}

std::string evaluation_text(const Evaluation& evaluation) {
  std::string out = report_text(evaluation.report);
  for (const std::string& note : evaluation.notes) out += note + "\n";
  return out;
}

}  // namespace relata::eval
