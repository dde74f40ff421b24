// Formats of entities and events, and of annotation tools.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

const std::string kFiles = RELATA_TEST_FILES "/data/annotated/";

Dataset read(const std::string& name, const std::string& on_error = "stop") {
  ReadOptions options;
  options.on_error = on_error;
  auto dataset = read_dataset(kFiles + name, options);
  EXPECT_TRUE(dataset.ok()) << dataset.error().message;
  return dataset.ok() ? *dataset : Dataset{};
}

Dataset parse(const std::string& content, const std::string& format,
              const std::string& on_error = "stop", const std::string& path = "f") {
  ReadOptions options;
  options.format = format;
  options.on_error = on_error;
  auto dataset = parse_dataset(content, path, options);
  EXPECT_TRUE(dataset.ok()) << dataset.error().message;
  return dataset.ok() ? *dataset : Dataset{};
}

std::string parse_error(const std::string& content, const std::string& format,
                        const std::string& path = "f") {
  ReadOptions options;
  options.format = format;
  const auto dataset = parse_dataset(content, path, options);
  EXPECT_FALSE(dataset.ok()) << content;
  return dataset.ok() ? "" : dataset.error().message;
}

std::string covered(const Document& document, const ByteRange& range) {
  return document.text.substr(range.begin, range.end - range.begin);
}

// "Ada Lovelace/PER London/LOC"
std::string entities_of(const Document& document) {
  std::string out;
  for (const Entity& entity : document.entities) {
    if (!out.empty()) out += " ";
    out += entity.text + "/" + entity.type;
  }
  return out;
}

std::string arguments_of(const Document& document, const Event& event) {
  std::string out = event.type + ":" + covered(document, event.trigger);
  for (const Argument& argument : event.arguments) {
    out += " " + argument.role + "=" + covered(document, argument.range);
  }
  return out;
}

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

TEST(Pubtator, OffsetsCountTheSeparatorBehindAnEmptyTitle) {
  const std::string head = "1|t|\n1|a|Aspirin helps.\n";
  const Dataset dataset = parse(head + "1\t1\t8\tAspirin\tChemical\tD1\n", "pubtator");
  EXPECT_EQ(dataset.documents.at(0).text, " Aspirin helps.");
  EXPECT_EQ(entities_of(dataset.documents[0]), "Aspirin/Chemical");
  EXPECT_EQ(parse_error(head + "1\t0\t7\tAspirin\tChemical\tD1\n", "pubtator"),
            "f:3: offsets 0-7 hold \" Aspiri\", not \"Aspirin\"");
}

TEST(Pubtator, ReadsConceptsAsEntities) {
  const Dataset dataset = read("abstracts.pubtator");
  EXPECT_EQ(dataset.format, "pubtator");
  ASSERT_EQ(dataset.documents.size(), 2u);
  const Document& document = dataset.documents[0];
  EXPECT_EQ(document.id, "101");
  EXPECT_EQ(entities_of(document),
            "Zincol/Chemical fever/Disease coughs and colds/Disease coughs and colds/Disease");
  EXPECT_EQ(document.entities[0].mentions.size(), 2u);
  EXPECT_EQ(document.meta["entity_ids"]["e3"], "D03");
  ASSERT_EQ(document.relations.size(), 2u);
  EXPECT_EQ(document.relations[1].tail, 3);
  EXPECT_EQ(document.meta["novelty"], Json({"Novel", "No"}));
  EXPECT_EQ(dataset.documents[1].text, "Nothing here.");
}

