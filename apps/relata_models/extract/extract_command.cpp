// `relata extract`: documents in, relations out.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "backend_options.h"
#include "commands.h"
#include "extract/demonstrations.h"
#include "extract/extract_forecast.h"
#include "extract/extract_run.h"
#include "extract/extractor_flags.h"
#include "help.h"
#include "io/command_io.h"
#include "io/input_feed.h"
#include "io/output_places.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/extract/page.h"
#include "relata/extract/pair.h"

namespace relata::app {
namespace {

struct ExtractOptions {
  ExtractorFlags extractor;
  std::vector<std::string> inputs;
  std::string output;
  data::ReadOptions read;
  std::string html;
  BackendOptions backend;
  double min_score = -1.0;  // below 0: what the pipeline takes
  int batch = 0;            // 0: what the pipeline takes
  bool no_closure = false;
  bool ignore_entities = false;
  bool dry_run = false;
  double dry_run_seconds = 20.0;
  bool no_resume = false;
  std::string journal;
};

struct JournalPlan {
  std::string path;   // "" for none
  bool ours = false;  // beside OUT: removed when the work is done
};

JournalPlan plan_journal(const ExtractOptions& options) {
  if (!options.journal.empty()) return {options.journal, false};
  if (is_stream(options.output)) return {};
  return {options.output + ".journal", true};
}

std::string failures_place(const ExtractOptions& options) {
  return options.output + ".failed.jsonl";
}

// Lists questions without an answer (what did not parse, was too long to ask, or a server did not
// take) in OUT.failed.jsonl or on stderr, and returns the exit code of a run whose other parts
// ended with `code`.
Result<int> report_failures(const std::vector<std::string>& failures, const std::string& noun,
                            const ExtractOptions& options, int code) {
  RELATA_CHECK(list_lines(failures,
                          counted(failures.size(), noun) + " without an answer that could be read",
                          failures_place(options), is_stream(options.output)));
  return failures.empty() ? code : kSomeFailed;
}

Status write_page(const ExtractOptions& options, const extract::Extractor& extractor,
                  const std::vector<data::Document>& documents) {
  if (options.html.empty()) return {};
  return write_result(options.html, extract::extraction_page(documents, extractor.schema, {}));
}

Status check_places(const ExtractOptions& options, const JournalPlan& journal) {
  if (options.dry_run) return {};
  std::vector<OutputPlace> outputs{{"the relations", options.output}};
  if (!options.html.empty()) outputs.push_back({"--html", options.html});
  if (!journal.path.empty()) outputs.push_back({"the journal", journal.path});
  if (!is_stream(options.output)) {
    outputs.push_back({"the list of failures", failures_place(options)});
    outputs.push_back({"the list of skipped records", options.output + ".skipped.txt"});
  }
  return check_places(outputs, options.inputs);
}

ExtractJob extract_job(const ExtractOptions& options) {
  ExtractJob job;
  job.output = options.output;
  job.keep = !options.html.empty();
  job.batch = options.batch;
  job.min_score = options.min_score;
  job.closure = !options.no_closure;
  job.use_entities = !options.ignore_entities;
  return job;
}

// The inputs: all documents, or what reads them one after the other.
struct Inputs {
  data::Dataset dataset;
  std::unique_ptr<data::ListedDocuments> listed;
  std::unique_ptr<InputFeed> feed;
  int code = kDone;  // of the reading, as far as it is known

