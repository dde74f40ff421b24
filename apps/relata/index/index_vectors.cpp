#include "index/index_vectors.h"

#include <fmt/format.h>

#include <filesystem>

#include "io/command_io.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/base/parallel.h"
#include "relata/base/progress.h"

namespace relata::app {
namespace {

namespace fs = std::filesystem;
using retrieve::Bm25Index;
using retrieve::DenseIndex;

std::string vectors_path(const std::string& index) { return index + ".vectors"; }
std::string graph_path(const std::string& index) { return index + ".hnsw"; }
std::string next_path(const std::string& index) { return vectors_path(index) + ".next"; }

bool is_of(const Result<DenseIndex>& vectors, const Bm25Index& index) {
  return vectors.ok() && vectors.value().origin().corpus == index.corpus_hash();
}

// The index's own vectors, wherever a killed change has left them; else what FILE.vectors is.
Result<DenseIndex> current_vectors(const std::string& index_path, const Bm25Index& index) {
  auto named = DenseIndex::open(vectors_path(index_path));
  if (is_of(named, index) || !file_exists(next_path(index_path))) return named;
  auto next = DenseIndex::open(next_path(index_path));
  return is_of(next, index) ? std::move(next) : std::move(named);
}

std::vector<std::string> texts_from(const Bm25Index& index, size_t first) {
  std::vector<std::string> out;
  for (size_t i = first; i < index.size(); ++i) out.push_back(index.passage(i).text);
  return out;
}

Result<retrieve::Vectors> encoded(const Bm25Index& index, size_t first,
                                  const retrieve::Encoder& encoder) {
  const std::vector<std::string> texts = texts_from(index, first);
  Progress progress("encoding", static_cast<int64_t>(texts.size()), "passages");
  auto out = encoder.encode(texts, retrieve::TextRole::Passage,
                            [&](size_t done) { progress.update(static_cast<int64_t>(done)); });
  progress.finish();
  return out;
}

// Vectors of all passages: those that are kept, then new ones.
Result<retrieve::Vectors> all_vectors(const Bm25Index& index, const OpenedVectors& opened,
                                      const std::vector<size_t>* kept) {
  const size_t before = opened.vectors ? opened.vectors->size() : 0;
  const size_t stay = kept == nullptr ? before : kept->size();
  retrieve::Vectors all{opened.encoder ? opened.encoder->width() : opened.vectors->width(), {}};
  all.values.reserve(index.size() * all.width);
  for (size_t i = 0; i < stay; ++i) {
    const auto row = opened.vectors->row(kept == nullptr ? i : (*kept)[i]);
    all.values.insert(all.values.end(), row.begin(), row.end());
  }
  if (stay < index.size()) {
    RELATA_TRY(const retrieve::Vectors added, encoded(index, stay, *opened.encoder));
    all.values.insert(all.values.end(), added.values.begin(), added.values.end());
  }
  return all;
}

Status remove_file(const std::string& path) {
  std::error_code failed;
  fs::remove(path, failed);
  if (failed) return resource_error(path + ": cannot be removed: " + failed.message());
  return {};
}

// Removes vectors that are not of the passages of `index`.
Status drop_stale_vectors(const std::string& index_path, const Bm25Index& index) {
  for (const std::string& path : {vectors_path(index_path), next_path(index_path)}) {
    if (!file_exists(path) || is_of(DenseIndex::open(path), index)) continue;
    RELATA_CHECK(remove_file(path));
    if (path == next_path(index_path)) continue;  // never were anybody's
    log_info(path + " removed: its vectors were of other passages; --encoder makes new ones");
  }
  return {};
}

// Why a graph is not used is told; the search is right without it.
void open_graph(const std::string& index_path, OpenedVectors& opened) {
  opened.has_graph = file_exists(graph_path(index_path));
  if (!opened.has_graph) return;
  auto graph = retrieve::HnswIndex::open(graph_path(index_path), *opened.vectors);
  if (graph.ok()) {
    opened.graph = std::move(graph).value();
  } else {
    log_warning(graph.error().message + "; searches are exact");
  }
}

Status save_graph(const std::string& index_path, const Bm25Index& index,
                  const OpenedVectors& opened, const IndexChange& change) {
  const bool wanted = change.graph || opened.has_graph || index.size() >= kExactPassages;
  if (!wanted)
    return file_exists(graph_path(index_path)) ? remove_file(graph_path(index_path)) : Status();
  RELATA_TRY(const DenseIndex vectors, DenseIndex::open(vectors_path(index_path)));
  // Passages that moved have other neighbours by number.
  const bool all_stay =
      change.kept == nullptr || (opened.vectors && change.kept->size() == opened.vectors->size());
  const auto* before = opened.graph && all_stay ? &*opened.graph : nullptr;
  Progress progress("linking", static_cast<int64_t>(index.size()), "passages");
  Result<retrieve::HnswIndex> graph = internal_error("not made");
  with_threads(change.threads, [&] {
    graph = retrieve::HnswIndex::build(
        vectors, index, {}, [&](size_t done) { progress.update(static_cast<int64_t>(done)); },
        before);
  });
  progress.finish();
  if (!graph.ok()) return graph.error();
  return graph->save(graph_path(index_path));
}

}  // namespace

bool has_vectors(const std::string& index_path, const Bm25Index& index) {
  if (file_exists(vectors_path(index_path))) return true;
  return file_exists(next_path(index_path)) &&
         is_of(DenseIndex::open(next_path(index_path)), index);
}

Result<OpenedVectors> open_vectors_alone(const std::string& index_path, const Bm25Index& index) {
  const std::string path = vectors_path(index_path);
  if (!has_vectors(index_path, index)) {
    return usage_error(index_path + ": has no vectors",
                       "make it again with --encoder MODEL, or search with --by bm25");
  }
  RELATA_TRY(DenseIndex vectors, current_vectors(index_path, index));
  RELATA_CHECK(vectors.check(vectors.origin().encoder, index.corpus_hash(), path));
  OpenedVectors out;
  out.options = vectors.origin().options;
  out.vectors = std::move(vectors);
  open_graph(index_path, out);
  return out;
}

Result<OpenedVectors> open_vectors(const std::string& index_path, const Bm25Index& index,
                                   const std::string& model, const Context& context) {
  const std::string path = vectors_path(index_path);
  RELATA_TRY(OpenedVectors out, open_vectors_alone(index_path, index));
  if (!model.empty()) out.options.model = model;
  if (!file_exists(out.options.model)) {
    return usage_error(fmt::format("{}: its encoder {} is not there", path, out.options.model),
                       "say where it is: --encoder MODEL");
  }
  RELATA_TRY(out.encoder, context.open_encoder(out.options));
  RELATA_CHECK(out.vectors->check(out.encoder->identity(), index.corpus_hash(), path));
  return out;
}

Result<std::optional<FileLock>> lock_index(const std::string& index_path) {
  if (is_stream(index_path)) return std::optional<FileLock>();
  RELATA_TRY(FileLock lock, FileLock::take(index_path, "is changing this index"));
  return std::optional<FileLock>(std::move(lock));
}

Status save_index(const std::string& index_path, const Bm25Index& index,
                  const OpenedVectors& opened, const IndexChange& change) {
  const bool with_vectors = opened.vectors || opened.encoder;
  if (with_vectors) {
    retrieve::VectorOrigin origin{
        opened.encoder ? opened.encoder->identity() : opened.vectors->origin().encoder,
        index.corpus_hash(), opened.options};
    origin.options.model = fs::absolute(opened.options.model).lexically_normal();
    RELATA_TRY(retrieve::Vectors all, all_vectors(index, opened, change.kept));
    RELATA_CHECK(DenseIndex::of(std::move(all), std::move(origin)).save(next_path(index_path)));
  }
  RELATA_CHECK(index.save(index_path));
  if (!with_vectors) {
    if (file_exists(graph_path(index_path))) RELATA_CHECK(remove_file(graph_path(index_path)));
    return drop_stale_vectors(index_path, index);
  }
  std::error_code failed;
  fs::rename(next_path(index_path), vectors_path(index_path), failed);
  if (failed) {
    return resource_error(vectors_path(index_path) + ": cannot be written: " + failed.message());
  }
  return save_graph(index_path, index, opened, change);
}

Result<Json> vectors_stats(const std::string& index_path, const Bm25Index& index) {
  if (!has_vectors(index_path, index)) return Json(nullptr);
  RELATA_TRY(const OpenedVectors opened, open_vectors_alone(index_path, index));
  const retrieve::VectorOrigin& origin = opened.vectors->origin();
  Json out = {{"width", opened.vectors->width()},
              {"model", origin.options.model},
              {"encoder", origin.encoder},
              {"bytes", opened.vectors->size() * opened.vectors->width() * sizeof(float)}};
  if (opened.graph) {
    out["graph"] = {{"graphs", opened.graph->graphs()}, {"nodes", opened.graph->nodes()}};
  }
  return out;
}

}  // namespace relata::app
