#include "relata/retrieve/examples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace relata::retrieve {
namespace {

using data::Document;
using Strings = std::vector<std::string>;

// Entities are the names; `labels` are of the pair of the first two, none for "".
Document sentence(const std::string& id, const std::string& text, const Strings& names,
                  const std::string& label = "") {
  Document out;
  out.id = id;
  out.text = text;
  for (const std::string& name : names) {
    data::Entity entity;
    entity.id = "e" + std::to_string(out.entities.size());
    entity.text = name;
    entity.type = "THING";
    entity.mentions = data::find_occurrences(text, name);
    out.entities.push_back(std::move(entity));
  }
  if (!label.empty()) {
    data::Relation relation;
    relation.head = 0;
    relation.tail = 1;
    relation.type = label;
    out.relations.push_back(std::move(relation));
  }
  return out;
}

Result<std::shared_ptr<const Ranker>> bm25(std::vector<Passage> passages) {
  return make_bm25_ranker(std::move(passages), {});
}

std::vector<Document> companies() {
  return {sentence("a", "Acme bought the turbine maker Brill in May.", {"Acme", "Brill"}, "buys"),
          sentence("b", "The turbine maker Cole was founded by Dora.", {"Dora", "Cole"}, "founds"),
          sentence("c", "Eve married Finn in a church by the sea.", {"Eve", "Finn"}, "spouse"),
          sentence("d", "Gus bought the brewery Hale last year.", {"Gus", "Hale"}, "buys")};
}

Strings found_ids(const ExamplePool& pool, const FoundExamples& found) {
  Strings out;
  for (const FoundExample& hit : found.best) {
    out.push_back(pool.documents()[pool.examples()[hit.example].document].id);
  }
  return out;
}

FoundExamples find(const ExamplePool& pool, const Document& document, size_t k, int head = 0,
                   int tail = 1) {
  return pool.find({&document, head, tail, ""}, k).value();
}

TEST(Examples, TheNearestComeFirstWithTheirLabels) {
  const auto pool = ExamplePool::make(companies(), {}, bm25).value();
  const Document question = sentence("q", "Ivo bought the turbine maker Jute.", {"Ivo", "Jute"});
  const auto found = find(pool, question, 2);
  ASSERT_EQ(found_ids(pool, found), (Strings{"a", "d"}));
  EXPECT_EQ(pool.examples()[found.best[0].example].labels, Strings{"buys"});
  EXPECT_EQ(found.duplicates, 0);
  EXPECT_GE(found.best[0].score, found.best[1].score);
}

TEST(Examples, WhatSharesNoWordWithThePoolGetsExamplesByChance) {
  const auto pool = ExamplePool::make(companies(), {}, bm25).value();
  const Document question = sentence("q", "东部文具拥有永升。", {"东部文具", "永升"});
  const auto found = find(pool, question, 3);
  ASSERT_EQ(found.best.size(), 3U);
  for (const FoundExample& hit : found.best) EXPECT_EQ(hit.score, 0.0);
  EXPECT_EQ(found_ids(pool, found), found_ids(pool, find(pool, question, 3)));
  // Behind what was found, and without the question itself.
  const Document own = companies()[2];
  const Strings ids = found_ids(pool, find(pool, own, 4));
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()), (std::set<std::string>{"a", "b", "d"}));
}

TEST(Examples, AQuestionNeverFindsItself) {
  const auto pool = ExamplePool::make(companies(), {}, bm25).value();
  for (const Document& own : companies()) {
    const auto found = find(pool, own, 4);
    const Strings ids = found_ids(pool, found);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), own.id), 0) << own.id;
    EXPECT_EQ(found.duplicates, 1) << own.id;
  }
}

