// What a step's answers may be: the schema's relations, the text's spans or its entities.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ask_steps.h"
#include "writable_names.h"

namespace relata::extract {

// The names that a field of an answer may have, by what is known in the question; none where they
// are the spans of the text.
std::optional<std::vector<std::string>> choices_of(const StepPrompter& prompter,
                                                   const AskedText& text, const Question& question,
                                                   Variables field);

// How answers of a shape are written: as the template says, or as JSON, which any name can be told
// from what follows it in.
enum class AnswerForm { kTemplate, kJson };

// What an answer to the question may be; none where it can only be nothing. Names that an answer
// could not be read back with are left out, and added to `left_out`.
std::optional<generate::AnswerShape> answer_shape(const StepPrompter& prompter,
                                                  const AskedText& text, const Question& question,
                                                  AnswerForm form,
                                                  std::vector<UnwritableName>& left_out);

// Compiles each constraint once. For one call of ask_steps().
class ConstraintMaker {
 public:
  ConstraintMaker(const StepPrompter& prompter,
                  std::shared_ptr<const generate::AnswerCompiler> compiler)
      : prompter_(prompter), compiler_(std::move(compiler)) {}

  // Null where the answer can only be nothing. `text_number` tells the texts apart. Names that are
  // in no answer are added to `left_out`.
  Result<std::shared_ptr<const generate::Constraint>> make(const AskedText& text,
                                                           size_t text_number,
                                                           const Question& question,
                                                           std::vector<UnwritableName>& left_out);

 private:
  Result<std::shared_ptr<const generate::SpanSource>> spans_of(const AskedText& text,
                                                               size_t text_number);

  const StepPrompter& prompter_;
  std::shared_ptr<const generate::AnswerCompiler> compiler_;
  std::map<std::string, std::shared_ptr<const generate::Constraint>> made_;
  std::map<size_t, std::shared_ptr<const generate::SpanSource>> spans_;
};

}  // namespace relata::extract