TEST(Pubtator, ChecksOffsetsAndMendsThem) {
  const std::string head = "1|t|A zincol.\n1|a|More.\n";
  EXPECT_EQ(parse_error(head + "1\t1\t7\tzincol\tChemical\tC1\n", "pubtator"),
            "f:3: offsets 1-7 hold \" zinco\", not \"zincol\"");
  EXPECT_EQ(parse_error(head + "1\t90\t96\tzincol\tChemical\tC1\n", "pubtator"),
            "f:3: offsets 90-96 are no range of the text's 15 code points");
  EXPECT_EQ(parse_error(head + "1\tR\tC1\tC2\n", "pubtator"),
            "f:3: no mention has the concept \"C1\"");
  EXPECT_EQ(parse_error(head + "2\t2\t8\tzincol\tChemical\tC1\n", "pubtator"),
            "f:3: the id is \"2\", the document's is \"1\"");
  EXPECT_EQ(parse_error(head + "1\tonly\n", "pubtator"), "f:3: neither a mention nor a relation");
  const Dataset fixed = parse(head + "1\t1\t7\tzincol\tChemical\tC1\n", "pubtator", "fix");
  EXPECT_EQ(entities_of(fixed.documents.at(0)), "zincol/Chemical");
  EXPECT_EQ(fixed.fixed.size(), 1u);
  const Dataset skipped =
      parse(head + "1\t1\t7\tzincol\tChemical\tC1\n\n2|t|Good.\n2|a|Text.\n", "pubtator", "skip");
  ASSERT_EQ(skipped.documents.size(), 1u);
  EXPECT_EQ(skipped.documents[0].id, "2");
}

TEST(Pubtator, WantsAnId) {
  const std::string table =
      "7\tZincol cures fever "
      ".\t1:CID:2\tL2R\tNON-CROSS\t0-1\t2-3\tC1\tZincol\tChemical\t0\t1\t0\tD1\t"
      "fever\tDisease\t2\t3\t0\n";
  EXPECT_EQ(parse(table + "8\tNo colds .\n", "pubtator").documents.size(), 2u);
  EXPECT_EQ(parse_error(table + "\tNo colds .\n", "pubtator"), "f:2: the document's id is empty");
}

TEST(Pubtator, ReadsCdrAsATableOfPairs) {
  const Dataset dataset = read("pairs.cdr");
  EXPECT_EQ(dataset.format, "pubtator");
  ASSERT_EQ(dataset.documents.size(), 1u);
  const Document& document = dataset.documents[0];
  EXPECT_EQ(document.text, "Zincol cures fever . No colds .");
  EXPECT_EQ(document.sentences.size(), 2u);
  EXPECT_EQ(entities_of(document), "Zincol/Chemical fever/Disease cold/Disease");
  EXPECT_EQ(document.entities[2].names, std::vector<std::string>{"cold"});
  EXPECT_EQ(document.relations[0].type, "CID");
  EXPECT_EQ(document.relations[1].type, "NR");
  EXPECT_EQ(document.relations[1].tail, 2);
}

TEST(Casie, ReadsEventsEntitiesAndHoppers) {
  const Dataset dataset = read("casie.json");
  EXPECT_EQ(dataset.format, "casie");
  const Document& document = dataset.documents.at(0);
  EXPECT_EQ(document.id, "9001");
  ASSERT_EQ(document.events.size(), 2u);
  EXPECT_EQ(arguments_of(document, document.events[0]),
            "Databreach:stole Attacker=Thieves Victim=Shopco");
  EXPECT_EQ(entities_of(document), "Thieves/Person Shopco/Organization Shopco/Organization");
  EXPECT_EQ(document.meta["hoppers"], Json::parse(R"([["E1","E2"]])"));
  EXPECT_EQ(document.meta["events"]["E2"]["realis"], "Generic");
  EXPECT_EQ(document.meta["entity_ids"]["T3"], "Q1");
}

