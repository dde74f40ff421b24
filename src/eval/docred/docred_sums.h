// What DocRED's score counts over a stretch of the documents.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "relata/eval/docred.h"

namespace relata::eval {

// What the facts and answers of one relation count in a document.
struct DocRedRelationCounts {
  ClassCounts own, ign, evidence, intra, inter;
  bool touched = false;
};

// What constant answers need: how often each relation holds among all pairs that could be asked.
struct ConstantAnswer {
  int64_t pairs = 0, facts = 0;
  std::vector<int64_t> holds, left_out;  // by relation

  void add(const DocRedFact& fact, bool leave_out);
  void add(const ConstantAnswer& other);
  Floor best(const DocRedGold& gold) const;

 private:
  void resize(size_t relations);
};

// Labels of the tallies are gold's relations.
struct DocRedSums {
  Tally own{{"docred", "Micro F1 of (document, head entity, tail entity, relation)."}};
  Tally ign{{"ign",
             "The same, with answers that are right and known from the training set left out of "
             "precision."}};
  Tally evidence{{"evidence",
                  "Micro F1 of the evidence sentences of answers; those of wrong facts are "
                  "wrong."}};
  Tally intra{{"intra", "Facts whose head and tail have a mention in one sentence."}};
  Tally inter{{"inter", "Facts whose head and tail share no sentence."}};
  ConstantAnswer all, outside_training, within, across;
  std::vector<Counts> buckets;
  std::vector<ErrorRow> errors;

  struct Part {
    Tally DocRedSums::*tally;
    ClassCounts DocRedRelationCounts::*counts;
  };
  static constexpr size_t kParts = 5;
  static const std::array<Part, kParts>& parts();

  explicit DocRedSums(const DocRedGold& gold);

  // Those of the documents behind these, but for the tallies.
  void append(DocRedSums&& other);
};

}  // namespace relata::eval
