#include "index_vectors.h"

#include <fmt/format.h>

#include <filesystem>

#include "command_io.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/base/parallel.h"
#include "relata/base/progress.h"

namespace relata::app {
namespace {

using retrieve::Bm25Index;
using retrieve::DenseIndex;

std::vector<std::string> texts_from(const Bm25Index& index, size_t first) {
  std::vector<std::string> out;
  for (size_t i = first; i < index.size(); ++i) out.push_back(index.passage(i).text);
  return out;
}

}  // namespace

std::string vectors_path(const std::string& index) { return index + ".vectors"; }

Result<OpenedVectors> open_vectors(const std::string& index_path, const Bm25Index& index,
                                   const std::string& model, const Context& context) {
  const std::string path = vectors_path(index_path);
  if (!file_exists(path)) {
    return usage_error(index_path + ": has no vectors",
                       "make it again with --encoder MODEL, or search with --by bm25");
  }
  RELATA_TRY(DenseIndex vectors, DenseIndex::open(path));
  OpenedVectors out;
  out.options = vectors.origin().options;
  if (!model.empty()) out.options.model = model;
  if (!file_exists(out.options.model)) {
    return usage_error(fmt::format("{}: its encoder {} is not there", path, out.options.model),
                       "say where it is: --encoder MODEL");
  }
  RELATA_TRY(out.encoder, context.open_encoder(out.options));
  RELATA_CHECK(vectors.check(out.encoder->identity(), index.corpus_hash(), path));
  out.vectors = std::move(vectors);
  return out;
}

Status write_vectors(const std::string& index_path, const Bm25Index& index,
                     const OpenedVectors& opened, const Context& context) {
  const size_t before = opened.vectors ? opened.vectors->size() : 0;
  const std::vector<std::string> texts = texts_from(index, before);
  Progress progress("encoding", static_cast<int64_t>(texts.size()), "passages");
  const retrieve::Vectors added =
      opened.encoder->encode(texts, retrieve::TextRole::Passage,
                             [&](size_t done) { progress.update(static_cast<int64_t>(done)); });
  progress.finish();
  retrieve::Vectors all{opened.encoder->width(), {}};
  all.values.reserve(index.size() * all.width);
  for (size_t i = 0; i < before; ++i) {
    const auto row = opened.vectors->row(i);
    all.values.insert(all.values.end(), row.begin(), row.end());
  }
  all.values.insert(all.values.end(), added.values.begin(), added.values.end());
  retrieve::VectorOrigin origin{opened.encoder->identity(), index.corpus_hash(), opened.options};
  origin.options.model = std::filesystem::absolute(opened.options.model).lexically_normal();
  return DenseIndex::of(std::move(all), std::move(origin)).save(vectors_path(index_path));
}

Status drop_stale_vectors(const std::string& index_path, const Bm25Index& index) {
  const std::string path = vectors_path(index_path);
  if (!file_exists(path)) return {};
  const auto vectors = DenseIndex::open(path);
  if (vectors.ok() && vectors.value().origin().corpus == index.corpus_hash()) return {};
  std::error_code failed;
  std::filesystem::remove(path, failed);
  if (failed) return resource_error(path + ": cannot be removed: " + failed.message());
  log_info(path + " removed: its vectors were of other passages; --encoder makes new ones");
  return {};
}

Result<Json> vectors_stats(const std::string& index_path, const Bm25Index& index) {
  const std::string path = vectors_path(index_path);
  if (!file_exists(path)) return Json(nullptr);
  RELATA_TRY(const DenseIndex vectors, DenseIndex::open(path));
  const retrieve::VectorOrigin& origin = vectors.origin();
  RELATA_CHECK(vectors.check(origin.encoder, index.corpus_hash(), path));
  return Json{{"width", vectors.width()},
              {"model", origin.options.model},
              {"encoder", origin.encoder},
              {"bytes", vectors.size() * vectors.width() * sizeof(float)}};
}

}  // namespace relata::app
