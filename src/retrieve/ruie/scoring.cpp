// Stage score: how likely a language model finds the right answer after each candidate.
//
// Pairs are ordered by candidate: prompts begin with the instruction and the candidate, whose keys
// and values the engine then computes once for all questions that it is a candidate of.
#include <algorithm>
#include <numeric>

#include "relata/base/file.h"
#include "relata/base/parallel.h"
#include "relata/base/progress.h"
#include "relata/data/sampling.h"
#include "relata/retrieve/retriever.h"
#include "ruie/score_store.h"
#include "ruie/stage.h"

namespace relata::retrieve {
namespace {

constexpr int kRevision = 2;  // grows with every change of what is scored
// So many pairs or more are handed to the engine, and written, at once: all of some candidates, so
// that a run that goes on after a kill hands over the same.
constexpr size_t kPairsTogether = 128;

using Pair = DocumentAndQuery;

// Distinct pairs by their documents; candidates of another task are never run.
std::vector<Pair> wanted_pairs(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                               const CandidateLists& candidates) {
  std::vector<Pair> out;
  for (const QueryCandidates& list : candidates.lists) {
    const uint64_t seed = static_cast<uint64_t>(recipe.seed) * 1000003 + list.query;
    for (const size_t i :
         data::draw_sample(list.documents.size(), static_cast<size_t>(recipe.scored), seed)) {
      const size_t document = list.documents[i];
      if (pool.items[document].dataset != pool.items[list.query].dataset) continue;
      out.emplace_back(document, list.query);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

// A pair's tokens. All of them are those of one text: apart, a tokenizer that puts a space before a
// text would put one before the question and two before the answer, and others would cut line ends
// otherwise, so that the model saw what it never saw in training.
struct Prompt {
  std::vector<int32_t> before, answer;
};

class Prompts {
 public:
  Prompts(const RetrieverRecipe& recipe, const RetrieverPool& pool,
          const text::Tokenizer& tokenizer)
      : recipe_(recipe), pool_(pool), tokenizer_(tokenizer) {}

  Prompt of(const Pair& pair) const {
    const auto& [document, query] = pair;
    const Instance& example = pool_.items[document].instance;
    const Instance& asked = pool_.items[query].instance;
    const bool tags = recipe_.tags_in_scoring;
    const std::string before = recipe_.instruction + "\n\n" +
                               (tags ? example.tagged_block() : example.block()) + "\n\n" +
                               (tags ? asked.tagged_question : asked.question);
    return cut(tokenizer_.encode(before + " " + asked.answer, true), before.size());
  }

 private:
  // A token that is of both is the answer's.
  Prompt cut(std::vector<text::Token> tokens, size_t end) const {
    // Some tokenizers close every text; nothing asks for the end here.
    if (!tokens.empty() && tokens.back().id == tokenizer_.eos_id()) tokens.pop_back();
    Prompt out;
    for (const text::Token& token : tokens) {
      const bool is_before = out.answer.empty() && token.range.end <= end;
      (is_before ? out.before : out.answer).push_back(token.id);
    }
    return out;
  }

  const RetrieverRecipe& recipe_;
  const RetrieverPool& pool_;
  const text::Tokenizer& tokenizer_;
};

int64_t common_tokens(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
}

// Where the pairs end that are handed over from `begin` on.
size_t chunk_end(const std::vector<Pair>& pairs, size_t begin) {
  size_t end = std::min(pairs.size(), begin + kPairsTogether);
  while (end < pairs.size() && pairs[end].first == pairs[end - 1].first) ++end;
  return end;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The requests of pairs, those that are too long left out of both.
std::vector<generate::ScoreRequest> requests_of(const Prompts& prompts, int64_t max_tokens,
                                                std::vector<Pair>& pairs, ScoreForecast& forecast) {
  std::vector<Prompt> all(pairs.size());
  run_pieces(pairs.size(), [&](size_t i) { all[i] = prompts.of(pairs[i]); });
  std::vector<generate::ScoreRequest> requests;
  std::vector<Pair> kept;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto tokens = static_cast<int64_t>(all[i].before.size() + all[i].answer.size());
    if (tokens > max_tokens) {
      ++forecast.too_long;
      continue;
    }
    forecast.tokens += tokens;
    if (!kept.empty() && kept.back().first == pairs[i].first) {
      forecast.shared += common_tokens(requests.back().prefix, all[i].before);
    }
    kept.push_back(pairs[i]);
    generate::ScoreRequest& request = requests.emplace_back();
    request.prefix = std::move(all[i].before);
    request.continuations.push_back(std::move(all[i].answer));
  }
  pairs = std::move(kept);
  return requests;
}

// What the pairs are of, and where their scores go.
struct Scoring {
  const RetrieverRecipe& recipe;
  const RetrieverPool& pool;
  const Scorer& scorer;
  ScoreStore& store;
};

Status score_missing(const Scoring& scoring, const std::vector<Pair>& missing,
                     ScoreForecast& forecast) {
  const auto& [recipe, pool, scorer, store] = scoring;
  RELATA_TRY(const auto engine, scorer.open());
  if (engine->tokenizer() == nullptr) {
    return input_error(recipe.scorer + ": has no tokenizer", "give a model that has one");
  }
  const Prompts prompts(recipe, pool, *engine->tokenizer());
  const int64_t limit = engine->max_tokens() > 0 ? std::min(recipe.max_tokens, engine->max_tokens())
                                                 : recipe.max_tokens;
  Progress progress(scorer.dry_run ? "counting" : "scoring", std::ssize(missing), "pairs");
  for (size_t begin = 0, end = 0; begin < missing.size(); begin = end) {
    end = chunk_end(missing, begin);
    std::vector<Pair> pairs(missing.begin() + static_cast<int64_t>(begin),
                            missing.begin() + static_cast<int64_t>(end));
    const auto requests = requests_of(prompts, limit, pairs, forecast);
    if (!scorer.dry_run && !requests.empty()) {
      RELATA_TRY(const auto results, engine->score(requests));
      std::vector<double> scores;
      for (const auto& result : results) scores.push_back(mean(result.token_logprobs.front()));
      RELATA_CHECK(store.add(pairs, scores));
    }
    progress.update(static_cast<int64_t>(end));
  }
  return {};
}

}  // namespace

Result<ScoreSet> score_candidates(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                                  const CandidateLists& candidates, const Scorer& scorer) {
  // Not of the candidates: when they change, what both have in common stays.
  const Stage stage(recipe.output_dir, "score",
                    {{"revision", kRevision},
                     {"build", pool.key},
                     {"scorer", scorer.id},
                     {"instruction", recipe.instruction},
                     {"tags", recipe.tags_in_scoring},
                     {"max_tokens", recipe.max_tokens}});
  RELATA_CHECK(make_folders(stage.folder()));
  RELATA_TRY(ScoreStore store, ScoreStore::open(stage.file("scores.jsonl")));
  const std::vector<Pair> wanted = wanted_pairs(recipe, pool, candidates);
  std::vector<Pair> missing;
  for (const Pair& pair : wanted) {
    if (!store.has(pair)) missing.push_back(pair);
  }
  ScoreSet out;
  out.key = stage.key();
  out.forecast.pairs = std::ssize(wanted);
  out.forecast.done = std::ssize(wanted) - std::ssize(missing);
  if (!missing.empty()) {
    RELATA_CHECK(score_missing({recipe, pool, scorer, store}, missing, out.forecast));
  }
  out.pairs = store.among(wanted);
  if (!scorer.dry_run) RELATA_CHECK(stage.finish({{"pairs", out.pairs.size()}}));
  return out;
}

}  // namespace relata::retrieve
