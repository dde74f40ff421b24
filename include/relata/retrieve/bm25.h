// BM25: the passages that share the most telling words with a query.
//
// score = sum over the query's terms, repeated ones repeated, of
//   ln(1 + (N - n + 0.5) / (n + 0.5)) * f (k1 + 1) / (f + k1 (1 - b + b L / A))
// with N passages in the index, n of them with the term, f the term's count in the passage, L the
// passage's terms and A their mean over the index (Robertson and Zaragoza 2009, with a weight of
// terms that is never negative, as RUIE computes it). N, n and A are of the whole index, whatever
// part of it is searched.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "relata/base/result.h"
#include "relata/retrieve/analyzer.h"

namespace relata::retrieve {

enum class PassageUnit { Sentence, Document };
// "sentence", "document".
std::string_view unit_name(PassageUnit unit);
std::optional<PassageUnit> unit_of_name(std::string_view name);

struct Bm25Settings {
  double k1 = 1.2;  // finite, not negative: how much a repeated term counts
  double b = 0.75;  // 0 to 1: how much long passages lose
  Analyzer analyzer = Analyzer::Auto;
  // How documents became the passages, as PassageOptions (passages.h) says; an index only keeps it
  // for those who add more. No unit: nobody has said, as in files before version 2.
  std::optional<PassageUnit> unit = std::nullopt;
  std::vector<std::string> partition_keys = {};
};

struct Passage {
  std::string id;         // need not be unique
  std::string partition;  // "": the one without a name
  std::string text;
};

struct Hit {
  size_t passage = 0;  // the number in the order of adding
  double score = 0.0;
};

struct SearchOptions {
  size_t k = 10;
  std::optional<std::string> partition;  // only its passages are looked at
  // Passages that must not be found; asked only about those that would be.
  std::function<bool(size_t passage)> skip;
};

// Names the passages, their order and partitions; adding them in several goes gives the same.
class CorpusHash {
 public:
  void add(const Passage& passage);
  const std::string& hex() const { return hex_; }

 private:
  friend class IndexFile;
  std::string hex_;
};

// Copyable. Reading is thread-safe; adding needs the index for itself.
class Bm25Index {
 public:
  // A usage error for settings out of their range.
  static Result<Bm25Index> make(const Bm25Settings& settings);

  // In memory: the texts, and about 10 bytes for each different word of each. Shares the work
  // among the threads of base/parallel.h. Error: more than 2^32 - 1 passages in all.
  Status add(std::vector<Passage> passages);

  // Takes out the passages that `gone` names; the index is then as if made of the others, whose
  // numbers before are returned. Cost: one walk over all terms and passages.
  std::vector<size_t> remove(const std::function<bool(const Passage&)>& gone);

  // The best first, equal scores in the order of adding; only passages with one of the query's
  // terms. Cost: the passages that hold the query's terms; each thread that searches keeps 8 bytes
  // for every passage.
  std::vector<Hit> search(std::string_view query, const SearchOptions& options) const;

  // One file, written atomically: settings, texts, counts, the corpus hash and a checksum.
  Status save(const std::string& path) const;
  // Read whole. A file that is damaged, cut short, of another format version or of another
  // analyzer revision is refused by name; no size in it is trusted.
  static Result<Bm25Index> open(const std::string& path);

  // An error if the index was not made of exactly these passages; names both.
  Status check_corpus(const CorpusHash& corpus, const std::string& index_name,
                      const std::string& corpus_name) const;

  const Bm25Settings& settings() const { return settings_; }
  const std::string& corpus_hash() const { return corpus_.hex(); }
  size_t size() const { return entries_.size(); }
  size_t term_count() const { return terms_.size(); }
  uint64_t token_count() const { return tokens_; }
  uint64_t posting_count() const { return postings_; }
  const Passage& passage(size_t index) const { return entries_.at(index).passage; }
  std::map<std::string, size_t> partition_sizes() const;
  // How many passages hold the term, as the analyzer writes it.
  size_t passages_with(const std::string& term) const;

 private:
  friend class IndexFile;
  struct Entry {
    Passage passage;
    uint64_t length = 0;  // in terms
  };
  struct Posting {
    uint32_t passage = 0;
    uint32_t count = 0;
  };
  struct Term {
    uint64_t passages = 0;                                  // in all partitions
    std::map<uint32_t, std::vector<Posting>> by_partition;  // in the order of passages
  };

  Bm25Index() = default;
  uint32_t partition_number(const std::string& name);
  void add_posting(Term& term, uint32_t partition, Posting posting);
  void weigh();  // sets norms_; to be called after every change
  void collect(const Term& term, const std::vector<Posting>& postings, double* scores) const;

  Bm25Settings settings_;
  CorpusHash corpus_;
  std::vector<Entry> entries_;
  std::vector<double> norms_;  // k1 (1 - b + b L / A) of each passage: what a search needs of it
  std::unordered_map<std::string, uint32_t> partitions_;
  std::unordered_map<std::string, Term> terms_;
  uint64_t tokens_ = 0;
  uint64_t postings_ = 0;
};

}  // namespace relata::retrieve