TEST(Casie, FindsAndMendsWrongOffsets) {
  const auto content = read_file(kFiles + "casie.json");
  ASSERT_TRUE(content.ok());
  std::string shifted = *content;
  shifted.replace(shifted.find("\"startOffset\": 8"), 16, "\"startOffset\": 9");
  shifted.replace(shifted.find("\"endOffset\": 13"), 15, "\"endOffset\": 14");
  EXPECT_EQ(
      parse_error(shifted, "casie"),
      "f:1: cyberevent.hopper[0].events[0].nugget: offsets 9-14 hold \"tole \", not \"stole\"");
  EXPECT_TRUE(parse(shifted, "casie", "skip").documents.empty());
  const Dataset fixed = parse(shifted, "casie", "fix");
  ASSERT_EQ(fixed.documents.size(), 1u);
  EXPECT_EQ(covered(fixed.documents[0], fixed.documents[0].events[0].trigger), "stole");
  EXPECT_EQ(fixed.fixed.size(), 1u);
  // A nugget that is nowhere takes its event with it, not the document.
  std::string lost = *content;
  lost.replace(lost.find("\"text\": \"stole\""), 15, "\"text\": \"xxxxx\"");
  const Dataset dropped = parse(lost, "casie", "fix");
  ASSERT_EQ(dropped.documents.size(), 1u);
  EXPECT_EQ(dropped.documents[0].events.size(), 1u);
  EXPECT_EQ(dropped.fixed.size(), 1u);
}

TEST(Phee, ReadsNestedAndBrokenArguments) {
  const Dataset dataset = read("phee.jsonl");
  EXPECT_EQ(dataset.format, "phee");
  const Document& document = dataset.documents.at(0);
  ASSERT_EQ(document.events.size(), 1u);
  EXPECT_EQ(arguments_of(document, document.events[0]),
            "Adverse_event:after Subject=A child Subject.Age=child Effect=rash and later fever "
            "Treatment=zincol and tinol Treatment.Drug=zincol Treatment.Drug=tinol "
            "Treatment.Combination=and Treatment.Combination.Drug=zincol "
            "Treatment.Combination.Drug=tinol Negated=had");
  const int effect = document.events[0].arguments[2].entity;
  EXPECT_EQ(document.entities[effect].text, "rash fever");
  EXPECT_EQ(document.meta["fragments"]["T4"], Json::parse("[[12,16],[27,32]]"));
  EXPECT_EQ(document.meta["events"]["E1"]["Negated"], true);
}

TEST(Rams, ReadsTriggersAndLinks) {
  const Dataset dataset = read("rams.jsonl");
  EXPECT_EQ(dataset.format, "rams");
  const Document& document = dataset.documents.at(0);
  EXPECT_EQ(document.sentences.size(), 2u);
  EXPECT_EQ(arguments_of(document, document.events.at(0)),
            "transaction.transfer:sold giver=Ann recipient=Bob thing=the boat");
  EXPECT_EQ(document.entities.size(), 3u);
}

TEST(WikiEvents, ReadsMentionsOverSentences) {
  const Dataset dataset = read("wikievents.jsonl");
  EXPECT_EQ(dataset.format, "wikievents");
  const Document& document = dataset.documents.at(0);
  EXPECT_EQ(document.text, "Ann left York. She flew.");
  EXPECT_EQ(arguments_of(document, document.events.at(0)), "Movement:flew Mover=Ann");
  EXPECT_EQ(document.relations.at(0).type, "Located");
  EXPECT_EQ(covered(document, document.sentences.at(1)), "She flew.");
}

TEST(CrudeOilNews, ReadsSentencesWithEvents) {
  const Dataset dataset = read("crudeoil.json");
  EXPECT_EQ(dataset.format, "crudeoilnews");
  const Document& document = dataset.documents.at(0);
  EXPECT_EQ(document.id, "crudeoil");
  ASSERT_EQ(document.events.size(), 2u);
  EXPECT_EQ(arguments_of(document, document.events[0]),
            "Movement-up-gain:rose Item=Oil -LRB- Brent -RRB-");
  // Capitals and numbers behind roles are spellings of the same labels.
  EXPECT_EQ(arguments_of(document, document.events[1]),
            "Negative_sentiment:Fears Supplier_consumer=Gull Supplier_consumer=Tarn");
  EXPECT_EQ(entities_of(document), "Oil (Brent)/Commodity Gull/Country Tarn/Country");
  EXPECT_EQ(document.meta["cues"], Json::parse(R"([["Modality_cue", [35, 40]]])"));
  EXPECT_EQ(document.entities[0].names, std::vector<std::string>{"Oil (Brent)"});
  EXPECT_EQ(document.meta["events"]["d_E1"]["intensity_cue"], Json({27, 32}));
  EXPECT_EQ(document.meta["event_relations"][0]["head"], "d_E2");
}

