// RUIE (arXiv 2409.11673): information extraction as lines of text, and its score.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/data/document.h"
#include "relata/eval/document_scores.h"

namespace relata::eval {

enum class RuieTask { kNer, kRe, kEd, kEae };
constexpr int kRuieTasks = 4;
std::string ruie_task_code(RuieTask task);  // "ner", "re", "ed", "eae"
std::string ruie_task_name(RuieTask task);  // as in a block's first line

struct RuieItem {
  std::string label;  // entity type, relation, event type or role
  std::string value;  // name, "head, tail", trigger or argument
  auto operator<=>(const RuieItem&) const = default;
};

struct RuieQuestion {
  RuieTask task = RuieTask::kNer;
  std::vector<std::string> labels;
  std::string text;
  std::string event_type, trigger;  // of kEae
};
// Four lines, "Task:", "Schema:", "Input:" and "Output:"; what follows "Output:" is the answer.
std::string ruie_query(const RuieQuestion& question);
std::string ruie_answer(const std::vector<RuieItem>& items);  // "None" for none

// Spaces, case and some signs made alike, as RUIE's scorer does before it compares.
std::string ruie_normalised(std::string_view valid_utf8);
std::string ruie_lower_case(std::string_view valid_utf8);

struct RuieRecord {
  RuieTask task = RuieTask::kNer;
  std::string id;
  std::string query;   // of ruie_query(): the schema and the text are read from it
  std::string answer;  // the right one
  std::string output;  // the model's
  // For the strict reading, instead of the two texts, which cannot hold every name.
  std::optional<std::vector<RuieItem>> gold_items, predicted_items;
};

// Records as JSON, a list or one object a line: gold rows have "query" and "answer" (or a list
// "answers"), predicted ones are strings or have "output", "prediction" or "text". Without "id" (a
// string or an integer) on both sides rows belong together by position.
Result<std::vector<RuieRecord>> parse_ruie_records(std::string_view gold,
                                                   const std::string& gold_where,
                                                   std::string_view predicted,
                                                   const std::string& predicted_where);
bool looks_like_ruie(std::string_view content);  // the first row has the field "query"
// One record for each document and task that gold has; kEae one for each gold event, answered by
// the predicted event with the same type and trigger, at its place before others. Relations of
// negative types state nothing.
Result<std::vector<RuieRecord>> ruie_records(const std::vector<data::Document>& gold,
                                             const std::vector<data::Document>& predicted,
                                             const NegativeLabels& negative = {});

struct RuieTuples {
  std::vector<std::string> gold, predicted;  // sorted, distinct "label:value"
};
// As RUIE reads them: normalised; labels outside the schema are dropped, and so are entity names
// that the lower-cased query does not hold.
RuieTuples ruie_compatible(const RuieRecord& record);
// Nothing is dropped and only spaces are made alike; labels are compared without case.
RuieTuples ruie_strict(const RuieRecord& record);

// The mean over the tasks that gold or an answer says something of, compatible; parts: each task,
// and the same in the strict reading.
Result<DocumentScores> score_ruie(const std::vector<RuieRecord>& records);

}  // namespace relata::eval
