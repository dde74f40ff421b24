#include "relata/retrieve/hnsw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "hnsw_graph.h"
#include "relata/base/file.h"

namespace relata::retrieve {
namespace {

constexpr size_t kWidth = 48;

// Vectors of length 1 around some centres, as those of texts are.
Vectors made_up(size_t count, uint32_t seed) {
  std::mt19937 draw(seed);
  std::normal_distribution<float> normal;
  constexpr size_t kCentres = 40;
  std::mt19937 fixed(1);
  std::vector<float> centres(kCentres * kWidth);
  for (float& value : centres) value = normal(fixed);
  Vectors out{kWidth, {}};
  for (size_t i = 0; i < count; ++i) {
    const size_t centre = draw() % kCentres;
    std::vector<float> row;
    double length = 0;
    for (size_t d = 0; d < kWidth; ++d) {
      row.push_back(centres[centre * kWidth + d] + 0.8F * normal(draw));
      length += static_cast<double>(row.back()) * static_cast<double>(row.back());
    }
    for (const float value : row) {
      out.values.push_back(value / static_cast<float>(std::sqrt(length)));
    }
  }
  return out;
}

DenseIndex dense(Vectors vectors, const std::string& corpus = "corpus") {
  return DenseIndex::of(std::move(vectors), {"sha256:encoder", corpus, {}});
}

// Every seventh passage is rare, the others common.
Bm25Index partitions(size_t count) {
  Bm25Index index = Bm25Index::make({}).value();
  std::vector<Passage> passages;
  for (size_t i = 0; i < count; ++i) {
    passages.push_back({std::to_string(i), i % 7 == 0 ? "rare" : "common", "word"});
  }
  EXPECT_TRUE(index.add(std::move(passages)).ok());
  return index;
}

HnswOptions options(size_t least) {
  HnswOptions out;
  out.least = least;
  return out;
}

SearchOptions best(size_t k, const char* partition = nullptr) {
  SearchOptions out;
  out.k = k;
  if (partition != nullptr) out.partition = partition;
  return out;
}

// The share of the exact search's hits that the other has too.
double recall(const std::vector<std::vector<Hit>>& found,
              const std::vector<std::vector<Hit>>& wanted) {
  size_t both = 0, all = 0;
  for (size_t q = 0; q < wanted.size(); ++q) {
    std::set<size_t> own;
    for (const Hit& hit : found[q]) own.insert(hit.passage);
    for (const Hit& hit : wanted[q]) both += own.count(hit.passage);
    all += wanted[q].size();
  }
  return static_cast<double>(both) / static_cast<double>(all);
}

class HnswTest : public testing::Test {
 protected:
  static constexpr size_t kCount = 20000;
  static void SetUpTestSuite() {
    vectors_ = new DenseIndex(dense(made_up(kCount, 2)));
    partitions_ = new Bm25Index(partitions(kCount));
    graph_ = new HnswIndex(HnswIndex::build(*vectors_, *partitions_, options(10000)).value());
  }
  static void TearDownTestSuite() {
    delete graph_;
    delete partitions_;
    delete vectors_;
  }
  void SetUp() override { path_ = testing::TempDir() + "/hnsw_test.hnsw"; }

