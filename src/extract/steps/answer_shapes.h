// What a step's answers may be: the schema's relations, the text's spans or its entities.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ask_steps.h"

namespace relata::extract {

// The names that a field of an answer may have, by what is known in the question; none where they
// are the spans of the text.
std::optional<std::vector<std::string>> choices_of(const StepPrompter& prompter,
                                                   const AskedText& text, const Question& question,
                                                   Variables field);

// What an answer to the question may be; none where it can only be nothing.
std::optional<generate::AnswerShape> answer_shape(const StepPrompter& prompter,
                                                  const AskedText& text, const Question& question);

// Compiles each constraint once. For one call of ask_steps().
class ConstraintMaker {
 public:
  ConstraintMaker(const StepPrompter& prompter,
                  std::shared_ptr<const generate::AnswerCompiler> compiler)
      : prompter_(prompter), compiler_(std::move(compiler)) {}

  // Null where the answer can only be nothing. `text_number` tells the texts apart.
  Result<std::shared_ptr<const generate::Constraint>> make(const AskedText& text,
                                                           size_t text_number,
                                                           const Question& question);

 private:
  Result<std::shared_ptr<const generate::SpanSource>> spans_of(const AskedText& text,
                                                               size_t text_number);

  const StepPrompter& prompter_;
  std::shared_ptr<const generate::AnswerCompiler> compiler_;
  std::map<std::string, std::shared_ptr<const generate::Constraint>> made_;
  std::map<size_t, std::shared_ptr<const generate::SpanSource>> spans_;
};

}  // namespace relata::extract