TEST(Examples, CaseSpacesAndSignsDoNotHideADuplicate) {
  PoolOptions options;
  options.near_duplicate = 1.0;
  const auto pool = ExamplePool::make(companies(), options, bm25).value();
  const Document same =
      sentence("q", "  ACME bought the turbine-maker Brill, in May", {"ACME", "Brill"});
  EXPECT_EQ(found_ids(pool, find(pool, same, 1)), Strings{"d"});
  // One word more is another text for a limit of 1, but not for the usual one.
  const Document near =
      sentence("q", "Acme bought the turbine maker Brill in early May.", {"Acme", "Brill"});
  EXPECT_EQ(found_ids(pool, find(pool, near, 1)), Strings{"a"});
  const auto usual = ExamplePool::make(companies(), {}, bm25).value();
  const auto found = find(usual, near, 1);
  EXPECT_EQ(found_ids(usual, found), Strings{"d"});
  EXPECT_EQ(found.duplicates, 1);
}

// A text around the question's, or a part of it, brings the answer just as well.
TEST(Examples, ATextWithinTheOtherIsADuplicate) {
  const std::string more =
      " Nobody in the trade had thought that the two would ever talk, let alone agree on a price.";
  std::vector<Document> documents = companies();
  documents[0] = sentence("a", documents[0].text + more, {"Acme", "Brill"}, "buys");
  for (const double limit : {0.7, 1.0}) {
    PoolOptions options;
    options.near_duplicate = limit;
    const auto pool = ExamplePool::make(documents, options, bm25).value();
    const auto around = find(pool, companies()[0], 4);
    EXPECT_EQ(around.duplicates, 1);
    const Strings ids = found_ids(pool, around);
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()),
              (std::set<std::string>{"b", "c", "d"}));
    const auto part = find(pool, sentence("q", companies()[3].text + more, {"Gus", "Hale"}), 4);
    EXPECT_EQ(part.duplicates, 1);
    const Strings others = found_ids(pool, part);
    EXPECT_EQ(std::count(others.begin(), others.end(), "d"), 0);
  }
  const auto chinese =
      ExamplePool::make(
          {sentence("a", "昨天下午有消息说，东部文具拥有永升。", {"东部文具", "永升"}, "owns")}, {},
          bm25)
          .value();
  EXPECT_EQ(find(chinese, sentence("q", "东部文具拥有永升", {"东部文具", "永升"}), 1).duplicates,
            1);
}

TEST(Examples, ShortTextsAreWithinManyOthers) {
  const auto pool =
      ExamplePool::make({sentence("a", "He left Oslo.", {"He", "Oslo"}, "leaves")}, {}, bm25)
          .value();
  const auto found = find(
      pool, sentence("q", "When the war had ended, he left Oslo for good.", {"war", "Oslo"}), 1);
  EXPECT_EQ(found.duplicates, 0);
  EXPECT_EQ(found_ids(pool, found), Strings{"a"});
}

// A long text has the trigrams of sentences that it does not hold.
TEST(Examples, TheTrigramsOfALongTextAreNotASentence) {
  const std::string text = "Acme bought the turbine maker Brill in May.";
  std::string words;
  for (size_t i = 0; i + 4 < text.size(); ++i) words += text.substr(i, 5) + "; ";
  const auto own = text_shingles(text), others = text_shingles(words);
  ASSERT_TRUE(std::includes(others.begin(), others.end(), own.begin(), own.end()));
  const auto pool =
      ExamplePool::make({sentence("a", words, {"turb", "rill"}, "buys")}, {}, bm25).value();
  const auto found = find(pool, sentence("q", text, {"Acme", "Brill"}), 1);
  EXPECT_EQ(found.duplicates, 0);
}

// Another pair of the same sentence would tell of the inverse relation, so it is left out too.
TEST(Examples, OtherPairsOfTheSameSentenceAreLeftOut) {
  Document both = sentence("a", "Acme bought Brill and Cole.", {"Acme", "Brill", "Cole"}, "buys");
  data::Relation second;
  second.head = 0;
  second.tail = 2;
  second.type = "buys";
  both.relations.push_back(second);
  const auto pool = ExamplePool::make({both, companies()[3]}, {}, bm25).value();
  EXPECT_EQ(pool.examples().size(), 3U);
  const auto found = find(pool, both, 3);
  EXPECT_EQ(found_ids(pool, found), Strings{"d"});
  EXPECT_EQ(found.duplicates, 2);
}

