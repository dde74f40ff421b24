// A pool of labelled examples, and those of it that help most with a new question.
//
// What is retrieved is a question with its answer: a sentence with a pair of entities and their
// relations, or a whole document with what is marked in it. The question itself, exactly or nearly,
// is never among them, nor a text that holds it or is a part of it, so that a test sentence that is
// in the pool does not bring its own answer. An example that the pool has several times, with the
// same text, places and labels, is found once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"
#include "relata/data/document.h"
#include "relata/data/schema.h"
#include "relata/retrieve/instances.h"
#include "relata/retrieve/likeness.h"
#include "relata/retrieve/ranker.h"
#include "relata/retrieve/retriever_form.h"

namespace relata::retrieve {

enum class ExampleUnit {
  Pair,      // each stated pair of a document
  Document,  // each document
};

struct Example {
  size_t document = 0;  // index into the pool's documents
  int head = -1;        // of a pair: indices into the document's entities
  int tail = -1;
  std::vector<std::string> labels;  // of a pair: its relations, distinct; none where none is stated
  // Where documents are compared as instances: of which task, and of kEae which of its events.
  std::optional<IeTask> task = std::nullopt;
  int event = -1;
};

// What of a question is compared with the pool's examples.
enum class QueryForm {
  Sentence,  // its text, as RAG4RE does
  Masked,    // its text with the pair's types in place of its names: what is said, not of whom
  Pair,      // its text, once more the part from one entity to the other, and the words between
             // them in their order, stop words too: the same sentence with other entities is
             // another question
};

// Documents compared as a trained retriever was taught to: a demonstration of the task that is
// asked for with its answer, a question without one.
struct InstanceOptions {
  std::vector<IeTask> tasks;  // that will be asked for
  RetrieverForm form;
  data::Schema schema;  // whose roles a question about arguments lists
};

struct PoolOptions {
  ExampleUnit unit = ExampleUnit::Pair;
  QueryForm form = QueryForm::Pair;
  std::optional<InstanceOptions> instances =
      std::nullopt;  // of documents; `form` is of no matter then
  // From this similarity of two texts on an example is the question itself and left out
  // (is_duplicate() of likeness.h).
  double near_duplicate = kNearDuplicate;
  // How much an example loses that is like one already chosen (maximal marginal relevance,
  // Carbonell and Goldstein 1998). 0: the nearest only.
  double diversity = 0.3;
  // Examples that it refuses are not in the pool; null: none are.
  std::function<bool(const data::Document& document, const Example& example)> accept;
};

struct FoundExample {
  size_t example = 0;
  double score = 0.0;  // the ranker's
};
struct FoundExamples {
  std::vector<FoundExample> best;  // best first
  int64_t duplicates = 0;          // left out: the question, nearly, or one within the other
};

// A question: `head` and `tail` are -1 where it is about the whole document.
struct ExampleQuery {
  const data::Document* document = nullptr;
  int head = -1;
  int tail = -1;
  std::string event_type;  // only documents with such an event; "": any
  bool diverse = true;     // false: PoolOptions::diversity is taken as 0
  // Of a pool of instances: what is asked for, and of kEae about which of the document's events.
  std::optional<IeTask> task = std::nullopt;
  int event = -1;
};

// Makes a ranker of the pool's passages.
using RankerMaker =
    std::function<Result<std::shared_ptr<const Ranker>>(std::vector<Passage> passages)>;

// Immutable; threads may share it. In memory: the documents, the ranker, 4 bytes for each character
// of a document, and once more its letters.
class ExamplePool {
 public:
  // Errors: no document, none with an example that is accepted; the ranker's.
  static Result<ExamplePool> make(std::vector<data::Document> documents, const PoolOptions& options,
                                  const RankerMaker& make_ranker);

  // `k` of different documents or pairs, where the pool has them: the ranker's first, then, with a
  // score of 0, others by chance (the same for the same query). Scores below 0 are 0. Cost: one
  // search of the ranker for a few times `k`, and as many comparisons of texts.
  Result<FoundExamples> find(const ExampleQuery& query, size_t k) const;

  const std::vector<data::Document>& documents() const { return documents_; }
  const std::vector<Example>& examples() const { return examples_; }
  // Everything that changes what is found.
  std::string identity() const;

 private:
  ExamplePool() = default;
  Result<std::string> text_of(const ExampleQuery& query) const;
  bool same_example(size_t a, size_t b) const;
  std::vector<Hit> distinct(const std::vector<Hit>& ranked) const;
  Status fill_up(const std::string& query, const SearchOptions& search, size_t k,
                 std::vector<FoundExample>& best) const;
  std::vector<FoundExample> choose(const std::vector<Hit>& ranked, size_t k,
                                   double diversity) const;

  PoolOptions options_;
  std::vector<data::Document> documents_;
  std::vector<Example> examples_;
  std::vector<ComparableText> texts_;  // of the documents
  std::vector<bool> is_copy_;          // of the examples: one before is the same
  std::shared_ptr<const Ranker> ranker_;
  std::shared_ptr<const Ranker> chance_;  // for what the ranker does not find
};

// The text that stands for a question or an example in a search.
std::string query_text(const ExampleQuery& query, QueryForm form);

}  // namespace relata::retrieve
