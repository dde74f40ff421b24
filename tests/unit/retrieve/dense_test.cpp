#include "relata/retrieve/dense.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

#include "relata/base/file.h"
#include "relata/base/parallel.h"

namespace relata::retrieve {
namespace {

namespace fs = std::filesystem;

Vectors random_vectors(size_t count, size_t width, uint32_t seed) {
  std::mt19937 draw(seed);
  std::normal_distribution<float> normal;
  Vectors out{width, std::vector<float>(count * width)};
  for (float& value : out.values) value = normal(draw);
  return out;
}

double product(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// All of them, the best first.
std::vector<Hit> ranked(const Vectors& passages, std::span<const float> query) {
  std::vector<Hit> out;
  for (size_t i = 0; i < passages.size(); ++i) out.push_back({i, product(passages.row(i), query)});
  std::stable_sort(out.begin(), out.end(),
                   [](const Hit& a, const Hit& b) { return a.score > b.score; });
  return out;
}

Bm25Index index_with_partitions(size_t count) {
  Bm25Index index = Bm25Index::make({}).value();
  std::vector<Passage> passages;
  for (size_t i = 0; i < count; ++i) {
    passages.push_back({std::to_string(i), i % 3 == 0 ? "third" : "", "word"});
  }
  EXPECT_TRUE(index.add(std::move(passages)).ok());
  return index;
}

void expect_same(const std::vector<Hit>& found, const std::vector<Hit>& wanted, size_t k) {
  ASSERT_EQ(found.size(), std::min(k, wanted.size()));
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].passage, wanted[i].passage) << i;
    EXPECT_NEAR(found[i].score, wanted[i].score, 1e-4);  // sums of some dozen float32 products
  }
}

TEST(DenseIndex, FindsWhatASortOfAllProductsFinds) {
  for (const size_t width : {1U, 7U, 48U}) {
    const Vectors passages = random_vectors(9000, width, 1);
    const Vectors queries = random_vectors(300, width, 2);
    const DenseIndex index = DenseIndex::of(passages, {});
    for (const int threads : {1, 3}) {
      std::vector<std::vector<Hit>> found;
      SearchOptions options;
      options.k = 5;
      with_threads(threads, [&] { found = index.search(queries, options); });
      ASSERT_EQ(found.size(), queries.size());
      for (const size_t q : {0U, 31U, 32U, 255U, 256U, 299U}) {
        expect_same(found[q], ranked(passages, queries.row(q)), options.k);
      }
    }
  }
}

TEST(DenseIndex, LooksOnlyAtThePartitionAndNotAtWhatIsSkipped) {
  const Vectors passages = random_vectors(1000, 6, 3);
  const Vectors queries = random_vectors(2, 6, 4);
  const DenseIndex index = DenseIndex::of(passages, {});
  const Bm25Index partitions = index_with_partitions(1000);
  SearchOptions options;
  options.k = 400;
  options.partition = "third";
  options.skip = [](size_t passage) { return passage % 2 == 0; };
  const auto found = index.search(queries, options, &partitions);
  for (size_t q = 0; q < 2; ++q) {
    std::vector<Hit> wanted = ranked(passages, queries.row(q));
    std::erase_if(wanted,
                  [](const Hit& hit) { return hit.passage % 3 != 0 || hit.passage % 2 == 0; });
    expect_same(found[q], wanted, options.k);
  }
  options.partition = "none";
  EXPECT_TRUE(index.search(queries, options, &partitions)[0].empty());
}

TEST(DenseIndex, EqualScoresStandInTheOrderOfPassages) {
  const DenseIndex index = DenseIndex::of({2, {1, 0, 0, 1, 1, 0, 2, 0}}, {});
  SearchOptions options;
  options.k = 3;
  const auto found = index.search({2, {1, 0}}, options)[0];
  EXPECT_EQ(found[0].passage, 3U);
  EXPECT_EQ(found[1].passage, 0U);
  EXPECT_EQ(found[2].passage, 2U);
}

class DenseFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = (fs::temp_directory_path() / "relata_dense_XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/a.vectors";
    VectorOrigin origin{"sha256:e", "c0ffee", {}};
    origin.options.model = "models/ü";
    origin.options.max_tokens = 77;
    origin.options.pooling = "cls";
    origin.options.query_prefix = "query: ";
    ASSERT_TRUE(DenseIndex::of(vectors_, origin).save(path_).ok());
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string refusal(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;  // does not wait for the disk
    const auto opened = DenseIndex::open(path_);
    return opened.ok() ? "" : opened.error().message;
  }

  Vectors vectors_ = random_vectors(5, 3, 9);
  std::string folder_, path_;
};

TEST_F(DenseFile, ComesBackAsItWas) {
  const auto opened = DenseIndex::open(path_);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const DenseIndex& index = opened.value();
  ASSERT_EQ(index.size(), 5U);
  ASSERT_EQ(index.width(), 3U);
  for (size_t i = 0; i < 5; ++i) EXPECT_TRUE(std::ranges::equal(index.row(i), vectors_.row(i)));
  const EncoderOptions& options = index.origin().options;
  EXPECT_EQ(options.model, "models/ü");
  EXPECT_EQ(options.max_tokens, 77U);
  EXPECT_EQ(options.pooling, "cls");
  EXPECT_EQ(options.query_prefix, "query: ");
  EXPECT_FALSE(options.passage_prefix);
  EXPECT_FALSE(options.normalise);
}

TEST_F(DenseFile, OfAnotherEncoderOrOtherPassagesIsRefused) {
  const DenseIndex index = DenseIndex::open(path_).value();
  EXPECT_TRUE(index.check("sha256:e", "c0ffee", path_).ok());
  const auto other = index.check("sha256:f", "c0ffee", path_);
  EXPECT_NE(other.error().message.find("another encoder: sha256:e"), std::string::npos);
  const auto stale = index.check("sha256:e", "c0ffe", path_);
  EXPECT_NE(stale.error().message.find("is stale"), std::string::npos);
}

// Any byte that is changed, and any that is missing or too many.
TEST_F(DenseFile, DamageIsRefused) {
  const std::string whole = read_file(path_).value();
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    EXPECT_NE(refusal(changed), "") << i;
    EXPECT_NE(refusal(whole.substr(0, i)), "") << i;
  }
  EXPECT_NE(refusal(whole + "x"), "");
  EXPECT_EQ(refusal(whole), "");
}

TEST_F(DenseFile, VectorsThatAreNoNumbersAreRefused) {
  for (const float number :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Vectors vectors = vectors_;
    vectors.values[3 * 3 + 2] = number;  // of the fourth passage
    ASSERT_TRUE(DenseIndex::of(std::move(vectors), {}).save(path_).ok());
    const auto opened = DenseIndex::open(path_);
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.error().message.find(path_ + ": damaged: the vector of passage 4"),
              std::string::npos);
    EXPECT_NE(opened.error().hint.find("index build"), std::string::npos);
  }
}

TEST(Fuse, AddsReciprocalRanks) {
  const std::vector<std::vector<Hit>> rankings = {{{7, 9.0}, {3, 8.0}, {5, 1.0}},
                                                  {{3, 0.9}, {2, 0.8}}};
  const auto fused = fuse(rankings, 3);
  ASSERT_EQ(fused.size(), 3U);
  EXPECT_EQ(fused[0].passage, 3U);
  EXPECT_DOUBLE_EQ(fused[0].score, 1.0 / 62 + 1.0 / 61);
  EXPECT_EQ(fused[1].passage, 7U);
  EXPECT_DOUBLE_EQ(fused[1].score, 1.0 / 61);
  EXPECT_EQ(fused[2].passage, 2U);
}

}  // namespace
}  // namespace relata::retrieve
