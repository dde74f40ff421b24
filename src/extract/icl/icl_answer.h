// What an answer of the icl pipeline may be, and what it says.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "icl/icl_prompt.h"
#include "relata/generate/engine.h"
#include "relata/generate/grounded.h"
#include "writable_names.h"

namespace relata::extract {

struct ScoredItem {
  IclItem item;
  std::optional<double> score;  // probability, where the engine told one
};

struct IclAnswer {
  std::vector<ScoredItem> items;  // distinct
  std::string problem;            // the first part that could not be read; "" when all could
  bool unanswered = false;        // the engine gave no answer; `problem` says why
};

// A question with everything its answer is read by.
struct AskedQuestion {
  IclQuestion question;
  std::vector<IclLabel> labels;
  std::vector<std::string> names;  // heads and tails of kRe are chosen from; none: the text's spans
};

// Names that no answer could have are added to `left_out`.
generate::AnswerShape icl_shape(const IclPrompter& prompter, const AskedQuestion& asked,
                                std::vector<UnwritableName>& left_out);

// Keeps items in the template's form whose label is one of the question's and whose texts stand in
// the document (or are among the names). `tokenizer` may be null where the engine gave no ids.
IclAnswer read_icl_answer(const IclPrompter& prompter, const AskedQuestion& asked,
                          const text::Tokenizer* tokenizer, const generate::GenerateResult& result);

}  // namespace relata::extract
