// `relata data`: conversion, counts, checks and splits of datasets.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>

#include "commands.h"
#include "data/data_split.h"
#include "data/record_stream.h"
#include "help.h"
#include "io/command_io.h"
#include "io/input_feed.h"
#include "io/output_places.h"
#include "relata/base/fields.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/data/spacing.h"
#include "relata/eval/docred.h"
#include "shipped_schemas.h"

namespace relata::app {
namespace {

struct DataOptions {
  std::vector<std::string> inputs;
  std::string output;
  data::ReadOptions read;
  data::WriteOptions write;
  std::string parts = "train=0.8,dev=0.1,test=0.1";
  std::string by = "text";
  std::string html;
  std::string schema;
  std::string spacing = "kept";
  std::string gold;  // whose entities docred-result numbers
};

// What the options say of reading; `schema` holds what it points to.
Result<data::ReadOptions> read_options(const DataOptions& options, data::Schema& schema) {
  data::ReadOptions read = options.read;
  if (options.schema.empty()) return read;
  RELATA_TRY(schema, open_schema(options.schema));
  read.schema = &schema;
  return read;
}

Status check_format(const std::string& name, const std::string& flag) {
  if (name.empty()) return {};
  std::vector<std::string> names;
  for (const data::FormatInfo& format : data::formats()) names.push_back(format.name);
  if (std::find(names.begin(), names.end(), name) != names.end()) return {};
  const auto nearest = nearest_name(name, names);
  return usage_error(
      fmt::format("{}: unknown format '{}'", flag, name),
      nearest ? fmt::format("did you mean '{}'?", *nearest) : "`relata data formats` lists them");
}

Status check_formats(const DataOptions& options) {
  RELATA_CHECK(check_format(options.read.format, "--from"));
  return check_format(options.write.format, "--to");
}

std::string format_for_output(const std::string& path) {
  const bool is_csv = path.size() > 4 && path.compare(path.size() - 4, 4, ".csv") == 0;
  return is_csv ? "csv" : "jsonl";
}

// One file or more for every document; `lost` gets what the format cannot hold.
Status write_folder(const std::vector<data::Document>& documents, const data::WriteOptions& write,
                    const std::string& folder, std::vector<std::string>& lost) {
  if (folder.empty() || folder == "-") {
    return usage_error(fmt::format("--to {} writes a folder of files", write.format),
                       "name the folder with -o");
  }
  RELATA_TRY(const std::vector<data::DatasetFile> files,
             data::write_dataset_files(documents, write, &lost));
  RELATA_CHECK(make_folders(folder));  // also of no document
  for (const data::DatasetFile& file : files) {
    RELATA_CHECK(write_file_atomic(folder + "/" + file.name, file.content));
  }
  return {};
}

// To a file, or a folder where the format is one of files.
Status write_documents(const std::vector<data::Document>& documents,
                       const data::WriteOptions& write, const std::string& output,
                       std::vector<std::string>& lost) {
  if (data::writes_folder(write.format)) return write_folder(documents, write, output, lost);
  RELATA_TRY(const std::string content, data::write_dataset(documents, write, &lost));
  return write_result(output, content);
}

bool is_extracted(const data::Document& document) {
  return document.meta.is_object() && document.meta.contains("extractor") &&
         !document.relations.empty();
}

// docred-result knows entities by their number in gold, and those that were found in a text have
// none of their own.
Status number_as_gold(const std::string& gold, std::vector<data::Document>& documents) {
  if (gold.empty()) {
    if (std::any_of(documents.begin(), documents.end(), is_extracted)) {
      log_warning(
          "entities are numbered as each document lists them; where an extractor found them, "
          "--gold GOLD gives them the numbers that DocRED's scorer knows");
    }
    return {};
  }
  RELATA_TRY(const data::Dataset wanted, read_datasets({gold}, {}));
  auto numbered = eval::with_gold_entities(wanted.documents, documents);
  if (!numbered.ok()) {
    return Error{numbered.error().code, gold + ": " + numbered.error().message,
                 numbered.error().hint};
  }
  if (numbered->left_out > 0) {
    log_warning(counted(numbered->left_out, "relation") +
                " left out, between entities that gold does not have");
  }
  documents = std::move(numbered->documents);
  return {};
}

// What is written must leave alone what is read.
Status check_outputs(const DataOptions& options, const std::vector<OutputPlace>& outputs) {
  std::vector<std::string> inputs = options.inputs;
  for (const std::string* other : {&options.gold, &options.read.label_patch}) {
    if (!other->empty()) inputs.push_back(*other);
  }
  return check_places(outputs, inputs);
}

// Canonical records need not be held together, unless a bad one is to leave nothing on a stream.
bool converts_in_parts(const DataOptions& options, const std::string& format,
                       const std::vector<std::string>& files) {
  const bool whole = options.read.on_error == "stop" && is_stream(options.output);
  return format == "jsonl" && options.gold.empty() && !whole && are_large(files);
}

Result<int> run_convert(const DataOptions& options) {
  RELATA_CHECK(check_formats(options));
  RELATA_CHECK(check_outputs(options, {{"the result", options.output}}));
  data::Schema schema;
  RELATA_TRY(const data::ReadOptions read, read_options(options, schema));
  data::WriteOptions write = options.write;
  if (write.format.empty()) write.format = format_for_output(options.output);
  RELATA_TRY(const std::vector<std::string> files, input_files(options.inputs));
  if (converts_in_parts(options, write.format, files)) {
    return convert_records(files, read, options.spacing == "natural", options.output);
  }
  RELATA_TRY(data::Dataset dataset, read_datasets(options.inputs, read));
  RELATA_TRY(const int code, report_skipped(dataset, options.output));
  if (options.spacing == "natural") {
    for (data::Document& document : dataset.documents) {
      document = data::natural_spacing(std::move(document));
    }
  }
  if (write.format == "docred-result") {
    RELATA_CHECK(number_as_gold(options.gold, dataset.documents));
  } else if (!options.gold.empty()) {
    return usage_error("--gold numbers the entities of --to docred-result, and of nothing else",
                       "leave it out");
  }
  std::vector<std::string> lost;
  RELATA_CHECK(write_documents(dataset.documents, write, options.output, lost));
  if (!lost.empty()) {
    log_warning(fmt::format("{} cannot hold: {}", write.format, fmt::join(lost, ", ")));
  }
  log_info(fmt::format("{}, {} to {}", counted(dataset.documents.size(), "document"),
                       dataset.format, write.format));
  return code;
}

Result<int> run_stats(const DataOptions& options, const Context& context) {
  RELATA_CHECK(check_formats(options));
  std::vector<OutputPlace> outputs = {{"the table", options.output}};
  if (!is_stream(options.html)) outputs.push_back({"--html", options.html});
  RELATA_CHECK(check_outputs(options, outputs));
  RELATA_TRY(const std::vector<data::NamedDataset> parts,
             read_dataset_parts(options.inputs, options.read));
  int code = kDone;
  for (const data::NamedDataset& part : parts) {
    RELATA_TRY(const int part_code, report_skipped(part.dataset, ""));
    code = std::max(code, part_code);
  }
  const Json picture = data::dataset_picture(parts);
  if (!options.html.empty()) {
    RELATA_CHECK(write_result(options.html, data::picture_html(picture)));
  }
  RELATA_CHECK(write_result(options.output,
                            context.json ? json_page(picture) : data::picture_text(picture)));
  return code;
}

std::string validation_text(const std::vector<std::string>& problems,
                            const std::map<std::string, size_t>& noted, size_t records) {
  std::string out;
  for (const std::string& problem : problems) out += problem + "\n";
  for (const auto& [kind, count] : noted) out += fmt::format("{}: {}\n", kind, count);
  return out + fmt::format("{}, {}\n", counted(records, "good record"),
                           counted(problems.size(), "problem"));
}

Result<int> run_validate(const DataOptions& options, const Context& context) {
  RELATA_CHECK(check_formats(options));
  RELATA_TRY(const std::vector<std::string> files, input_files(options.inputs));
  data::Schema schema;
  RELATA_TRY(data::ReadOptions read, read_options(options, schema));
  read.on_error = "skip";
  std::vector<std::string> problems;
  std::map<std::string, size_t> noted;
  size_t records = 0;
  for (const std::string& file : data::without_companions(files)) {
    const auto dataset = read_dataset_file(file, read);
    if (!dataset.ok()) {
      if (dataset.error().code != ErrorCode::kBadInput) return dataset.error();
      problems.push_back(dataset.error().message);
      continue;
    }
    records += dataset->documents.size();
    problems.insert(problems.end(), dataset->skipped.begin(), dataset->skipped.end());
    for (const auto& [kind, count] : dataset->noted) noted[kind] += count;
  }
  const Json report = {{"records", records}, {"problems", problems}, {"noted", noted}};
  RELATA_CHECK(write_result(options.output, context.json
                                                ? json_page(report)
                                                : validation_text(problems, noted, records)));
  if (problems.empty()) return kDone;
  return input_error(counted(problems.size(), "problem") + " found",
                     "mend the records listed, or read with --on-error skip or fix");
}

std::string format_suffix(const std::string& format) {
  if (format == "jsonl" || format == "csv") return "." + format;
  return format == "cre-tsv" || format == "text" ? ".txt" : ".json";
}

std::string path_of_part(const SplitPart& part, const std::string& folder,
                         const std::string& format) {
  const std::string path = folder + "/" + part.name;
  return data::writes_folder(format) ? path : path + format_suffix(format);
}

Result<int> run_split(const DataOptions& options, const Context& context) {
  RELATA_CHECK(check_formats(options));
  RELATA_TRY(const std::vector<SplitPart> parts, parse_split_parts(options.parts));
  data::WriteOptions write = options.write;
  if (write.format.empty()) write.format = "jsonl";
  std::vector<OutputPlace> places;
  for (const SplitPart& part : parts) {
    places.push_back({part.name, path_of_part(part, options.output, write.format)});
  }
  RELATA_CHECK(check_outputs(options, places));
  RELATA_TRY(const data::Dataset dataset, read_datasets(options.inputs, options.read));
  RELATA_TRY(const int code, report_skipped(dataset, options.output + "/split"));
  const std::vector<int> part_of =
      split_documents(dataset.documents, parts, options.by, context.seed);
  Json report = Json::object();
  for (size_t part = 0; part < parts.size(); ++part) {
    std::vector<data::Document> documents;
    for (size_t i = 0; i < part_of.size(); ++i) {
      if (part_of[i] == static_cast<int>(part)) documents.push_back(dataset.documents[i]);
    }
    const std::string& path = places[part].path;
    std::vector<std::string> lost;
    RELATA_CHECK(write_documents(documents, write, path, lost));
    if (!lost.empty()) {
      log_warning(fmt::format("{}: {} cannot hold: {}", path, write.format, fmt::join(lost, ", ")));
    }
    if (documents.empty()) {
      log_warning(fmt::format(
          "{}: empty: there are too few documents, or --by {} keeps too many of them together",
          path, options.by));
    }
    report[parts[part].name] = {{"file", path}, {"documents", documents.size()}};
  }
  RELATA_CHECK(write_result("", context.json ? json_page(report) : json_outline(report)));
  return code;
}

std::string formats_table() {
  std::string out = fmt::format("{:<16}{:<7}{:<8}{}\n", "name", "reads", "writes", "what it is");
  for (const data::FormatInfo& format : data::formats()) {
    out += fmt::format("{:<16}{:<7}{:<8}{}\n", format.name, format.reads ? "yes" : "no",
                       format.writes ? "yes" : "no", format.description);
  }
  return out;
}

Result<int> run_formats(const Context& context) {
  Json list = Json::array();
  for (const data::FormatInfo& format : data::formats()) {
    list.push_back({{"name", format.name},
                    {"reads", format.reads},
                    {"writes", format.writes},
                    {"description", format.description}});
  }
  RELATA_CHECK(write_result("", context.json ? json_page(list) : formats_table()));
  return kDone;
}

void add_input_options(CLI::App& verb, DataOptions& options) {
  verb.add_option("IN", options.inputs, "Files, folders, globs or - (default: stdin)");
  verb.add_option("--from,--format", options.read.format, "Input format (default: guessed)")
      ->type_name("FMT");
  verb.add_option("--label-patch", options.read.label_patch,
                  "Other labels by id for tacred: TACRED Revisited's or Re-TACRED's file")
      ->type_name("FILE");
  verb.add_option("--text-key", options.read.text_key,
                  "The member of a label-studio task's data that is the text\n"
                  "(default: the one in which the spans' texts stand)")
      ->type_name("KEY");
}

void add_schema_option(CLI::App& verb, DataOptions& options) {
  verb.add_option("--schema", options.schema,
                  "A record with a label that this schema lacks is a bad one")
      ->type_name("NAME|FILE");
}

void add_skip_option(CLI::App& verb, DataOptions& options) {
  verb.add_option("--on-error", options.read.on_error,
                  "stop (default); skip: leave bad records out, list them, exit 4;\n"
                  "fix: mend what is safe, list it, and skip the rest")
      ->check(CLI::IsMember({"stop", "skip", "fix"}));
}

void add_write_options(CLI::App& verb, DataOptions& options) {
  options.write.format.clear();
  verb.add_option("--to", options.write.format, "Output format (default: by OUT's name, jsonl)")
      ->type_name("FMT");
  verb.add_option("--instruction", options.write.instruction,
                  "Instruction of every record (cre-llm, alpaca, sharegpt)")
      ->type_name("TEXT");
}

void add_convert(CLI::App& data, Context& context) {
  auto options = std::make_shared<DataOptions>();
  CLI::App* verb = add_verb(
      data, "convert", "Change the format of a dataset",
      "Reads documents in one format and writes them in another. Without --from the format is\n"
      "guessed from the content; without --to the canonical JSONL is written. What the target\n"
      "format cannot hold is counted on stderr.",
      {"relata data convert finre/train.txt -o train.jsonl",
       "relata data convert --from cre-tsv --to cre-llm train.txt -o train.json \\\n"
       "    --instruction \"Which relation holds?\"",
       "cat val_wiki.json | relata data convert --from fewrel - > fewrel.jsonl",
       "relata data convert tacred/test.json --label-patch test_patch.json -o tacrev.jsonl",
       "relata data convert dev_revised.json --spacing natural -o dev_natural.jsonl",
       "relata data convert found.jsonl --to docred-result --gold dev.json -o result.json"});
  add_input_options(*verb, *options);
  add_write_options(*verb, *options);
  add_schema_option(*verb, *options);
  add_skip_option(*verb, *options);
  verb->add_option(
          "--spacing", options->spacing,
          "kept (default); natural: for tokens with blanks between them, \"in Rome , Italy\"\n"
          "becomes \"in Rome, Italy\"; offsets follow")
      ->check(CLI::IsMember({"kept", "natural"}));
  verb->add_option("--gold", options->gold,
                   "For docred-result: the data set whose entities the numbers are those of;\n"
                   "found entities are matched by place, else by name")
      ->type_name("GOLD");
  verb->add_option("-o,--output", options->output, "Write here instead of stdout")
      ->type_name("OUT");
  verb->callback(
      [options, &context] { context.action = [options] { return run_convert(*options); }; });
}

void add_stats(CLI::App& data, Context& context) {
  auto options = std::make_shared<DataOptions>();
  CLI::App* verb =
      add_verb(data, "stats", "Counts, lengths, labels, duplicates and leakage of a dataset",
               "Prints what a dataset holds. Several files or folders are taken as its parts, and\n"
               "what they share is counted too: texts, names, pairs, labels that one lacks.",
               {"relata data stats train.jsonl",
                "relata data stats train.jsonl dev.jsonl test.jsonl --html stats.html",
                "relata data stats --json brat_folder/"});
  add_input_options(*verb, *options);
  add_skip_option(*verb, *options);
  verb->add_option("-o,--output", options->output, "Write here instead of stdout")
      ->type_name("OUT");
  verb->add_option("--html", options->html, "Also write one page with plots")->type_name("FILE");
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_stats(*options, context); };
  });
}

