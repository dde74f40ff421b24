#include "relata/retrieve/dense_ranker.h"

#include <map>
#include <unordered_map>
#include <utility>

#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/base/progress.h"
#include "relata/retrieve/dense.h"

namespace relata::retrieve {
namespace {

constexpr size_t kNameDigits = 16;  // of either hash; the file itself has all of them

std::string_view before_terms(std::string_view text) {
  return text.substr(0, text.find(kTermsMark));
}

class DenseRanker : public Ranker {
 public:
  DenseRanker(DenseIndex index, std::shared_ptr<const Encoder> encoder,
              const std::vector<Passage>& passages)
      : index_(std::move(index)), encoder_(std::move(encoder)) {
    for (size_t i = 0; i < passages.size(); ++i) rows_[passages[i].partition].push_back(i);
  }
  Result<std::vector<Hit>> search(std::string_view query,
                                  const SearchOptions& options) const override {
    const std::vector<std::string> texts = {std::string(before_terms(query))};
    RELATA_TRY(const Vectors asked, encoder_->encode(texts, TextRole::Query, {}));
    SearchOptions within = options;
    within.partition.reset();
    if (!options.partition) return std::move(index_.search(asked, within).front());
    const auto rows = rows_.find(*options.partition);
    if (rows == rows_.end()) return std::vector<Hit>();
    return std::move(index_.search_among(rows->second, asked, within).front());
  }
  std::string identity() const override { return "dense " + encoder_->identity(); }

 private:
  DenseIndex index_;
  std::shared_ptr<const Encoder> encoder_;
  std::map<std::string, std::vector<size_t>> rows_;  // of each partition
};

// A row for each passage; passages of one text share a pass.
Result<Vectors> vectors_of(const std::vector<Passage>& passages, const Encoder& encoder) {
  std::vector<std::string> texts;
  std::unordered_map<std::string_view, size_t> numbers;  // by text
  std::vector<size_t> number_of;
  for (const Passage& passage : passages) {
    const auto [known, is_new] = numbers.emplace(passage.text, numbers.size());
    if (is_new) texts.push_back(passage.text);
    number_of.push_back(known->second);
  }
  Progress progress("encoding", std::ssize(texts), "examples");
  auto made = encoder.encode(texts, TextRole::Passage,
                             [&](size_t done) { progress.update(static_cast<int64_t>(done)); });
  progress.finish();
  RELATA_TRY(const Vectors distinct, std::move(made));
  Vectors out{distinct.width, {}};
  out.values.reserve(passages.size() * out.width);
  for (const size_t number : number_of) {
    const auto row = distinct.row(number);
    out.values.insert(out.values.end(), row.begin(), row.end());
  }
  return out;
}

// Whether the file holds the vectors that are wanted; why not is told, unless there is none.
Result<DenseIndex> kept_vectors(const std::string& path, const VectorOrigin& wanted) {
  RELATA_TRY(DenseIndex index, DenseIndex::open(path));
  RELATA_CHECK(index.check(wanted.encoder, wanted.corpus, path));
  return index;
}

}  // namespace

std::string kept_vectors_name(const std::string& encoder, const std::string& corpus) {
  const std::string model = encoder.substr(encoder.find(':') + 1, kNameDigits);
  return model + "-" + corpus.substr(0, kNameDigits) + ".vectors";
}

Result<std::shared_ptr<const Ranker>> make_dense_ranker(std::vector<Passage> passages,
                                                        const DenseRankerOptions& options) {
  CorpusHash corpus;
  for (Passage& passage : passages) {
    passage.text = before_terms(passage.text);
    corpus.add(passage);
  }
  VectorOrigin origin{options.encoder->identity(), corpus.hex(), options.opened};
  const std::string path =
      options.cache.empty()
          ? ""
          : options.cache + "/" + kept_vectors_name(origin.encoder, origin.corpus);
  const auto ranker = [&](DenseIndex index) {
    return std::shared_ptr<const Ranker>(
        std::make_shared<DenseRanker>(std::move(index), options.encoder, passages));
  };
  if (!path.empty() && file_exists(path)) {
    auto kept = kept_vectors(path, origin);
    if (kept.ok()) return ranker(std::move(kept).value());
    log_warning(kept.error().message + "; it is made again");
  }
  RELATA_TRY(Vectors vectors, vectors_of(passages, *options.encoder));
  DenseIndex index = DenseIndex::of(std::move(vectors), std::move(origin));
  if (!path.empty()) {
    const Status saved = index.save(path);
    if (!saved.ok()) log_warning("vectors are not kept: " + saved.error().message);
  }
  return ranker(std::move(index));
}

}  // namespace relata::retrieve
