// DocRED's score (Yao et al. 2019): facts are (document, head entity, tail entity, relation).
// Files are scored as they are read, without building Documents; any Document can be scored, too.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "relata/data/document.h"
#include "relata/eval/document_scores.h"

namespace relata::eval {

// Texts are views into the file's content or into DocRedGold::texts.
struct DocRedMention {
  std::string_view name;
  int sentence = -1;       // -1 when unknown
  int begin = 0, end = 0;  // in tokens of the document, or characters; 0, 0 when unknown
};
struct DocRedEntity {
  int first_mention = 0, mentions = 0;
};
struct DocRedFact {
  int head = 0, tail = 0, relation = 0;
  int first_evidence = 0, evidence = 0;  // into DocRedDocument::evidence
};
struct DocRedDocument {
  std::string_view title;
  std::vector<DocRedMention> mentions;
  std::vector<DocRedEntity> entities;
  std::vector<DocRedFact> facts;
  std::vector<int> evidence;  // sentence numbers
  int sentences = 0;          // 0 when unknown
};

struct DocRedGold {
  std::vector<DocRedDocument> documents;
  std::unordered_map<std::string_view, int> by_title;
  std::vector<std::string_view> relations;  // the names of DocRedFact::relation
  std::unordered_map<std::string_view, int> relation_numbers;
  std::string unit = "tokens";  // of mention places

  int relation_number(std::string_view name);  // a new one for a new name; the text must last

  // What the views point to; never moved in memory.
  std::deque<std::string> texts;
  std::shared_ptr<const std::string> content;
};

struct DocRedAnswer {
  int document = 0, head = 0, tail = 0, relation = 0;  // -1: no entity of the document
  std::vector<int> evidence;
  double score = 0;  // with has_score
  bool has_score = false;
};

// DocRED's JSON: a list of {"title", "sents", "vertexSet", "labels"}. Entity and sentence numbers
// are checked; a title that comes twice is an error. Cost: one pass, about the file's size.
Result<DocRedGold> parse_docred(std::shared_ptr<const std::string> content,
                                const std::string& where);
// DocRED's result.json: a list of {"title", "h_idx", "t_idx", "r", "evidence"}. Titles that are not
// in gold and entities that are not in the document are errors.
Result<std::vector<DocRedAnswer>> parse_docred_result(const std::string& content,
                                                      const std::string& where, DocRedGold& gold);
// The same from Documents; names are the stated ones, else the text that the mentions cover.
DocRedGold docred_from_documents(const std::vector<data::Document>& documents,
                                 const std::string& negative);
// Predicted entities are the gold entities with the same number where a predicted document has no
// text and no mentions, else those that share a mention, or a name where there are no mentions.
Result<std::vector<DocRedAnswer>> docred_answers(const std::vector<data::Document>& gold_documents,
                                                 const std::vector<data::Document>& predicted,
                                                 const std::string& negative, DocRedGold& gold);

// Facts of a training set as (head name, tail name, relation), for Ign F1.
class TrainFacts {
 public:
  // DocRED's ".fact" list [[head, tail, relation], ...] or a training set in DocRED's JSON.
  static Result<TrainFacts> parse(std::shared_ptr<const std::string> content,
                                  const std::string& where);
  bool contains(std::string_view head, std::string_view tail, std::string_view relation) const;
  size_t size() const { return facts_.size(); }

 private:
  struct Fact {
    std::string_view head, tail, relation;
    uint64_t hash = 0;
  };
  void add(Fact fact);
  size_t place(const Fact& fact) const;  // the slot of the fact, or a free one
  void grow();

  std::vector<Fact> facts_;
  std::vector<uint32_t> slots_;  // open addressing: number of a fact plus 1, or 0
  std::shared_ptr<std::deque<std::string>> texts_ = std::make_shared<std::deque<std::string>>();
  std::shared_ptr<const std::string> content_;
};

struct DocRedOptions {
  const TrainFacts* train_facts = nullptr;      // null: no Ign F1
  std::map<std::string, std::string> inverses;  // for the kinds of errors
  bool errors = true;                           // list the wrong answers
};
// Parts: "ign" with train facts, "evidence" where gold states any, "intra" and "inter" (head and
// tail have or have not a mention in one sentence) where sentences are known. An answer that comes
// twice counts once. Gold without a fact is an error.
Result<DocumentScores> score_docred(const DocRedGold& gold,
                                    const std::vector<DocRedAnswer>& answers,
                                    const DocRedOptions& options);

bool looks_like_docred(std::string_view content);         // a list of objects with "vertexSet"
bool looks_like_docred_result(std::string_view content);  // ... with "h_idx"

}  // namespace relata::eval
