#include "relata/text/sentences.h"

#include <gtest/gtest.h>
#include <unicode/brkiter.h>
#include <unicode/unistr.h>

#include <filesystem>
#include <random>
#include <set>

#include "relata/base/file.h"
#include "relata/base/json.h"

namespace relata::text {
namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (const ByteRange& range : split_sentences(text)) {
    out.push_back(text.substr(range.begin, range.end - range.begin));
  }
  return out;
}

using Strings = std::vector<std::string>;

TEST(Sentences, EndAtStops) {
  EXPECT_EQ(split("One is here. Two is there! Is three? Yes."),
            (Strings{"One is here.", "Two is there!", "Is three?", "Yes."}));
  EXPECT_EQ(split("  No stop at all \n"), (Strings{"No stop at all"}));
  EXPECT_TRUE(split("").empty());
  EXPECT_TRUE(split(" \n\t").empty());
}

TEST(Sentences, AbbreviationsInitialsAndNumbersDoNotEndThem) {
  EXPECT_EQ(split("Dr. Smith paid $3.50 to J. K. Rowling. She left."),
            (Strings{"Dr. Smith paid $3.50 to J. K. Rowling.", "She left."}));
  EXPECT_EQ(split("Acme Inc. Chairman Lee spoke. See Fig. 3 and e.g. Table 2."),
            (Strings{"Acme Inc. Chairman Lee spoke.", "See Fig. 3 and e.g. Table 2."}));
  EXPECT_EQ(split("He moved to the U.S. The firm stayed in the U.S. Senate's view."),
            (Strings{"He moved to the U.S.", "The firm stayed in the U.S. Senate's view."}));
  EXPECT_EQ(split("1. First things first. 2. Then others."),
            (Strings{"1. First things first.", "2. Then others."}));
  EXPECT_EQ(split("See example.com or v1.2.3 for more. Done."),
            (Strings{"See example.com or v1.2.3 for more.", "Done."}));
}

TEST(Sentences, QuotesEllipsesAndBracketsStayTogether) {
  EXPECT_EQ(split("\"Stop!\" he said. \"Why?\" Nobody knew."),
            (Strings{"\"Stop!\" he said.", "\"Why?\"", "Nobody knew."}));
  EXPECT_EQ(split("Well... maybe not. He left (at last.) Then rain."),
            (Strings{"Well... maybe not.", "He left (at last.)", "Then rain."}));
  EXPECT_EQ(split("What?! Really… She \" shouted . \" And left ."),
            (Strings{"What?!", "Really…", "She \" shouted . \"", "And left ."}));
}

TEST(Sentences, LinesOfTextWithoutSpacesEndThere) {
  EXPECT_EQ(split("他来了\n她走了"), (Strings{"他来了", "她走了"}));
  // U+2FF0 and its kin describe a character by its parts.
  EXPECT_EQ(split("写作⿰\n⿱所成"), (Strings{"写作⿰", "⿱所成"}));
}

TEST(Sentences, ChineseNeedsNoSpace) {
  EXPECT_EQ(split("他来了。她走了！为什么？没人知道"),
            (Strings{"他来了。", "她走了！", "为什么？", "没人知道"}));
  EXPECT_EQ(split("他说：“好。”然后走了。“真的吗？”，她问。"),
            (Strings{"他说：“好。”", "然后走了。", "“真的吗？”，她问。"}));
  EXPECT_EQ(split("等等……再说吧。增长3.5%。"), (Strings{"等等……", "再说吧。", "增长3.5%。"}));
  EXPECT_EQ(split("标题\n正文第一句。"), (Strings{"标题", "正文第一句。"}));
}

TEST(Sentences, EmptyLinesEndThem) {
  EXPECT_EQ(split("A heading\n\nThe text goes\non here. End"),
            (Strings{"A heading", "The text goes\non here.", "End"}));
}

// Whatever the text: sorted, disjoint, on code points, and nothing but white space is left out.
TEST(Sentences, CoverRandomUnicode) {
  std::mt19937 random(7);
  const std::u32string common = U".!?…。！？\"'”“()） \n\nABcd12e.g. U.S. Mr. 你好，😀é";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const size_t length = random() % 80;
    for (size_t i = 0; i < length; ++i) {
      char32_t c = common[random() % common.size()];
      if (random() % 10 == 0) c = random() % 0x110000;
      if (c >= 0xD800 && c < 0xE000) c = 'x';
      append_utf8(text, c == 0 ? U'0' : c);
    }
    const auto sentences = split_sentences(text);
    size_t end = 0;
    const auto expect_space = [&](size_t from, size_t to) {
      for (const char32_t c : to_code_points(std::string_view(text).substr(from, to - from))) {
        EXPECT_TRUE(u_isUWhiteSpace(static_cast<UChar32>(c))) << text;
      }
    };
    for (const ByteRange& range : sentences) {
      ASSERT_LT(range.begin, range.end);
      ASSERT_GE(range.begin, end);
      ASSERT_FALSE(find_invalid_utf8(text.substr(range.begin, range.end - range.begin)));
      expect_space(end, range.begin);
      end = range.end;
    }
    expect_space(end, text.size());
  }
}

