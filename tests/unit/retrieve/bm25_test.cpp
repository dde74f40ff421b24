// The oracle counts terms of every passage anew and knows neither postings nor heaps.
#include "relata/retrieve/bm25.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "relata/base/parallel.h"

namespace relata::retrieve {
namespace {

Bm25Index make_index(const std::vector<Passage>& passages, const Bm25Settings& settings = {}) {
  Bm25Index index = Bm25Index::make(settings).value();
  index.add(passages).value();
  return index;
}

size_t count_of(const std::vector<std::string>& terms, const std::string& term) {
  return static_cast<size_t>(std::count(terms.begin(), terms.end(), term));
}

std::vector<Hit> brute_force(const std::vector<Passage>& passages, const Bm25Settings& settings,
                             const std::string& query, const SearchOptions& options) {
  std::vector<std::vector<std::string>> terms;
  double length = 0;
  for (const Passage& passage : passages) {
    terms.push_back(analyze(settings.analyzer, passage.text));
    length += static_cast<double>(terms.back().size());
  }
  const auto all = static_cast<double>(passages.size());
  std::vector<Hit> hits;
  for (size_t i = 0; i < passages.size(); ++i) {
    if (options.partition && passages[i].partition != *options.partition) continue;
    if (options.skip && options.skip(i)) continue;
    double score = 0;
    for (const std::string& term : analyze(settings.analyzer, query)) {
      double with = 0;
      for (const auto& other : terms) with += count_of(other, term) > 0 ? 1 : 0;
      const auto f = static_cast<double>(count_of(terms[i], term));
      const double norm =
          1 - settings.b + settings.b * static_cast<double>(terms[i].size()) / (length / all);
      if (f > 0)
        score += std::log(1 + (all - with + 0.5) / (with + 0.5)) * f * (settings.k1 + 1) /
                 (f + settings.k1 * norm);
    }
    if (score > 0) hits.push_back({i, score});
  }
  std::stable_sort(hits.begin(), hits.end(),
                   [](const Hit& a, const Hit& b) { return a.score > b.score; });
  hits.resize(std::min(hits.size(), options.k));
  return hits;
}

void expect_equal(const std::vector<Hit>& got, const std::vector<Hit>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].passage, wanted[i].passage) << "rank " << i;
    // The same terms in the same order; only rounding within one term's product may differ.
    EXPECT_NEAR(got[i].score, wanted[i].score, 1e-12 * wanted[i].score);
  }
}

// Words of a few letters, so that they repeat; some Chinese, some empty passages.
class RandomTexts {
 public:
  std::string text(size_t most_words) {
    std::string out;
    for (size_t words = pick(most_words + 1); words > 0; --words) {
      // Low numbers are frequent, as in texts.
      const size_t rank = pick(pick(60) + 1);
      out += rank % 5 == 4 ? "拥有人" + std::string(rank % 2 ? "乙" : "丙")
                           : "w" + std::to_string(rank);
      out += ' ';
    }
    return out;
  }
  size_t pick(size_t below) { return random_() % below; }

  std::vector<Passage> passages(size_t count) {
    std::vector<Passage> out;
    for (size_t i = 0; i < count; ++i) {
      out.push_back({"p" + std::to_string(i), "part" + std::to_string(pick(3)), text(12)});
    }
    return out;
  }

 private:
  std::mt19937 random_{7};
};

TEST(Bm25, EqualsBruteForce) {
  RandomTexts texts;
  const std::vector<Passage> passages = texts.passages(300);
  for (const Bm25Settings& settings : {Bm25Settings{}, Bm25Settings{0.0, 0.0, Analyzer::English},
                                       Bm25Settings{2.0, 1.0, Analyzer::Chinese}}) {
    const Bm25Index index = make_index(passages, settings);
    size_t found = 0;
    for (int round = 0; round < 40; ++round) {
      const std::string query = texts.text(8);
      SearchOptions options;
      options.k = std::vector<size_t>{0, 1, 5, 1000}[texts.pick(4)];
      if (texts.pick(2) == 0) options.partition = "part" + std::to_string(texts.pick(4));
      if (texts.pick(2) == 0) options.skip = [](size_t passage) { return passage % 3 == 0; };
      const auto hits = index.search(query, options);
      found += hits.size();
      expect_equal(hits, brute_force(passages, settings, query, options));
    }
    EXPECT_GT(found, 100U);
  }
}

