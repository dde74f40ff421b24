// Bare labels: answers without documents, and corrections of gold labels.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relata/eval/pair_metrics.h"

namespace relata::eval {

using LabelList = std::vector<std::vector<std::string>>;

// One label a line (several joined by a tab, an empty line for no answer), a JSON string a line, a
// JSON list of strings or of lists of strings, or a JSON object (also in a list of one) with the
// keys "0", "1", ...
Result<LabelList> parse_label_list(std::string_view content, const std::string& where);
// Whether every line is a JSON string or blank, and one is a string.
bool holds_strings(std::string_view content);

// "id TAB label" lines, as SemEval-2010's answer files are; further columns are further labels.
struct KeyedLabels {
  std::string id;
  std::vector<std::string> labels;
  std::string where;  // "answers.txt:12"
};
// An id that comes twice and a line without a label are errors.
Result<std::vector<KeyedLabels>> parse_keyed_labels(std::string_view content,
                                                    const std::string& where);
// Whether every line has two or three columns, and the first ones are distinct and no labels.
bool looks_keyed(std::string_view content);

// Answers by the gold items' ids; items without an answer stay empty, unknown ids are an error.
Status answer_by_id(std::vector<PairItem>& items, const std::vector<KeyedLabels>& answers);
// Answers in the items' order; another number of answers is an error.
Status answer_in_order(std::vector<PairItem>& items, const LabelList& answers);

// Corrected gold labels by id. TACREV's list of {"id", "relation"} changes some labels;
// Re-TACRED's object {"id": "label"} also drops the items it does not name.
struct LabelPatch {
  bool keeps_only_named = false;
  std::vector<std::pair<std::string, std::string>> labels;
  std::string where;
};
Result<LabelPatch> parse_label_patch(std::string_view content, const std::string& where);
// Items keep their order. An id of the patch that no item has is an error, as a patch for another
// split would be.
Result<std::vector<PairItem>> apply_patch(std::vector<PairItem> items, const LabelPatch& patch);

}  // namespace relata::eval
