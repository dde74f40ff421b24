// `relata graph`: documents with relations become one knowledge graph.
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "help.h"
#include "io/command_io.h"
#include "io/output_places.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/base/visible_text.h"
#include "relata/graph/export.h"
#include "relata/graph/graph.h"
#include "relata/graph/query.h"
#include "shipped_schemas.h"

namespace relata::app {
namespace {

struct GraphCommandOptions {
  std::vector<std::string> inputs;
  std::string output;
  std::string schema;  // "": see default_schema()
  data::ReadOptions read;
  graph::GraphOptions build;
  graph::ExportOptions form;
  graph::Query query;
  size_t limit = 0;  // 0: all
};

struct GraphInput {
  data::Dataset dataset;
  std::vector<graph::Graph> graphs;
};

Result<GraphInput> read_inputs(const std::vector<std::string>& arguments,
                               const data::ReadOptions& options) {
  RELATA_TRY(const std::vector<std::string> files, input_files(arguments));
  GraphInput all;
  for (const std::string& file : data::without_companions(files)) {
    RELATA_TRY(const std::string content, read_file(file));
    if (graph::looks_like_graph(content)) {
      RELATA_TRY(graph::Graph graph, graph::graph_from_json(content, display_name(file)));
      all.graphs.push_back(std::move(graph));
      continue;
    }
    RELATA_TRY(data::Dataset dataset, data::parse_dataset(content, display_name(file), options));
    std::move(dataset.documents.begin(), dataset.documents.end(),
              std::back_inserter(all.dataset.documents));
    std::move(dataset.skipped.begin(), dataset.skipped.end(),
              std::back_inserter(all.dataset.skipped));
  }
  return all;
}

bool is_wikidata_id(const std::string& id) {
  return id.size() > 1 && id[0] == 'P' && id.find_first_not_of("0123456789", 1) == id.npos;
}

// Where no schema is named: which relations are negative is told by their ids, as `relata schema
// infer` does, and Wikidata's properties have the names that the shipped schemas give them.
data::Schema default_schema(const std::vector<data::Document>& documents,
                            const std::vector<graph::Graph>& graphs) {
  data::Schema schema = data::infer_schema(documents);
  for (const graph::Graph& graph : graphs) {
    for (const graph::LinkType& type : graph.types) {
      if (schema.find(type.id) >= 0) continue;
      schema.relation_types.emplace_back().id = type.id;
      schema.relation_types.back().name = type.name;
    }
  }
  const std::string folder = shipped_schema_folder();
  for (const std::string& name : data::shipped_schemas(folder)) {
    const auto shipped = data::read_schema(folder + "/" + name + ".json");
    if (!shipped.ok()) continue;  // names are a help, not what the work stands on
    for (data::RelationType& type : schema.relation_types) {
      if (!is_wikidata_id(type.id) || type.name != type.id) continue;
      const int index = shipped->find(type.id);
      if (index >= 0) type.name = shipped->relation_types[static_cast<size_t>(index)].name;
    }
  }
  return schema;
}

void tell_left_out(const graph::LeftOut& left_out) {
  const auto tell = [](size_t count, const char* why) {
    if (count > 0) log_info(fmt::format("{} left out: {}", counted(count, "relation"), why));
  };
  tell(left_out.negative, "the schema's negative ones");
  tell(left_out.unlikely, "below --min-score");
  tell(left_out.unnamed, "head or tail has no name");
}

struct ReadGraph {
  graph::Graph graph;
  int code = kDone;
};

Result<ReadGraph> read_graph(const GraphCommandOptions& options,
                             const std::vector<std::string>& inputs, const std::string& output) {
  RELATA_TRY(const GraphInput input, read_inputs(inputs, options.read));
  RELATA_TRY(const int code, report_skipped(input.dataset, output));
  data::Schema schema;
  if (options.schema.empty()) {
    schema = default_schema(input.dataset.documents, input.graphs);
  } else {
    RELATA_TRY(schema, open_schema(options.schema));
  }
  graph::GraphBuilder builder(std::move(schema), options.build);
  for (const graph::Graph& graph : input.graphs) builder.add(graph);
  for (const data::Document& document : input.dataset.documents) builder.add(document);
  tell_left_out(builder.left_out());
  ReadGraph out{builder.finish(), code};
  if (out.graph.links.empty()) log_warning("the graph is empty: no document has a relation");
  return out;
}

Result<int> run_build(const GraphCommandOptions& options) {
  RELATA_TRY(const ReadGraph read, read_graph(options, options.inputs, options.output));
  RELATA_CHECK(write_result(options.output, graph::graph_to_json(read.graph)));
  log_info(fmt::format(
      "{}, {} of {}",
      read.graph.nodes.size() == 1 ? "1 entity"
                                   : fmt::format("{} entities", read.graph.nodes.size()),
      counted(read.graph.links.size(), "link"), counted(read.graph.documents.size(), "document")));
  return read.code;
}

Result<int> run_show(const GraphCommandOptions& options, const Context& context) {
  constexpr size_t kMost = 15;
  RELATA_TRY(const ReadGraph read, read_graph(options, options.inputs, ""));
  const Json summary = graph::graph_summary(read.graph, kMost);
  RELATA_CHECK(
      write_result("", context.json ? json_page(summary) : visible_text(json_outline(summary))));
  return read.code;
}

Result<int> run_query(const GraphCommandOptions& options, const Context& context) {
  RELATA_TRY(const ReadGraph read, read_graph(options, options.inputs, ""));
  RELATA_TRY(std::vector<size_t> links, graph::find_links(read.graph, options.query));
  const size_t all = links.size();
  if (options.limit > 0 && all > options.limit) links.resize(options.limit);
  RELATA_CHECK(write_result("", context.json ? json_page(graph::links_json(read.graph, links))
                                             : graph::links_text(read.graph, links)));
  log_info(links.size() == all ? counted(all, "link")
                               : fmt::format("{} of {} links", links.size(), all));
  return read.code;
}

Result<int> run_export(const GraphCommandOptions& options) {
  RELATA_CHECK(check_places({{"the result", options.output}}, options.inputs));
  const bool to_stdout = options.output.empty() || options.output == "-";
  for (const graph::ExportFormat& format : graph::export_formats()) {
    if (format.is_folder && format.name == options.form.format && to_stdout) {
      return usage_error(options.form.format + " is a folder of files",
                         "name a folder to write it to with -o");
    }
  }
  // Before the work, which may be long.
  RELATA_CHECK(graph::export_graph({}, options.form));
  RELATA_TRY(const ReadGraph read, read_graph(options, options.inputs, options.output));
  RELATA_TRY(const auto files, graph::export_graph(read.graph, options.form));
  for (const graph::ExportFile& file : files) {
    RELATA_CHECK(write_result(file.name.empty() ? options.output : options.output + "/" + file.name,
                              file.content));
  }
  return read.code;
}

void add_inputs(CLI::App& verb, GraphCommandOptions& options) {
  verb.add_option(
      "IN", options.inputs,
      "Documents with relations, or graphs; files, folders, globs or - (default: stdin)");
  verb.add_option("--format", options.read.format, "Input format (default: guessed)")
      ->type_name("FMT");
  verb.add_option("--on-error", options.read.on_error, "stop (default) or skip")
      ->check(CLI::IsMember({"stop", "skip"}));
  verb.add_option("--schema", options.schema,
                  "Names of the relations: a file, an extractor or a shipped schema\n"
                  "(default: names of Wikidata's properties, else the ids)")
      ->type_name("S");
  verb.add_option("--min-score", options.build.min_score, "Leave less probable relations out")
      ->type_name("S")
      ->check(number_in(NumberRange::between(0, 1)));
  verb.add_flag("--match-case", options.build.match_case,
                "Keep names apart that differ in capitals only");
  verb.add_flag("--all-entities", options.build.all_entities, "Also those without a relation");
}

void add_build(CLI::App& graph, Context& context, const char* name, const char* summary) {
  auto options = std::make_shared<GraphCommandOptions>();
  CLI::App* verb = add_verb(
      graph, name, summary,
      "Entities of equal name and type become one, over all documents; every link keeps the\n"
      "documents, places and evidence it was read from, and its probability. Graphs may be added "
      "to\n"
      "graphs and documents; adding the same twice changes nothing.",
      {fmt::format("relata graph {} found.jsonl -o graph.json", name),
       fmt::format("relata graph {} graph.json more.jsonl -o all.json", name)});
  add_inputs(*verb, *options);
  verb->add_option("-o,--output", options->output, "Write here instead of stdout")
      ->type_name("OUT");
  verb->callback(
      [options, &context] { context.action = [options] { return run_build(*options); }; });
}

void add_show(CLI::App& graph, Context& context) {
  auto options = std::make_shared<GraphCommandOptions>();
  CLI::App* verb =
      add_verb(graph, "show", "What is in a graph",
               "Counts, the most frequent relations and entity types, and the best\n"
               "connected entities.",
               {"relata graph show found.jsonl", "relata graph show graph.json --json"});
  add_inputs(*verb, *options);
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_show(*options, context); };
  });
}

