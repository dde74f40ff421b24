#include "relata/retrieve/dense_ranker.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "relata/retrieve/examples.h"

namespace relata::retrieve {
namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<size_t>;

// A text's vector counts some letters; counts what it was asked.
class LetterEncoder : public Encoder {
 public:
  explicit LetterEncoder(std::string identity) : identity_(std::move(identity)) {}
  Result<Vectors> encode(std::span<const std::string> texts, TextRole role,
                         const EncodeProgress&) const override {
    Vectors out{3, {}};
    for (const std::string& text : texts) {
      ++(role == TextRole::Query ? queries : passages);
      for (const char letter : {'a', 'b', 'c'}) {
        out.values.push_back(static_cast<float>(std::count(text.begin(), text.end(), letter)));
      }
    }
    return out;
  }
  size_t width() const override { return 3; }
  size_t max_tokens() const override { return 1; }
  const std::string& identity() const override { return identity_; }
  mutable size_t queries = 0, passages = 0;

 private:
  std::string identity_;
};

class DenseRankerTest : public testing::Test {
 protected:
  void SetUp() override {
    cache_ = fs::path(testing::TempDir()) /
             testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(cache_);
  }
  DenseRankerOptions options(const std::shared_ptr<const Encoder>& encoder) const {
    DenseRankerOptions out;
    out.encoder = encoder;
    out.opened.model = "letters";
    out.cache = cache_.string();
    return out;
  }
  fs::path cache_;
};

std::vector<Passage> passages() {
  return {{"0", "x", "a a a"}, {"1", "y", "a b b"}, {"2", "x", "c c"}, {"3", "y", "a a a"}};
}

Numbers found(const Ranker& ranker, const std::string& query, const SearchOptions& options) {
  Numbers out;
  const auto hits = ranker.search(query, options).value();
  for (const Hit& hit : hits) out.push_back(hit.passage);
  return out;
}

SearchOptions best(size_t k, const std::string& partition = "") {
  SearchOptions out;
  out.k = k;
  if (!partition.empty()) out.partition = partition;
  return out;
}

TEST_F(DenseRankerTest, RanksByProducts) {
  const auto encoder = std::make_shared<LetterEncoder>("sha256:aa");
  const auto ranker = make_dense_ranker(passages(), options(encoder)).value();
  EXPECT_EQ(found(*ranker, "b", best(1)), Numbers{1});
  EXPECT_EQ(found(*ranker, "a", best(3)), (Numbers{0, 3, 1}));
  EXPECT_EQ(found(*ranker, "a", best(3, "y")), (Numbers{3, 1}));
  EXPECT_TRUE(found(*ranker, "a", best(3, "z")).empty());
  SearchOptions some = best(2);
  some.skip = [](size_t passage) { return passage == 0; };
  EXPECT_EQ(found(*ranker, "a", some), (Numbers{3, 1}));
  // Two of one text share a pass.
  EXPECT_EQ(encoder->passages, 3U);
}

TEST_F(DenseRankerTest, StopsBeforeTheTermsMark) {
  const auto encoder = std::make_shared<LetterEncoder>("sha256:aa");
  std::vector<Passage> marked = passages();
  marked[2].text += std::string(1, kTermsMark) + "aaaaaaaa";
  const auto ranker = make_dense_ranker(marked, options(encoder)).value();
  EXPECT_EQ(found(*ranker, "a" + std::string(1, kTermsMark) + "cccc", best(1)), Numbers{0});
}

TEST_F(DenseRankerTest, MakesVectorsOnce) {
  const auto first = std::make_shared<LetterEncoder>("sha256:aa");
  const auto wanted = found(*make_dense_ranker(passages(), options(first)).value(), "a", best(4));
  const auto again = std::make_shared<LetterEncoder>("sha256:aa");
  const auto ranker = make_dense_ranker(passages(), options(again)).value();
  EXPECT_EQ(again->passages, 0U);
  EXPECT_EQ(found(*ranker, "a", best(4)), wanted);
}

TEST_F(DenseRankerTest, NeverUsesWhatIsStale) {
  make_dense_ranker(passages(), options(std::make_shared<LetterEncoder>("sha256:aa"))).value();
  // Another model, other passages, another order, another partition.
  const auto model = std::make_shared<LetterEncoder>("sha256:ab");
  make_dense_ranker(passages(), options(model)).value();
  EXPECT_EQ(model->passages, 3U);
  std::vector<Passage> others = passages();
  others[0].text = "b";
  std::vector<Passage> moved = passages();
  std::swap(moved[0], moved[1]);
  std::vector<Passage> divided = passages();
  divided[0].partition = "y";
  for (const auto& changed : {others, moved, divided}) {
    const auto encoder = std::make_shared<LetterEncoder>("sha256:aa");
    make_dense_ranker(changed, options(encoder)).value();
    EXPECT_GE(encoder->passages, 3U);
  }
  // Of another model under this one's name.
  CorpusHash corpus;
  for (const Passage& passage : passages()) corpus.add(passage);
  fs::copy_file(cache_ / kept_vectors_name("sha256:ab", corpus.hex()),
                cache_ / kept_vectors_name("sha256:aa", corpus.hex()),
                fs::copy_options::overwrite_existing);
  const auto encoder = std::make_shared<LetterEncoder>("sha256:aa");
  make_dense_ranker(passages(), options(encoder)).value();
  EXPECT_EQ(encoder->passages, 3U);
}

TEST_F(DenseRankerTest, MakesDamagedVectorsAgain) {
  make_dense_ranker(passages(), options(std::make_shared<LetterEncoder>("sha256:aa"))).value();
  for (const auto& entry : fs::directory_iterator(cache_)) {
    fs::resize_file(entry.path(), fs::file_size(entry.path()) - 3);
  }
  const auto encoder = std::make_shared<LetterEncoder>("sha256:aa");
  const auto ranker = make_dense_ranker(passages(), options(encoder)).value();
  EXPECT_EQ(encoder->passages, 3U);
  EXPECT_EQ(found(*ranker, "b", best(1)), Numbers{1});
}

TEST_F(DenseRankerTest, GoesOnWithoutAPlaceForVectors) {
  std::ofstream(cache_) << "a file";
  const auto encoder = std::make_shared<LetterEncoder>("sha256:aa");
  DenseRankerOptions nowhere = options(encoder);
  nowhere.cache = (cache_ / "inside").string();
  EXPECT_EQ(found(*make_dense_ranker(passages(), nowhere).value(), "b", best(1)), Numbers{1});
}

// Acceptance check 9 of the study of RUIE: of two that are wanted, another task's and the
// question's own text are not among them, whatever their scores.
TEST_F(DenseRankerTest, FindsInstancesOfTheTaskWithoutTheQuestion) {
  const auto document = [](const std::string& id, const std::string& text, bool event) {
    data::Document out;
    out.id = id;
    out.text = text;
    out.entities = {{"e0", text.substr(0, 1), "T", {{0, 1}}, {}}};
    if (event) out.events.emplace_back().trigger = {0, 1};
    return out;
  };
  // Letters that the fixed words of instances do not have many of decide.
  const std::vector<data::Document> pool = {
      document("B", "q bbbbbbbbb", false), document("C", "bbbbbbbb vwx", false),
      document("D", "bbbbbbb opm klz", false), document("E", "bbbbbb rsy jjh", false)};
  PoolOptions how;
  how.unit = ExampleUnit::Document;
  how.diversity = 0;
  how.instances = InstanceOptions{{IeTask::kNer, IeTask::kRe}, {true}, labels_of(pool)};
  const auto encoder = std::make_shared<LetterEncoder>("sha256:aa");
  const auto made = ExamplePool::make(pool, how, [&](std::vector<Passage> texts) {
    EXPECT_EQ(texts.size(), 8U);
    EXPECT_EQ(texts[0].partition, "ner");
    EXPECT_EQ(
        texts[0].text,
        "Task: Named entity recognition\nInput: <Keyword> q </Keyword> bbbbbbbbb\nOutput: T: q");
    return make_dense_ranker(std::move(texts), options(encoder));
  });
  const data::Document question = document("q", "q bbbbbbbbb", false);
  ExampleQuery query;
  query.document = &question;
  query.task = IeTask::kNer;
  const FoundExamples hits = made.value().find(query, 2).value();
  ASSERT_EQ(hits.best.size(), 2U);
  EXPECT_EQ(hits.duplicates, 1);
  const auto& examples = made.value().examples();
  EXPECT_EQ(examples[hits.best[0].example].document, 1U);
  EXPECT_EQ(examples[hits.best[1].example].document, 2U);
  for (const FoundExample& hit : hits.best) {
    EXPECT_EQ(examples[hit.example].task, IeTask::kNer);
    EXPECT_GT(hit.score, 0.0);
  }
}

TEST_F(DenseRankerTest, FindsADocumentOnceForItsEvents) {
  data::Document two;
  two.id = "two";
  two.text = "aa hit bb fell cc hit";
  for (const auto& [type, begin, end] :
       {std::tuple("attack", size_t{3}, size_t{6}), std::tuple("fall", size_t{10}, size_t{14}),
        std::tuple("attack", size_t{18}, size_t{21})}) {
    data::Event event;
    event.type = type;
    event.trigger = {begin, end};
    two.events.push_back(event);
  }
  data::Document other = two;
  other.id = "other";
  other.text = "cc met dd sank ee met";
  const std::vector<data::Document> pool = {two, other};
  PoolOptions how;
  how.unit = ExampleUnit::Document;
  how.instances = InstanceOptions{{IeTask::kEae}, {true}, labels_of(pool)};
  const auto encoder = std::make_shared<LetterEncoder>("sha256:aa");
  const auto made = ExamplePool::make(pool, how, [&](std::vector<Passage> texts) {
    EXPECT_EQ(texts.size(), 6U);
    EXPECT_NE(texts[1].text.find("Given event trigger: \"fall: fell\""), std::string::npos);
    return make_dense_ranker(std::move(texts), options(encoder));
  });
  data::Document question = two;
  question.text = "zz ran uu vvvv ww rap";
  ExampleQuery query;
  query.document = &question;
  query.task = IeTask::kEae;
  query.event = 0;
  query.event_type = "attack";
  const FoundExamples hits = made.value().find(query, 4).value();
  ASSERT_EQ(hits.best.size(), 2U);
  const auto& examples = made.value().examples();
  EXPECT_NE(examples[hits.best[0].example].document, examples[hits.best[1].example].document);
  for (const FoundExample& hit : hits.best) EXPECT_NE(examples[hit.example].event, 1);
}

}  // namespace
}  // namespace relata::retrieve