TEST(Brat, ReadsPairsOfFiles) {
  const Dataset dataset = read("brat/doc.ann");
  EXPECT_EQ(dataset.format, "brat");
  const Document& document = dataset.documents.at(0);
  EXPECT_EQ(entities_of(document), "Aspirin/Drug ibuprofen tablets/Drug headaches/Symptom");
  EXPECT_EQ(document.entities[0].mentions.size(), 2u);
  EXPECT_EQ(document.entities[1].names, std::vector<std::string>{"ibuprofen tablets"});
  EXPECT_EQ(arguments_of(document, document.events.at(0)),
            "Stopping:stop Cause=Aspirin Cause2=ibuprofen 😀 tablets Theme=headaches");
  EXPECT_EQ(arguments_of(document, document.events.at(1)), "Working:works Agent=It Why=stop");
  EXPECT_EQ(document.relations.size(), 1u);
  EXPECT_EQ(document.meta["event_relations"][0]["tail"], "E1");
  EXPECT_EQ(document.meta["attributes"][1], Json({"A2", "Certainty", "E1", "High"}));
  EXPECT_EQ(read("brat/plain.ann").documents.at(0).entities.size(), 0u);
}

TEST(Brat, IsWrittenAsItWasRead) {
  const Dataset dataset = read("brat/doc.ann");
  std::vector<std::string> lost;
  WriteOptions options;
  options.format = "brat";
  const auto files = write_dataset_files(dataset.documents, options, &lost);
  ASSERT_TRUE(files.ok()) << files.error().message;
  ASSERT_EQ(files->size(), 2u);
  EXPECT_TRUE(lost.empty()) << lost.front();
  const auto lines = [](const std::string& text) {
    std::multiset<std::string> out;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      out.insert(text.substr(at, end - at));
      at = end + 1;
    }
    return out;
  };
  EXPECT_EQ((*files)[0].name, "doc.txt");
  EXPECT_EQ((*files)[0].content, dataset.documents[0].text);
  EXPECT_EQ(lines((*files)[1].content), lines(read_file(kFiles + "brat/doc.ann").value()));
  EXPECT_FALSE(write_dataset(dataset.documents, options).ok());
}

// Ids with gaps, which attributes and notes name; relations of spans within a set.
TEST(Brat, KeepsIdsAndWhatIsSaidOfRelations) {
  const std::string folder = testing::TempDir() + "/relata_brat_ids/";
  ASSERT_TRUE(write_file_atomic(folder + "d.txt", "Ann met Bob. She left him.").ok());
  const std::vector<std::string> lines = {"T1\tPER 0 3\tAnn",
                                          "T5\tPRO 13 16\tShe",
                                          "T3\tPER 8 11\tBob",
                                          "T8\tMeet 4 7\tmet",
                                          "T9\tLeave 17 21\tleft",
                                          "*\tEquiv T1 T5",
                                          "E4\tMeet:T8 Who:T1",
                                          "E7\tLeave:T9 Who:T5",
                                          "R3\tLeft Arg1:T5 Arg2:T3",
                                          "R6\tKnows Knower:T1 Known:T3",
                                          "R9\tBefore Arg1:E4 Arg2:E7",
                                          "A2\tNegated R6",
                                          "M4\tCertainty R9 High",
                                          "N3\tReference T3 MeSH:1\tBob",
                                          "#2\tAnnotatorNotes R3\tor was it Bob?",
                                          "#7\tAnnotatorNotes A2\tsurely"};
  std::string ann;
  for (const std::string& line : lines) ann += line + "\n";
  const Dataset dataset = parse(ann, "brat", "stop", folder + "d.ann");
  WriteOptions options;
  options.format = "brat";
  std::vector<std::string> lost;
  const auto written = [&](Document document) {
    // Through relata's own record.
    const auto again = document_from_json(Json::parse(to_json_line(document)), "x");
    EXPECT_TRUE(again.ok());
    const auto files = write_dataset_files({*again}, options, &lost);
    EXPECT_TRUE(files.ok());
    return files.ok() ? (*files)[1].content : "";
  };
  Document document = dataset.documents.at(0);
  const std::string same = written(document);
  for (const std::string& line : lines) {
    EXPECT_NE(("\n" + same).find("\n" + line + "\n"), std::string::npos) << line << "\n" << same;
  }
  EXPECT_TRUE(lost.empty()) << lost.front();
  // Notes about relations that have become others are about nothing.
  std::swap(document.relations[0].head, document.relations[0].tail);
  const std::string other = written(document);
  EXPECT_NE(other.find("\tLeft Arg1:T3 Arg2:T1\n"), std::string::npos) << other;
  EXPECT_EQ(other.find("Negated"), std::string::npos) << other;
  EXPECT_FALSE(lost.empty());
}