TEST(Examples, OtherEntitiesAreAnotherQuestion) {
  const std::vector<Document> pool_documents = {
      sentence("owner", "Kim owns the old mill.", {"Kim", "mill"}, "owns"),
      sentence("place", "The mill stands in Lund.", {"mill", "Lund"}, "place")};
  const Document question =
      sentence("q", "Max owns a mill which stands in Malmo.", {"Max", "mill", "Malmo"});
  PoolOptions options;
  options.form = QueryForm::Pair;
  const auto pool = ExamplePool::make(pool_documents, options, bm25).value();
  EXPECT_EQ(found_ids(pool, find(pool, question, 1, 0, 1)), Strings{"owner"});
  EXPECT_EQ(found_ids(pool, find(pool, question, 1, 1, 2)), Strings{"place"});
  // By the sentence alone both questions are one.
  options.form = QueryForm::Sentence;
  const auto plain = ExamplePool::make(pool_documents, options, bm25).value();
  EXPECT_EQ(found_ids(plain, find(plain, question, 1, 0, 1)),
            found_ids(plain, find(plain, question, 1, 1, 2)));
}

TEST(Examples, MaskedQueriesHoldTypesInsteadOfNames) {
  const Document document = sentence("q", "Acme bought Brill in May.", {"Acme", "Brill"});
  const ExampleQuery query{&document, 0, 1, ""};
  EXPECT_EQ(query_text(query, QueryForm::Masked), " THING  bought  THING  in May.");
  EXPECT_EQ(query_text(query, QueryForm::Sentence), document.text);
  EXPECT_EQ(query_text(query, QueryForm::Pair),
            document.text +
                "\nAcme bought Brill\x1f zzbought zzzhzzbought zzboughtzzzt "
                "zzzhzzboughtzzzt");
  // The other way round it is another question, though the same words stand between.
  EXPECT_EQ(query_text({&document, 1, 0, ""}, QueryForm::Pair),
            document.text +
                "\nAcme bought Brill\x1f zzbought zzztzzbought zzboughtzzzh "
                "zzztzzboughtzzzh");
  const Document chinese = sentence("z", "东部文具拥有永升。", {"东部文具", "永升"});
  EXPECT_EQ(query_text({&chinese, 0, 1, ""}, QueryForm::Pair),
            chinese.text + "\n东部文具拥有永升\x1f zzzhzzzt");
  EXPECT_EQ(query_text({&document, -1, -1, ""}, QueryForm::Pair), document.text);
}

TEST(Examples, DiversityPassesOverWhatIsLikeAChosenOne) {
  std::vector<Document> documents = companies();
  documents.push_back(
      sentence("a2", "Acme bought the turbine maker Bratt in May.", {"Acme", "Bratt"}, "buys"));
  const Document question =
      sentence("q", "Ivo bought the turbine maker Jute in May.", {"Ivo", "Jute"});
  PoolOptions options;
  options.near_duplicate = 1.0;
  options.diversity = 0.0;
  const auto nearest = ExamplePool::make(documents, options, bm25).value();
  const Strings plain = found_ids(nearest, find(nearest, question, 2));
  EXPECT_EQ(std::set<std::string>(plain.begin(), plain.end()), (std::set<std::string>{"a", "a2"}));
  options.diversity = 0.7;
  const auto diverse = ExamplePool::make(documents, options, bm25).value();
  const Strings apart = found_ids(diverse, find(diverse, question, 2));
  ASSERT_EQ(apart.size(), 2U);
  EXPECT_EQ(apart[0].substr(0, 1), "a");
  EXPECT_NE(apart[1].substr(0, 1), "a");
  const Strings near = found_ids(diverse, diverse.find({&question, 0, 1, "", false}, 2).value());
  EXPECT_EQ(std::set<std::string>(near.begin(), near.end()), (std::set<std::string>{"a", "a2"}));
}

