#include "relata/data/windows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace relata::data {
namespace {

Document long_document() {
  Document document;
  document.id = "d";
  document.text = "Ann lives in Oslo. She met Bob. 他们在北京。Bob left. Ann stayed.";
  const auto mention = [&](const std::string& name) {
    return find_occurrences(document.text, name);
  };
  document.entities = {{"a", "Ann", "PER", mention("Ann"), {}},
                       {"b", "Bob", "PER", mention("Bob"), {}},
                       {"o", "Oslo", "LOC", mention("Oslo"), {}},
                       {"n", "Nobody", "PER", {}, {}}};
  document.relations = {{0, 2, "lives_in", 0.5, {{0, 18}}}, {0, 1, "met", std::nullopt, {}}};
  const ByteRange met = mention("met")[0];
  document.events = {{"ev0", "Meet", met, {{"With", mention("Bob")[0], 1}}}};
  return document;
}

std::vector<Window> windows_of(const Document& document, size_t size, size_t overlap,
                               bool whole_sentences = true) {
  WindowOptions options;
  options.size = size;
  options.overlap = overlap;
  options.whole_sentences = whole_sentences;
  auto windows = make_windows(document, options);
  EXPECT_TRUE(windows.ok());
  return *windows;
}

std::vector<std::string> texts(const std::vector<Window>& windows) {
  std::vector<std::string> out;
  for (const Window& window : windows) out.push_back(window.document.text);
  return out;
}

TEST(Windows, KeepSentencesWhole) {
  const Document document = long_document();
  EXPECT_EQ(texts(windows_of(document, 35, 0)),
            (std::vector<std::string>{"Ann lives in Oslo. She met Bob.",
                                      "他们在北京。Bob left. Ann stayed."}));
  EXPECT_EQ(texts(windows_of(document, 35, 20)),
            (std::vector<std::string>{"Ann lives in Oslo. She met Bob.",
                                      "She met Bob. 他们在北京。Bob left.",
                                      "他们在北京。Bob left. Ann stayed."}));
  EXPECT_EQ(texts(windows_of(document, 1000, 20)), std::vector<std::string>{document.text});
}

TEST(Windows, CutWhatIsLongerThanAWindow) {
  Document document;
  document.text = "abcdefghij klm. No.";
  EXPECT_EQ(texts(windows_of(document, 6, 2)),
            (std::vector<std::string>{"abcdef", "efghij", "ij klm", "lm.", "No."}));
  EXPECT_EQ(texts(windows_of(document, 10, 5, false)),
            (std::vector<std::string>{"abcdefghij", "fghij klm.", " klm. No."}));
}

TEST(Windows, ProjectEntitiesRelationsAndEvents) {
  const Document document = long_document();
  const auto windows = windows_of(document, 35, 0);
  const Document& first = windows[0].document;
  EXPECT_EQ(first.id, "d#1");
  ASSERT_EQ(first.entities.size(), 3u);
  EXPECT_EQ(first.relations.size(), 2u);
  EXPECT_EQ(first.events.at(0).arguments.at(0).entity, 1);
  const Document& second = windows[1].document;
  ASSERT_EQ(second.entities.size(), 2u);
  EXPECT_EQ(second.entities[0].id, "a");
  const ByteRange& mention = second.entities[0].mentions.at(0);
  EXPECT_EQ(second.text.substr(mention.begin, mention.end - mention.begin), "Ann");
  ASSERT_EQ(second.relations.size(), 1u);
  EXPECT_EQ(second.relations[0].type, "met");
}

TEST(Windows, AnswersComeBackAsOneDocument) {
  const Document document = long_document();
  const auto windows = windows_of(document, 35, 20);
  std::vector<Document> answers;
  for (const Window& window : windows) answers.push_back(window.document);
  // A new entity that two windows see, and a relation that both give.
  for (size_t i = 1; i < 3; ++i) {
    Document& answer = answers[i];
    answer.entities.push_back({"new", "北京", "LOC", find_occurrences(answer.text, "北京"), {}});
    const int last = static_cast<int>(answer.entities.size()) - 1;
    int bob = 0;
    while (answer.entities[bob].id != "b") ++bob;
    answer.relations.push_back({bob, last, "left", 0.25 * static_cast<double>(i), {}});
  }
  const auto merged = merge_windows(document, windows, answers);
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->text, document.text);
  ASSERT_EQ(merged->entities.size(), 5u);
  EXPECT_EQ(merged->entities[4].mentions, find_occurrences(document.text, "北京"));
  ASSERT_EQ(merged->relations.size(), 3u);
  EXPECT_EQ(merged->relations[0].evidence.at(0), (ByteRange{0, 18}));
  EXPECT_EQ(merged->relations[2].type, "left");
  EXPECT_EQ(merged->relations[2].score, 0.5);
  EXPECT_EQ(merged->relations[2].tail, 4);
  ASSERT_EQ(merged->events.size(), 1u);
  EXPECT_EQ(merged->events[0].trigger, document.events[0].trigger);
}

