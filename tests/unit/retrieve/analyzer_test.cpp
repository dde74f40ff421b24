#include "relata/retrieve/analyzer.h"

#include <gtest/gtest.h>

namespace relata::retrieve {
namespace {

using Terms = std::vector<std::string>;

TEST(Analyzer, EnglishDropsStopWordsAndStems) {
  // Stems as the published lists of Snowball's English stemmer give them.
  EXPECT_EQ(analyze(Analyzer::English, "The relations of Consigned knights, and generously"),
            (Terms{"relat", "consign", "knight", "generous"}));
  EXPECT_EQ(analyze(Analyzer::English, "Tesla's shares; Tesla\u2019s share."),
            (Terms{"tesla", "share", "tesla", "share"}));
}

TEST(Analyzer, ChineseIsBigramsAndOtherWordsWhole) {
  EXPECT_EQ(analyze(Analyzer::Chinese, "东部文具拥有A股。"),
            (Terms{"东部", "部文", "文具", "具拥", "拥有", "a", "股"}));
  EXPECT_EQ(analyze(Analyzer::Chinese, "The relations"), (Terms{"the", "relations"}));
}

TEST(Analyzer, AutoDecidesByScript) {
  EXPECT_EQ(analyze(Analyzer::Auto, "the companies 拥有它 running"),
            (Terms{"compani", "拥有", "有它", "run"}));
  EXPECT_EQ(analyze(Analyzer::Auto, "カタ漢"), (Terms{"カタ", "タ漢"}));
}

TEST(Analyzer, WidthAndCaseDoNotMatter) {
  EXPECT_EQ(analyze(Analyzer::Chinese, "ＡＢＣ公司"), analyze(Analyzer::Chinese, "abc公司"));
  EXPECT_EQ(analyze(Analyzer::English, "STRASSE"), analyze(Analyzer::English, "Straße"));
}

TEST(Analyzer, NothingButMarksHasNoTerms) {
  for (const Analyzer analyzer : {Analyzer::Auto, Analyzer::English, Analyzer::Chinese}) {
    EXPECT_EQ(analyze(analyzer, ""), Terms{});
    EXPECT_EQ(analyze(analyzer, " .,;!？。… \n"), Terms{});
  }
}

TEST(Analyzer, BytesThatAreNoUtf8PartWords) {
  EXPECT_EQ(analyze(Analyzer::Auto, "alpha\xff\xfe beta"), (Terms{"alpha", "beta"}));
}

TEST(Analyzer, NamesAreFoundAgain) {
  for (const Analyzer analyzer : {Analyzer::Auto, Analyzer::English, Analyzer::Chinese}) {
    EXPECT_EQ(analyzer_of_name(analyzer_name(analyzer)), analyzer);
  }
  EXPECT_EQ(analyzer_of_name("klingon"), std::nullopt);
}

}  // namespace
}  // namespace relata::retrieve
