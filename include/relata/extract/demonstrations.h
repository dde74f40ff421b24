// Worked examples that a prompt shows before its question, and where they come from.
//
// Retrieval is another layer's business (retrieve/examples.h); who puts the two together gives an
// extractor its source.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/base/result.h"
#include "relata/data/document.h"

namespace relata::extract {

// The section `demonstrations` of extractor.yaml.
struct DemonstrationSettings {
  std::string pool = "demonstrations.jsonl";  // file, relative to the extractor's folder
  std::string pool_sha256;                    // of that file; "": any content
  std::string retriever = "bm25";             // bm25, dense, fused (both), random
  // Of dense and fused: folder of the model that makes vectors, and its identity; "": any.
  std::string encoder, encoder_sha256;
  std::string query = "pair";   // what is compared: sentence, masked, pair (retrieve/examples.h)
  int examples = 4;             // at most so many are shown; 0: none
  int max_tokens = 1024;        // all examples together; 0: as many as the model takes
  double near_duplicate = 0.7;  // from this similarity on an example is the question itself
  double diversity = 0.3;       // 0: the nearest only; below 1
  int64_t seed = 0;             // of random
  // `rag`: share that the labels of the nearest examples have in a label's probability. 0: the
  // model decides alone; 1: they do, and no model is asked.
  double vote = 0.0;
  int voters = 16;  // so many of them
};

const std::vector<std::string>& retriever_names();   // bm25, dense, fused, random
const std::vector<std::string>& query_form_names();  // sentence, masked, pair

// Every value is checked; `where` ("extractor.yaml") begins messages.
Result<DemonstrationSettings> demonstration_settings(const Json& section, const std::string& where);
Json to_json(const DemonstrationSettings& settings);

// What examples are wanted for: a pair of the document, or (head and tail -1) the document.
struct DemonstrationQuery {
  const data::Document* document = nullptr;
  int head = -1;
  int tail = -1;
  std::string event_type;  // only documents with such an event; "": any
  bool diverse = true;     // false: the nearest, however alike they are
  // About a document: what is asked for (ner, re, ed, eae), and of eae about which of its events.
  std::string task = "";
  int event = -1;
};

// Borrowed from its source, which outlives it.
struct Demonstration {
  const data::Document* document = nullptr;  // with right relations, entities and events
  int head = -1;                             // of a pair
  int tail = -1;
  std::vector<std::string> labels;  // of a pair; none where no relation is stated
  double score = 0.0;               // the retriever's, not negative
};

struct FoundDemonstrations {
  std::vector<Demonstration> best;  // best first
  int64_t duplicates = 0;           // left out: they are the question, exactly or nearly
};

// Immutable; threads may share it.
class DemonstrationSource {
 public:
  virtual ~DemonstrationSource() = default;
  // At most `most`. Never the question itself, whatever the pool holds.
  virtual Result<FoundDemonstrations> find(const DemonstrationQuery& query, size_t most) const = 0;
  // "sha256:..." over everything that changes what is found.
  virtual std::string identity() const = 0;
};

// How it went with a prompt's examples, or those of many.
struct DemonstrationCounts {
  int64_t shown = 0;
  int64_t duplicates = 0;  // as in FoundDemonstrations
  int64_t too_long = 0;    // left out: each alone is longer than all examples may be
  int64_t no_room = 0;     // left out: there was no room beside better ones and the question
  DemonstrationCounts& operator+=(const DemonstrationCounts& other);
};

// Those of `best`, best first, that fit into `room` tokens together, and the count of the others;
// cost[i] are the tokens of best[i].
std::vector<Demonstration> fitting_demonstrations(std::vector<Demonstration> best,
                                                  const std::vector<size_t>& cost, size_t room,
                                                  DemonstrationCounts& counts);

}  // namespace relata::extract
