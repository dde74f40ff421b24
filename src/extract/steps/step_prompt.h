// The questions of a pipeline as prompts, and the answers to them as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "relata/data/document.h"
#include "relata/extract/extractor.h"
#include "relata/text/chat.h"
#include "relata/text/tokenizer.h"
#include "variables.h"

namespace relata::extract {

// A fact as far as it is known.
struct Binding {
  int relation = -1;  // index into the schema's relation types
  std::string head;
  std::string tail;
  bool operator==(const Binding&) const = default;
  auto operator<=>(const Binding&) const = default;
};
// `binding` without the variables that are not in `variables`.
Binding projected(const Binding& binding, Variables variables);

// Index of the relation type of this name that states something; -1 where there is none.
int relation_named(const data::Schema& schema, std::string_view name);

// A step and what it is for.
struct Question {
  size_t step = 0;
  Binding about;
  std::vector<int> relations;  // for a step that is for all relations found
};

// Prompts are encoded in two parts joined as ids, root and branch, in training and in answering
// alike, so that a document's questions share their beginning whatever follows it.
class StepPrompter {
 public:
  // Borrows the extractor. Errors: what check_pipeline_schema() says.
  static Result<StepPrompter> make(const Extractor& extractor);

  // With the chat wrapper's beginning, or its end.
  std::string root_text(const data::Document& document) const;
  std::string branch_text(const data::Document& document, const Question& question) const;
  // Without the chat wrapper.
  std::string user_turn(const data::Document& document, const Question& question) const;
  std::vector<int32_t> root_ids(const text::Tokenizer& tokenizer,
                                const data::Document& document) const;
  std::vector<int32_t> branch_ids(const text::Tokenizer& tokenizer, const data::Document& document,
                                  const Question& question) const;

  // Tokens of the longest prompt about the document, but for the names of heads and tails.
  size_t longest_prompt(const text::Tokenizer& tokenizer, const data::Document& document) const;

  // The items as an answer to the step; the word for nothing where there are none.
  std::string list_answer(size_t step, const std::vector<Binding>& items) const;
  // Ids of an answer in training: EOS appended.
  static std::vector<int32_t> answer_ids(const text::Tokenizer& tokenizer,
                                         const std::string& answer);

  const PipelineSpec& spec() const { return extractor_->pipeline; }
  const data::Schema& schema() const { return extractor_->schema; }
  const std::vector<std::string>& stops() const { return chat_.stops; }
  const std::string& relation_name(int relation) const;

 private:
  explicit StepPrompter(const Extractor& extractor) : extractor_(&extractor) {}
  std::string render(const std::vector<TemplatePart>& parts, const data::Document& document,
                     const Question& question) const;
  std::string value(const std::string& name, const data::Document& document,
                    const Question& question) const;

  const Extractor* extractor_;
  text::ChatTemplate chat_;
  std::vector<TemplatePart> root_;
  std::vector<std::vector<TemplatePart>> questions_;  // a step each
  std::vector<std::vector<TemplatePart>> items_;      // likewise; none for a check
  int longest_relation_ = 0;                          // of the longest name and description
};

}  // namespace relata::extract