// Else it would have a vote for each time that it was stored.
TEST(Examples, WhatThePoolHasSeveralTimesIsFoundOnce) {
  std::vector<Document> documents = companies();
  for (const char* id : {"a2", "a3"}) documents.push_back(documents[0]), documents.back().id = id;
  documents.push_back(documents[0]);
  documents.back().id = "other label";
  documents.back().relations[0].type = "sells";
  documents.push_back(documents[0]);
  documents.back().id = "other pair";
  std::swap(documents.back().relations[0].head, documents.back().relations[0].tail);
  const Document question = sentence("q", "Ivo bought the turbine maker Jute.", {"Ivo", "Jute"});
  PoolOptions options;
  options.diversity = 0.0;
  const auto pairs = ExamplePool::make(documents, options, bm25).value();
  Strings ids = found_ids(pairs, find(pairs, question, 20));
  EXPECT_EQ(ids[0], "a");
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(ids, (Strings{"a", "b", "c", "d", "other label", "other pair"}));
  options.unit = ExampleUnit::Document;
  const auto whole = ExamplePool::make(documents, options, bm25).value();
  EXPECT_EQ(whole.find({&question, -1, -1, ""}, 20)->best.size(), 6U);
}

TEST(Examples, DocumentsAreExamplesAndCanBeAskedForByEvent) {
  Document strike = sentence("strike", "Workers struck at the port on Monday.", {});
  strike.events.push_back({"ev0", "Strike", {8, 14}, {}});
  const Document quiet = sentence("quiet", "Workers met at the port on Monday.", {});
  PoolOptions options;
  options.unit = ExampleUnit::Document;
  const auto pool = ExamplePool::make({quiet, strike}, options, bm25).value();
  const Document question = sentence("q", "Workers met at the harbour.", {});
  EXPECT_EQ(found_ids(pool, pool.find({&question, -1, -1, ""}, 2).value()),
            (Strings{"quiet", "strike"}));
  EXPECT_EQ(found_ids(pool, pool.find({&question, -1, -1, "Strike"}, 2).value()),
            Strings{"strike"});
}

TEST(Examples, RefusedExamplesAreNotInThePool) {
  PoolOptions options;
  options.accept = [](const Document&, const Example& example) {
    return example.labels == Strings{"spouse"};
  };
  const auto pool = ExamplePool::make(companies(), options, bm25).value();
  ASSERT_EQ(pool.examples().size(), 1U);
  options.accept = [](const Document&, const Example&) { return false; };
  const auto none = ExamplePool::make(companies(), options, bm25);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message.find("none of the pool's 4 documents"), std::string::npos);
}

TEST(Examples, EmptyAndUnlabelledPoolsAreErrors) {
  const auto empty = ExamplePool::make({}, {}, bm25);
  ASSERT_FALSE(empty.ok());
  EXPECT_EQ(empty.error().message, "the pool of examples is empty");
  const auto bare = ExamplePool::make({sentence("a", "Acme bought Brill.", {"Acme"})}, {}, bm25);
  ASSERT_FALSE(bare.ok());
  EXPECT_NE(bare.error().message.find("has an example"), std::string::npos);
}

TEST(Examples, IdentityNamesPoolAndSettings) {
  const auto identity = [](std::vector<Document> documents, const PoolOptions& options) {
    return ExamplePool::make(std::move(documents), options, bm25).value().identity();
  };
  const std::string first = identity(companies(), {});
  EXPECT_EQ(first, identity(companies(), {}));
  PoolOptions other;
  other.diversity = 0.1;
  EXPECT_NE(first, identity(companies(), other));
  std::vector<Document> changed = companies();
  changed[2].relations[0].type = "friend";
  EXPECT_NE(first, identity(changed, {}));
}

TEST(Shingles, SimilarityIsJaccards) {
  // "abcd" has abc, bcd; "abce" has abc, bce.
  EXPECT_DOUBLE_EQ(shingle_similarity(text_shingles("abcd"), text_shingles("AB, ce")), 1.0 / 3);
  EXPECT_DOUBLE_EQ(shingle_similarity(text_shingles("你好吗"), text_shingles("你好马")), 0.0);
  EXPECT_DOUBLE_EQ(shingle_similarity({}, {}), 1.0);
  EXPECT_DOUBLE_EQ(shingle_similarity(text_shingles("ab"), {}), 0.0);
}

