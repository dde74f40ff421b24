// Stage bm25: the candidates of each question.
#include "relata/base/parallel.h"
#include "relata/retrieve/likeness.h"
#include "relata/retrieve/retriever.h"
#include "ruie/stage.h"

namespace relata::retrieve {
namespace {

constexpr int kRevision = 2;  // grows with every change of what is found

Result<Bm25Index> index_of(const RetrieverPool& pool) {
  RELATA_TRY(Bm25Index index, Bm25Index::make({}));
  std::vector<Passage> passages;
  passages.reserve(pool.items.size());
  for (const PoolItem& item : pool.items) {
    passages.push_back({item.instance.id, item.dataset, item.instance.block()});
  }
  RELATA_CHECK(index.add(std::move(passages)));
  return index;
}

Result<std::vector<QueryCandidates>> search(const RetrieverRecipe& recipe,
                                            const RetrieverPool& pool) {
  RELATA_TRY(const Bm25Index index, index_of(pool));
  std::vector<ComparableText> texts(pool.items.size());
  run_pieces(texts.size(),
             [&](size_t i) { texts[i] = ComparableText(pool.items[i].instance.text); });
  std::vector<QueryCandidates> lists(pool.queries.size());
  run_pieces(lists.size(), [&](size_t i) {
    const size_t query = pool.queries[i];
    const PoolItem& item = pool.items[query];
    SearchOptions options;
    options.k = static_cast<size_t>(recipe.candidates);
    if (!recipe.other_tasks) options.partition = item.dataset;
    // It would bring the answer, in training and where the language model is asked.
    options.skip = [&](size_t other) {
      return is_duplicate(texts[other], texts[query], kNearDuplicate);
    };
    lists[i].query = query;
    for (const Hit& hit : index.search(item.instance.question, options)) {
      lists[i].documents.push_back(hit.passage);
    }
  });
  return lists;
}

}  // namespace

Result<CandidateLists> find_candidates(const RetrieverRecipe& recipe, const RetrieverPool& pool) {
  const Stage stage(recipe.output_dir, "bm25",
                    {{"revision", kRevision},
                     {"build", pool.key},
                     {"analyzer", kAnalyzerRevision},
                     {"candidates", recipe.candidates},
                     {"other_tasks", recipe.other_tasks}});
  const std::string path = stage.file("candidates.jsonl");
  CandidateLists out;
  out.key = stage.key();
  if (stage.done()) {
    RELATA_CHECK(stage.check_files());
    RELATA_CHECK(read_json_lines(path, [&](const Json& line) {
      out.lists.push_back(
          {line.at("query").get<size_t>(), line.at("documents").get<std::vector<size_t>>()});
    }));
    return out;
  }
  RELATA_TRY(out.lists, search(recipe, pool));
  std::vector<Json> lines;
  size_t found = 0;
  for (const QueryCandidates& list : out.lists) {
    lines.push_back({{"query", list.query}, {"documents", list.documents}});
    found += list.documents.size();
  }
  RELATA_CHECK(write_json_lines(path, lines));
  RELATA_CHECK(
      stage.finish({{"queries", lines.size()}, {"candidates", found}}, {"candidates.jsonl"}));
  return out;
}

}  // namespace relata::retrieve
