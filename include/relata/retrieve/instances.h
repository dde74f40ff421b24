// Labelled documents as the blocks of text that RUIE retrieves and prompts with (Liao et al. 2025,
// arXiv 2409.11673): four lines, `Task:`, `Schema:`, `Input:`, `Output:`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/document.h"
#include "relata/data/schema.h"
#include "relata/retrieve/retriever_form.h"

namespace relata::retrieve {

enum class IeTask { kNer, kRe, kEd, kEae };
std::optional<IeTask> ie_task_of_name(std::string_view name);  // "ner", "re", "ed", "eae"
std::string ie_task_name(IeTask task);

// One question with its answer. Documents have one instance; for arguments, one for each event.
struct Instance {
  std::string id;    // of the document, and of the event where there are several
  std::string text;  // what is asked about, plain
  // Its labels, and with them the keyword tags, are what makes a demonstration easy to find; a
  // question that is asked has neither.
  std::string question;         // up to and with "Output:"
  std::string tagged_question;  // the same with what was marked in its text
  std::string answer;           // "person: Ada; location: Paris", or "None"
  std::string block() const { return question + " " + answer; }
  std::string tagged_block() const { return tagged_question + " " + answer; }
};

// `text` without the marks of data::tagged_text().
std::string untagged_text(std::string_view text);

// The names of what the schema has for the task stand in the Schema line: entity types, relations
// (without negative ones), event types; for arguments the roles of the event's type. Entities and
// events of the type "NA" are left out, but for arguments; so are negative relations, by their name
// where the schema lacks them. An entity without mentions is looked for by its name.
std::vector<Instance> instances_of(const data::Document& document, IeTask task,
                                   const data::Schema& schema);

// The instance of one event's arguments; the event has a trigger.
Instance argument_instance(const data::Document& document, const data::Event& event,
                           const data::Schema& schema);

// What a trained retriever reads. A question has no labels; a demonstration has, and may be tagged
// with them. Without its Schema line unless it says what is asked for (arguments): a long list of
// labels, which all of a task share, would push the text out of what an encoder reads. Where the
// form is of sentences, the text alone, for arguments after what is asked for.
std::string retriever_query(const Instance& instance, IeTask task, const RetrieverForm& form);
std::string retriever_passage(const Instance& instance, IeTask task, const RetrieverForm& form);

// Labels in the documents, in the order of first appearance, for data without a schema; relations
// are negative by their names, as infer_schema() has it.
data::Schema labels_of(const std::vector<data::Document>& documents);

}  // namespace relata::retrieve
