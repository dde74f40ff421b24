// Asks questions of the icl pipeline: prompts with as many examples as there is room for.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "icl/icl_answer.h"
#include "relata/generate/line_end.h"

namespace relata::extract {

struct IclAsking {
  const IclPrompter& prompter;
  generate::Engine& engine;
  std::shared_ptr<const generate::AnswerCompiler> compiler;  // null: free decoding
};

struct IclExchange {
  AskedQuestion asked;
  IclAnswer answer;
  std::string text;  // the answer as generated
  DemonstrationCounts examples;
  std::vector<UnwritableName> left_out;  // of the names, by a constraint
};

class IclAsker {
 public:
  explicit IclAsker(const IclAsking& asking);

  // Sets the answers of all questions, in one call of the engine.
  Status ask(std::vector<IclExchange>& questions);

  // Tokens that a prompt may have; 0 where that is not known.
  size_t prompt_room() const;

 private:
  // False where the answer could only be nothing.
  Result<bool> pose(IclExchange& question, generate::GenerateRequest& request);
  // With fewer examples where the prompt is too long; the ids where the engine wants them.
  Status add_prompt(IclExchange& question, generate::GenerateRequest& request);
  Result<bool> add_constraint(IclExchange& question, generate::GenerateRequest& request);

  IclAsking asking_;
  std::unique_ptr<generate::LineEnds> ends_;  // of constrained decoding
  std::map<const data::Document*, std::shared_ptr<const generate::SpanSource>>
      spans_;  // of one call of ask()
};

}  // namespace relata::extract