TEST(Brat, WritesWhatOtherFormatsHold) {
  Document document;
  document.id = "../a/b";
  document.text = "Ann met\nBob in Oslo.";
  document.entities = {{"x", "Ann", "big name", {{0, 3}}, {}},
                       {"y", "met\nBob", "", {{4, 11}}, {}},
                       {"z", "Nowhere", "LOC", {}, {}}};
  document.relations = {{0, 1, "knows", 0.5, {}}, {0, 2, "in", std::nullopt, {}}};
  document.events = {{"e", "Meet", {4, 7}, {{"Place", {15, 19}, -1}, {"Who", {}, 0}}}};
  std::vector<std::string> lost;
  WriteOptions options;
  options.format = "brat";
  const auto files = write_dataset_files({document, document}, options, &lost);
  ASSERT_TRUE(files.ok());
  EXPECT_EQ((*files)[0].name, "_._a_b.txt");
  EXPECT_EQ((*files)[3].name, "_._a_b#2.ann");
  EXPECT_EQ((*files)[1].content,
            "T1\tbig_name 0 3\tAnn\nT2\tEntity 4 7;8 11\tmet Bob\nT3\tMeet 4 7\tmet\n"
            "T4\tArgument 15 19\tOslo\nE1\tMeet:T3 Place:T4 Who:T1\n"
            "R1\tknows Arg1:T1 Arg2:T2\n");
  const std::set<std::string> kinds(lost.begin(), lost.end());
  EXPECT_TRUE(kinds.contains("2 scores of relations"));
  EXPECT_TRUE(kinds.contains("2 entities that are not in the text"));
  EXPECT_TRUE(kinds.contains("2 relations of entities that are not in the text"));
}

TEST(Brat, ErrorsNameFileAndLine) {
  const std::string folder = testing::TempDir() + "/relata_brat/";
  ASSERT_TRUE(write_file_atomic(folder + "d.txt", "Ann met Bob.").ok());
  const auto error = [&](const std::string& ann) {
    const std::string message = parse_error(ann, "brat", folder + "d.ann");
    return message.substr(message.find("d.ann"));
  };
  EXPECT_EQ(error("T1\tPER 1 4\tAnn\n"), "d.ann:1: offsets 1-4 hold \"nn \", not \"Ann\"");
  EXPECT_EQ(error("T1 PER 0 3 Ann\n"), "d.ann:1: no tab behind the id");
  EXPECT_EQ(error("T1\tPER 0\tAnn\n"), "d.ann:1: \"0\" are no two offsets");
  EXPECT_EQ(error("T1\tPER 0 3\tAnn\nT1\tPER 8 11\tBob\n"), "d.ann:2: T1 is not unique");
  EXPECT_EQ(error("E1\tMeet:T9\n"), "d.ann:1: E1 has the trigger T9, which is no span of the file");
  EXPECT_EQ(error("T1\tPER 0 3\tAnn\nR1\tr Arg1:T1 Arg2:T5\n"),
            "d.ann:2: R1 is about T5, which is nothing in the file");
  EXPECT_EQ(error("X1\tfoo\n"), "d.ann:1: the id begins with none of T, E, R, A, M, N, # and *");
  const Dataset fixed =
      parse("T1\tPER 1 4\tAnn\nT2\tPER 0 3\tZoe\nE1\tMeet:T9\n", "brat", "fix", folder + "d.ann");
  EXPECT_EQ(entities_of(fixed.documents.at(0)), "Ann/PER");
  EXPECT_EQ(fixed.fixed.size(), 3u);
  EXPECT_NE(parse_error("T1\tPER 0 3\tAnn\n", "brat", folder + "none.ann").find("none.txt"),
            std::string::npos);
}

