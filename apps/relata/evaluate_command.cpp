// `relata evaluate`: scores of predictions against gold answers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>

#include "commands.h"
#include "help.h"
#include "io/command_io.h"
#include "io/output_places.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/eval/evaluate.h"
#include "relata/eval/metric.h"
#include "shipped_schemas.h"

namespace relata::app {
namespace {

struct EvaluateOptions {
  eval::EvaluateRequest request;
  std::string report, errors, output;
  bool official = false;
};

std::string metric_list() {
  std::string out;
  for (const eval::Metric& metric : eval::metrics()) {
    out += fmt::format("\n  {:<15} {}", metric.name, metric.source);
  }
  return out;
}

Status check_files(const EvaluateOptions& options) {
  std::vector<OutputPlace> outputs = {{"the scores", options.output}};
  if (!options.report.empty()) outputs.push_back({"--report", options.report});
  if (!options.errors.empty()) outputs.push_back({"--errors", options.errors});
  std::vector<std::string> inputs;
  for (const std::string* input :
       {&options.request.gold, &options.request.predicted, &options.request.compare,
        &options.request.schema, &options.request.patch, &options.request.train_facts,
        &options.request.aliases}) {
    if (file_exists(*input)) inputs.push_back(*input);  // a schema may be named, too
  }
  return check_places(outputs, inputs);
}

// A folder or a pattern of several files is read as everywhere; of one file the name is taken.
Status open_folder(std::string& path, const std::string& format,
                   std::optional<std::vector<data::Document>>& documents) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  const bool pattern = path.find_first_of("*?") != std::string::npos;
  if (!folder && (!pattern || file_exists(path))) return {};
  RELATA_TRY(const std::vector<std::string> files, input_files({path}));
  if (files.size() == 1) {
    path = files.front();
    return {};
  }
  data::ReadOptions read;
  read.format = format;
  RELATA_TRY(data::Dataset dataset, read_datasets({path}, read));
  documents = std::move(dataset.documents);
  return {};
}

Status open_folders(eval::EvaluateRequest& request) {
  RELATA_CHECK(open_folder(request.gold, request.gold_format, request.gold_documents));
  RELATA_CHECK(
      open_folder(request.predicted, request.predicted_format, request.predicted_documents));
  return open_folder(request.compare, request.predicted_format, request.compared_documents);
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

Result<std::string> result_text(const EvaluateOptions& options, const eval::Evaluation& evaluation,
                                bool json) {
  if (!options.official) {
    return json ? json_page(eval::report_json(evaluation.report))
                : eval::evaluation_text(evaluation);
  }
  if (evaluation.not_official) return *evaluation.not_official;
  if (evaluation.official.empty()) {
    return usage_error("--official prints the text of SemEval-2010's scorer",
                       "give it with --metric semeval");
  }
  return evaluation.official;
}

Result<int> run_evaluate(const EvaluateOptions& options, const Context& context) {
  RELATA_CHECK(check_files(options));
  eval::EvaluateRequest request = options.request;
  request.seed = context.seed;
  request.threads = context.threads;
  if (!request.schema.empty()) {
    RELATA_TRY(request.schema, schema_path(request.schema));
  }
  RELATA_CHECK(open_folders(request));
  request.list_errors = !context.json || !options.report.empty() || !options.errors.empty();
  RELATA_TRY(const eval::Evaluation evaluation, eval::evaluate(request));
  RELATA_TRY(const std::string text, result_text(options, evaluation, context.json));
  for (const std::string& note : evaluation.notes) log_warning(note);
  for (const std::string& warning : evaluation.warnings) log_warning(warning);
  RELATA_CHECK(write_side_files(options, evaluation.report));
  RELATA_CHECK(write_result(options.output, text));
  return evaluation.notes.empty() ? kDone : kSomeFailed;
}

void add_input_options(CLI::App& verb, eval::EvaluateRequest& request) {
  verb.add_option("--gold", request.gold, "The right answers")->required()->type_name("G");
  verb.add_option("--pred", request.predicted, "The predictions")->required()->type_name("P");
  verb.add_option("--compare", request.compare, "Other predictions to test --pred against")
      ->type_name("P2");
  verb.add_option("--gold-format", request.gold_format,
                  "A format of `relata data formats`, labels (one answer a line) or keyed (id TAB "
                  "label); default: guessed")
      ->type_name("FMT");
  verb.add_option("--pred-format", request.predicted_format, "The same for --pred and --compare")
      ->type_name("FMT");
  verb.add_option("--schema", request.schema,
                  "Says which labels are negative; others than its labels are then an error "
                  "(default: guessed from gold, and by their names)")
      ->type_name("F");
  verb.add_option("--on-error", request.on_error,
                  "Predicted labels outside --schema: stop, or skip them and tell how many")
      ->check(CLI::IsMember({"stop", "skip"}));
  verb.add_option("--patch", request.patch,
                  "Corrected gold labels by id: TACREV's list or Re-TACRED's object")
      ->type_name("FILE.json");
  verb.add_option("--train-facts", request.train_facts,
                  "Facts of the training set, for docred's Ign F1: a .fact list or DocRED's JSON")
      ->type_name("FILE");
  verb.add_option("--aliases", request.aliases,
                  "Gold groups for autore: same_fact_list of each document")
      ->type_name("FILE");
}

void add_result_options(CLI::App& verb, EvaluateOptions& options) {
  verb.add_option("--metric", options.request.metrics,
                  "Metrics, comma-separated (default: pair-micro)")
      ->type_name("LIST")
      ->allow_extra_args(false)
      ->delimiter(',');
  verb.add_option("--report", options.report, "Write a self-contained page")
      ->type_name("FILE.html");
  verb.add_option("--errors", options.errors, "Write one line per wrong answer, sorted by kind")
      ->type_name("FILE.jsonl");
  verb.add_flag("--official", options.official,
                "Print what the official scorer prints (with --metric semeval)");
  verb.add_option("--bootstrap", options.request.bootstrap,
                  "Resamples; 0: no interval (default: 1000)")
      ->type_name("N")
      ->check(CLI::Range(0, 1000000));
  verb.add_option("-o,--output", options.output, "Write the scores here instead of stdout")
      ->type_name("OUT");
}

}  // namespace

void add_evaluate_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<EvaluateOptions>();
  CLI::App* verb = add_verb(
      app, "evaluate", "Score predictions against gold answers",
      "Gold and predictions may be canonical JSONL, the dataset's own format, one label a line, id "
      "and\nlabel, or a JSON list of strings. Every score stands beside its 95 % bootstrap "
      "interval "
      "and the\nfloor: what the best constant answer reaches. A folder of files is one data set.\n"
      "docs/evaluation.md defines the metrics:" +
          metric_list(),
      {"relata evaluate --gold test.jsonl --pred relations.jsonl",
       "relata evaluate --gold finre/test.txt --pred labels.txt --metric crellm,pair-micro --json",
       "relata evaluate --gold dev.json --pred result.json --metric docred --train-facts "
       "train.fact",
       "relata evaluate --gold test.jsonl --pred a.jsonl --compare b.jsonl --report report.html"});
  add_input_options(*verb, options->request);
  add_result_options(*verb, *options);
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_evaluate(*options, context); };
  });
}

}  // namespace relata::app
