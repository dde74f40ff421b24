// What an answer to a list step says, and how probable each of its items is.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/generate/engine.h"
#include "step_prompt.h"

namespace relata::extract {

struct AnswerItem {
  Binding item;
  size_t begin = 0;  // in the answer's text: where the item before ends
  size_t end = 0;
  double logprob = 0.0;
};

struct ListAnswer {
  std::vector<AnswerItem> items;  // distinct
  std::string problem;            // the first that did not parse; "" when all did
};

// Says what is wrong with the value of a field, or "".
using CheckField = std::function<std::string(const Binding& item, Variables field)>;

// Strict: every line is an item in the template's form whose fields pass the check, or it is a
// problem; so is an answer without any. White space around items is no part of them. What an answer
// that was `cut_off` ends with, if it does not end with a separator, may be a part of an item: it
// is none, and no problem.
ListAnswer parse_list_answer(const PipelineSpec& spec, const StepTemplate& step,
                             const data::Schema& schema, const CheckField& check,
                             std::string_view text, bool cut_off = false);

// Sets the items' log-probabilities: of the tokens behind the item before, so of going on with
// another item and of being this one. False where the engine gave none. `tokenizer`: null for
// engines that take text.
bool score_items(const text::Tokenizer* tokenizer, const generate::GenerateResult& result,
                 std::vector<AnswerItem>& items);

}  // namespace relata::extract
