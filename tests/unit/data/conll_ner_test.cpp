// One token and its entity tag a line.
#include <gtest/gtest.h>

#include "annotated_formats.h"

namespace relata::data {
namespace {

using annotated::covered;
using annotated::entities_of;
using annotated::kFiles;
using annotated::parse;
using annotated::parse_error;
using annotated::read;

TEST(ConllNer, ReadsDocumentsWithColumnsInIob1) {
  const Dataset dataset = read("words.conll");
  EXPECT_EQ(dataset.format, "conll-ner");
  ASSERT_EQ(dataset.documents.size(), 1u);
  const Document& document = dataset.documents[0];
  EXPECT_EQ(document.id, "words-1");
  EXPECT_EQ(document.text, "Ada Lovelace met Charles Babbage in London . Oslo Bergen trains");
  EXPECT_EQ(entities_of(document),
            "Ada Lovelace/PER Charles Babbage/PER London/LOC Oslo/LOC Bergen/LOC");
  ASSERT_EQ(document.sentences.size(), 2u);
  EXPECT_EQ(covered(document, document.sentences[1]), "Oslo Bergen trains");
  EXPECT_TRUE(dataset.fixed.empty());
}

TEST(ConllNer, FindsTheTagInTheFirstColumnAndRepairsTransitions) {
  const Dataset dataset = read("tag_first.txt");
  ASSERT_EQ(dataset.documents.size(), 2u);
  EXPECT_EQ(entities_of(dataset.documents[0]), "fish soup/Dish harbour/Place");
  EXPECT_EQ(entities_of(dataset.documents[1]), "late/Hours");
  EXPECT_TRUE(dataset.documents[0].sentences.empty());
  ASSERT_EQ(dataset.fixed.size(), 1u);
  EXPECT_EQ(dataset.fixed[0], kFiles +
                                  "tag_first.txt:8: the tag \"I-Hours\" does not fit its "
                                  "neighbours; it begins or ends an entity");
}

TEST(ConllNer, ReadsCharactersWithPositionsInBioes) {
  const Dataset dataset = read("characters.txt");
  ASSERT_EQ(dataset.documents.size(), 2u);
  EXPECT_EQ(dataset.documents[0].text, "小明去北京市玩");
  EXPECT_EQ(entities_of(dataset.documents[0]), "小明/PER 北京市/LOC");
  EXPECT_EQ(entities_of(dataset.documents[1]), "她/PER");
}

TEST(ConllNer, EndsEntitiesWithoutTheirEnd) {
  const Dataset dataset = parse("a B-X\nb O\nc S-Y\nd B-X\ne E-X\n", "conll-ner");
  EXPECT_EQ(entities_of(dataset.documents[0]), "a/X c/Y d e/X");
  ASSERT_EQ(dataset.fixed.size(), 1u);
  EXPECT_TRUE(dataset.fixed[0].starts_with("f:1: ")) << dataset.fixed[0];
}

TEST(ConllNer, ReadsPlainTypesCommentsNumbersAndMarks) {
  const Dataset plain = parse("Ann PER\nBell PER\nleft O\nOslo LOC\n", "conll-ner");
  EXPECT_EQ(entities_of(plain.documents[0]), "Ann Bell/PER Oslo/LOC");
  const Dataset numbered = parse(
      "# sentence 1\n1\tAnn\tB-PER\n2\tleft\tO\n\n# sentence 2\n1\tBob\tB-PER\n\xEF\xBB\xBF\n",
      "conll-ner");
  ASSERT_EQ(numbered.documents.size(), 2u);
  EXPECT_EQ(numbered.documents[0].text, "Ann left");
  EXPECT_EQ(entities_of(numbered.documents[1]), "Bob/PER");
}

TEST(ConllNer, ErrorsNameTheLine) {
  const std::string good = "a B-X\nb O\n\n";
  std::string many;
  for (int i = 0; i < 60; ++i) many += good;
  EXPECT_EQ(parse_error(many + "word\n", "conll-ner"), "f:181: 1 column, 2 wanted (token, tag)");
  EXPECT_EQ(parse_error(many + "word Q-X\n", "conll-ner"), "f:181: \"Q-X\" is no tag");
  EXPECT_EQ(parse_error(many + "w\xC3 O\n", "conll-ner"),
            "f:181: invalid UTF-8 at byte 2 of the line");
  EXPECT_EQ(parse_error("one two\nthree four\n", "conll-ner"),
            "f: neither the last nor the first column holds tags");
  const Dataset skipped = parse(many + "word Q-X\n", "conll-ner", "skip");
  EXPECT_EQ(skipped.documents.size(), 60u);
  EXPECT_EQ(skipped.skipped.size(), 1u);
  const Dataset fixed = parse(many + "word Q-X\n", "conll-ner", "fix");
  EXPECT_EQ(fixed.documents.size(), 61u);
  EXPECT_EQ(fixed.fixed.size(), 1u);
}

TEST(ConllNer, NamesATagThatDoesNotParseInASmallFile) {
  EXPECT_EQ(parse_error("Ada B-PER\nin O\nOslo LOC\n", "conll-ner"), "f:3: \"LOC\" is no tag");
  EXPECT_EQ(parse_error("Ada B-PER\nB I-PER\nin 0\nOslo B-LOC\n. O\n", "conll-ner"),
            "f:3: \"0\" is no tag");
  EXPECT_EQ(parse_error("Ada\tB-PER\nin\tO\nOslo\tLOC\n", "conll-ner"), "f:3: \"LOC\" is no tag");
  EXPECT_EQ(parse_error("B-PER Ada\nO in\n0 a\n", "conll-ner"), "f:3: \"0\" is no tag");
  EXPECT_EQ(parse_error("Ada PER\nBob PER\nin O\nOslo LOC\nEve B-PER\n", "conll-ner"),
            "f:5: the tag \"B-PER\" in a file that has \"PER\" too");
}

TEST(ConllNer, NumbersAndSentenceLabelsAreNoText) {
  const auto texts = [](const Dataset& dataset) {
    std::string out;
    for (const Document& document : dataset.documents) out += document.text + "|";
    return out;
  };
  // Through the whole file, by sentence with and without blank lines, from 0, by sentence's number.
  EXPECT_EQ(texts(parse("1\tAda\tB-PER\n2\tleft\tO\n\n3\tBob\tB-PER\n4\tcame\tO\n", "conll-ner")),
            "Ada left|Bob came|");
  EXPECT_EQ(texts(parse("1 Ada B-PER\n2 left O\n1 Bob B-PER\n2 came O\n", "conll-ner")),
            "Ada left|Bob came|");
  EXPECT_EQ(texts(parse("0 Ada B-PER\n1 left O\n\n0 Bob B-PER\n", "conll-ner")), "Ada left|Bob|");
  EXPECT_EQ(texts(parse("1 Ada B-PER\n1 left O\n2 Bob B-PER\n2 came O\n", "conll-ner")),
            "Ada left|Bob came|");
  for (const std::string label : {"Sentence: ", "sent_", "#", "S"}) {
    EXPECT_EQ(texts(parse(label + "1\tAda\tNN\tB-PER\n\tleft\tVB\tO\n" + label +
                              "2\tBob\tNN\tB-PER\n\tcame\tVB\tO\n",
                          "conll-ner")),
              "Ada left|Bob came|")
        << label;
  }
  EXPECT_EQ(texts(parse("7 NUM B-X\nof IN O\n8 NUM B-X\n", "conll-ner")), "7 of 8|");
  EXPECT_EQ(parse_error("Ada B-PER\nNew York B-LOC\nleft O\n", "conll-ner"),
            "f:2: 3 columns, 2 wanted, as most lines have");
}

std::string texts_of(const Dataset& dataset) {
  std::string out;
  for (const Document& document : dataset.documents) out += document.text + "|";
  return out;
}

TEST(ConllNer, PassesOverEveryColumnOfNumbersBeforeTheTokens) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      // Numbers of sentences and of tokens, with and without blank lines.
      {"1 1 Tarn B-ORG\n1 2 owns O\n2 1 Lund B-LOC\n2 2 is O\n", "Tarn owns|Lund is|"},
      {"1 1 Tarn B-ORG\n1 2 owns O\n\n2 1 Lund B-LOC\n2 2 is O\n", "Tarn owns|Lund is|"},
      {"0\t0\tTarn\tNN\tB-ORG\n0\t1\towns\tVB\tO\n1\t0\tLund\tNN\tB-LOC\n", "Tarn owns|Lund|"},
      // Numbers that begin elsewhere, with gaps, with a mark behind them, with words before them.
      {"12 Tarn B-ORG\n13 Works I-ORG\n14 owns O\n", "Tarn Works owns|"},
      {"1 Tarn B-ORG\n3 Works I-ORG\n4 owns O\n", "Tarn Works owns|"},
      {"1. Tarn B-ORG\n2. Works I-ORG\n1. Lund B-LOC\n2. is O\n", "Tarn Works|Lund is|"},
      {"T7 Tarn B-ORG\nT8 Works I-ORG\nT9 owns O\n", "Tarn Works owns|"},
      {"1-1\tTarn\tB-ORG\n1-2\towns\tO\n\n2-1\tLund\tB-LOC\n2-2\tis\tO\n", "Tarn owns|Lund is|"},
      // Offsets.
      {"0 4 Tarn B-ORG\n5 9 owns O\n10 14 Lund B-LOC\n", "Tarn owns Lund|"},
      // A document's id, its part and the number of the token.
      {"doc1 0 0 Tarn NN B-ORG\ndoc1 0 1 owns VB O\ndoc2 0 0 Lund NN B-LOC\ndoc2 0 1 is VB O\n",
       "Tarn owns|Lund is|"},
      {"nw/x_03 0 0 Tarn NN B-ORG\nnw/x_03 0 1 owns VB O\n\nnw/x_03 0 0 Lund NN B-LOC\n"
       "nw/x_03 0 1 is VB O\n",
       "Tarn owns|Lund is|"},
  };
  for (const auto& [content, texts] : cases) {
    EXPECT_EQ(texts_of(parse(content, "conll-ner")), texts) << content;
  }
}

