#include "relata/eval/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "alignment.h"
#include "distance.h"
#include "evaluate/docred_run.h"
#include "evaluate/pair_items.h"
#include "evaluate/sources.h"
#include "relata/base/file.h"
#include "relata/base/parallel.h"
#include "relata/eval/autore.h"
#include "relata/eval/ruie.h"
#include "relata/eval/semeval.h"

namespace relata::eval {
namespace {

using data::Document;

class Evaluator {
 public:
  explicit Evaluator(const EvaluateRequest& request)
      : request_(request), sources_(request), docred_(sources_) {}

  Result<Evaluation> run() {
    for (const std::string& name : request_.metrics) {
      RELATA_TRY(Metric metric, find_metric(name));
      const bool known = std::any_of(metrics_.begin(), metrics_.end(),
                                     [&](const Metric& other) { return other.name == name; });
      if (!known) metrics_.push_back(std::move(metric));
    }
    RELATA_CHECK(sources_.open());
    RELATA_TRY(own_.file, sources_.open_system(request_.predicted, request_.predicted_documents));
    RELATA_CHECK(sources_.read_schema());
    Report& report = evaluation_.report;
    report.title = fmt::format("{} against {}", request_.predicted, request_.gold);
    report.gold_path = request_.gold;
    report.predicted_path = request_.predicted;
    for (const Metric& metric : metrics_) RELATA_CHECK(score(metric, own_, true));
    if (!request_.compare.empty()) RELATA_CHECK(compare());
    report.negative = sources_.negative();
    report.inverses = sources_.inverses();
    evaluation_.notes = sources_.take_notes();
    return std::move(evaluation_);
  }

 private:
  EvalOptions options() const { return {sources_.negative(), request_.bootstrap, request_.seed}; }

  Status score(const Metric& metric, System& system, bool report) {
    if (metric.kind == MetricKind::kPairs) {
      if (!system.items) {
        RELATA_TRY(system.items, read_pair_items(sources_, system, evaluation_.warnings));
      }
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
    RELATA_TRY(const Sources::BothDocuments both, sources_.documents_of_both(metric, system));
    units_ = fmt::format("{} documents", both.gold->size());
    return sources_.named(system, score_spans(metric.name, *both.gold, *both.predicted,
                                              {sources_.negative(), sources_.inverses()}));
  }

  Result<DocumentScores> docred_scores(const Metric& metric, System& system) {
    RELATA_TRY(DocRedRun::Outcome outcome, docred_.score(metric, system));
    units_ = fmt::format("{} documents", outcome.documents);
    return std::move(outcome.scores);
  }

  Result<DocumentScores> autore_scores(const Metric& metric, System& system) {
    std::vector<AutoreDocument> documents;
    RELATA_TRY(const Sources::BothDocuments both, sources_.documents_of_both(metric, system));
    if (request_.aliases.empty()) {
      // The answers below are found by id alone; whether the texts agree is known only here.
      const auto places = sources_.named(system, match_documents(*both.gold, *both.predicted));
      if (!places.ok()) return places.error();
      documents = autore_documents(*both.gold, sources_.negative());
    } else {
      RELATA_TRY(const std::string content, read_file(request_.aliases));
      RELATA_TRY(documents, parse_alias_groups(content, path_name(request_.aliases)));
    }
    const Status added = add_autore_answers(documents, *both.predicted, sources_.negative());
    if (!added.ok()) return in_file(system.file.name, added.error());
    units_ = fmt::format("{} documents", documents.size());
    return sources_.named(system, score_autore(documents));
  }

  Result<DocumentScores> ruie_scores(const Metric& metric, System& system) {
    std::vector<RuieRecord> records;
    const AnswerFile& gold = sources_.gold();
    if (gold.format.empty() && looks_like_ruie(gold.content())) {
      RELATA_TRY(records, parse_ruie_records(gold.content(), gold.name, system.file.content(),
                                             system.file.name));
    } else {
      RELATA_TRY(const Sources::BothDocuments both, sources_.documents_of_both(metric, system));
      RELATA_TRY(records, sources_.named(system, ruie_records(*both.gold, *both.predicted,
                                                              sources_.negative())));
    }
    units_ = fmt::format("{} records", records.size());
    return score_ruie(records);
  }

  Status report_pairs(const Metric& metric) {
    auto score = sources_.named(own_, score_pairs(metric.name, *own_.items, options()));
    if (!score.ok()) return score.error();
    Report& report = evaluation_.report;
    report.scores.push_back(std::move(*score));
    report.items = *own_.items;
    RELATA_TRY(const std::vector<Document>* gold, sources_.gold_documents());
    report.distance_unit = unit_name(distance_unit(*gold));
    if (metric.name == "semeval") {
      auto text = sources_.named(own_, semeval_scorer_text(*own_.items));
      if (text.ok()) {
        evaluation_.official = std::move(*text);
      } else {
        evaluation_.not_official = text.error();
      }
    }
    return {};
  }

  void report_documents(DocumentScores scores) {
    Report& report = evaluation_.report;
    report.scores.push_back(score_of(scores, options()));
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
    RELATA_TRY(other.file, sources_.open_system(request_.compare, request_.compared_documents));
    for (const Metric& metric : metrics_) RELATA_CHECK(score(metric, other, false));
    size_t of_documents = 0;
    for (const Metric& metric : metrics_) {
      NamedComparison comparison{metric.name, {}};
      if (metric.kind == MetricKind::kPairs) {
        auto result =
            sources_.named(other, compare_pairs(metric.name, *own_.items, *other.items, options()));
        if (!result.ok()) return result.error();
        comparison.result = *result;
      } else {
        comparison.result =
            compare_tallies(own_.tallies[of_documents], other.tallies[of_documents], options());
        ++of_documents;
      }
      evaluation_.report.comparisons.push_back(std::move(comparison));
    }
    evaluation_.report.other_path = request_.compare;
    return {};
  }

  const EvaluateRequest& request_;
  Sources sources_;
  DocRedRun docred_;
  std::vector<Metric> metrics_;
  System own_;
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