TEST(Shingles, CaseSpacesAndSignsOfAnyScriptDoNotCount) {
  const std::pair<const char*, const char*> kSame[] = {
      {"你好吗", "你好吗？"},
      {"甲乙", "“甲乙”。"},
      {"Компания Север владеет", "КОМПАНИЯ — Север\u00a0владеет"},
      {"L'été à Paris", "l’E\u0301TE\u0301 à\u3000PARIS"},
      {"A is B", "“Ａ is Ｂ”"},
      {"Straße", "STRASSE"}};
  for (const auto& [one, other] : kSame) {
    EXPECT_EQ(text_shingles(one), text_shingles(other)) << one;
  }
  // Letters that differ do.
  EXPECT_NE(text_shingles("Ada likes Bob"), text_shingles("Ada liked Bob"));
  EXPECT_NE(text_shingles("?!"), text_shingles("…"));
}

std::vector<Passage> passages(size_t count) {
  std::vector<Passage> out;
  for (size_t i = 0; i < count; ++i) {
    out.push_back({std::to_string(i), i % 2 == 0 ? "even" : "odd", "word" + std::to_string(i)});
  }
  return out;
}

TEST(Rankers, RandomIsTheSameForTheSameQueryAndSpread) {
  const auto ranker = make_random_ranker(passages(50), 7);
  SearchOptions options;
  options.k = 20;
  const auto numbers = [&](const std::string& query) {
    std::vector<size_t> out;
    const auto hits = ranker->search(query, options).value();
    for (const Hit& hit : hits) out.push_back(hit.passage);
    return out;
  };
  const auto first = numbers("a");
  EXPECT_EQ(first, numbers("a"));
  EXPECT_NE(first, numbers("b"));
  EXPECT_EQ(std::set<size_t>(first.begin(), first.end()).size(), 20U);
  options.partition = "odd";
  options.k = 100;
  options.skip = [](size_t passage) { return passage == 1; };
  const auto odd = numbers("a");
  EXPECT_EQ(odd.size(), 24U);
  for (const size_t number : odd) EXPECT_EQ(number % 2, 1U);
  // Every passage comes first for some query.
  std::set<size_t> firsts;
  options = {};
  options.k = 1;
  for (int i = 0; i < 1000; ++i) firsts.insert(numbers(std::to_string(i)).at(0));
  EXPECT_EQ(firsts.size(), 50U);
}

// A ranker with a given order, for fusion.
class FixedRanker : public Ranker {
 public:
  explicit FixedRanker(std::vector<size_t> order) : order_(std::move(order)) {}
  Result<std::vector<Hit>> search(std::string_view, const SearchOptions& options) const override {
    std::vector<Hit> out;
    for (const size_t passage : order_) {
      if (out.size() < options.k) out.push_back({passage, 1.0});
    }
    return out;
  }
  std::string identity() const override { return "fixed"; }

 private:
  std::vector<size_t> order_;
};

TEST(Rankers, FusionAddsReciprocalRanks) {
  const auto fused = make_fused_ranker({std::make_shared<FixedRanker>(std::vector<size_t>{0, 1, 2}),
                                        std::make_shared<FixedRanker>(std::vector<size_t>{2, 1})});
  SearchOptions options;
  options.k = 3;
  const auto hits = fused->search("", options).value();
  ASSERT_EQ(hits.size(), 3U);
  EXPECT_EQ(hits[0].passage, 2U);
  EXPECT_DOUBLE_EQ(hits[0].score, 1.0 / 63 + 1.0 / 61);
  EXPECT_EQ(hits[1].passage, 1U);
  EXPECT_DOUBLE_EQ(hits[1].score, 1.0 / 62 + 1.0 / 62);
  EXPECT_EQ(hits[2].passage, 0U);
}

}  // namespace
}  // namespace relata::retrieve
