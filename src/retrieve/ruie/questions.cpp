#include "ruie/questions.h"

#include <map>
#include <random>

#include "relata/base/hash.h"
#include "relata/base/json.h"

namespace relata::retrieve {

std::vector<Question> questions_of(const RetrieverRecipe& recipe, const RetrieverPool& pool,
                                   const CandidateLists& candidates, const ScoreSet& scores) {
  std::map<size_t, std::vector<Candidate>> by_query;
  for (const ScoredPair& pair : scores.pairs) {
    by_query[pair.query].push_back({pair.document, pair.score});
  }
  std::vector<Question> out;
  for (const QueryCandidates& list : candidates.lists) {
    std::vector<Candidate> own = by_query[list.query];
    for (const size_t document : list.documents) {
      if (pool.items[document].dataset == pool.items[list.query].dataset) continue;
      own.push_back({document, kForeignScore});
    }
    const SelectionOptions options{static_cast<size_t>(recipe.positives),
                                   static_cast<size_t>(recipe.negatives)};
    if (auto selection = select_candidates(std::move(own), options)) {
      out.push_back({list.query, std::move(*selection)});
    }
  }
  return out;
}

std::string questions_identity(const RetrieverPool& pool, const std::vector<Question>& questions) {
  Json all = Json::array({pool.key});
  for (const Question& question : questions) {
    Json line = Json::array({question.item});
    for (const auto* part : {&question.selection.positives, &question.selection.negatives}) {
      for (const Candidate& candidate : *part) {
        line.push_back(candidate.document);
        line.push_back(candidate.score);
      }
    }
    all.push_back(std::move(line));
  }
  return "sha256:" + sha256_hex(all.dump());
}

std::vector<Candidate> passages_of(const Question& question, const RetrieverPool& pool,
                                   const Turn& turn) {
  const size_t negatives = turn.passages - 1;
  std::vector<Candidate> out =
      example_of(question.selection, negatives, static_cast<uint64_t>(turn.epoch + turn.seed));
  std::mt19937_64 draw(static_cast<uint64_t>(turn.seed) * 0x9E3779B97F4A7C15ULL +
                       question.item * 1009 + static_cast<uint64_t>(turn.epoch));
  const bool has_others = pool.items.size() > 2;
  while (out.size() <= negatives) {
    const auto item = static_cast<size_t>(draw() % pool.items.size());
    const bool right = item == question.item || item == out.front().document;
    if (right && has_others) continue;
    out.push_back({item, kForeignScore});
  }
  return out;
}

}  // namespace relata::retrieve
