#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/retrieve/bm25.h"

namespace relata::retrieve {
namespace {

constexpr size_t kVersionAt = 12;
constexpr size_t kSizeAt = 16;
constexpr size_t kBodyAt = 88;

class Bm25File : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "i.bm25").string();
    Bm25Index index = Bm25Index::make({1.5, 0.6, Analyzer::Chinese}).value();
    index.add({{"a", "one", "东部文具拥有永升"}, {"b", "two", "永升 works"}, {"c", "one", ""}})
        .value();
    index.save(path_).value();
    bytes_ = read_file(path_).value();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Without the flush to disk of write_file_atomic(), which thousands of files would wait for.
  void put(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  // The error of the index with these bytes.
  Error error_of(const std::string& bytes) {
    put(bytes);
    const auto index = Bm25Index::open(path_);
    if (index.ok()) return {ErrorCode::kInternal, "it was read", ""};
    EXPECT_EQ(index.error().code, ErrorCode::kBadInput);
    EXPECT_TRUE(index.error().message.starts_with(path_ + ": ")) << index.error().message;
    EXPECT_FALSE(index.error().hint.empty());
    return index.error();
  }

  // With a header that vouches for the body.
  static std::string sealed(const std::string& header, const std::string& body) {
    std::string out = header.substr(0, kSizeAt);
    for (size_t i = 0; i < 8; ++i) out += static_cast<char>(body.size() >> (8 * i) & 0xFF);
    return out + sha256_hex(body) + body;
  }

  std::filesystem::path folder_;
  std::string path_;
  std::string bytes_;
};

void expect_says(const Error& error, const std::string& part) {
  EXPECT_NE(error.message.find(part), std::string::npos) << error.message;
}

TEST_F(Bm25File, ReadsBackWhatWasWritten) {
  Bm25Index index = Bm25Index::open(path_).value();
  EXPECT_EQ(index.size(), 3U);
  EXPECT_EQ(index.settings().k1, 1.5);
  EXPECT_EQ(index.settings().b, 0.6);
  EXPECT_EQ(index.settings().analyzer, Analyzer::Chinese);
  EXPECT_EQ(index.passage(1).text, "永升 works");
  EXPECT_EQ(index.partition_sizes(), (std::map<std::string, size_t>{{"one", 2}, {"two", 1}}));
  EXPECT_EQ(index.token_count(), 9U);
  SearchOptions options;
  options.partition = "two";
  const auto hits = index.search("永升", options);
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].passage, 1U);

  // Adding goes on from there, and writing again writes the same bytes.
  Bm25Index fresh = Bm25Index::make({1.5, 0.6, Analyzer::Chinese}).value();
  fresh.add({{"a", "one", "东部文具拥有永升"}, {"b", "two", "永升 works"}, {"c", "one", ""}})
      .value();
  for (Bm25Index* one : {&index, &fresh}) {
    one->add({{"d", "three", "永升"}}).value();
    one->save(path_).value();
    if (one == &index) bytes_ = read_file(path_).value();
  }
  EXPECT_EQ(read_file(path_).value(), bytes_);
}

TEST_F(Bm25File, OtherFilesAreNoIndex) {
  expect_says(error_of("{\"id\": 1}\n"), "is no index of passages");
  expect_says(error_of(std::string(200, 'x')), "is no index of passages");
  const auto missing = Bm25Index::open(path_ + ".none");
  ASSERT_FALSE(missing.ok());
  expect_says(missing.error(), path_ + ".none");
}

TEST_F(Bm25File, AnyShorterFileIsRefused) {
  for (size_t size = 1; size < bytes_.size(); ++size) {
    expect_says(error_of(bytes_.substr(0, size)), "damaged");
  }
  expect_says(error_of(bytes_ + "x"), "damaged");
}

TEST_F(Bm25File, AnyChangedByteIsRefused) {
  for (size_t at = 0; at < bytes_.size(); ++at) {
    std::string changed = bytes_;
    changed[at] = static_cast<char>(changed[at] ^ 0x11);
    EXPECT_FALSE(error_of(changed).hint.empty()) << "byte " << at;
  }
}

TEST_F(Bm25File, OtherVersionsAreNamed) {
  std::string changed = bytes_;
  changed[kVersionAt] = 9;
  expect_says(error_of(changed), "format version 9");
}

// Where the unit stands in a body: behind the analyzer, its revision and two numbers.
constexpr size_t kUnitAt = 4 + 9 + 9;

TEST_F(Bm25File, HowItWasMadeIsKept) {
  for (const PassageUnit unit : {PassageUnit::Sentence, PassageUnit::Document}) {
    Bm25Settings settings;
    settings.unit = unit;
    settings.partition_keys = {"task", "owner"};
    Bm25Index index = Bm25Index::make(settings).value();
    index.add({{"a", "", "one"}, {"b", "", "two"}}).value();
    index.remove([](const Passage& passage) { return passage.id == "a"; });
    index.save(path_).value();
    const Bm25Settings read = Bm25Index::open(path_)->settings();
    EXPECT_EQ(read.unit, unit);
    EXPECT_EQ(read.partition_keys, settings.partition_keys);
    EXPECT_EQ(unit_of_name(unit_name(unit)), unit);
  }
  put(bytes_);
  EXPECT_FALSE(Bm25Index::open(path_)->settings().unit);
  std::string body = bytes_.substr(kBodyAt);
  body.replace(kUnitAt, 1, "\x04word");
  expect_says(error_of(sealed(bytes_, body)), "does not say what its passages are");
}