// Boundaries found, stated and common to both, as ends of sentences that are not the text's last.
struct Boundaries {
  size_t found = 0;
  size_t stated = 0;
  size_t common = 0;

  void add(const std::vector<ByteRange>& sentences, const std::set<size_t>& ends) {
    stated += ends.size() - 1;
    for (size_t i = 0; i + 1 < sentences.size(); ++i) {
      ++found;
      common += ends.contains(sentences[i].end);
    }
  }
  double f1() const {
    return 2.0 * static_cast<double>(common) / static_cast<double>(found + stated);
  }
};

std::vector<ByteRange> split_by_icu(const std::string& text, const char* locale) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createSentenceInstance(icu::Locale(locale), status));
  const icu::UnicodeString wide = icu::UnicodeString::fromUTF8(text);
  breaks->setText(wide);
  std::vector<ByteRange> sentences;
  int32_t begin = 0;
  size_t at = 0;
  for (int32_t end = breaks->next(); end != icu::BreakIterator::DONE; end = breaks->next()) {
    std::string part;
    wide.tempSubStringBetween(begin, end).toUTF8String(part);
    size_t length = part.find_last_not_of(" \n\t\r");
    length = length == std::string::npos ? 0 : length + 1;
    if (length > 0) sentences.push_back({at, at + length});
    at += part.size();
    begin = end;
  }
  return sentences;
}

struct Stated {
  std::string text;
  std::set<size_t> ends;

  void add(const std::string& sentence, const std::string& separator) {
    if (sentence.empty()) return;
    if (!text.empty()) text += separator;
    text += sentence;
    ends.insert(text.size());
  }
};

const std::string kData = RELATA_SHARED "/data/";

std::vector<Stated> redocred() {
  const auto json = read_json(kData + "redocred/dev_revised.json");
  std::vector<Stated> documents;
  for (const Json& item : *json) {
    Stated& document = documents.emplace_back();
    for (const Json& tokens : item.at("sents")) {
      std::string sentence;
      for (const Json& token : tokens) {
        if (!sentence.empty()) sentence += " ";
        sentence += token.get<std::string>();
      }
      const size_t begin = std::min(sentence.find_first_not_of(" \n\t"), sentence.size());
      const size_t end = sentence.find_last_not_of(" \n\t");
      document.add(end == std::string::npos ? "" : sentence.substr(begin, end - begin + 1), " ");
    }
  }
  return documents;
}

std::vector<Stated> wikievents() {
  std::vector<Stated> documents;
  for (const char* file : {"dev.jsonl", "test.jsonl"}) {
    const auto content = read_file(kData + "wikievents/" + file);
    for (size_t at = 0; at < content->size();) {
      const size_t end = std::min(content->find('\n', at), content->size());
      const Json item = Json::parse(content->substr(at, end - at));
      at = end + 1;
      Stated& document = documents.emplace_back();
      for (const Json& sentence : item.at("sentences")) {
        document.add(sentence[1].get<std::string>(), " ");
      }
    }
  }
  return documents;
}

// Sentences of news that end with a stop, ten to a text.
std::vector<Stated> msra() {
  const auto content = read_file(kData + "msra_ner/msra_test_bio.txt");
  std::vector<Stated> documents(1);
  std::string sentence;
  for (size_t at = 0; at < content->size();) {
    const size_t end = std::min(content->find('\n', at), content->size());
    const std::string line = content->substr(at, end - at);
    at = end + 1;
    const size_t tab = line.find('\t');
    if (tab != std::string::npos) {
      sentence += line.substr(0, tab);
      continue;
    }
    if (documents.back().ends.size() == 10) documents.emplace_back();
    if (sentence.ends_with("。")) documents.back().add(sentence, "");
    sentence.clear();
  }
  return documents;
}

struct Measured {
  const char* name;
  std::string file;
  std::vector<Stated> (*read)();
  const char* locale;
  double least;  // F1; what was measured when the rules were written, rounded down
};

class SentenceMeasure : public testing::TestWithParam<Measured> {};

TEST_P(SentenceMeasure, RulesFindMoreStatedBoundariesThanIcu) {
  const Measured& param = GetParam();
  if (!std::filesystem::exists(kData + param.file)) GTEST_SKIP() << param.file << " is not here";
  Boundaries ours;
  Boundaries icus;
  for (const Stated& document : param.read()) {
    if (document.ends.empty()) continue;
    ours.add(split_sentences(document.text), document.ends);
    icus.add(split_by_icu(document.text, param.locale), document.ends);
  }
  RecordProperty("ours", std::to_string(ours.f1()));
  RecordProperty("icu", std::to_string(icus.f1()));
  std::cout << param.name << ": boundary F1 " << ours.f1() << ", ICU " << icus.f1() << "\n";
  EXPECT_GE(ours.f1(), param.least);
  EXPECT_GT(ours.f1(), icus.f1());
}

INSTANTIATE_TEST_SUITE_P(
    Shared, SentenceMeasure,
    testing::Values(Measured{"redocred", "redocred/dev_revised.json", redocred, "en", 0.985},
                    Measured{"wikievents", "wikievents/dev.jsonl", wikievents, "en", 0.71},
                    Measured{"msra", "msra_ner/msra_test_bio.txt", msra, "zh", 0.97}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace relata::text
