// `relata extract`: documents in, relations out.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <set>

#include "backend_options.h"
#include "command_io.h"
#include "commands.h"
#include "extract/demonstrations.h"
#include "extract/extract_facts.h"
#include "extract/extract_forecast.h"
#include "extract/extractor_flags.h"
#include "help.h"
#include "output_places.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/base/progress.h"
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
  bool no_resume = false;
  std::string journal;
};

// The journal and the evaluation know documents by their ids.
void make_ids_unique(std::vector<data::Document>& documents) {
  std::set<std::string> used;
  for (data::Document& document : documents) {
    const std::string id = document.id;
    for (int copy = 2; !used.insert(document.id).second; ++copy) {
      document.id = fmt::format("{}#{}", id, copy);
    }
  }
}

struct JournalPlan {
  std::string path;   // "" for none
  bool ours = false;  // beside OUT: removed when the work is done
};

JournalPlan plan_journal(const ExtractOptions& options) {
  if (!options.journal.empty()) return {options.journal, false};
  if (is_stream(options.output)) return {};
  return {options.output + ".journal", true};
}

Result<std::vector<data::Document>> extract_all(const ExtractOptions& options,
                                                const extract::Extractor& extractor,
                                                generate::Engine& engine,
                                                const std::vector<data::Document>& documents,
                                                const std::string& journal) {
  int64_t queries = 0;
  for (const data::Document& document : documents) queries += extract::count_queries(document);
  if (queries == 0 && !documents.empty()) {
    log_warning("no document names two entities, so there is no pair to ask about");
  }
  Progress progress("extracting", queries, "pairs");
  extract::PairOptions pair_options;
  if (options.batch > 0) pair_options.batch = options.batch;
  pair_options.min_score = std::max(options.min_score, 0.0);
  pair_options.progress = [&progress](int64_t done) { progress.update(done); };
  pair_options.skipped = [&progress](int64_t pairs) { progress.skip(pairs); };
  return extract::extract_documents(extractor, engine, documents, pair_options, journal);
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

std::vector<std::string> unparsed_pairs(const std::vector<data::Document>& documents) {
  std::vector<std::string> lines;
  for (const extract::UnparsedAnswer& failure : extract::unparsed_answers(documents)) {
    lines.push_back(json_line({{"id", failure.document},
                               {"head", failure.head},
                               {"tail", failure.tail},
                               {"problem", failure.problem},
                               {"answer", failure.answer}}));
  }
  return lines;
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

FactJob fact_job(const ExtractOptions& options) {
  FactJob job;
  job.output = options.output;
  job.keep = !options.html.empty();
  if (options.batch > 0) job.options.batch = options.batch;
  job.options.min_score = options.min_score;
  job.options.closure = !options.no_closure;
  job.options.use_entities = !options.ignore_entities;
  return job;
}

// A document pipeline's run; the exit code, `code` where all was well.
Result<int> extract_facts(const ExtractOptions& options, const extract::Extractor& extractor,
                          generate::Engine& engine, const std::vector<data::Document>& documents,
                          const std::string& journal, int code) {
  FactJob job = fact_job(options);
  job.journal = journal;
  const bool in_context = !extract::asks_steps(extractor.config.pipeline);
  RELATA_TRY(const FactResults results, in_context
                                            ? run_in_context(extractor, engine, documents, job)
                                            : run_facts(extractor, engine, documents, job));
  if (in_context && extractor.demonstrations != nullptr) {
    report_examples(extract::demonstration_counts(results.kept), documents.size());
  }
  RELATA_CHECK(write_page(options, extractor, results.kept));
  return report_failures(results.failures, "question", options, code);
}

Result<int> extract_pairs(const ExtractOptions& options, const extract::Extractor& extractor,
                          generate::Engine& engine, const std::vector<data::Document>& documents,
                          const std::string& journal, int code) {
  RELATA_TRY(const auto results, extract_all(options, extractor, engine, documents, journal));
  if (extractor.demonstrations != nullptr) {
    size_t questions = 0;
    for (const data::Document& document : documents) {
      questions += static_cast<size_t>(extract::count_queries(document));
    }
    report_examples(extract::demonstration_counts(results), questions);
  }
  std::string out;
  for (const data::Document& document : results) out += data::to_json_line(document) + "\n";
  RELATA_CHECK(write_result(options.output, out));
  RELATA_CHECK(write_page(options, extractor, results));
  return report_failures(unparsed_pairs(results), "pair", options, code);
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
    ForecastJob job{fact_job(options).options, options.backend};
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
  RELATA_TRY(data::Dataset dataset, read_datasets(options.inputs, options.read));
  make_ids_unique(dataset.documents);
  RELATA_TRY(int code, report_skipped(dataset, options.dry_run ? "" : options.output));
  if (options.dry_run) return run_dry(options, extractor, dataset, context, code);

  if (options.no_resume && journal.ours) std::remove(journal.path.c_str());
  if (!journal.path.empty()) {
    set_interrupt_hint("what is done is kept; the same command goes on from there");
  }
  RELATA_TRY(auto engine, open_backend(options.backend, extractor, context));
  RELATA_TRY(code, (facts ? extract_facts : extract_pairs)(options, extractor, *engine,
                                                           dataset.documents, journal.path, code));
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
  verb.add_flag("--dry-run", options.dry_run,
                "Only forecast: for document pipelines tokens, minutes and memory, from a\n"
                "sample of the documents; for pair the prompts' tokens, without a model")
      ->excludes(html);
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
      "Reads documents with marked entities and writes one JSON line each, with the relations "
      "that\n"
      "the extractor (a folder that `relata train` made) finds, their probability and their\n"
      "offsets. With -o a journal beside OUT makes long runs resumable: after an interruption the\n"
      "same command goes on.",
      {"relata extract -x out/finre test.jsonl -o relations.jsonl",
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
