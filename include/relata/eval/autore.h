// AutoRE's score (arXiv 2403.14888) over surface triples.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "relata/data/document.h"
#include "relata/eval/document_scores.h"

namespace relata::eval {

using Triple = std::array<std::string, 3>;  // head, relation, tail

struct AutoreDocument {
  std::string id;
  std::vector<std::vector<Triple>> groups;  // the alias triples of each gold fact
  std::vector<Triple> answers = {};         // as they came, repeated ones too
  // Between head and tail of each group, in `unit`s; shorter than `groups` where not known.
  std::vector<int> distances = {};
  std::string unit = {};
};

// The gold groups of documents: every name of the head with every name of the tail. A mention's
// name is the stated one if the text holds it, else the text it covers. Relations of negative
// types are no facts.
std::vector<AutoreDocument> autore_documents(const std::vector<data::Document>& gold,
                                             const NegativeLabels& negative);
// Gold groups by file: a JSON list, or one object a line, with "same_fact_list" (a list of groups,
// each a list of [head, relation, tail]) and an id in "id", "title", "page_id" or "index".
Result<std::vector<AutoreDocument>> parse_alias_groups(std::string_view content,
                                                       const std::string& where);
// Puts the relations of predicted documents in as triples of their entities' texts. Documents are
// found by id, or by position when no id matches.
Status add_autore_answers(std::vector<AutoreDocument>& gold,
                          const std::vector<data::Document>& predicted,
                          const NegativeLabels& negative);

// A group counts as found once, however many of its triples are answered; a triple of two groups
// finds both; a triple of no group is wrong each time it is answered.
Result<DocumentScores> score_autore(const std::vector<AutoreDocument>& documents);

}  // namespace relata::eval
