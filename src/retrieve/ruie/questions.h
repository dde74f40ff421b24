// Questions with the candidates that teach.
#pragma once

#include <cstdint>
#include <vector>

#include "relata/retrieve/retriever.h"
#include "ruie/selection.h"

namespace relata::retrieve {

struct Question {
  size_t item = 0;  // of the pool
  Selection selection;
};

// Those whose candidates teach; candidates of other tasks are among the worst.
std::vector<Question> questions_of(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                                   const CandidateLists& candidates, const ScoreSet& scores);

// Everything that decides about them, "sha256:...".
std::string questions_identity(const RetrieverPool& pool, const std::vector<Question>& questions);

struct Turn {
  size_t passages = 0;  // of a question, one of them positive
  int64_t epoch = 0;
  int64_t seed = 0;
};

// One positive, then negatives; where there are too few of these, items of the pool drawn by chance
// with kForeignScore, never the question itself nor its positive unless there is nothing else.
std::vector<Candidate> passages_of(const Question& question, const RetrieverPool& pool,
                                   const Turn& turn);

}  // namespace relata::retrieve
