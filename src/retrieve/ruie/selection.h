// Which candidates of a query teach, and in which turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace relata::retrieve {

// The score of a candidate that must never be a positive: one of another task, or one drawn from
// the pool to make up the number.
inline constexpr double kForeignScore = -100.0;

struct Candidate {
  size_t document = 0;  // of the pool
  double score = 0.0;
};

struct SelectionOptions {
  size_t positives = 3;   // the best so many
  size_t negatives = 16;  // the worst so many
};

// The best and the worst, best first; those between are not used.
struct Selection {
  std::vector<Candidate> positives, negatives;
};

// Nothing for a query that teaches nothing: no more candidates than positives, or the last positive
// foreign. Equal scores stand in the candidates' order.
std::optional<Selection> select_candidates(std::vector<Candidate> candidates,
                                           const SelectionOptions& options);

// One positive and `negatives` negatives, the turn's: positive number `turn` and negatives from
// number turn * negatives on, both counted around. Where there are fewer negatives than asked for
// all are given.
std::vector<Candidate> example_of(const Selection& selection, size_t negatives, uint64_t turn);

}  // namespace relata::retrieve
