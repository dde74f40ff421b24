// `relata schema`: what may be extracted, checked, shown and inferred.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "command_io.h"
#include "commands.h"
#include "help.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/data/schema.h"

namespace relata::app {
namespace {

struct SchemaOptions {
  std::string schema;
  std::vector<std::string> inputs;
  std::string output;
  data::ReadOptions read;
};

// An extractor folder stands for the schema inside it.
Result<data::Schema> open_schema(const std::string& path) {
  const std::string inside = path + "/schema.json";
  return data::read_schema(file_exists(inside) ? inside : path);
}

bool is_warning(const std::string& problem) { return problem.rfind("warning", 0) == 0; }

Result<int> run_validate(const SchemaOptions& options, const Context& context) {
  RELATA_TRY(const data::Schema schema, open_schema(options.schema));
  const std::vector<std::string> problems = data::validate_schema(schema);
  const auto warnings = std::count_if(problems.begin(), problems.end(), is_warning);
  const size_t errors = problems.size() - static_cast<size_t>(warnings);
  std::string text;
  for (const std::string& problem : problems) text += problem + "\n";
  text += fmt::format("{}, {}, {}\n", counted(schema.relation_types.size(), "relation type"),
                      counted(errors, "error"), counted(warnings, "warning"));
  const Json report = {{"relation_types", schema.relation_types.size()}, {"problems", problems}};
  RELATA_CHECK(write_result("", context.json ? json_page(report) : text));
  if (errors == 0) return kDone;
  return input_error(fmt::format("{}: {}", options.schema, counted(errors, "error")),
                     "mend the lines listed above");
}

std::string schema_table(const data::Schema& schema) {
  std::string out;
  if (!schema.entity_types.empty()) {
    out += fmt::format("entity types: {}\n", fmt::join(schema.entity_types, ", "));
  }
  out += counted(schema.relation_types.size(), "relation type") + ":\n";
  for (const data::RelationType& type : schema.relation_types) {
    out += "  " + type.id;
    if (!type.name.empty() && type.name != type.id) out += fmt::format(" ({})", type.name);
    if (type.negative) out += " [negative]";
    if (type.symmetric) out += " [symmetric]";
    if (!type.inverse.empty()) out += fmt::format(" [inverse: {}]", type.inverse);
    if (!type.description.empty()) out += ": " + type.description;
    out += "\n";
  }
  return out;
}

Result<int> run_show(const SchemaOptions& options, const Context& context) {
  RELATA_TRY(const data::Schema schema, open_schema(options.schema));
  RELATA_CHECK(write_result(
      "", context.json ? json_page(data::schema_to_json(schema)) : schema_table(schema)));
  return kDone;
}

Result<int> run_infer(const SchemaOptions& options) {
  RELATA_TRY(const data::Dataset dataset, read_datasets(options.inputs, options.read));
  RELATA_TRY(const int code, report_skipped(dataset, options.output));
  const data::Schema schema = data::infer_schema(dataset.documents);
  RELATA_CHECK(write_result(options.output, json_page(data::schema_to_json(schema))));
  log_info(counted(schema.relation_types.size(), "relation type") + " in " +
           counted(dataset.documents.size(), "document"));
  return code;
}

void add_validate(CLI::App& schema, Context& context) {
  auto options = std::make_shared<SchemaOptions>();
  CLI::App* verb = add_verb(
      schema, "validate", "Check a schema file",
      "Lists duplicate ids, unknown inverses and entity types; missing descriptions are warnings.\n"
      "Exit code 3 when there is an error.",
      {"relata schema validate schema.json", "relata schema validate out/finre --json"});
  verb->add_option("SCHEMA", options->schema, "Schema file or extractor folder")->required();
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_validate(*options, context); };
  });
}

void add_show(CLI::App& schema, Context& context) {
  auto options = std::make_shared<SchemaOptions>();
  CLI::App* verb = add_verb(schema, "show", "Print a schema readably",
                            "Entity types and relation types, with their marks and descriptions.",
                            {"relata schema show schema.json", "relata schema show out/finre"});
  verb->add_option("SCHEMA", options->schema, "Schema file or extractor folder")->required();
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_show(*options, context); };
  });
}

void add_infer(CLI::App& schema, Context& context) {
  auto options = std::make_shared<SchemaOptions>();
  CLI::App* verb = add_verb(
      schema, "infer", "Make a schema from a dataset",
      "Writes the entity and relation types that occur, the most frequent first. unknown,\n"
      "no_relation, NA and Other are marked negative. Edit names and descriptions afterwards.",
      {"relata schema infer train.jsonl -o schema.json",
       "relata schema infer --from cre-tsv finre/train.txt -o schema.json"});
  verb->add_option("IN", options->inputs, "Files, folders, globs or - (default: stdin)");
  verb->add_option("--from,--format", options->read.format, "Input format (default: guessed)")
      ->type_name("FMT");
  verb->add_option("--on-error", options->read.on_error, "stop (default) or skip")
      ->check(CLI::IsMember({"stop", "skip"}));
  verb->add_option("-o,--output", options->output, "Write here instead of stdout")
      ->type_name("OUT");
  verb->callback(
      [options, &context] { context.action = [options] { return run_infer(*options); }; });
}

}  // namespace

void add_schema_command(CLI::App& app, Context& context) {
  CLI::App* schema = add_verb(
      app, "schema", "Check, show and infer what may be extracted",
      "A schema lists entity types and relation types, as a JSON file.",
      {"relata schema infer train.jsonl -o schema.json", "relata schema validate schema.json"});
  schema->require_subcommand(1);
  add_validate(*schema, context);
  add_show(*schema, context);
  add_infer(*schema, context);
}

}  // namespace relata::app