TEST_F(Bm25File, FilesThatDoNotSayHowTheyWereMadeAreRead) {
  std::string body = bytes_.substr(kBodyAt);
  ASSERT_EQ(body.substr(kUnitAt, 2), std::string(2, '\0'));
  body.erase(kUnitAt, 2);
  std::string header = bytes_.substr(0, kBodyAt);
  header[kVersionAt] = 1;
  put(sealed(header, body));
  const auto index = Bm25Index::open(path_);
  ASSERT_TRUE(index.ok()) << index.error().message;
  EXPECT_FALSE(index->settings().unit);
  EXPECT_EQ(index->search("永升", {}).size(), 2U);
  // Neither is taken for the other.
  error_of(sealed(bytes_, body));
  error_of(sealed(header, bytes_.substr(kBodyAt)));
}

TEST_F(Bm25File, OtherAnalyzersAreStale) {
  std::string body = bytes_.substr(kBodyAt);
  ASSERT_EQ(body.substr(0, 4), std::string("\x02zh\x01"));
  body[3] = 2;
  expect_says(error_of(sealed(bytes_, body)), "is stale");
  body[3] = 1;
  body[1] = 'x';
  expect_says(error_of(sealed(bytes_, body)), "is stale");
}

TEST_F(Bm25File, BodiesThatLieAreRefusedOrHarmless) {
  std::mt19937 random(3);
  const std::string body = bytes_.substr(kBodyAt);
  ASSERT_EQ(sealed(bytes_, body), bytes_);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string changed = body;
    for (size_t changes = 1 + random() % 3; changes > 0; --changes) {
      const size_t at = random() % changed.size();
      if (random() % 4 == 0) {
        changed.erase(at, 1 + random() % 9);
      } else {
        changed[at] = static_cast<char>(random());
      }
      if (changed.empty()) changed = "x";
    }
    put(sealed(bytes_, changed));
    const auto index = Bm25Index::open(path_);
    if (!index.ok()) {
      ++refused;
    } else {
      EXPECT_LE(index->search("永升 works 东部", {}).size(), index->size());
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST_F(Bm25File, NoPlaceToWriteIsAUsageError) {
  const Bm25Index index = Bm25Index::open(path_).value();
  const Status saved = index.save(path_ + "/below");
  ASSERT_FALSE(saved.ok());
  EXPECT_EQ(saved.error().code, ErrorCode::kUsage);
}

TEST_F(Bm25File, OfAnIndexWithoutSomePassagesIsAsIfItNeverHadThem) {
  std::vector<Passage> all;
  std::mt19937 draw(4);
  for (size_t i = 0; i < 200; ++i) {
    std::string text;
    for (size_t k = draw() % 9; k > 0; --k) text += "w" + std::to_string(draw() % 30) + " ";
    all.push_back({std::to_string(i), std::string(1, static_cast<char>('a' + draw() % 3)), text});
  }
  for (const unsigned share : {1U, 5U, 100U}) {
    std::vector<Passage> left;
    std::vector<size_t> numbers;
    for (size_t i = 0; i < all.size(); ++i) {
      // Partition a goes altogether.
      if (draw() % 100 < share || all[i].partition == "a") continue;
      left.push_back(all[i]);
      numbers.push_back(i);
    }
    Bm25Index index = Bm25Index::make({}).value();
    ASSERT_TRUE(index.add(all).ok());
    const auto kept = index.remove([&](const Passage& passage) {
      return std::none_of(left.begin(), left.end(),
                          [&](const Passage& other) { return other.id == passage.id; });
    });
    EXPECT_EQ(kept, numbers);
    Bm25Index wanted = Bm25Index::make({}).value();
    ASSERT_TRUE(wanted.add(left).ok());
    ASSERT_TRUE(index.save(path_).ok());
    const std::string bytes = read_file(path_).value();
    ASSERT_TRUE(wanted.save(path_).ok());
    EXPECT_EQ(bytes, read_file(path_).value());
    EXPECT_EQ(index.partition_sizes(), wanted.partition_sizes());
    // And goes on from there.
    for (Bm25Index* each : {&index, &wanted}) ASSERT_TRUE(each->add({{"new", "a", "w3 w5"}}).ok());
    SearchOptions options;
    options.k = 20;
    const auto found = index.search("w3 w5 w5 w7", options);
    const auto other = wanted.search("w3 w5 w5 w7", options);
    ASSERT_EQ(found.size(), other.size());
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].passage, other[i].passage);
      EXPECT_EQ(found[i].score, other[i].score);
    }
  }
}

}  // namespace
}  // namespace relata::retrieve
