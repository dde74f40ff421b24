#include "relata/eval/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "answers.h"
#include "distance.h"
#include "relata/base/fields.h"
#include "relata/base/file.h"
#include "relata/eval/autore.h"
#include "relata/eval/docred.h"
#include "relata/eval/metric.h"
#include "relata/eval/ruie.h"
#include "relata/eval/semeval.h"

namespace relata::eval {
namespace {

using data::Document;

Error in_file(const std::string& name, const Error& error) {
  if (error.message.starts_with(name + ":")) return error;
  return {error.code, name + ": " + error.message, error.hint};
}

// Adds the file's name to the message of an error.
template <class T>
Result<T> named(const std::string& name, Result<T> result) {
  if (!result.ok()) return in_file(name, result.error());
  return result;
}

// One system's predictions, read once for all metrics.
struct System {
  AnswerFile file;
  std::optional<Answers> answers;
  std::optional<std::vector<PairItem>> items;
  std::vector<Tally> tallies;  // of each metric of documents, for comparisons
};

class Evaluator {
 public:
  explicit Evaluator(const EvaluateRequest& request) : request_(request) {}

  Result<Evaluation> run() {
    for (const std::string& name : request_.metrics) {
      RELATA_TRY(Metric metric, find_metric(name));
      metrics_.push_back(std::move(metric));
    }
    RELATA_TRY(gold_, open_answers(request_.gold, request_.gold_format));
    RELATA_TRY(own_.file, open_answers(request_.predicted, request_.predicted_format));
    if (!request_.schema.empty()) {
      RELATA_TRY(schema_, data::read_schema(request_.schema));
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
    const int negative = schema_.negative();
    options_.negative = negative < 0 ? "" : schema_.relation_types[negative].id;
    options_.bootstrap = request_.bootstrap;
    options_.seed = request_.seed;
    for (const data::RelationType& type : schema_.relation_types) {
      if (!type.inverse.empty()) inverses_[type.id] = type.inverse;
    }
  }

  Result<const Answers*> answers_of(System& system) {
    if (!system.answers) {
      RELATA_TRY(system.answers, read_answers(system.file));
    }
    return &*system.answers;
  }

  Result<const std::vector<Document>*> predicted_documents(System& system, const Metric& metric) {
    if (is_empty_list(*system.file.content)) return &no_documents_;
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
    auto scores = named(system.file.name, document_scores(metric, system));
    if (!scores.ok()) return scores.error();
    system.tallies.push_back(scores->tallies.front());
    if (report) report_documents(std::move(*scores));
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
    RELATA_TRY(const std::vector<Document>* gold, gold_documents());
    RELATA_TRY(const std::vector<Document>* predicted, predicted_documents(system, metric));
    RELATA_CHECK(check_types(*gold, gold_.name));
    RELATA_CHECK(check_types(*predicted, system.file.name));
    units_ = fmt::format("{} documents", gold->size());
    return score_spans(metric.name, *gold, *predicted, {options_.negative, inverses_});
  }

  Result<DocumentScores> docred_scores(const Metric& metric, System& system) {
    const std::string& content = *system.file.content;
    const bool result_file = system.file.format == "docred-result" ||
                             (system.file.format.empty() && looks_like_docred_result(content)) ||
                             is_empty_list(content);
    const bool gold_file = (gold_.format.empty() || gold_.format == "docred") &&
                           looks_like_docred(*gold_.content) && result_file;
    // The facts are read beside the gold file: both are large.
    std::future<Status> facts =
        std::async(std::launch::async, [this] { return load_train_facts(); });
    const std::vector<Document>* predicted = nullptr;
    if (!result_file) {
      RELATA_TRY(predicted, predicted_documents(system, metric));
    }
    DocRedGold gold;
    if (gold_file) {
      RELATA_TRY(gold, parse_docred(gold_.content, gold_.name));
      if (!has_schema_) options_ = {"", request_.bootstrap, request_.seed};
      if (has_schema_) use_schema({});
    } else {
      RELATA_TRY(const std::vector<Document>* documents, gold_documents());
      gold = docred_from_documents(*documents, options_.negative);
    }
    std::vector<DocRedAnswer> answers;
    if (result_file) {
      RELATA_TRY(answers, parse_docred_result(is_empty_list(content) ? "[]" : content,
                                              system.file.name, gold));
    } else {
      RELATA_TRY(answers, docred_answers(*gold_documents_, *predicted, options_.negative, gold));
    }
    if (has_schema_) {
      for (const std::string_view relation : gold.relations) {
        if (schema_.find(relation) < 0) return unknown_label(system.file.name, relation);
      }
    }
    RELATA_CHECK(facts.get());
    units_ = fmt::format("{} documents", gold.documents.size());
    return score_docred(gold, answers,
                        {train_facts_ ? &*train_facts_ : nullptr, inverses_, request_.list_errors});
  }

  Status load_train_facts() {
    if (request_.train_facts.empty() || train_facts_) return {};
    RELATA_TRY(std::string content, read_file(request_.train_facts));
    RELATA_TRY(train_facts_,
               TrainFacts::parse(std::make_shared<const std::string>(std::move(content)),
                                 path_name(request_.train_facts)));
    return {};
  }

  Result<DocumentScores> autore_scores(const Metric& metric, System& system) {
    std::vector<AutoreDocument> documents;
    RELATA_TRY(const std::vector<Document>* gold, gold_documents());
    if (request_.aliases.empty()) {
      documents = autore_documents(*gold, options_.negative);
    } else {
      RELATA_TRY(const std::string content, read_file(request_.aliases));
      RELATA_TRY(documents, parse_alias_groups(content, path_name(request_.aliases)));
    }
    RELATA_TRY(const std::vector<Document>* predicted, predicted_documents(system, metric));
    RELATA_CHECK(add_autore_answers(documents, *predicted, options_.negative));
    units_ = fmt::format("{} documents", documents.size());
    return score_autore(documents);
  }

  Result<DocumentScores> ruie_scores(const Metric& metric, System& system) {
    std::vector<RuieRecord> records;
    if (gold_.format.empty() && looks_like_ruie(*gold_.content)) {
      options_ = {"", request_.bootstrap, request_.seed};
      RELATA_TRY(records, parse_ruie_records(*gold_.content, gold_.name, *system.file.content,
                                             system.file.name));
    } else {
      RELATA_TRY(const std::vector<Document>* gold, gold_documents());
      RELATA_TRY(const std::vector<Document>* predicted, predicted_documents(system, metric));
      RELATA_TRY(records, ruie_records(*gold, *predicted));
    }
    units_ = fmt::format("{} records", records.size());
    return score_ruie(records);
  }

  Error unknown_label(const std::string& place, std::string_view label) const {
    std::vector<std::string> known;
    for (const data::RelationType& type : schema_.relation_types) known.push_back(type.id);
    const auto nearest = nearest_name(label, known);
    return input_error(
        fmt::format("{}: label '{}' is not in the schema {}", place, label, request_.schema),
        (nearest ? fmt::format("did you mean '{}'? ", *nearest) : std::string()) +
            "add it to the schema, or leave --schema out");
  }

  Status check_types(const std::vector<Document>& documents, const std::string& name) const {
    if (!has_schema_) return {};
    for (size_t d = 0; d < documents.size(); ++d) {
      for (const data::Relation& relation : documents[d].relations) {
        if (schema_.find(relation.type) >= 0) continue;
        return unknown_label(fmt::format("{}: document '{}'", name, documents[d].id),
                             relation.type);
      }
    }
    return {};
  }

  Status load_items(System& system) {
    if (system.items) return {};
    RELATA_TRY(const std::vector<Document>* gold, gold_documents());
    RELATA_TRY(const Answers* answers, answers_of(system));
    std::vector<PairItem> items;
    std::vector<std::string> places;  // of each answer in its file
    bool patched = false;
    if (answers->documents) {
      auto aligned = named(system.file.name, align_pairs(*gold, *answers->documents));
      if (!aligned.ok()) return aligned.error();
      items = std::move(*aligned);
    } else {
      items = gold_pairs(*gold);
      if (answers->keyed) {
        RELATA_CHECK(answer_by_id(items, *answers->keyed));
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
      const size_t first = file.content->find_first_not_of(" \t\r\n");
      const bool json = first != std::string::npos && file.content->find_first_of("[{") == first;
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
    size_t dropped = 0;
    for (size_t i = 0; i < items.size(); ++i) {
      PairItem& item = items[i];
      for (const std::string& label : item.gold) {
        if (schema_.find(label) >= 0) continue;
        return unknown_label(fmt::format("{}: pair '{}'", gold_.name, item.id), label);
      }
      for (size_t l = 0; l < item.predicted.size();) {
        if (schema_.find(item.predicted[l]) >= 0) {
          ++l;
          continue;
        }
        if (request_.on_error != "skip") {
          return unknown_label(place_of(item, i, answers, system.file), item.predicted[l]);
        }
        ++dropped;
        item.predicted.erase(item.predicted.begin() + static_cast<long>(l));
        if (l < item.scores.size()) item.scores.erase(item.scores.begin() + static_cast<long>(l));
      }
    }
    if (dropped > 0) {
      evaluation_.notes.push_back(fmt::format("{}: {} labels that the schema lacks were dropped",
                                              system.file.name, dropped));
    }
    return {};
  }

  Status report_pairs(const Metric& metric) {
    auto score = named(own_.file.name, score_pairs(metric.name, *own_.items, options_));
    if (!score.ok()) return score.error();
    Report& report = evaluation_.report;
    report.scores.push_back(std::move(*score));
    report.items = *own_.items;
    report.distance_unit = unit_name(distance_unit(*gold_documents_));
    if (metric.name == "semeval") {
      auto text = named(own_.file.name, semeval_scorer_text(*own_.items));
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
      if (metrics_.size() > 1) table.title += " (" + report.scores.back().metric + ")";
      report.tables.push_back(std::move(table));
    }
    if (!request_.list_errors) return;
    for (ErrorRow& error : scores.errors) report.errors.push_back(std::move(error));
  }

  Status compare() {
    System other;
    RELATA_TRY(other.file, open_answers(request_.compare, request_.predicted_format));
    for (const Metric& metric : metrics_) RELATA_CHECK(score(metric, other, false));
    size_t of_documents = 0;
    for (const Metric& metric : metrics_) {
      NamedComparison comparison{metric.name, {}};
      if (metric.kind == MetricKind::kPairs) {
        auto result =
            named(other.file.name, compare_pairs(metric.name, *own_.items, *other.items, options_));
        if (!result.ok()) return result.error();
        comparison.result = *result;
      } else {
        comparison.result =
            compare_tallies(own_.tallies[of_documents], other.tallies[of_documents], options_);
        ++of_documents;
      }
      evaluation_.comparisons.push_back(std::move(comparison));
    }
    evaluation_.other_path = request_.compare;
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
  std::optional<TrainFacts> train_facts_;
  std::string units_;
  Evaluation evaluation_;
};

}  // namespace

Result<Evaluation> evaluate(const EvaluateRequest& request) { return Evaluator(request).run(); }

std::string evaluation_text(const Evaluation& evaluation) {
  std::string out = report_text(evaluation.report);
  for (const auto& [metric, result] : evaluation.comparisons) {
    out += fmt::format("\n{}: F1 of {} minus F1 of {} = {:+.4f} [{:+.4f}, {:+.4f}], p = {:.4f}\n",
                       metric, evaluation.report.predicted_path, evaluation.other_path,
                       result.difference, result.ci_low, result.ci_high, result.p_value);
  }
  for (const std::string& note : evaluation.notes) out += note + "\n";
  return out;
}

Json evaluation_json(const Evaluation& evaluation) {
  Json out = report_json(evaluation.report);
  for (const auto& [metric, result] : evaluation.comparisons) {
    out["compare"][metric] = {{"difference", result.difference},
                              {"ci95", {result.ci_low, result.ci_high}},
                              {"p_value", result.p_value}};
  }
  return out;
}

}  // namespace relata::eval
