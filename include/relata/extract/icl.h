// The `icl` pipeline: a model that was not trained for it reads the labels, some worked examples
// and a text, and lists what it finds: entities, relations, events or their arguments. Tasks as in
// RUIE (arXiv 2409.11673).
//
// A template is a text file (YAML) that users may edit:
//
//   name: icl-en
//   nothing: " none"
//   separator: ";"
//   tasks:
//     ner:
//       instruction: "..."
//       prompt: "{instruction}\n{labels}\n\n{examples}Text: {text}\nEntities:"
//       example: "Text: {text}\nEntities:{answer}\n\n"
//       item: " {label}: {span}"
//     re: {..., item: " {label}: {head} | {tail}"}
//     ed: {...}
//     eae: {..., prompt: "...{event}...{trigger}..."}
//
// An answer is one line: items with `separator` between them, or `nothing`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/document.h"
#include "relata/data/schema.h"
#include "relata/extract/demonstrations.h"
#include "relata/extract/document_run.h"
#include "relata/generate/engine.h"
#include "relata/generate/grounded.h"

namespace relata::extract {

struct Extractor;

enum class IclTask { kNer, kRe, kEd, kEae };
std::string icl_task_name(IclTask task);  // ner, re, ed, eae
Result<IclTask> icl_task_named(const std::string& name);
// Those that the schema has labels for: entities, relations, events, arguments.
std::vector<IclTask> icl_tasks_of(const data::Schema& schema);

struct IclTaskTemplate {
  std::string instruction;
  std::string prompt;   // {instruction} {labels} {examples} {text}; of eae also {event} {trigger}
  std::string example;  // {text} {answer}; of eae also {event} {trigger}
  std::string item;     // {label} {span}; of re {label} {head} {tail}
};

struct IclTemplate {
  std::string name;
  std::string nothing = " none";
  std::string separator = ";";
  std::map<IclTask, IclTaskTemplate> tasks;
};

// Errors name the file and the key or placeholder.
Result<IclTemplate> load_icl_template(const std::string& path);
Result<IclTemplate> parse_icl_template(std::string_view yaml, const std::string& where);
std::string icl_template_yaml(const IclTemplate& icl_template);
Status check_icl_template(const IclTemplate& icl_template, const std::string& where);
// "icl-en", "icl-zh".
Result<IclTemplate> builtin_icl_template(const std::string& name);
std::vector<std::string> builtin_icl_template_names();

// The schema has labels for the tasks, with names that an answer of the template can hold.
Status check_icl_schema(const IclTemplate& icl_template, const data::Schema& schema,
                        const std::vector<IclTask>& tasks);

struct IclOptions {
  std::string decode;        // "" takes the extractor's; "constrained" needs a compiler
  bool use_entities = true;  // relations are between the entities given with a document, if any
  // Relations below are dropped. Negative: the calibration's threshold, or 0.
  double min_score = -1.0;
  int batch = 16;                              // documents handed to the engine at once
  std::function<void(int64_t done)> progress;  // documents
  std::function<void(int64_t)> skipped;        // taken from the journal; `progress` counts them too
};

// The documents with what was found in place of what they state: the entities of ner (all places of
// a name), relations of re, events of ed (at a trigger's first place), arguments of eae, which is
// asked about the events of ed or, without it, those that are given. What a document states of
// other tasks stays, as far as the entities it needs do. Notes in meta: "unparsed", answers or
// parts of them that are not in the template's form, not of the schema or not of the text, {"task",
// "problem", "answer"}; "demonstrations" as in pair.h. Examples give way where a prompt would be
// too long; a document that is too long itself is read in overlapping windows.
Result<std::vector<data::Document>> extract_in_context(
    const Extractor& extractor, generate::Engine& engine,
    const std::shared_ptr<const generate::AnswerCompiler>& compiler,
    const std::vector<data::Document>& documents, const IclOptions& options);

// The same for many documents, with a journal, each given away when it is finished.
Status extract_icl_documents(const Extractor& extractor, generate::Engine& engine,
                             const std::shared_ptr<const generate::AnswerCompiler>& compiler,
                             const IclOptions& options, const DocumentRun& run);
// All results at the end; `journal_path` as in DocumentRun.
Result<std::vector<data::Document>> extract_icl_documents(
    const Extractor& extractor, generate::Engine& engine,
    const std::shared_ptr<const generate::AnswerCompiler>& compiler,
    const std::vector<data::Document>& documents, const IclOptions& options,
    const std::string& journal_path);

}  // namespace relata::extract