TEST(ConllNer, NumbersMayBeTheText) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"1 O\n2 O\n3 B-X\n", "1 2 3|"},
      {"1990 CD B-DATE\n1991 CD I-DATE\n1992 CD O\n", "1990 1991 1992|"},
      {"1 1990 CD B-DATE\n2 1991 CD I-DATE\n", "1990 1991|"},
      {"1 2 O\n2 3 B-X\n3 4 O\n", "2 3 4|"},
      {"ha UH O\nha UH O\nOslo NN B-LOC\n", "ha ha Oslo|"},
      {"In IN O\n1990 CD B-DATE\n, , O\n5 CD O\n", "In 1990 , 5|"},
      {"科0 n B-X\n技1 n I-X\n人0 v O\n", "科技人|"},
  };
  for (const auto& [content, texts] : cases) {
    EXPECT_EQ(texts_of(parse(content, "conll-ner")), texts) << content;
  }
}

TEST(ConllNer, ReadsTheWrittenWordsOfConllU) {
  const Dataset dataset = parse(
      "1\tTarn\tB-ORG\n2-3\tim\t_\n2\tin\tO\n3\tdem\tB-LOC\n4\tHaus\tI-LOC\n4.1\tist\t_\n\n"
      "1-2\tzum\tO\n1\tzu\tO\n2\tdem\tO\n3\tHaus\tB-LOC\n",
      "conll-ner");
  EXPECT_EQ(texts_of(dataset), "Tarn im Haus|zum Haus|");
  EXPECT_EQ(entities_of(dataset.documents.at(0)), "Tarn/ORG im Haus/LOC");
  EXPECT_EQ(texts_of(parse("1\tTarn\tO\n2-3\tim\tO\n2\tin\tO\n3\tdem\tO\n1\tHaus\tB-X\n2\tzu\tO\n",
                           "conll-ner")),
            "Tarn im|Haus zu|");
}