  std::string path_;
  static const DenseIndex* vectors_;
  static const Bm25Index* partitions_;
  static const HnswIndex* graph_;
};
const DenseIndex* HnswTest::vectors_ = nullptr;
const Bm25Index* HnswTest::partitions_ = nullptr;
const HnswIndex* HnswTest::graph_ = nullptr;

TEST_F(HnswTest, FindsTheTenNearest) {
  const Vectors queries = made_up(500, 3);
  const auto wanted = vectors_->search(queries, best(10));
  const auto found = graph_->search(queries, best(10));
  EXPECT_GE(recall(found, wanted), 0.99);
  for (size_t q = 0; q < found.size(); ++q) {
    ASSERT_EQ(found[q].size(), 10U);
    for (const Hit& hit : found[q]) {
      for (const Hit& other : wanted[q]) {
        if (hit.passage != other.passage) continue;
        EXPECT_EQ(hit.score, other.score);
      }
    }
  }
}

TEST_F(HnswTest, SearchesALargePartitionInItsOwnGraph) {
  const Vectors queries = made_up(200, 4);
  ASSERT_TRUE(graph_->covers(best(10, "common")));
  EXPECT_FALSE(graph_->covers(best(10, "rare"))) << "is small: exactly, by its rows";
  EXPECT_EQ(graph_->graphs(), 2U);
  const auto found = graph_->search(queries, best(10, "common"));
  EXPECT_GE(recall(found, vectors_->search(queries, best(10, "common"), partitions_)), 0.99);
  for (const auto& hits : found) {
    ASSERT_EQ(hits.size(), 10U);
    for (const Hit& hit : hits) EXPECT_NE(hit.passage % 7, 0U);
  }
}

TEST_F(HnswTest, FindsAsManyAsAreWantedWhereSomeAreSkipped) {
  const Vectors queries = made_up(20, 5);
  SearchOptions few = best(10);
  few.skip = [](size_t passage) { return passage % 100 != 0; };
  const auto found = graph_->search(queries, few);
  EXPECT_GE(recall(found, vectors_->search(queries, few)), 0.99);
  for (const auto& hits : found) EXPECT_EQ(hits.size(), 10U);
}

TEST_F(HnswTest, IsReadAsWritten) {
  ASSERT_TRUE(graph_->save(path_).ok());
  const HnswIndex again = HnswIndex::open(path_, *vectors_).value();
  EXPECT_EQ(again.nodes(), graph_->nodes());
  const Vectors queries = made_up(50, 6);
  for (const char* partition : {static_cast<const char*>(nullptr), "common"}) {
    const auto one = graph_->search(queries, best(5, partition));
    const auto other = again.search(queries, best(5, partition));
    for (size_t q = 0; q < one.size(); ++q) {
      ASSERT_EQ(one[q].size(), other[q].size());
      for (size_t i = 0; i < one[q].size(); ++i) EXPECT_EQ(one[q][i].passage, other[q][i].passage);
    }
  }
  // No vectors in it: they are the other file's.
  EXPECT_LT(std::filesystem::file_size(path_), kCount * kWidth * sizeof(float) * 2);
}

TEST_F(HnswTest, GrowsByWhatIsNew) {
  Vectors less = made_up(kCount, 2);
  less.values.resize((kCount - 2000) * kWidth);
  const HnswIndex before =
      HnswIndex::build(dense(std::move(less)), partitions(kCount - 2000), options(10000)).value();
  size_t told = 0;
  const HnswIndex grown =
      HnswIndex::build(
          *vectors_, *partitions_, options(10000), [&](size_t done) { told = done; }, &before)
          .value();
  EXPECT_EQ(grown.nodes(), graph_->nodes());
  EXPECT_LE(told, 4000U) << "only what is new was added";
  const Vectors queries = made_up(200, 7);
  EXPECT_GE(recall(grown.search(queries, best(10)), vectors_->search(queries, best(10))), 0.99);
}

TEST_F(HnswTest, OfOtherVectorsIsRefused) {
  ASSERT_TRUE(graph_->save(path_).ok());
  const auto other = HnswIndex::open(path_, dense(made_up(kCount, 2), "another"));
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().message.find(path_ + ": is stale"), std::string::npos);
}

TEST(HnswFiles, ThatAreDamagedAreRefusedByName) {
  const std::string path = testing::TempDir() + "/hnsw_damaged.hnsw";
  const DenseIndex vectors = dense(made_up(60, 1));
  const HnswIndex graph = HnswIndex::build(vectors, partitions(60), options(1)).value();
  ASSERT_TRUE(graph.save(path).ok());
  const std::string whole = read_file(path).value();
  for (size_t size = 0; size < whole.size(); size += whole.size() / 23) {
    ASSERT_TRUE(write_file_atomic(path, whole.substr(0, size)).ok());
    const auto read = HnswIndex::open(path, vectors);
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_NE(read.error().message.find(path), std::string::npos);
  }
  for (size_t at = 0; at < whole.size(); at += whole.size() / 41) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 4);
    ASSERT_TRUE(write_file_atomic(path, changed).ok());
    EXPECT_FALSE(HnswIndex::open(path, vectors).ok()) << at;
  }
}

// As if somebody had written a file with sound checksums: numbers are never trusted.
TEST(HnswLinks, ThatCannotBeAreRefused) {
  const DenseIndex vectors = dense(made_up(50, 1));
  const HnswOptions how;
  HnswGraph graph(kWidth, 50, how);
  for (size_t i = 0; i < 50; ++i) graph.add(i, vectors.row(i));
  const std::vector<uint32_t> links = graph.links();
  ASSERT_TRUE(HnswGraph::of_links(links, vectors, 0, how));
  EXPECT_EQ(HnswGraph::of_links(links, vectors, 0, how)->links(), links);
  for (size_t i = 0; i < links.size(); ++i) {
    for (const uint32_t wrong : {links[i] + 1, links[i] - 1, 1000000U, UINT32_MAX}) {
      std::vector<uint32_t> changed = links;
      changed[i] = wrong;
      const auto read = HnswGraph::of_links(changed, vectors, 0, how);
      if (!read) continue;  // many a wrong link is still a link: then it must be safe to follow
      EXPECT_LE(read->near(vectors.row(0), 20).size(), 50U);
    }
    EXPECT_FALSE(HnswGraph::of_links(std::span(links).first(i), vectors, 0, how)) << i;
  }
}

TEST(HnswLinks, OfOnePassageAreAGraph) {
  const DenseIndex one = dense(made_up(1, 1));
  const HnswIndex graph = HnswIndex::build(one, partitions(1), {}).value();
  const auto found = graph.search(made_up(1, 9), best(10));
  ASSERT_EQ(found[0].size(), 1U);
  EXPECT_EQ(found[0][0].passage, 0U);
}

}  // namespace
}  // namespace relata::retrieve