void add_validate(CLI::App& data, Context& context) {
  auto options = std::make_shared<DataOptions>();
  CLI::App* verb = add_verb(
      data, "validate", "Find bad records, with file and line",
      "Reads everything and lists every record that cannot be used: missing columns, entities "
      "that\n"
      "are not in their sentence, offsets outside the text, invalid UTF-8, and with --schema "
      "labels\n"
      "that it lacks. Exit code 3 when there is any.",
      {"relata data validate train.jsonl dev.jsonl",
       "relata data validate --schema redocred dev_revised.json",
       "relata data validate --from cre-tsv finre/train.txt"});
  add_input_options(*verb, *options);
  add_schema_option(*verb, *options);
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_validate(*options, context); };
  });
}

void add_split(CLI::App& data, Context& context) {
  auto options = std::make_shared<DataOptions>();
  CLI::App* verb = add_verb(
      data, "split", "Cut a dataset into train, dev and test",
      "Shuffles documents (--seed) and writes one file per part into a folder. Documents with the\n"
      "same text stay in one part; with --by head, so do documents whose relations share a head\n"
      "entity, which makes the test part unseen in earnest.",
      {"relata data split all.jsonl -o parts/",
       "relata data split all.jsonl -o parts/ --parts train=0.9,test=0.1 --by head --seed 7"});
  add_input_options(*verb, *options);
  add_write_options(*verb, *options);
  add_skip_option(*verb, *options);
  verb->add_option("-o,--output", options->output, "Folder of the parts")
      ->required()
      ->type_name("DIR");
  verb->add_option("--parts", options->parts,
                   "Names and shares (default: train=0.8,dev=0.1,test=0.1)")
      ->type_name("LIST");
  verb->add_option("--by", options->by, "What stays together: text (default), head or document")
      ->check(CLI::IsMember({"text", "head", "document"}));
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_split(*options, context); };
  });
}

void add_formats(CLI::App& data, Context& context) {
  CLI::App* verb = add_verb(data, "formats", "List the formats that can be read and written",
                            "One line per format name, as --from and --to take it.",
                            {"relata data formats", "relata data formats --json"});
  verb->callback([&context] { context.action = [&context] { return run_formats(context); }; });
}

}  // namespace

void add_data_command(CLI::App& app, Context& context) {
  CLI::App* data = add_verb(app, "data", "Convert, count, check and split datasets",
                            "Everything that happens to a dataset before training.",
                            {"relata data convert finre/train.txt -o train.jsonl",
                             "relata data stats train.jsonl", "relata data formats"});
  data->require_subcommand(1);
  add_convert(*data, context);
  add_stats(*data, context);
  add_validate(*data, context);
  add_split(*data, context);
  add_formats(*data, context);
}

}  // namespace relata::app