TEST(Brat, FoldersAreReadOnceForEachPair) {
  EXPECT_EQ(without_companions({"a/x.ann", "a/x.txt", "a/visual.conf", "b/x.txt", "b/v.conf"}),
            (std::vector<std::string>{"a/x.ann", "b/x.txt", "b/v.conf"}));
}

TEST(LabelStudio, ReadsRegionsRelationsAndOldOffsets) {
  const Dataset dataset = read("label_studio.json");
  EXPECT_EQ(dataset.format, "label-studio");
  ASSERT_EQ(dataset.documents.size(), 2u);
  const Document& document = dataset.documents[0];
  EXPECT_EQ(document.id, "5");
  EXPECT_EQ(entities_of(document), "Ann/PER Acme/ORG");
  ASSERT_EQ(document.relations.size(), 1u);
  EXPECT_EQ(document.relations[0].head, 0);
  EXPECT_EQ(arguments_of(document, document.events.at(0)), "Lead:runs Leader=Ann");
  EXPECT_EQ(document.meta["more_labels"]["b"], Json({"FIRM"}));
  EXPECT_EQ(document.meta["choices"]["topic"], Json({"business"}));
  EXPECT_EQ(entities_of(dataset.documents[1]), "Bob/PER");  // offsets in UTF-16 units
}

TEST(LabelStudio, RoundTripKeepsClustersEventsAndMeta) {
  for (const std::string name : {"brat/doc.ann", "casie.json", "rams.jsonl", "words.conll"}) {
    Dataset dataset = read(name);
    for (Document& document : dataset.documents) {
      for (Entity& entity : document.entities) {
        entity.names.clear();  // the format has no place for them, and says so
        entity.text = covered(document, entity.mentions[0]);
      }
    }
    WriteOptions options;
    options.format = "label-studio";
    std::vector<std::string> lost;
    const auto written = write_dataset(dataset.documents, options, &lost);
    ASSERT_TRUE(written.ok());
    EXPECT_TRUE(lost.empty()) << lost.front();
    const Dataset again = parse(*written, "label-studio");
    ASSERT_EQ(again.documents.size(), dataset.documents.size());
    for (size_t i = 0; i < again.documents.size(); ++i) {
      EXPECT_EQ(to_json_line(again.documents[i]), to_json_line(dataset.documents[i]));
    }
    EXPECT_EQ(guess_format(*written, "x.json").value(), "label-studio");
  }
}

TEST(LabelStudio, ErrorsNameTheField) {
  const auto task = [](const std::string& result) {
    return R"([{"data":{"text":"Ann met Bob."},"annotations":[{"result":[)" + result + "]}]}]";
  };
  EXPECT_EQ(
      parse_error(task(R"({"id":"a","value":{"start":1,"end":4,"text":"Ann"}})"), "label-studio"),
      "f:1: record 1: annotations[0].result[0].value: offsets 1-4 hold \"nn \", not \"Ann\"");
  EXPECT_EQ(parse_error(task(R"({"type":"relation","from_id":"a","to_id":"b"})"), "label-studio"),
            "f:1: record 1: annotations[0].result[0] relates regions that are not in the task");
  EXPECT_EQ(parse_error(R"([{"data":{"a":1},"annotations":[]}])", "label-studio"),
            "f:1: record 1: data has no \"text\", nor one member that is text");
  const Dataset min = parse(
      R"([{"id":1,"text":"Ann","label":[{"start":0,"end":3,"text":"Ann","labels":["PER"]}]}])",
      "label-studio");
  EXPECT_EQ(entities_of(min.documents.at(0)), "Ann/PER");
}

}  // namespace
}  // namespace relata::data