  data::DocumentSource& source() const {
    return feed ? static_cast<data::DocumentSource&>(*feed) : *listed;
  }
};

// What needs all documents reads them before anything else; so does a run that a bad record stops,
// and a small one, whose end can then be told.
Result<std::unique_ptr<Inputs>> open_inputs(const ExtractOptions& options) {
  auto inputs = std::make_unique<Inputs>();
  RELATA_TRY(const std::vector<std::string> files, input_files(options.inputs));
  const bool whole = options.dry_run || !options.html.empty() || options.read.on_error == "stop";
  if (whole || !are_large(files)) {
    RELATA_TRY(inputs->dataset, read_datasets(options.inputs, options.read));
    inputs->listed = std::make_unique<data::ListedDocuments>(inputs->dataset.documents);
  } else {
    inputs->feed = std::make_unique<InputFeed>(data::without_companions(files), options.read);
    RELATA_CHECK(inputs->feed->check());
  }
  return inputs;
}

void warn_of_no_pairs() {
  log_warning("no document names two entities, so there is no pair to ask about");
}

// Tells what was skipped of inputs that have been read, or that have nothing; of others when they
// are. Before the model is loaded.
Status report_inputs(const ExtractOptions& options, Inputs& inputs) {
  if (inputs.feed) {
    RELATA_TRY(const bool any, inputs.feed->has_next());
    if (any) return {};
  }
  const data::Dataset& read = inputs.feed ? inputs.feed->notes() : inputs.dataset;
  RELATA_TRY(inputs.code, report_skipped(read, options.dry_run ? "" : options.output));
  return {};
}

Result<int> extract_all(const ExtractOptions& options, const extract::Extractor& extractor,
                        generate::Engine& engine, const Inputs& inputs, const ExtractJob& job) {
  const auto run = run_extraction(extractor, engine, inputs.source(), job);
  if (!run.ok() && inputs.feed) {
    RELATA_CHECK(report_skipped(inputs.feed->notes(), options.output, true));
  }
  RELATA_TRY(const ExtractResults results, run);
  const bool pairs = extract::asks_pairs(extractor.config.pipeline);
  if (extractor.demonstrations != nullptr) {
    report_examples(results.examples, results.questions, pairs ? "question" : "document");
  }
  RELATA_CHECK(write_page(options, extractor, results.kept));
  int code = inputs.code;
  if (inputs.feed && results.documents > 0) {
    RELATA_TRY(code, report_skipped(inputs.feed->notes(), options.output, true));
  }
  if (inputs.feed && pairs && results.documents > 0 && results.questions == 0) warn_of_no_pairs();
  return report_failures(results.failures, pairs ? "pair" : "question", options, code);
}

Result<int> run_dry(const ExtractOptions& options, const extract::Extractor& extractor,
                    const data::Dataset& dataset, const Context& context, int code) {
  Json report;
  const std::string& pipeline = extractor.config.pipeline;
  if (extract::needs_no_model(extractor) || pipeline == "icl") {
    report = count_texts(dataset.documents);
  } else if (extract::asks_pairs(pipeline)) {
    RELATA_TRY(report, count_pairs(extractor, dataset.documents));
  } else if (options.backend.backend != "native") {
    report = count_texts(dataset.documents);
    log_warning("--dry-run sends no text to a server: only documents and characters are counted");
  } else {
    const ForecastJob job{fact_options(extract_job(options)), options.backend,
                          options.dry_run_seconds};
    RELATA_TRY(report, forecast_facts(extractor, dataset.documents, job, context));
  }
  RELATA_CHECK(write_result("", context.json ? json_page(report) : json_outline(report)));
  return code;
}

Result<int> run_extract(const ExtractOptions& options, const Context& context) {
  const JournalPlan journal = plan_journal(options);
  RELATA_CHECK(check_places(options, journal));
  ExtractorFlags flags = options.extractor;
  flags.served = options.backend.backend != "native";
  RELATA_TRY(const extract::Extractor extractor, open_extractor(flags));
  const bool facts = !extract::asks_pairs(extractor.config.pipeline);
  RELATA_CHECK(check_backend(options.backend, extractor.config.decode, facts));
  RELATA_TRY(const auto inputs, open_inputs(options));
  RELATA_CHECK(report_inputs(options, *inputs));
  if (options.dry_run) return run_dry(options, extractor, inputs->dataset, context, inputs->code);

  if (options.no_resume && journal.ours) std::remove(journal.path.c_str());
  if (!journal.path.empty()) {
    set_interrupt_hint("what is done is kept; the same command goes on from there");
  }
  RELATA_TRY(auto engine, open_backend(options.backend, extractor, context));
  ExtractJob job = extract_job(options);
  job.journal = journal.path;
  job.total = count_work(extractor, inputs->dataset.documents);
  if (job.total == 0 && !inputs->dataset.documents.empty()) warn_of_no_pairs();
  RELATA_TRY(const int code, extract_all(options, extractor, *engine, *inputs, job));
  report_usage(options.backend, *engine);
  // Last, so that a run that could not write everything is soon repeated.
  if (journal.ours) std::remove(journal.path.c_str());
  return code;
}

void add_decoding_options(CLI::App& verb, ExtractOptions& options) {
  verb.add_option("--min-score", options.min_score, "Leave less probable relations out")
      ->type_name("S")
      ->check(number_in(NumberRange::between(0, 1)));
  verb.add_option("--batch", options.batch,
                  "Pairs (default: 256) or, with document pipelines, documents (default: 16)\n"
                  "handed to the model at once: more are faster and take more memory")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
}

void add_run_options(CLI::App& verb, ExtractOptions& options) {
  verb.add_flag("--no-closure", options.no_closure,
                "Leave out what follows by inverse and symmetric relations");
  verb.add_flag("--ignore-entities", options.ignore_entities,
                "Find entities in the text even where the input names some");
  auto* html = verb.add_option("--html", options.html,
                               "Also write a page for people: texts with their entities marked,\n"
                               "relations, and a drawing of all of them")
                   ->type_name("FILE");
  auto* dry_run =
      verb.add_flag("--dry-run", options.dry_run,
                    "Only forecast: for document pipelines tokens, minutes and memory, from a\n"
                    "sample of the documents; for pair the prompts' tokens, without a model")
          ->excludes(html);
  verb.add_option("--dry-run-seconds", options.dry_run_seconds,
                  "Ask the sample's questions for about so long (default: 20)")
      ->type_name("S")
      ->check(number_in(NumberRange::between(0, 86400)))
      ->needs(dry_run);
  auto* journal = verb.add_option("--journal", options.journal,
                                  "Note finished documents here (default: OUT.journal)")
                      ->type_name("F");
  verb.add_flag("--no-resume", options.no_resume, "Forget the journal of an earlier run")
      ->excludes(journal);
}

}  // namespace

void add_extract_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ExtractOptions>();
  options->read.whole_file = true;  // a file of plain text is one document
  options->read.on_error = "skip";  // docs/decisions/0012
  options->read.number_ids = true;  // as documents of several files are
  CLI::App* verb = add_verb(
      app, "extract", "Find the relations of documents",
      "Reads texts, web pages, PDF and Word files or data sets and writes one JSON line for each\n"
      "document, with the relations that the extractor finds (the one that comes with relata, or\n"
      "a folder that `relata train` made), their probability and their offsets. With -o a journal\n"
      "beside OUT makes long runs resumable: after an interruption the same command goes on.",
      {"relata extract report.pdf -o found.jsonl --html found.html",
       "relata extract -x out/finre test.jsonl -o relations.jsonl",
       "relata extract -x out/finre --format cre-tsv finre/test.txt --min-score 0.5",
       "relata extract -x out/finre news.jsonl -o relations.jsonl --html relations.html",
       "relata extract -x out/finre --dry-run news/",
       "relata extract -m models/qwen.gguf --pipeline drhf --schema redocred news/",
       "relata extract -m models/llama --pipeline rag --pool train.jsonl test.jsonl",
       "relata extract -m models/llama --pipeline icl --tasks ner --pool train.jsonl news/",
       ("OPENAI_BASE_URL=http://localhost:8000/v1 \\\n"
        "    relata extract -x out/chat --backend openai --decode free news.jsonl")});
  verb->add_option("INPUT", options->inputs, "Files, folders, globs or - (default: stdin)");
  verb->add_option("-o,--output", options->output, "Write here instead of stdout")
      ->type_name("OUT");
  verb->add_option("--format", options->read.format, "Input format (default: guessed)")
      ->type_name("F");
  verb->add_option("--on-error", options->read.on_error,
                   "skip (default): leave bad files and records out, list them, exit 4; or stop")
      ->check(CLI::IsMember({"stop", "skip"}));
  add_extractor_flags(*verb, options->extractor);
  add_decoding_options(*verb, *options);
  add_run_options(*verb, *options);
  add_backend_options(*verb, options->backend);
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_extract(*options, context); };
  });
}

}  // namespace relata::app
