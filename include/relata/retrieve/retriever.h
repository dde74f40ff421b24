// Training a retriever of demonstrations, after RUIE (Liao et al. 2025, arXiv 2409.11673): a
// language model says how much each candidate helps with a question, and an encoder learns to find
// those that help. Stages: build (pool and questions), bm25 (candidates), score (the language
// model's word on some of them), reward-train (a cross-encoder learns what it said), reward-score
// (the cross-encoder's word on all of them), retriever-train.
//
// What a stage makes lies in a folder of the output folder that is named by the stage and by a hash
// of everything it was made from; a stage whose folder is complete is not run again. A killed stage
// goes on where it was.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "relata/base/result.h"
#include "relata/generate/engine.h"
#include "relata/retrieve/bm25.h"
#include "relata/retrieve/encoder.h"
#include "relata/retrieve/instances.h"
#include "relata/train/trainer.h"

namespace relata::retrieve {

struct RetrieverDataset {
  std::string name;  // unique
  IeTask task = IeTask::kRe;
  std::vector<std::string> files;  // of its training split; folders and globs, too
  std::string format;              // "": guessed
  std::string schema;              // file; "": the labels that the files have
  std::string on_error = "stop";   // of bad records, as of data::ReadOptions
  bool held_out = false;           // in the pool only: no question of it trains
};

struct RetrieverLoss {
  double temperature = 0.01;      // of the products of vectors
  double divergence = 1.0;        // weight of the divergence from the scores; 0: off
  double contrastive = 0.2;       // weight of the contrast within the batch; 0: off
  bool query_negatives = true;    // the contrast is also with other questions of the batch,
  bool passage_negatives = true;  // and a question's positive is told from other questions'
  // Of the scores, before the softmax that makes probabilities of them. A reward model's are
  // logits; a language model's mean log-probabilities lie some tenths apart. 0: 1 for the former,
  // 10 for the latter.
  double teacher_scale = 0;
};

// The cross-encoder that learns the language model's preferences and then knows all candidates.
struct RewardRecipe {
  std::string model;     // folder that its training begins with; "": none, scores teach directly
  int64_t passages = 8;  // of a question in a batch, one of them positive
  int64_t max_tokens = 512;  // of a pair; the longer text is cut first
  train::TrainerConfig trainer;
};

struct RetrieverRecipe {
  std::string output_dir;
  std::vector<RetrieverDataset> datasets;
  int64_t max_queries = 10000;  // questions of a data set, drawn by chance
  int64_t max_pool = 0;         // instances of a data set; 0: all
  int64_t seed = 1234;

  int64_t candidates = 100;  // by BM25, of a question
  // The reference looks for candidates in the whole pool. Those of another task can never be good
  // ones, so that by default they do not take the places of others.
  bool other_tasks = false;

  std::string scorer;         // model that scores
  int64_t scored = 32;        // of a question's candidates, drawn by chance
  int64_t max_tokens = 1024;  // of a prompt with its answer; longer ones are not scored
  // The reference's prompts show the tags, and with them the answer; its paper says otherwise.
  bool tags_in_scoring = false;
  std::string instruction = "Extract what the task asks for from the input, in the same form.";

  RewardRecipe reward;

  std::string encoder;                    // folder that training begins with
  RetrieverForm form;                     // what the encoder reads, in training and later
  int64_t positives = 3, negatives = 16;  // the best and the worst of a question's candidates
  int64_t passages = 4;                   // of a question in a batch, one of them positive
  RetrieverLoss loss;
  train::TrainerConfig trainer;
};

// A YAML file with `overrides` "key=value". Errors name the file and the key.
Result<RetrieverRecipe> read_retriever_recipe(const std::string& path,
                                              const std::vector<std::string>& overrides);

struct PoolItem {
  std::string dataset;
  IeTask task = IeTask::kRe;
  Instance instance;
};

// Records of a data set that were left out or mended.
struct BadRecords {
  std::string dataset;
  size_t skipped = 0, fixed = 0;
  std::string first;  // "file:line: reason" of one of them
};

// What build makes. `key` names everything that it was made from.
struct RetrieverPool {
  std::vector<PoolItem> items;
  std::vector<size_t> queries;  // items that are also questions
  std::vector<BadRecords> bad;  // of the data sets that have any
  std::string key;
};

struct QueryCandidates {
  size_t query = 0;  // item
  std::vector<size_t> documents;
};

struct CandidateLists {
  std::vector<QueryCandidates> lists;
  std::string key;
};

// A pair that was, or is to be, scored.
struct ScoredPair {
  size_t query = 0;
  size_t document = 0;
  double score = 0;  // mean log-probability of the answer's tokens
};

struct ScoreForecast {
  int64_t pairs = 0;     // of all
  int64_t done = 0;      // already in the store
  int64_t tokens = 0;    // prompts with answers of those that are left
  int64_t shared = 0;    // of these, tokens that are computed once for several
  int64_t too_long = 0;  // pairs that are left out
};

struct ScoreSet {
  std::vector<ScoredPair> pairs;
  ScoreForecast forecast;
  std::string key;
};

Result<RetrieverPool> build_pool(const RetrieverRecipe& recipe);
Result<CandidateLists> find_candidates(const RetrieverRecipe& recipe, const RetrieverPool& pool);

struct Scorer {
  std::string id;  // the model's identity
  // Opens it when there is something left to score. It should keep nothing from one call to the
  // next, so that scores do not depend on where a run was killed.
  std::function<Result<std::unique_ptr<generate::Engine>>()> open;
  bool dry_run = false;  // only forecast
};
// The store of scores is a journal: what was scored before a kill is not scored again.
Result<ScoreSet> score_candidates(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                                  const CandidateLists& candidates, const Scorer& scorer);

// What a cross-encoder has learned, or will.
struct RewardModel {
  std::string folder;  // of a trained one, as Transformers writes it
  std::string key;     // names everything that it was made from
  int64_t questions = 0;
  train::TrainSummary train;
};
// With LibTorch, in relata::retrieve_torch, as what follows. The loss is -log of the positive's
// share among a question's passages. The first text of a pair is a demonstration's form of the
// question, with its answer; the second a candidate's. `dry_run`: only where it will lie.
Result<RewardModel> train_reward(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                                 const CandidateLists& candidates, const ScoreSet& scores,
                                 bool dry_run);
// The model's output for all candidates of the questions' own tasks, kept as score_candidates()
// does. `dry_run`: only the forecast, for a model that need not be trained yet.
Result<ScoreSet> score_by_reward(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                                 const CandidateLists& candidates, const RewardModel& model,
                                 bool dry_run);

// Opens the models that will be trained, the reward model and, if wanted, the encoder, and lets
// them go: a wrong name is told before hours of scoring, not behind them.
Status check_trained_models(const RetrieverRecipe& recipe, bool encoder_too);

struct RetrieverSummary {
  std::string folder;  // of the trained encoder, as sentence-transformers writes it
  int64_t questions = 0;
  train::TrainSummary train;
};
// `scores` are of score_candidates(), or of score_by_reward().
Result<RetrieverSummary> train_retriever(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                                         const CandidateLists& candidates, const ScoreSet& scores);

}  // namespace relata::retrieve