// GermEval's outer entities, of which the last column has the inner ones.
TEST(ConllNer, SaysWhichTagsItDoesNotRead) {
  const Dataset two = parse("1\tBonn\tB-ORG\tB-LOC\n2\tFC\tI-ORG\tO\n3\twon\tO\tO\n", "conll-ner");
  EXPECT_EQ(entities_of(two.documents.at(0)), "Bonn/LOC");
  ASSERT_EQ(two.noted.size(), 1U);
  EXPECT_NE(two.noted.begin()->first.find("column 3 is not read"), std::string::npos);
  const Dataset chunks = parse("Bonn NNP B-NP B-LOC\nwon VBD B-VP O\n", "conll-ner");
  EXPECT_TRUE(chunks.noted.empty());
}

TEST(ConllNer, TypesAloneAreNoSlips) {
  EXPECT_EQ(parse_error("Tarn O\nowns 0\nLund O\n", "conll-ner"), "f:2: \"0\" is no tag");
  for (const std::string tag : {"0", "_", "-", "--", "o", "b-org", "1"}) {
    EXPECT_EQ(parse_error("Tarn ORG\nowns O\nLund " + tag + "\n", "conll-ner"),
              "f:3: \"" + tag + "\" is no tag");
  }
  for (const std::string tag : {"B-LOC", "I_LOC", "S-LOC", "U-LOC"}) {
    EXPECT_EQ(parse_error("Tarn ORG\nWorks ORG\nowns O\nLund " + tag + "\n", "conll-ner"),
              "f:4: the tag \"" + tag + "\" in a file whose tags are types without a prefix");
  }
  const Dataset dataset =
      parse("Tarn ORG\nhas O\nLund LOC\nAda PER\nBob PER\na@b E-mail\nhere O\n", "conll-ner");
  EXPECT_EQ(entities_of(dataset.documents.at(0)), "Tarn/ORG Lund/LOC Ada Bob/PER a@b/E-mail");
}

