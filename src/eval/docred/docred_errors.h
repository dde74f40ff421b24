// Which answers of DocRED's score are wrong, and how.
#pragma once

#include <vector>

#include "relata/eval/docred.h"

namespace relata::eval {

// What wrong answers are told with; all borrowed.
struct DocRedErrors {
  const DocRedGold& gold;
  const DocRedAnswers& answers;
  const DocRedOptions& options;

  // Of one document: its wrong answers, as they came, and the facts of gold that nothing answered.
  void list(const DocRedDocument& document, std::vector<const DocRedAnswer*> wrong,
            const std::vector<const DocRedFact*>& missed, std::vector<ErrorRow>& rows) const;
};

}  // namespace relata::eval