TEST(Bm25, KnownScore) {
  // N 2, n 1: ln(1 + 1.5/1.5) = ln 2; f 1, L 2, A 1.5: 2.2 / (1 + 1.2 (0.25 + 0.75 * 2 / 1.5)).
  const Bm25Index index = make_index({{"a", "", "cat dog"}, {"b", "", "dog"}});
  const auto hits = index.search("cats", {});
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(index.passage(hits[0].passage).id, "a");
  EXPECT_NEAR(hits[0].score, 2.2 * std::log(2.0) / (1 + 1.2 * 1.25), 1e-15);
  EXPECT_EQ(index.passages_with("dog"), 2U);
}

// Acceptance check 3 of the study of RUIE.
TEST(Bm25, ScoresAsTheStudyDoes) {
  const Bm25Index index =
      make_index({{"0", "", "red fox"}, {"1", "", "red red dog"}, {"2", "", "blue cat fish"}});
  const auto scores = [&](const char* query) {
    std::vector<double> out(3, 0.0);
    for (const Hit& hit : index.search(query, {})) out[hit.passage] = hit.score;
    return out;
  };
  constexpr double kRounding = 1e-4;
  const auto expect = [&](const char* query, const std::vector<double>& wanted) {
    const std::vector<double> found = scores(query);
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], kRounding) << query;
  };
  expect("red fox", {1.6161, 0.6243, 0.0});
  expect("red red fox", {2.1397, 1.2486, 0.0});
}

// Hits are looked for passage by passage where most passages have a term, else term by term.
TEST(Bm25, CommonAndRareTermsAreFoundAlike) {
  std::vector<Passage> passages;
  std::mt19937 draw(8);
  for (size_t i = 0; i < 3000; ++i) {
    std::string text = "common";
    for (size_t k = draw() % 12; k > 0; --k) text += " w" + std::to_string(draw() % 400);
    passages.push_back({std::to_string(i), i % 2 == 0 ? "even" : "odd", text});
  }
  const Bm25Index index = make_index(passages);
  for (const char* query : {"common", "common w1 w2", "w1", "w1 w2 w3 common common"}) {
    for (const char* partition : {"", "odd"}) {
      SearchOptions all;
      all.k = passages.size();
      if (*partition != 0) all.partition = partition;
      const auto wanted = index.search(query, all);
      for (size_t i = 1; i < wanted.size(); ++i) {
        const bool falls =
            wanted[i].score < wanted[i - 1].score ||
            (wanted[i].score == wanted[i - 1].score && wanted[i].passage > wanted[i - 1].passage);
        ASSERT_TRUE(falls) << query << i;
      }
      SearchOptions few = all;
      few.k = 25;
      few.skip = [](size_t passage) { return passage % 3 == 0; };
      const auto found = index.search(query, few);
      size_t at = 0;
      for (const Hit& hit : wanted) {
        if (hit.passage % 3 == 0 || at == found.size()) continue;
        ASSERT_EQ(found[at].passage, hit.passage) << query;
        EXPECT_EQ(found[at++].score, hit.score);
      }
      EXPECT_EQ(found.size(), std::min<size_t>(25, at));
    }
  }
}

