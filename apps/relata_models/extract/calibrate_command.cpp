// `relata calibrate`: probabilities of an extractor that mean what they say, and the threshold from
// which on its facts are worth showing.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "backend_options.h"
#include "commands.h"
#include "extract/extract_run.h"
#include "extract/extractor_flags.h"
#include "help.h"
#include "io/command_io.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/extract/calibrate.h"

namespace relata::app {
namespace {

struct CalibrateOptions {
  ExtractorFlags extractor;
  std::vector<std::string> gold;
  data::ReadOptions read;
  std::vector<std::string> names;  // documents to learn names from
  std::string method = "temperature";
  double precision = 0.0;  // 0: the threshold of the best F1
  BackendOptions backend;
};

// Raw scores of everything the extractor would ever find, from the texts alone; of pairs, those
// that gold states.
Result<std::vector<data::Document>> predict(extract::Extractor extractor,
                                            const std::vector<data::Document>& gold,
                                            const CalibrateOptions& options,
                                            const Context& context) {
  extractor.calibration.reset();
  RELATA_TRY(auto engine, open_backend(options.backend, extractor, context));
  std::vector<data::Document> texts = gold;
  if (!extract::asks_pairs(extractor.config.pipeline)) {
    for (data::Document& document : texts) document.relations.clear();
  }
  ExtractJob job;
  job.total = count_work(extractor, texts);
  job.keep = true;
  job.silent = true;
  job.min_score = 0.0;
  job.use_entities = false;
  data::ListedDocuments source(texts);
  RELATA_TRY(ExtractResults results, run_extraction(extractor, *engine, source, job));
  if (!results.failures.empty()) {
    log_warning(fmt::format("{} without an answer that could be read, the first: {}",
                            counted(results.failures.size(), "question"),
                            results.failures.front()));
  }
  return std::move(results.kept);
}

// What was learned by heart is better on its own documents than it is on new ones.
void warn_of_known_texts(const std::vector<data::Document>& names,
                         const std::vector<data::Document>& gold) {
  std::set<std::string_view> texts;
  for (const data::Document& document : names) texts.insert(document.text);
  const auto known = std::count_if(gold.begin(), gold.end(), [&](const data::Document& document) {
    return texts.contains(document.text);
  });
  if (known == 0) return;
  log_warning(
      fmt::format("{} of the {} texts of --gold are in --names too: what is said of them is better "
                  "than new documents will be",
                  known, gold.size()));
}

// The model of names that `train` would have made of these documents.
Result<std::shared_ptr<const extract::NameModel>> learn_names(
    const CalibrateOptions& options, const extract::Extractor& extractor,
    const std::vector<data::Document>& gold) {
  if (!extract::asks_steps(extractor.config.pipeline)) {
    return usage_error("--names: pipeline " + extractor.config.pipeline + " asks for no names",
                       "leave it out");
  }
  RELATA_TRY(const data::Dataset documents, read_datasets(options.names, options.read));
  auto names = extract::NameModel::learn(documents.documents);
  warn_of_known_texts(documents.documents, gold);
  if (names != nullptr) return names;
  return input_error(options.names.front() +
                         ": too few names are marked in these documents, or more than a tenth of "
                         "them begin or end inside words",
                     "give documents whose entities have mentions, such as those for training");
}

Json choice_json(const extract::ThresholdChoice& choice) {
  return {{"threshold", choice.threshold},
          {"precision", choice.precision},
          {"recall", choice.recall},
          {"f1", choice.f1},
          {"kept", choice.kept}};
}

Result<extract::ThresholdChoice> choose(const std::vector<extract::ScoredOutcome>& outcomes,
                                        int64_t gold_facts, double precision) {
  if (precision <= 0.0) return extract::best_f1_threshold(outcomes, gold_facts);
  const auto found = extract::precision_threshold(outcomes, gold_facts, precision);
  if (found) return *found;
  return usage_error(fmt::format("no threshold gives a precision of {:.2f}", precision),
                     "ask for less, or calibrate on more documents");
}

Result<int> run_calibrate(const CalibrateOptions& options, const Context& context) {
  ExtractorFlags flags = options.extractor;
  flags.served = options.backend.backend != "native";
  RELATA_TRY(extract::Extractor extractor, open_extractor(flags));
  RELATA_CHECK(check_backend(options.backend, extractor.config.decode,
                             !extract::asks_pairs(extractor.config.pipeline)));
  RELATA_TRY(const data::Dataset gold, read_datasets(options.gold, options.read));
  if (!options.names.empty()) {
    RELATA_TRY(extractor.names, learn_names(options, extractor, gold.documents));
  }
  RELATA_TRY(const auto predicted, predict(extractor, gold.documents, options, context));
  int64_t facts = 0;
  const auto raw = extract::fact_outcomes(gold.documents, predicted, extractor.schema, &facts);
  RELATA_TRY(extract::Calibration calibration, extract::fit_calibration(options.method, raw));
  // What new documents will see: each document's scores by a map fitted without it.
  RELATA_TRY(const auto crossed, extract::cross_calibrated(options.method, raw));
  // But extraction has the map fitted on all, and the threshold is one of its probabilities.
  RELATA_TRY(const extract::ThresholdChoice choice,
             choose(extract::calibrated(calibration, raw), facts, options.precision));
  const auto expected = extract::threshold_outcome(crossed, facts, choice.threshold);
  calibration.threshold = choice.threshold;
  const double before = extract::expected_calibration_error(raw);
  const double after = extract::expected_calibration_error(crossed);
  const std::string& folder = flags.extractor;
  if (!options.names.empty()) {
    RELATA_CHECK(write_json(folder + "/names.json", extractor.names->to_json()));
  }
  RELATA_CHECK(write_json(folder + "/calibration.json", extract::calibration_to_json(calibration)));
  RELATA_CHECK(
      write_file_atomic(folder + "/reliability.svg", extract::reliability_svg(raw, crossed)));
  const Json report = {{"documents", gold.documents.size()},
                       {"gold_facts", facts},
                       {"found_facts", raw.size()},
                       {"method", options.method},
                       {"ece_before", before},
                       {"ece_after", after},
                       {"threshold", choice_json(choice)},
                       {"cross_fitted", choice_json(expected)},
                       {"reliability", extract::reliability_to_json(raw, crossed)}};
  if (context.json) {
    RELATA_CHECK(write_result("", report.dump() + "\n"));
    return kDone;
  }
  fmt::print(
      "{} documents, {} facts in them, {} found\n"
      "expected calibration error: {:.3f} before, {:.3f} after (cross-fitted by document)\n"
      "threshold {:.2f}: precision {:.3f}, recall {:.3f}, F1 {:.3f}, {} facts kept of these "
      "documents\n"
      "cross-fitted, as of new ones: precision {:.3f}, recall {:.3f}, F1 {:.3f}, {} facts kept\n"
      "written to {}/calibration.json, drawn in reliability.svg beside it\n",
      gold.documents.size(), facts, raw.size(), before, after, choice.threshold, choice.precision,
      choice.recall, choice.f1, choice.kept, expected.precision, expected.recall, expected.f1,
      expected.kept, folder);
  return kDone;
}

}  // namespace

void add_calibrate_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<CalibrateOptions>();
  CLI::App* verb = add_verb(
      app, "calibrate", "Fit an extractor's probabilities on documents whose facts are known",
      "Extracts from the texts of the gold documents, compares, and writes calibration.json into\n"
      "the extractor: a map from scores to probabilities, and the threshold below which `extract`\n"
      "shows nothing. reliability.svg beside it draws how often facts of each probability are\n"
      "right. Use documents that the extractor was not trained on.",
      {"relata calibrate -x out/facts --gold hold.jsonl",
       "relata calibrate -x out/facts --gold hold.jsonl --precision 0.8"});
  verb->add_option("-x,--extractor", options->extractor.extractor, "Extractor folder")
      ->required()
      ->type_name("DIR");
  verb->add_option("--gold", options->gold, "Documents with their facts")
      ->required()
      ->type_name("FILE");
  verb->add_option("--format", options->read.format, "Their format (default: guessed)")
      ->type_name("F");
  verb->add_option("--names", options->names,
                   "First learn from these documents which pieces of text are names and of what\n"
                   "type (names.json), as train does from its own")
      ->type_name("FILE");
  verb->add_option("--method", options->method,
                   "temperature (default): two numbers, for few documents; isotonic: any monotone\n"
                   "map, for many")
      ->check(CLI::IsMember({"temperature", "isotonic"}));
  verb->add_option("--precision", options->precision,
                   "Choose the threshold for this precision instead of the best F1")
      ->type_name("P")
      ->check(number_in(NumberRange::between(0, 1)));
  add_tasks_flag(*verb, options->extractor);
  add_backend_options(*verb, options->backend);
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_calibrate(*options, context); };
  });
}

}  // namespace relata::app
