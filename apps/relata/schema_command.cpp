// `relata schema`: what may be extracted, checked, shown and inferred.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "commands.h"
#include "help.h"
#include "io/command_io.h"
#include "io/output_places.h"
#include "relata/base/log.h"
#include "relata/data/schema.h"
#include "shipped_schemas.h"

namespace relata::app {
namespace {

struct SchemaOptions {
  std::string schema;
  std::vector<std::string> inputs;
  std::string output;
  data::ReadOptions read;
};

const char* const kSchemaHelp = "Schema file, extractor folder, or a name of `relata schema list`";

Json problem_to_json(const data::SchemaProblem& problem) {
  return {{"kind", problem.is_warning ? "warning" : "error"},
          {"place", problem.place},
          {"message", problem.message}};
}

std::string counts_of(const data::Schema& schema) {
  return fmt::format("{}, {}, {}", counted(schema.entity_types.size(), "entity type"),
                     counted(schema.relation_types.size(), "relation type"),
                     counted(schema.event_types.size(), "event type"));
}

Json counts_to_json(const data::Schema& schema) {
  return {{"entity_types", schema.entity_types.size()},
          {"relation_types", schema.relation_types.size()},
          {"event_types", schema.event_types.size()}};
}

Result<int> run_validate(const SchemaOptions& options, const Context& context) {
  RELATA_TRY(const std::string path, schema_path(options.schema));
  RELATA_TRY(const data::CheckedSchema checked, data::check_schema(path));
  const auto warnings =
      static_cast<size_t>(std::count_if(checked.problems.begin(), checked.problems.end(),
                                        [](const auto& problem) { return problem.is_warning; }));
  const size_t errors = checked.problems.size() - warnings;
  std::string text;
  Json problems = Json::array();
  for (const data::SchemaProblem& problem : checked.problems) {
    text += fmt::format("{}{}: {}\n", problem.is_warning ? "warning: " : "", problem.place,
                        problem.message);
    problems.push_back(problem_to_json(problem));
  }
  text += fmt::format("{}: {}, {}\n", counts_of(checked.schema), counted(errors, "error"),
                      counted(warnings, "warning"));
  Json report = counts_to_json(checked.schema);
  report["problems"] = std::move(problems);
  RELATA_CHECK(write_result("", context.json ? json_page(report) : text));
  if (errors == 0) return kDone;
  return input_error(fmt::format("{}: {}", display_name(path), counted(errors, "error")),
                     "mend the lines listed above");
}

// "P17 (country)"
template <class Type>
std::string title(const Type& type) {
  const bool named = !type.name.empty() && type.name != type.id;
  return named ? fmt::format("{} ({})", type.id, type.name) : type.id;
}

std::string any_of(const std::vector<std::string>& types) {
  return types.empty() ? "any" : fmt::format("{}", fmt::join(types, "|"));
}

std::string relation_block(const data::RelationType& type) {
  std::string out = "  " + title(type);
  if (type.negative) out += " [negative]";
  if (type.symmetric) out += " [symmetric]";
  if (!type.inverse.empty()) out += fmt::format(" [inverse: {}]", type.inverse);
  if (!type.implies_inverse.empty()) {
    out += fmt::format(" [implies inverse: {}]", type.implies_inverse);
  }
  if (!type.head_types.empty() || !type.tail_types.empty()) {
    out += fmt::format(" {} -> {}", any_of(type.head_types), any_of(type.tail_types));
  }
  out += "\n";
  if (!type.description.empty()) out += "      " + type.description + "\n";
  if (type.example) {
    out += fmt::format("      e.g. {}  ({} -> {})\n", type.example->text, type.example->head,
                       type.example->tail);
  }
  return out;
}

std::string event_block(const data::EventType& type) {
  std::string out = "  " + title(type) + "\n";
  if (!type.description.empty()) out += "      " + type.description + "\n";
  for (const data::EventRole& role : type.roles) {
    out += "    - " + title(role);
    if (!role.types.empty()) out += " " + any_of(role.types);
    if (!role.description.empty()) out += ": " + role.description;
    out += "\n";
  }
  return out;
}

std::string schema_page(const data::Schema& schema) {
  std::string out;
  if (!schema.description.empty()) out += schema.description + "\n";
  if (!schema.entity_types.empty()) {
    out += counted(schema.entity_types.size(), "entity type") + ":\n";
    for (const data::EntityType& type : schema.entity_types) {
      out += "  " + title(type);
      if (!type.description.empty()) out += ": " + type.description;
      out += "\n";
    }
  }
  if (!schema.relation_types.empty()) {
    out += counted(schema.relation_types.size(), "relation type") + ":\n";
    for (const data::RelationType& type : schema.relation_types) out += relation_block(type);
  }
  if (!schema.event_types.empty()) {
    out += counted(schema.event_types.size(), "event type") + ":\n";
    for (const data::EventType& type : schema.event_types) out += event_block(type);
  }
  return out;
}

Result<int> run_show(const SchemaOptions& options, const Context& context) {
  // Here the schema is the input.
  RELATA_TRY(const std::string path, schema_path(options.schema));
  RELATA_TRY(const data::Schema schema, data::read_schema(path));
  RELATA_CHECK(write_result(
      "", context.json ? json_page(data::schema_to_json(schema)) : schema_page(schema)));
  return kDone;
}

Result<int> run_list(const Context& context) {
  const std::string folder = shipped_schema_folder();
  Json rows = Json::array();
  std::string text;
  for (const std::string& name : data::shipped_schemas(folder)) {
    RELATA_TRY(const data::Schema schema, data::read_schema(folder + "/" + name + ".json"));
    text += fmt::format("{:<22} {}\n{:<22} {}\n", name, counts_of(schema), "", schema.description);
    Json& row = rows.emplace_back(Json{{"name", name}, {"description", schema.description}});
    row.update(counts_to_json(schema));
  }
  if (rows.empty()) {
    return resource_error(folder + ": no schemas here", "install relata with its share folder");
  }
  RELATA_CHECK(write_result("", context.json ? json_page(rows) : text));
  return kDone;
}

Result<int> run_infer(const SchemaOptions& options) {
  RELATA_CHECK(check_places({{"the schema", options.output}}, options.inputs));
  RELATA_TRY(const data::Dataset dataset, read_datasets(options.inputs, options.read));
  RELATA_TRY(const int code, report_skipped(dataset, options.output));
  const data::Schema schema = data::infer_schema(dataset.documents);
  RELATA_CHECK(write_result(options.output, json_page(data::schema_to_json(schema))));
  log_info(counts_of(schema) + " in " + counted(dataset.documents.size(), "document"));
  return code;
}

void add_validate(CLI::App& schema, Context& context) {
  auto options = std::make_shared<SchemaOptions>();
  CLI::App* verb = add_verb(
      schema, "validate", "Check a schema",
      "Lists every problem with its place: unknown keys, duplicate ids and names, unknown "
      "inverses\n"
      "and types, inverses that are not mutual, examples without their head or tail. Missing\n"
      "descriptions and examples are warnings. Exit code 3 when there is an error.",
      {"relata schema validate schema.json", "relata schema validate out/finre --json"});
  verb->add_option("SCHEMA", options->schema, kSchemaHelp)->required();
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_validate(*options, context); };
  });
}

