#include "relata/retrieve/bm25.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "best_hits.h"
#include "relata/base/hash.h"
#include "relata/base/parallel.h"

namespace relata::retrieve {
namespace {

constexpr size_t kMostPassages = std::numeric_limits<uint32_t>::max();
constexpr size_t kBatch = 4096;  // passages whose terms are in memory at once

using TermCounts = std::map<std::string, uint32_t>;

TermCounts count_terms(Analyzer analyzer, const std::string& text) {
  TermCounts counts;
  for (std::string& term : analyze(analyzer, text)) ++counts[std::move(term)];
  return counts;
}

// Sums of scores by passage, all 0 between searches: memory that is fetched once for each thread.
class Sums {
 public:
  explicit Sums(size_t passages) : sums_(memory()) {
    if (sums_.size() < passages) sums_.resize(passages, 0.0);
  }
  ~Sums() {
    if (!clean_) std::fill(sums_.begin(), sums_.end(), 0.0);
  }
  Sums(const Sums&) = delete;
  Sums& operator=(const Sums&) = delete;
  double* data() { return sums_.data(); }
  void set_clean() { clean_ = true; }

 private:
  static std::vector<double>& memory() {
    thread_local std::vector<double> sums;
    return sums;
  }
  std::vector<double>& sums_;
  bool clean_ = false;  // whether who used it has left only zeros
};

// Above this share of all passages, hits are looked for passage by passage.
constexpr double kManyPostings = 0.1;

}  // namespace

void CorpusHash::add(const Passage& passage) {
  // With its length each, so that no two lists of passages are written the same.
  std::string record = hex_;
  for (const std::string* part : {&passage.id, &passage.partition, &passage.text}) {
    record += std::to_string(part->size()) + ":" + *part;
  }
  hex_ = sha256_hex(record);
}

std::string_view unit_name(PassageUnit unit) {
  return unit == PassageUnit::Document ? "document" : "sentence";
}

std::optional<PassageUnit> unit_of_name(std::string_view name) {
  for (const PassageUnit unit : {PassageUnit::Sentence, PassageUnit::Document}) {
    if (name == unit_name(unit)) return unit;
  }
  return std::nullopt;
}

Result<Bm25Index> Bm25Index::make(const Bm25Settings& settings) {
  if (!std::isfinite(settings.k1) || settings.k1 < 0) {
    return usage_error("BM25: k1 " + std::to_string(settings.k1), "a number of at least 0");
  }
  if (!(settings.b >= 0 && settings.b <= 1)) {
    return usage_error("BM25: b " + std::to_string(settings.b), "a number from 0 to 1");
  }
  Bm25Index index;
  index.settings_ = settings;
  return index;
}

uint32_t Bm25Index::partition_number(const std::string& name) {
  return partitions_.emplace(name, static_cast<uint32_t>(partitions_.size())).first->second;
}

void Bm25Index::add_posting(Term& term, uint32_t partition, Posting posting) {
  term.by_partition[partition].push_back(posting);
  ++term.passages;
  ++postings_;
  tokens_ += posting.count;
  entries_[posting.passage].length += posting.count;
}

Status Bm25Index::add(std::vector<Passage> passages) {
  if (passages.size() > kMostPassages - entries_.size()) {
    return resource_error("an index holds at most " + std::to_string(kMostPassages) + " passages",
                          "make several");
  }
  entries_.reserve(entries_.size() + passages.size());
  for (size_t begin = 0; begin < passages.size(); begin += kBatch) {
    const size_t size = std::min(kBatch, passages.size() - begin);
    std::vector<TermCounts> counts(size);
    const size_t pieces = pieces_of(size / 16);
    run_pieces(pieces, [&](size_t piece) {
      for (size_t i = piece; i < size; i += pieces) {
        counts[i] = count_terms(settings_.analyzer, passages[begin + i].text);
      }
    });
    for (size_t i = 0; i < size; ++i) {
      Passage& passage = passages[begin + i];
      const auto number = static_cast<uint32_t>(entries_.size());
      const uint32_t partition = partition_number(passage.partition);
      corpus_.add(passage);
      entries_.push_back({std::move(passage), 0});
      for (const auto& [term, count] : counts[i]) {
        add_posting(terms_[term], partition, {number, count});
      }
    }
  }
  weigh();
  return {};
}

std::vector<size_t> Bm25Index::remove(const std::function<bool(const Passage&)>& gone) {
  Bm25Index rest;
  rest.settings_ = settings_;
  std::vector<size_t> kept;
  std::vector<uint32_t> new_number(entries_.size(), UINT32_MAX);
  for (size_t i = 0; i < entries_.size(); ++i) {
    Passage& passage = entries_[i].passage;
    if (gone(passage)) continue;
    new_number[i] = static_cast<uint32_t>(kept.size());
    kept.push_back(i);
    rest.partition_number(passage.partition);
    rest.corpus_.add(passage);
    rest.entries_.push_back({std::move(passage), 0});
  }
  for (const auto& [letters, term] : terms_) {
    for (const auto& [partition, postings] : term.by_partition) {
      for (const Posting& posting : postings) {
        const uint32_t number = new_number[posting.passage];
        if (number == UINT32_MAX) continue;
        const std::string& name = rest.entries_[number].passage.partition;
        rest.add_posting(rest.terms_[letters], rest.partitions_.at(name), {number, posting.count});
      }
    }
  }
  rest.weigh();
  *this = std::move(rest);
  return kept;
}

void Bm25Index::weigh() {
  const double mean = static_cast<double>(tokens_) / static_cast<double>(entries_.size());
  norms_.resize(entries_.size());
  for (size_t i = 0; i < norms_.size(); ++i) {
    const auto length = static_cast<double>(entries_[i].length);
    norms_[i] = settings_.k1 * (1.0 - settings_.b + settings_.b * length / mean);
  }
}

void Bm25Index::collect(const Term& term, const std::vector<Posting>& postings,
                        double* scores) const {
  const auto all = static_cast<double>(entries_.size());
  const auto with = static_cast<double>(term.passages);
  const double weight = (settings_.k1 + 1.0) * std::log(1.0 + (all - with + 0.5) / (with + 0.5));
  for (const Posting& posting : postings) {
    const auto count = static_cast<double>(posting.count);
    scores[posting.passage] += weight * count / (count + norms_[posting.passage]);
  }
}

std::vector<Hit> Bm25Index::search(std::string_view query, const SearchOptions& options) const {
  std::optional<uint32_t> only;
  if (options.partition) {
    const auto found = partitions_.find(*options.partition);
    if (found == partitions_.end()) return {};
    only = found->second;
  }
  Sums sums(entries_.size());
  double* scores = sums.data();
  std::vector<const std::vector<Posting>*> seen;
  size_t looked_at = 0;
  for (const std::string& word : analyze(settings_.analyzer, query)) {
    const auto term = terms_.find(word);
    if (term == terms_.end()) continue;
    for (const auto& [partition, postings] : term->second.by_partition) {
      if (only && partition != *only) continue;
      collect(term->second, postings, scores);
      seen.push_back(&postings);
      looked_at += postings.size();
    }
  }
  BestHits best(options);
  if (static_cast<double>(looked_at) > kManyPostings * static_cast<double>(entries_.size())) {
    best.offer_all(scores, entries_.size());
    std::fill_n(scores, entries_.size(), 0.0);
  } else {
    for (const std::vector<Posting>* postings : seen) {
      for (const Posting& posting : *postings) {
        double& score = scores[posting.passage];
        if (score > 0) best.offer({posting.passage, score});
        score = 0;  // offered once, though it may hold several of the terms
      }
    }
  }
  sums.set_clean();
  return best.sorted();
}

Status Bm25Index::check_corpus(const CorpusHash& corpus, const std::string& index_name,
                               const std::string& corpus_name) const {
  if (corpus.hex() == corpus_.hex()) return {};
  return input_error(
      index_name + ": is stale: it was not made of what " + corpus_name + " holds now",
      "make it again: relata index build");
}

std::map<std::string, size_t> Bm25Index::partition_sizes() const {
  std::map<std::string, size_t> out;
  for (const Entry& entry : entries_) ++out[entry.passage.partition];
  return out;
}

size_t Bm25Index::passages_with(const std::string& term) const {
  const auto found = terms_.find(term);
  return found == terms_.end() ? 0 : found->second.passages;
}

}  // namespace relata::retrieve
