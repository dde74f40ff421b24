// Answers of models that were not taught to end one: in prompts that show examples, an answer ends
// where its line does.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "relata/generate/constraint.h"
#include "relata/text/tokenizer.h"

namespace relata::generate {

// What `constraint` allows, but wherever EOS may come, a token of line breaks may too, behind which
// there is only EOS. The answer's text then ends with them. No answer of `constraint` may have a
// line break. Cost: one pass over the vocabulary, in the constructor.
class LineEnds {
 public:
  explicit LineEnds(const text::Tokenizer& tokenizer);
  std::shared_ptr<const Constraint> added_to(std::shared_ptr<const Constraint> constraint) const;

 private:
  int32_t eos_;
  std::shared_ptr<const std::vector<int32_t>> breaks_;  // sorted
};

}  // namespace relata::generate