TEST(Windows, RefuseImpossibleSizesAndForeignAnswers) {
  const Document document = long_document();
  WindowOptions options;
  options.size = 0;
  EXPECT_FALSE(make_windows(document, options).ok());
  options.size = options.overlap = 5;
  EXPECT_FALSE(make_windows(document, options).ok());
  const auto windows = windows_of(document, 35, 0);
  EXPECT_THROW((void)merge_windows(document, windows, {}), std::logic_error);
  std::vector<Document> answers(windows.size());
  EXPECT_EQ(merge_windows(document, windows, answers).error().message,
            "d#1: the answer is about another text");
}

TEST(Windows, CountTokensWhereUnitsAreGiven) {
  Document document;
  document.text = "one two three four five six. Seven eight nine.";
  WindowOptions options;
  options.size = 4;
  options.overlap = 1;
  options.units = [](const std::string& text) {
    std::vector<ByteRange> words;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(' ', at), text.size());
      words.push_back({at, end});
      at = end + 1;
    }
    return words;
  };
  const auto windows = make_windows(document, options);
  ASSERT_TRUE(windows.ok());
  EXPECT_EQ(texts(*windows), (std::vector<std::string>{"one two three four", "four five six.",
                                                       "Seven eight nine."}));
}

// Whatever the text and the sizes: no window is too long, every character that counts is in one,
// each is a part of the text on code points, and merging what was projected loses nothing that was
// inside a window.
TEST(Windows, AreExactOnRandomUnicode) {
  std::mt19937 random(11);
  const std::u32string common = U"ab. ! 。你好\n😀é";
  for (int round = 0; round < 2000; ++round) {
    Document document;
    document.id = "r";
    const size_t length = 1 + random() % 120;
    for (size_t i = 0; i < length; ++i) {
      text::append_utf8(document.text, common[random() % common.size()]);
    }
    const text::OffsetMap offsets(document.text);
    for (int i = 0; i < 5; ++i) {
      const size_t begin = random() % length;
      const size_t end = std::min(length, begin + 1 + random() % 4);
      Entity entity;
      entity.id = "e" + std::to_string(i);
      entity.mentions = {{offsets.to_byte(begin), offsets.to_byte(end)}};
      entity.text = document.text.substr(entity.mentions[0].begin,
                                         entity.mentions[0].end - entity.mentions[0].begin);
      document.entities.push_back(std::move(entity));
    }
    for (int i = 0; i < 4; ++i) document.relations.push_back({i, i + 1, "r", std::nullopt, {}});
    const size_t size = 1 + random() % 40;
    const auto windows = windows_of(document, size, random() % size, random() % 2 == 0);
    std::vector<char> covered(document.text.size(), 0);
    std::vector<Document> answers;
    std::set<int> kept;
    size_t end = 0;
    for (const Window& window : windows) {
      ASSERT_EQ(document.text.substr(window.range.begin, window.range.end - window.range.begin),
                window.document.text);
      ASSERT_FALSE(text::find_invalid_utf8(window.document.text));
      ASSERT_LE(text::count_code_points(window.document.text), size);
      ASSERT_GT(window.range.end, end);
      end = window.range.end;
      std::fill(covered.begin() + static_cast<std::ptrdiff_t>(window.range.begin),
                covered.begin() + static_cast<std::ptrdiff_t>(window.range.end), 1);
      const auto line = to_json_line(window.document);
      ASSERT_TRUE(document_from_json(Json::parse(line), "w").ok()) << line;
      for (const Relation& relation : window.document.relations) {
        kept.insert(window.document.entities[relation.head].id[1] - '0');
      }
      answers.push_back(window.document);
    }
    for (size_t at = 0; at < covered.size(); ++at) {
      ASSERT_TRUE(covered[at] || document.text[at] == ' ' || document.text[at] == '\n')
          << document.text;
    }
    const auto merged = merge_windows(document, windows, answers);
    ASSERT_TRUE(merged.ok());
    ASSERT_EQ(merged->relations.size(), kept.size());
    for (size_t i = 0; i < document.entities.size(); ++i) {
      ASSERT_EQ(merged->entities[i].mentions, document.entities[i].mentions);
    }
  }
}

}  // namespace
}  // namespace relata::data
