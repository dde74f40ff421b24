// Stage reward-score: the reward model's word on all candidates.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "relata/base/file.h"
#include "relata/base/progress.h"
#include "reward_objective.h"
#include "ruie/score_store.h"
#include "ruie/stage.h"

namespace relata::retrieve {
namespace {

constexpr int kRevision = 1;
// Questions whose candidates are scored, and written, at once: always the same ones, so that a run
// that goes on after a kill puts the same pairs into the same passes.
constexpr size_t kQuestionsTogether = 8;
constexpr double kDecimals = 1e5;  // as in the reference

using Pairs = std::vector<DocumentAndQuery>;

// All candidates of the question's own task.
Pairs pairs_of(const RetrieverPool& pool, const QueryCandidates& list) {
  Pairs out;
  for (const size_t document : list.documents) {
    if (pool.items[document].dataset != pool.items[list.query].dataset) continue;
    out.emplace_back(document, list.query);
  }
  return out;
}

class TokenCounts {
 public:
  TokenCounts(const RetrieverRecipe& recipe, const RetrieverPool& pool, const PairEncoder& encoder)
      : recipe_(recipe), pool_(pool), encoder_(encoder) {}
  int64_t of(const DocumentAndQuery& pair) {
    const size_t all = of_item(pair.first) + of_item(pair.second) + encoder_.special_tokens();
    return static_cast<int64_t>(std::min(all, encoder_.max_tokens()));
  }

 private:
  size_t of_item(size_t item) {
    const auto [place, is_new] = counts_.emplace(item, 0);
    if (is_new) {
      const PoolItem& text = pool_.items[item];
      place->second =
          encoder_.count_tokens(retriever_passage(text.instance, text.task, {recipe_.form.tags}));
    }
    return place->second;
  }
  const RetrieverRecipe& recipe_;
  const RetrieverPool& pool_;
  const PairEncoder& encoder_;
  std::map<size_t, size_t> counts_;
};

Status score_missing(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                     const std::vector<Pairs>& missing, const CrossEncoder& encoder,
                     ScoreStore& store) {
  Progress progress("rewarding", std::ssize(missing) * int64_t{kQuestionsTogether}, "questions");
  for (size_t i = 0; i < missing.size(); ++i) {
    std::vector<TextPair> texts;
    for (const auto& [document, query] : missing[i]) {
      texts.push_back(reward_pair(pool.items[query], pool.items[document], recipe.form.tags));
    }
    RELATA_TRY(const std::vector<float> found, encoder.score(texts));
    std::vector<double> scores;
    for (const float score : found) {
      scores.push_back(std::round(static_cast<double>(score) * kDecimals) / kDecimals);
    }
    RELATA_CHECK(store.add(missing[i], scores));
    progress.update(static_cast<int64_t>((i + 1) * kQuestionsTogether));
  }
  return {};
}

struct Wanted {
  Pairs all;
  std::vector<Pairs> missing;  // of questions that are scored at once
};

Wanted wanted_pairs(const RetrieverPool& pool, const CandidateLists& candidates,
                    const ScoreStore* store) {
  Wanted out;
  for (size_t begin = 0; begin < candidates.lists.size(); begin += kQuestionsTogether) {
    Pairs part;
    const size_t end = std::min(candidates.lists.size(), begin + kQuestionsTogether);
    for (size_t i = begin; i < end; ++i) {
      for (const DocumentAndQuery& pair : pairs_of(pool, candidates.lists[i])) {
        out.all.push_back(pair);
        if (store == nullptr || !store->has(pair)) part.push_back(pair);
      }
    }
    if (!part.empty()) out.missing.push_back(std::move(part));
  }
  return out;
}

// The trained model, or before it is trained the one that it will be made of.
Result<std::unique_ptr<PairEncoder>> open_model(const RetrieverRecipe& recipe,
                                                const RewardModel& model) {
  CrossEncoderOptions options;
  options.model = file_exists(model.folder) ? model.folder : recipe.reward.model;
  options.max_tokens = static_cast<size_t>(recipe.reward.max_tokens);
  return PairEncoder::begin(options, 0);
}

}  // namespace

Result<ScoreSet> score_by_reward(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                                 const CandidateLists& candidates, const RewardModel& model,
                                 bool dry_run) {
  const Stage stage(recipe.output_dir, "reward-score",
                    {{"revision", kRevision}, {"build", pool.key}, {"model", model.key}});
  std::optional<ScoreStore> store;
  if (!dry_run) RELATA_CHECK(make_folders(stage.folder()));
  if (file_exists(stage.folder())) {
    RELATA_TRY(store, ScoreStore::open(stage.file("scores.jsonl")));
  }
  const Wanted wanted = wanted_pairs(pool, candidates, store ? &*store : nullptr);
  ScoreSet out;
  out.key = stage.key();
  out.forecast.pairs = out.forecast.done = std::ssize(wanted.all);
  if (!wanted.missing.empty()) {
    RELATA_TRY(const auto encoder, open_model(recipe, model));
    TokenCounts counts(recipe, pool, *encoder);
    for (const Pairs& part : wanted.missing) {
      out.forecast.done -= std::ssize(part);
      for (const DocumentAndQuery& pair : part) out.forecast.tokens += counts.of(pair);
    }
    if (!dry_run) {
      encoder->model()->keep_packed_only();
      RELATA_CHECK(score_missing(recipe, pool, wanted.missing, *encoder, *store));
    }
  }
  if (store) out.pairs = store->among(wanted.all);
  if (!dry_run) RELATA_CHECK(stage.finish({{"pairs", out.pairs.size()}}));
  return out;
}

}  // namespace relata::retrieve
