// Document pipelines as data: the questions that turn a document into facts, in order. A text file
// (YAML) that users may edit (docs/documents.md):
//
//   name: rhf
//   instruction: "..."
//   root: "{instruction}\n\n{document}\n\n"
//   nothing: none
//   steps:
//     - {name: relation, question: "...", answer: "{relation}"}
//     - {name: head, for: [relation], question: "Relation: {relation}\n...", answer: "{head}"}
//     - {name: fact, for: [relation, head], question: "...{head}...", answer: "{tail}"}
//
// A fact has three variables: relation, head, tail. A step asks once for every distinct value of
// the variables that it is `for`, and its answer, a list of items, gives values to those that
// stand in `answer`. `for: [relations]` asks once with all relations found so far. A step of kind
// `check` has no `answer`: it asks yes or no for each value of what it is `for`; a variable without
// values yet goes through all that are possible (the schema's relations; the entities given with
// the document), the others keep the values that get a yes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/schema.h"

namespace relata::extract {

struct StepTemplate {
  std::string name;
  std::vector<std::string> inputs;  // key `for`: of relation, head, tail; or relations alone
  std::string adapter;              // the adapter's name; by default the step's
  std::string question;  // {relation} {description} {head} {tail} {relations}: what it is for;
                         // {schema}: all names of relations; {document} where not in the root
  std::string answer;    // an item: "{relation} | {head} | {tail}"; "" for a check
  bool check = false;    // key `kind`: "list" or "check"
  // Constrained decoding may answer with nothing. A model that was taught to doubt answers so too
  // often: the most probable single answer is nothing where the names share what remains.
  bool may_be_empty = true;
};

struct PipelineSpec {
  std::string name;
  std::string instruction;
  std::string root;              // what all questions of a document begin with
  std::string nothing = "none";  // the answer that has no items
  std::string yes = "yes";       // answers of checks
  std::string no = "no";
  std::string separator = "\n";  // between items
  std::vector<StepTemplate> steps;
};

// Errors name the file and the key or placeholder: unknown placeholders, values that no earlier
// step gives, a variable that no step gives, an item whose fields touch.
Result<PipelineSpec> load_pipeline(const std::string& path);
Result<PipelineSpec> parse_pipeline(std::string_view yaml, const std::string& where);
std::string pipeline_yaml(const PipelineSpec& pipeline);
// What parse_pipeline() checks.
Status check_pipeline_spec(const PipelineSpec& pipeline, const std::string& where);
// The pipeline can be asked about this schema: relations have distinct names of one line, none is
// the word for nothing.
Status check_pipeline_schema(const PipelineSpec& pipeline, const data::Schema& schema);

// The built-in pipelines df, drsf, drf, drhf, rhf (drhf with descriptions of relations; these five
// after AutoRE, arXiv 2403.14888) and eprsr (entity pairs, their relations). `language`: "en" or
// "zh". `relation_mode` "list" has the relations of a document generated, "score" asks about each
// of the schema (pipelines whose first step finds relations).
struct BuiltinPipeline {
  std::string name = "rhf";
  std::string language = "en";
  std::string relation_mode = "list";
  bool document_first = true;  // false: relation and description before the text, as in AutoRE
  // What asks for relations names those of the schema: for models that were not trained on it.
  bool names_relations = false;
};
Result<PipelineSpec> builtin_pipeline(const BuiltinPipeline& choice);
std::vector<std::string> builtin_pipeline_names();

}  // namespace relata::extract