TEST(ConllNer, LineEndsDoNotMatter) {
  const std::string rows = "Ada B-PER\nleft O\n\nBob B-PER\n";
  for (const std::string end : {"\r", "\r\n", "\t\n", " \n"}) {
    std::string content;
    for (const char c : rows) content += c == '\n' ? end : std::string(1, c);
    const Dataset dataset = parse(content, "conll-ner");
    ASSERT_EQ(dataset.documents.size(), 2u);
    EXPECT_EQ(dataset.documents[0].text, "Ada left");
    EXPECT_EQ(entities_of(dataset.documents[1]), "Bob/PER");
  }
  EXPECT_EQ(parse("Ada\tB-PER\t\nleft\tO\t\n", "conll-ner").documents.at(0).text, "Ada left");
  EXPECT_EQ(parse_error("Ada\tB-PER\nleft\tO\rhome\tO\n", "conll-ner"),
            "f:2: 3 columns, 2 wanted, as most lines have");
  EXPECT_EQ(parse_error("Ada B-PER\nle\rft O\n", "conll-ner"),
            "f:2: a carriage return inside the line");
}

TEST(ConllNer, TokensMayBeginWithAHash) {
  EXPECT_EQ(parse("#Oslo B-LOC\nis O\n# O\n#1 O\n", "conll-ner").documents.at(0).text,
            "#Oslo is # #1");
  EXPECT_EQ(parse_error("Ada B-PER\nof O\n#Oslo LOC\n", "conll-ner"), "f:3: \"LOC\" is no tag");
  EXPECT_EQ(parse("#Oslo LOC\nAda PER\nis O\n", "conll-ner").documents.at(0).text, "#Oslo Ada is");
  // Comments may end in a word that looks like a tag.
  const Dataset dataset =
      parse("# newdoc\n# text = he and I\n#x\nAda B-PER\nis O\n# a line O\nhere O\n", "conll-ner");
  EXPECT_EQ(dataset.documents.at(0).text, "Ada is here");
}

}  // namespace
}  // namespace relata::data
