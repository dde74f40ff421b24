// `relata evaluate`: scores of predictions against gold answers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <memory>
#include <optional>

#include "command_io.h"
#include "commands.h"
#include "help.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/eval/report.h"
#include "shipped_schemas.h"

namespace relata::app {
namespace {

using Labels = std::vector<std::vector<std::string>>;

struct EvaluateOptions {
  std::string gold, predicted, compare;
  std::string gold_format, predicted_format;
  std::vector<std::string> metrics = {"pair-micro"};
  std::string report, errors, schema, output;
  int bootstrap = 1000;
};

// Answers are documents, or bare labels in the order of the gold queries.
struct Answers {
  std::vector<data::Document> documents;
  std::optional<Labels> labels;
};

bool is_label_list(const std::string& content, const std::string& path) {
  const size_t first = content.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return true;
  if (content[first] == '{') return false;
  if (content[first] == '[') {
    const size_t second = content.find_first_not_of(" \t\r\n[", first + 1);
    return second == std::string::npos || content[second] == '"' || content[second] == ']';
  }
  const auto format = data::guess_format(content, path);
  return !format.ok() || *format == "text";
}

Result<Answers> read_answers(const std::string& path, const std::string& format) {
  RELATA_TRY(const std::string content, read_file(path));
  Answers answers;
  if (format == "labels" || (format.empty() && is_label_list(content, path))) {
    RELATA_TRY(answers.labels, eval::parse_label_list(content, display_name(path)));
    return answers;
  }
  data::ReadOptions read;
  read.format = format;
  RELATA_TRY(data::Dataset dataset, data::parse_dataset(content, display_name(path), read));
  answers.documents = std::move(dataset.documents);
  return answers;
}

// One document per answer, so that bare gold labels go the same way as gold documents.
std::vector<data::Document> documents_from_labels(const Labels& labels) {
  std::vector<data::Document> documents;
  for (size_t i = 0; i < labels.size(); ++i) {
    data::Document document;
    document.id = std::to_string(i + 1);
    document.text = fmt::format("answer {}", i + 1);
    document.entities = {{"e0", "head", "", {}, {}}, {"e1", "tail", "", {}, {}}};
    for (const std::string& label : labels[i]) document.relations.push_back({0, 1, label, {}, {}});
    document.meta = {{"pairs", {{0, 1}}}};
    documents.push_back(std::move(document));
  }
  return documents;
}

Result<std::vector<data::Document>> read_gold(const EvaluateOptions& options) {
  RELATA_TRY(Answers gold, read_answers(options.gold, options.gold_format));
  if (gold.labels) gold.documents = documents_from_labels(*gold.labels);
  if (gold.documents.empty()) {
    return input_error(fmt::format("{}: no gold answer in it", display_name(options.gold)));
  }
  return std::move(gold.documents);
}

Result<std::vector<eval::PairItem>> read_items(const std::vector<data::Document>& gold,
                                               const std::string& path, const std::string& format) {
  RELATA_TRY(const Answers answers, read_answers(path, format));
  auto items = answers.labels ? eval::align_labels(gold, *answers.labels)
                              : eval::align_pairs(gold, answers.documents);
  if (items.ok()) return items;
  const Error& error = items.error();
  return Error{error.code, fmt::format("{}: {}", display_name(path), error.message), error.hint};
}

Result<data::Schema> schema_of(const EvaluateOptions& options,
                               const std::vector<data::Document>& gold) {
  if (options.schema.empty()) return data::infer_schema(gold);
  return open_schema(options.schema);
}

std::string negative_label(const data::Schema& schema) {
  const int negative = schema.negative();
  return negative < 0 ? "" : schema.relation_types[negative].id;
}

std::map<std::string, std::string> inverse_labels(const data::Schema& schema) {
  std::map<std::string, std::string> inverses;
  for (const data::RelationType& type : schema.relation_types) {
    if (!type.inverse.empty()) inverses[type.id] = type.inverse;
  }
  return inverses;
}

struct NamedComparison {
  std::string metric;
  eval::Comparison result;
};

Result<std::vector<NamedComparison>> compare(const EvaluateOptions& options,
                                             const std::vector<data::Document>& gold,
                                             const std::vector<eval::PairItem>& items,
                                             const eval::EvalOptions& eval_options) {
  std::vector<NamedComparison> comparisons;
  if (options.compare.empty()) return comparisons;
  RELATA_TRY(const auto others, read_items(gold, options.compare, options.predicted_format));
  for (const std::string& metric : options.metrics) {
    RELATA_TRY(const auto result, eval::compare_pairs(metric, items, others, eval_options));
    comparisons.push_back({metric, result});
  }
  return comparisons;
}

std::string comparison_text(const EvaluateOptions& options,
                            const std::vector<NamedComparison>& comparisons) {
  std::string out;
  for (const auto& [metric, result] : comparisons) {
    out += fmt::format("{}: F1 of {} minus F1 of {} = {:+.4f} [{:+.4f}, {:+.4f}], p = {:.4f}\n",
                       metric, options.predicted, options.compare, result.difference, result.ci_low,
                       result.ci_high, result.p_value);
  }
  return out;
}

Json comparison_json(const std::vector<NamedComparison>& comparisons) {
  Json out = Json::object();
  for (const auto& [metric, result] : comparisons) {
    out[metric] = {{"difference", result.difference},
                   {"ci95", {result.ci_low, result.ci_high}},
                   {"p_value", result.p_value}};
  }
  return out;
}

Status write_side_files(const EvaluateOptions& options, const eval::Report& report) {
  if (!options.report.empty()) {
    RELATA_CHECK(write_result(options.report, eval::report_html(report)));
    log_info("report: " + options.report);
  }
  if (!options.errors.empty()) {
    RELATA_CHECK(write_result(options.errors, eval::error_lines(report)));
    log_info("errors: " + options.errors);
  }
  return {};
}

Result<int> run_evaluate(const EvaluateOptions& options, const Context& context) {
  RELATA_TRY(const std::vector<data::Document> gold, read_gold(options));
  eval::EvalOptions eval_options;
  RELATA_TRY(const data::Schema schema, schema_of(options, gold));
  eval_options.negative = negative_label(schema);
  eval_options.bootstrap = options.bootstrap;
  eval_options.seed = context.seed;

  eval::Report report;
  report.title = fmt::format("{} against {}", options.predicted, options.gold);
  report.gold_path = options.gold;
  report.predicted_path = options.predicted;
  report.negative = eval_options.negative;
  report.inverses = inverse_labels(schema);
  RELATA_TRY(report.items, read_items(gold, options.predicted, options.predicted_format));
  for (const std::string& metric : options.metrics) {
    RELATA_TRY(eval::Score score, eval::score_pairs(metric, report.items, eval_options));
    report.scores.push_back(std::move(score));
  }
  RELATA_TRY(const auto comparisons, compare(options, gold, report.items, eval_options));
  RELATA_CHECK(write_side_files(options, report));
  if (context.json) {
    Json result = eval::report_json(report);
    if (!comparisons.empty()) result["compare"] = comparison_json(comparisons);
    RELATA_CHECK(write_result(options.output, json_page(result)));
  } else {
    RELATA_CHECK(write_result(options.output,
                              eval::report_text(report) + comparison_text(options, comparisons)));
  }
  return kDone;
}

void add_answer_options(CLI::App& verb, EvaluateOptions& options) {
  verb.add_option("--gold", options.gold, "The right answers")->required()->type_name("G");
  verb.add_option("--pred", options.predicted, "The predictions")->required()->type_name("P");
  verb.add_option("--compare", options.compare, "Other predictions to test --pred against")
      ->type_name("P2");
  verb.add_option("--gold-format", options.gold_format,
                  "A format of `relata data formats`, or labels (default: guessed)")
      ->type_name("FMT");
  verb.add_option("--pred-format", options.predicted_format, "The same for --pred and --compare")
      ->type_name("FMT");
  verb.add_option("--schema", options.schema,
                  "Schema file or a name of `relata schema list`: says which label is the\n"
                  "negative one (default: guessed from gold)")
      ->type_name("F");
}

}  // namespace

void add_evaluate_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<EvaluateOptions>();
  CLI::App* verb = add_verb(
      app, "evaluate", "Score predictions against gold answers",
      fmt::format("Gold and predictions may be canonical JSONL, the dataset's own format, one "
                  "label a line\n"
                  "or a JSON list of strings. Every score stands beside its 95 % bootstrap "
                  "interval and the\n"
                  "floor: what the best constant answer reaches. Metrics:\n  {}.",
                  fmt::join(eval::pair_metric_names(), ", ")),
      {"relata evaluate --gold test.jsonl --pred relations.jsonl",
       "relata evaluate --gold finre/test.txt --pred labels.txt --metric crellm,pair-micro --json",
       "relata evaluate --gold test.jsonl --pred a.jsonl --compare b.jsonl --report report.html"});
  add_answer_options(*verb, *options);
  verb->add_option("--metric", options->metrics, "Metrics, comma-separated (default: pair-micro)")
      ->type_name("LIST")
      ->allow_extra_args(false)
      ->delimiter(',');
  verb->add_option("--report", options->report, "Write a self-contained page")
      ->type_name("FILE.html");
  verb->add_option("--errors", options->errors, "Write one line per wrong answer")
      ->type_name("FILE.jsonl");
  verb->add_option("--bootstrap", options->bootstrap, "Resamples; 0: no interval (default: 1000)")
      ->type_name("N")
      ->check(CLI::Range(0, 1000000));
  verb->add_option("-o,--output", options->output, "Write the scores here instead of stdout")
      ->type_name("OUT");
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_evaluate(*options, context); };
  });
}

}  // namespace relata::app
