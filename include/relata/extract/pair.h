// The `pair` and `rag` pipelines: for each (head, tail) of a sentence, which relations of the
// schema hold? `rag` shows labelled examples of a pool before the question.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "relata/data/formats.h"
#include "relata/extract/document_run.h"
#include "relata/extract/extractor.h"
#include "relata/generate/engine.h"

namespace relata::extract {

// The relations predicted for one query.
struct PairPrediction {
  std::vector<std::string> labels;  // best first; the negative label alone when nothing holds
  // Probabilities, same order, those of relations calibrated where the extractor has a calibration;
  // empty when none are known.
  std::vector<double> scores;
  std::vector<double> posterior;  // label scoring: over the schema's relation types, sums to 1
  std::string raw;                // free decoding: the generated text
  std::string problem;            // free decoding: what did not parse; or why nothing was asked
  bool unanswered = false;        // the engine gave no answer; `problem` says why
  bool shortened = false;  // the document was too long: only the pair's surroundings were asked
  DemonstrationCounts examples;
};

struct PairOptions {
  std::string decode;  // "" takes the extractor's
  int batch = 256;     // queries handed to the engine at once
  // Predictions below are dropped. Negative: the calibration's threshold, or 0.
  double min_score = -1.0;
  std::function<void(int64_t done)> progress;
  std::function<void(int64_t pairs)> skipped;  // taken from the journal; `progress` counts them too
};

// Which queries share which prompt; built once, used by training and extraction alike.
struct PairPrompt {
  std::vector<int32_t> ids;  // the whole prompt, chat wrapper and BOS included
  DemonstrationCounts examples;
};
// With the extractor's demonstrations, as many as its settings say. `most`, if positive: tokens
// that the prompt should have at most; examples give way, the least near first, the question does
// not.
Result<PairPrompt> encode_prompt(const Extractor& extractor, const text::Tokenizer& tokenizer,
                                 const data::Document& document, const data::PairQuery& query,
                                 size_t most = 0);
// The question alone, or with the examples that it has.
Result<PairPrompt> encode_question(const Extractor& extractor, const text::Tokenizer& tokenizer,
                                   const PairQuestion& question);
// The prompt as text, and the user's turn of it, without the chat wrapper; with as many of the
// extractor's demonstrations as its settings say, however long they are.
Result<std::string> wrapped_prompt(const Extractor& extractor, const PairQuestion& question);
Result<std::string> user_turn(const Extractor& extractor, const PairQuestion& question);
// The question with the extractor's demonstrations for it, in the prompt's order.
Result<PairQuestion> with_examples(const Extractor& extractor, PairQuestion question,
                                   DemonstrationCounts& counts);
// Answer ids for training and scoring, EOS appended.
std::vector<int32_t> encode_answer(const Extractor& extractor, const text::Tokenizer& tokenizer,
                                   const data::Document& document, int head, int tail,
                                   const std::vector<std::string>& labels, int32_t eos);

// What label scoring scores: one answer per relation type of the schema, in its order.
Result<std::vector<std::vector<int32_t>>> label_answers(const Extractor& extractor,
                                                        const text::Tokenizer& tokenizer,
                                                        const data::Document& document,
                                                        const data::PairQuery& query);

// The schema's relation types that the pair's entities may have by their types; all where an entity
// has no type, or where no relation would be left.
std::vector<bool> allowed_labels(const data::Schema& schema, const data::Document& document,
                                 int head, int tail);

// The labels of these neighbours as probabilities over the schema's relation types: each neighbour
// counts by its score, a pair without labels for the negative type; labels that `allowed` does not
// have (empty: all) count nothing. Without a neighbour that counts the negative type is sure, or,
// where the schema has none, all that are allowed are alike.
std::vector<double> vote_posterior(const data::Schema& schema,
                                   const std::vector<Demonstration>& neighbours,
                                   const std::vector<bool>& allowed = {});

// Examples give way where the prompt would be too long for the engine's max_tokens(). Where the
// document itself is, the prompt is about the sentences
// around the pair's nearest mentions, as many as there is room for; a pair whose mentions are too
// far apart gets no labels and a problem.
Result<std::vector<PairPrediction>> predict_pairs(const Extractor& extractor,
                                                  generate::Engine& engine,
                                                  const std::vector<data::Document>& documents,
                                                  const std::vector<data::PairQuery>& queries,
                                                  const PairOptions& options);

// Chooses labels from a posterior: the best label, and others at or above `threshold` unless the
// best is negative.
PairPrediction decide(const data::Schema& schema, std::vector<double> posterior, double threshold);

// The posterior after adding `negative_bias` to the log-probability of every negative label.
// predict_pairs() applies the extractor's own bias: tune on predictions made with a bias of 0.
std::vector<double> bias_posterior(const data::Schema& schema, std::vector<double> posterior,
                                   double negative_bias);

// The (threshold, negative bias) that maximise micro-F1 without the negative label on a
// development set of posteriors; gold[i] belongs to posteriors[i]. An empty posterior is a question
// without an answer. Where no pair of gold has several labels, the threshold is 1: one label each.
struct TunedDecision {
  double threshold = 0.5;
  double negative_bias = 0.0;
  double f1 = 0.0;
};
TunedDecision tune_decision(const data::Schema& schema,
                            const std::vector<std::vector<double>>& posteriors,
                            const std::vector<std::vector<std::string>>& gold);

// Copies of `documents` whose relations are the predictions. Queries of documents without stated
// pairs or relations: every ordered pair of distinct entities.
std::vector<data::Document> apply_predictions(const std::vector<data::Document>& documents,
                                              const std::vector<data::PairQuery>& queries,
                                              const std::vector<PairPrediction>& predictions);
std::vector<data::PairQuery> extraction_queries(const std::vector<data::Document>& documents);
// Those of one document, their `document` 0; a text of n entities has n (n - 1), so that the pairs
// of many documents are better made a document at a time.
std::vector<data::PairQuery> document_queries(const data::Document& document);
// How many they are. Makes no list where the pairs are not stated.
int64_t count_queries(const data::Document& document);

// Extracts many documents, each given away when it is finished. Pairs without an answer (free
// decoding that did not parse, mentions too far apart) stand in their document's meta, under
// "unparsed"; how many were asked about with a part of the text only, under "shortened".
Status extract_documents(const Extractor& extractor, generate::Engine& engine,
                         const PairOptions& options, const DocumentRun& run);
// All results at the end; `journal_path` as in DocumentRun.
Result<std::vector<data::Document>> extract_documents(const Extractor& extractor,
                                                      generate::Engine& engine,
                                                      const std::vector<data::Document>& documents,
                                                      const PairOptions& options,
                                                      const std::string& journal_path);

// What extract_documents() noted about the examples shown, under "demonstrations".
DemonstrationCounts demonstration_counts(const data::Document& document);

// What extract_documents() noted about pairs without an answer.
struct UnparsedAnswer {
  std::string document;    // ids
  std::string head, tail;  // of entities
  std::string problem;
  std::string answer;  // as generated
};
std::vector<UnparsedAnswer> unparsed_answers(const data::Document& document);

}  // namespace relata::extract