void add_query(CLI::App& graph, Context& context) {
  auto options = std::make_shared<GraphCommandOptions>();
  CLI::App* verb = add_verb(
      graph, "query", "Links of an entity or of a relation",
      "Lists links, the most probable first, with the evidence of each. Names are found whatever\n"
      "their capitals, relations by name or id. Several conditions must all hold.",
      {"relata graph query found.jsonl --entity 'Ada Lovelace'",
       "relata graph query graph.json --relation country --min-score 0.8 --limit 20",
       "relata graph query graph.json --head Sweden --json"});
  add_inputs(*verb, *options);
  graph::Query& query = options->query;
  verb->add_option("--entity", query.entity, "Head or tail is this entity")->type_name("NAME");
  verb->add_option("--head", query.head, "The head is this entity")->type_name("NAME");
  verb->add_option("--tail", query.tail, "The tail is this entity")->type_name("NAME");
  verb->add_option("--relation", query.relation, "Name or id of the relation")->type_name("R");
  verb->add_option("--type", query.type, "Head or tail is of this type")->type_name("T");
  verb->add_option("--limit", options->limit, "At most so many links")->type_name("N");
  verb->callback([options, &context] {
    context.action = [options, &context] { return run_query(*options, context); };
  });
}

void add_export(CLI::App& graph, Context& context) {
  auto options = std::make_shared<GraphCommandOptions>();
  std::string forms;
  for (const graph::ExportFormat& format : graph::export_formats()) {
    forms += fmt::format("\n  {:<10} {}", format.name, format.description);
  }
  CLI::App* verb =
      add_verb(graph, "export", "The graph for other programs",
               "Writes names, types, probabilities and provenance in one of these forms:" + forms,
               {"relata graph export found.jsonl --to turtle -o found.ttl",
                "relata graph export graph.json --to neo4j-csv -o import/",
                "relata graph export found.jsonl --to jsonld --base https://example.org/"});
  add_inputs(*verb, *options);
  verb->add_option("--to", options->form.format, "turtle, jsonld, graphml, neo4j-csv or cypher")
      ->required()
      ->type_name("FORM");
  verb->add_option("--base", options->form.base,
                   "Begins the IRIs of turtle and jsonld (default: urn:relata:)")
      ->type_name("IRI");
  verb->add_option("-o,--output", options->output, "Write here instead of stdout")
      ->type_name("OUT");
  verb->callback(
      [options, &context] { context.action = [options] { return run_export(*options); }; });
}

}  // namespace

void add_graph_command(CLI::App& app, Context& context) {
  CLI::App* graph =
      add_verb(app, "graph", "Merge relations into a knowledge graph; query and export it",
               "Reads what `relata extract` writes, or any format that states relations.",
               {"relata graph build found.jsonl -o graph.json", "relata graph show graph.json",
                "relata graph query found.jsonl --entity 'Ada Lovelace'",
                "relata graph export found.jsonl --to turtle -o found.ttl"});
  graph->require_subcommand(1);
  add_build(*graph, context, "build", "Documents become one graph");
  add_build(*graph, context, "merge", "Several graphs become one");
  add_show(*graph, context);
  add_query(*graph, context);
  add_export(*graph, context);
}

}  // namespace relata::app