void add_show(CLI::App& schema, Context& context) {
  auto options = std::make_shared<SchemaOptions>();
  CLI::App* verb = add_verb(
      schema, "show", "Print a schema readably",
      "Entity, relation and event types with their descriptions; of relations also the types of\n"
      "head and tail, the marks and an example.",
      {"relata schema show schema.json", "relata schema show out/finre",
       "relata schema show redocred --json > my_schema.json"});
  verb->add_option("SCHEMA", options->schema, kSchemaHelp)->required();
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_show(*options, context); };
  });
}

void add_list(CLI::App& schema, Context& context) {
  CLI::App* verb = add_verb(schema, "list", "List the schemas that came with relata",
                            "Each of these names may stand wherever a schema file is wanted.",
                            {"relata schema list", "relata schema list --json"});
  verb->callback([&context] { context.action = [&context] { return run_list(context); }; });
}

void add_infer(CLI::App& schema, Context& context) {
  auto options = std::make_shared<SchemaOptions>();
  CLI::App* verb = add_verb(
      schema, "infer", "Make a schema from a dataset",
      "Writes the entity, relation and event types that occur, the most frequent first. unknown,\n"
      "no_relation, NA, Other, NR and None are marked negative. Edit names and descriptions\n"
      "afterwards.",
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
      "A schema lists entity, relation and event types, as a JSON file. Schemas of the field's\n"
      "datasets came with relata.",
      {"relata schema list", "relata schema show redocred",
       "relata schema infer train.jsonl -o schema.json", "relata schema validate schema.json"});
  schema->require_subcommand(1);
  add_validate(*schema, context);
  add_show(*schema, context);
  add_list(*schema, context);
  add_infer(*schema, context);
}

}  // namespace relata::app
