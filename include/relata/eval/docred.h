// DocRED's score (Yao et al. 2019): facts are (document, head entity, tail entity, relation).
// Files are scored as they are read, without building Documents; any Document can be scored, too.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/file_text.h"
#include "relata/data/document.h"
#include "relata/eval/document_scores.h"
#include "relata/eval/text_numbers.h"

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
  DocRedGold() = default;
  DocRedGold(DocRedGold&&) = default;  // no copies: everything is views of texts
  DocRedGold& operator=(DocRedGold&&) = default;

  std::vector<DocRedDocument> documents;
  TextNumbers titles;
  std::vector<int> by_title;    // the document of each title; kSeveral when it is not one
  TextNumbers relations;        // the names of DocRedFact::relation
  std::string unit = "tokens";  // of mention places

  static constexpr int kNone = -1, kSeveral = -2;
  int document(std::string_view title) const;  // its place, kNone or kSeveral
  bool add(DocRedDocument document);           // false if its title came before

  // What the views point to; never moved in memory.
  std::list<std::string> texts;
  std::shared_ptr<const FileText> file;
};

struct DocRedAnswer {
  // An end below 0 is no entity of the document: -1 is the first of DocRedAnswers::strangers.
  int document = 0, head = 0, tail = 0, relation = 0;
  int first_evidence = 0, evidence = 0;  // into DocRedAnswers::evidence
  double score = 0;                      // with has_score
  bool has_score = false;
};
struct DocRedAnswers {
  std::vector<DocRedAnswer> list;
  std::vector<int> evidence;           // sentence numbers
  std::vector<std::string> strangers;  // names of what was found and is no entity of gold
};

// DocRED's JSON: a list of {"title", "sents", "vertexSet", "labels"}. Entity and sentence numbers
// are checked; a title that comes twice is an error. What comes out is the same with any number of
// threads. Cost: one pass, about half the file's size in memory.
Result<DocRedGold> parse_docred(std::shared_ptr<const FileText> file, const std::string& where);
// DocRED's result.json: a list of {"title", "h_idx", "t_idx", "r", "evidence", "score"}, the last
// two optional. Titles that are not in gold and entities that are not in the document are errors;
// relations that gold lacks are added to it.
Result<DocRedAnswers> parse_docred_result(std::string_view text, const std::string& where,
                                          DocRedGold& gold);
// The same from Documents; names are the stated ones, else the text that the mentions cover.
DocRedGold docred_from_documents(const std::vector<data::Document>& documents,
                                 const NegativeLabels& negative);
// Predicted entities are the gold entities with the same number where a predicted document has no
// text and no mentions, else those that share a mention, or a name where there are no mentions.
Result<DocRedAnswers> docred_answers(const std::vector<data::Document>& gold_documents,
                                     const std::vector<data::Document>& predicted,
                                     const NegativeLabels& negative, DocRedGold& gold);

// The predicted documents with gold's entities and sentences in the place of their own, found as by
// docred_answers(): what an official scorer knows by number. Each relation once, with its highest
// score; those of an entity that gold lacks are left out and counted. Events go.
struct GoldNumbered {
  std::vector<data::Document> documents;
  size_t left_out = 0;
};
Result<GoldNumbered> with_gold_entities(const std::vector<data::Document>& gold,
                                        const std::vector<data::Document>& predicted);

// Facts of a training set as (head name, tail name, relation), for Ign F1.
class TrainFacts {
 public:
  TrainFacts() = default;
  TrainFacts(TrainFacts&&) = default;  // no copies: facts are views of texts
  TrainFacts& operator=(TrainFacts&&) = default;

  struct Name {
    Name() = default;
    explicit Name(std::string_view name) : text(name), hash(hash_text(name)) {}
    std::string_view text;
    uint64_t hash = 0;
  };
  // DocRED's ".fact" list [[head, tail, relation], ...] or a training set in DocRED's JSON.
  static Result<TrainFacts> parse(std::shared_ptr<const FileText> file, const std::string& where);
  bool contains(const Name& head, const Name& tail, const Name& relation) const;
  bool contains(std::string_view head, std::string_view tail, std::string_view relation) const {
    return contains(Name(head), Name(tail), Name(relation));
  }
  size_t size() const { return size_; }

 private:
  struct Fact {
    std::string_view head, tail, relation;
    uint64_t hash = 0;
    const Fact* next = nullptr;  // of those with the same place in first_
  };
  struct Part;  // of the file, as it is read
  static Fact fact_of(const Name& head, const Name& tail, const Name& relation);
  static std::vector<Fact> stated_in(const DocRedGold& gold);
  bool holds(const Fact& fact) const;
  void index();

  std::vector<std::vector<Fact>> facts_;  // some more than once, which first_ leaves out
  size_t size_ = 0;                       // without those
  std::vector<const Fact*> first_;        // by hash, modulo its size
  // A bit for each hash modulo its size: nearly all questions are answered here with no, and it
  // stays in the processor's cache.
  std::vector<uint64_t> seen_;
  std::list<std::string> texts_;
  std::shared_ptr<const FileText> file_;
};

struct DocRedOptions {
  const TrainFacts* train_facts = nullptr;      // null: no Ign F1
  std::map<std::string, std::string> inverses;  // for the kinds of errors
  bool errors = true;                           // list the wrong answers
};
// Parts: "ign" with train facts, "evidence" where gold states any, "intra" and "inter" (head and
// tail have or have not a mention in one sentence) where sentences are known. An answer that comes
// twice counts once. Gold without a fact is an error.
Result<DocumentScores> score_docred(const DocRedGold& gold, const DocRedAnswers& answers,
                                    const DocRedOptions& options);

bool looks_like_docred(std::string_view content);         // a list of objects with "vertexSet"
bool looks_like_docred_result(std::string_view content);  // ... with "h_idx"

}  // namespace relata::eval