// What a search leaves behind, and what a search that failed does, is no part of the next.
TEST(Bm25, SearchesDoNotMeetEachOther) {
  const Bm25Index index = make_index({{"0", "", "red fox"}, {"1", "", "red dog"}});
  const Bm25Index other = make_index({{"0", "", "cat"}, {"1", "", "red"}, {"2", "", "red"}});
  SearchOptions failing;
  failing.skip = [](size_t) -> bool { throw std::runtime_error("no"); };
  const auto wanted = index.search("red fox", {});
  for (int round = 0; round < 3; ++round) {
    EXPECT_THROW(index.search("red fox dog", failing), std::runtime_error);
    EXPECT_EQ(other.search("cat", {}).size(), 1U);
    const auto found = index.search("red fox", {});
    ASSERT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i].score, wanted[i].score);
  }
}

TEST(Bm25, AddingInPartsAndByThreadsIsTheSame) {
  RandomTexts texts;
  const std::vector<Passage> passages = texts.passages(200);
  const Bm25Index at_once = make_index(passages);
  Bm25Index in_parts = Bm25Index::make({}).value();
  with_threads(3, [&] {
    in_parts.add({passages.begin(), passages.begin() + 77}).value();
    in_parts.add({}).value();
    in_parts.add({passages.begin() + 77, passages.end()}).value();
  });
  EXPECT_EQ(in_parts.corpus_hash(), at_once.corpus_hash());
  EXPECT_EQ(in_parts.token_count(), at_once.token_count());
  const std::string query = "w0 w1 w2 拥有人";
  expect_equal(in_parts.search(query, {}), at_once.search(query, {}));
}

TEST(Bm25, EmptyIndexesAndQueriesFindNothing) {
  EXPECT_TRUE(make_index({}).search("cat", {}).empty());
  const Bm25Index index = make_index({{"a", "", ""}, {"b", "", "..."}});
  EXPECT_TRUE(index.search("cat", {}).empty());
  EXPECT_TRUE(make_index({{"a", "", "cat"}}).search("the ...", {}).empty());
}

TEST(Bm25, PartitionWithoutPassagesFindsNothing) {
  SearchOptions options;
  options.partition = "other";
  EXPECT_TRUE(make_index({{"a", "one", "cat"}}).search("cat", options).empty());
}

TEST(Bm25, SettingsOutOfRangeAreRefused) {
  for (const auto& [k1, b] : std::vector<std::pair<double, double>>{
           {-0.1, 0.5}, {NAN, 0.5}, {INFINITY, 0.5}, {1.0, -0.1}, {1.0, 1.1}, {1.0, NAN}}) {
    const auto made = Bm25Index::make({k1, b, Analyzer::Auto});
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code, ErrorCode::kUsage);
  }
}

TEST(CorpusHash, TellsOrderPartsAndBordersApart) {
  const auto hash_of = [](const std::vector<Passage>& passages) {
    CorpusHash hash;
    for (const Passage& passage : passages) hash.add(passage);
    return hash.hex();
  };
  const Passage a{"a", "", "x"};
  const Passage b{"b", "", "y"};
  EXPECT_EQ(hash_of({a, b}), make_index({a, b}).corpus_hash());
  EXPECT_NE(hash_of({a, b}), hash_of({b, a}));
  EXPECT_NE(hash_of({a}), hash_of({{"a", "x", ""}}));
  EXPECT_NE(hash_of({{"a1", "", ""}}), hash_of({{"a", "1", ""}}));
}

TEST(CorpusHash, StaleIndexIsRefusedByName) {
  const Bm25Index index = make_index({{"a", "", "x"}});
  CorpusHash corpus;
  corpus.add({"a", "", "x"});
  EXPECT_TRUE(index.check_corpus(corpus, "i.bm25", "train.jsonl").ok());
  corpus.add({"b", "", "y"});
  const Status stale = index.check_corpus(corpus, "i.bm25", "train.jsonl");
  ASSERT_FALSE(stale.ok());
  EXPECT_NE(stale.error().message.find("i.bm25: is stale"), std::string::npos);
  EXPECT_NE(stale.error().message.find("train.jsonl"), std::string::npos);
}

}  // namespace
}  // namespace relata::retrieve
