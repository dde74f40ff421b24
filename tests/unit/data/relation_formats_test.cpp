// Each relation format by samples of its own: what comes out, what goes back, and what bad input
// says. What holds for all is in relation_samples_test.cpp.
#include "relation_formats.h"

#include <gtest/gtest.h>

#include <array>

namespace relata::data {
namespace {

using Lines = std::vector<std::string>;

TEST(Docred, KeepsWhatTheFileHas) {
  const Dataset dataset = read("docred.json");
  const Document& first = dataset.documents[0];
  EXPECT_EQ(first.id, "Ada Lund");
  EXPECT_TRUE(first.text.starts_with("Ada Lund ( born 1971 ) leads"));
  ASSERT_EQ(first.sentences.size(), 2u);
  EXPECT_EQ(covered(first, first.sentences[1]), "She was born in Gull Bay , as Lund recalls .");
  EXPECT_EQ(mention(first, 0), "Ada Lund");  // sorted
  EXPECT_EQ(mention(first, 0, 1), "Lund");
  EXPECT_TRUE(first.entities[0].names.empty());
  EXPECT_EQ(first.entities[2].names, (Lines{"Tarn", "The Tarn Works"}));
  EXPECT_EQ(first.entities[2].text, "Tarn");
  EXPECT_EQ(triples(first),
            (Lines{"Ada Lund -P569-> 1971", "Ada Lund -P19-> Gull Bay", "Ada Lund -P108-> Tarn"}));
  EXPECT_EQ(first.relations[1].evidence, first.sentences);
  const Document& odd = dataset.documents[1];
  EXPECT_EQ(odd.sentences.size(), 2u);
  EXPECT_EQ(odd.relations[0].evidence, (std::vector<ByteRange>{odd.sentences[1]}));
}

TEST(Docred, RoundTripIsExact) {
  const Dataset dataset = read("docred.json");
  Lines lost;
  const auto written = nlohmann::json::parse(write(dataset.documents, "docred", &lost));
  EXPECT_EQ(written, nlohmann::json::parse(content_of("docred.json")));
  EXPECT_TRUE(lost.empty());
}

TEST(Docred, SaysWhatItCannotHold) {
  Document document;
  document.id = "d";
  document.text = "Ada lives. In Rome, Bo too.";
  document.sentences = {{0, 10}, {11, 27}};
  document.entities = {{"a", "Ad", "PER", {{0, 2}}, {}},
                       {"b", "lives. In", "X", {{4, 13}}, {}},
                       {"c", "Nowhere", "LOC", {}, {}}};
  document.relations = {{0, 1, "r", 0.5, {{0, 3}}}, {0, 2, "s", {}, {}}, {0, 0, "t", 0.5, {}}};
  Lines lost;
  const auto written = nlohmann::json::parse(write({document}, "docred", &lost));
  EXPECT_EQ(lost, (Lines{"2 entities that no sentence holds",
                         "1 mentions that go over the end of a "
                         "sentence",
                         "2 relations of entities that no sentence holds", "2 scores of relations",
                         "1 texts whose spaces changed, being cut into tokens"}));
  EXPECT_EQ(written[0]["vertexSet"].size(), 1u);
  EXPECT_EQ(written[0]["labels"].size(), 1u);
  EXPECT_EQ(written[0]["sents"].size(), 2u);
}

TEST(Docred, ErrorsNameTheField) {
  std::string content = content_of("docred.json");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = content;
    changed.replace(changed.find(from), from.size(), to);
    return changed;
  };
  EXPECT_EQ(error_of(with("\"h\": 0, \"t\": 3", "\"h\": 0, \"t\": 99"), "docred"),
            "f:6: record 1: labels[1].t is 99, not in 0 to 3");
  EXPECT_EQ(error_of(with("\"h\": 0, \"t\": 3", "\"h\": 0, \"t\": \"3\""), "docred"),
            "f:6: record 1: labels[1].t is \"3\", not a whole number");
  EXPECT_EQ(error_of(with("\"pos\": [4, 6]", "\"pos\": [4, 60]"), "docred"),
            "f:5: record 1: vertexSet[3][0].pos is no range of the 11 tokens of sentence 1");
  EXPECT_EQ(error_of(with("\"title\": \"Odd tokens\"", "\"title\": \"Ada Lund\""), "docred"),
            "f:7: record 2: the id \"Ada Lund\" is not unique in the file");
  EXPECT_EQ(error_of(with("\"evidence\": [2]", "\"evidence\": [1]"), "docred"),
            "f:9: record 2: labels[0].evidence[0] names a sentence without tokens");
  const Dataset skipped = parse(with("\"pos\": [4, 6]", "\"pos\": [4, 60]"), "docred", "skip");
  EXPECT_EQ(skipped.documents.size(), 2u);
  EXPECT_EQ(skipped.skipped.size(), 1u);
  const Dataset fixed = parse(with("\"pos\": [4, 6]", "\"pos\": [4, 60]"), "docred", "fix");
  ASSERT_EQ(fixed.documents.size(), 3u);
  EXPECT_EQ(fixed.fixed.size(), 1u);
  EXPECT_EQ(mention(fixed.documents[0], 3), "Gull Bay");
  const Dataset numbered =
      parse(with("\"title\": \"Odd tokens\"", "\"title\": \"Ada Lund\""), "docred", "fix");
  EXPECT_EQ(numbered.documents[1].id, "Ada Lund#2");
}

TEST(DocredResult, RoundTripIsExact) {
  const Dataset dataset = read("docred-result.json");
  EXPECT_EQ(dataset.documents[0].entities[2].id, "e7");
  EXPECT_EQ(dataset.documents[0].relations[0].score, 0.75);
  EXPECT_EQ(nlohmann::json::parse(write(dataset.documents, "docred-result")),
            nlohmann::json::parse(content_of("docred-result.json")));
  // Gold documents as answers: entities keep their numbers, evidence its sentences.
  const auto gold = nlohmann::json::parse(write(read("docred.json").documents, "docred-result"));
  EXPECT_EQ(gold[1], nlohmann::json::parse(R"({"title": "Ada Lund", "h_idx": 0, "t_idx": 3,
                                               "r": "P19", "evidence": [0, 1]})"));
  EXPECT_EQ(error_of(R"([{"title": "a", "h_idx": -1, "t_idx": 0, "r": "x"}])", "docred-result"),
            "f:1: record 1: h_idx is -1, not in 0 to 999999");
}

TEST(Tacred, RoundTripIsExact) {
  const Dataset dataset = read("tacred.json");
  EXPECT_EQ(triples(dataset.documents[0]), (Lines{"Ada Lund -per:employee_of-> Tarn Works"}));
  EXPECT_EQ(dataset.documents[1].entities[1].type, "CITY");
  Lines lost;
  EXPECT_EQ(nlohmann::json::parse(write(dataset.documents, "tacred", &lost)),
            nlohmann::json::parse(content_of("tacred.json")));
  EXPECT_TRUE(lost.empty());
}

TEST(Tacred, TakesPatches) {
  ReadOptions options;
  options.label_patch = kRelationSamples + "tacred_patch.json";
  const auto tacrev = read_dataset(kRelationSamples + "tacred.json", options);
  ASSERT_TRUE(tacrev.ok());
  ASSERT_EQ(tacrev->documents.size(), 3u);
  EXPECT_EQ(tacrev->documents[0].relations[0].type, "per:employee_of");
  EXPECT_EQ(tacrev->documents[1].relations[0].type, "per:cities_of_residence");
  options.label_patch = kRelationSamples + "retacred_patch.json";
  const auto retacred = read_dataset(kRelationSamples + "tacred.json", options);
  ASSERT_TRUE(retacred.ok());
  ASSERT_EQ(retacred->documents.size(), 2u);
  EXPECT_EQ(retacred->documents[0].relations[0].type, "per:title");
  options.label_patch = kRelationSamples + "docred.json";
  EXPECT_FALSE(read_dataset(kRelationSamples + "tacred.json", options).ok());
}

TEST(Tacred, ErrorsNameTheField) {
  const std::string start = R"([{"id": 1, "token": ["a", "b"], "subj_start": )";
  EXPECT_EQ(error_of(start + R"(0, "subj_end": 2, "obj_start": 1, "obj_end": 1}])", "tacred"),
            "f:1: record 1: subj_end is 2, not in 0 to 1");
  EXPECT_EQ(error_of(start + R"(1, "subj_end": 0, "obj_start": 1, "obj_end": 1}])", "tacred"),
            "f:1: record 1: subj_end is before subj_start, or both cover empty tokens only");
  EXPECT_EQ(error_of(start + "0}]", "tacred"), "f:1: record 1: the record has no \"subj_end\"");
  EXPECT_EQ(error_of(R"([{"id": 1, "token": ["a", 2]}])", "tacred"),
            "f:1: record 1: token[1] is not text, as a token must be");
}

TEST(TaggedText, TakesTagsAndQuotesAway) {
  const Dataset dataset = read("semeval2010.txt");
  const Document& first = dataset.documents[0];
  EXPECT_EQ(first.id, "1");
  EXPECT_EQ(first.text, "The mill grinds the corn of \\\"Gull Bay\\\".");
  EXPECT_EQ(triples(first), (Lines{"mill -Instrument-Agency(e2,e1)-> corn"}));
  EXPECT_EQ(first.meta["comment"], "An agency, in a way.");
  const Dataset json = read("train_sentences.json");
  EXPECT_EQ(triples(json.documents[0]), (Lines{"mill -Instrument-Agency(e2,e1)-> corn"}));
  EXPECT_EQ(triples(json.documents[1]), (Lines{"stone -Other-> road"}));
  const Dataset kbp = read("kbp37.txt");
  EXPECT_EQ(triples(kbp.documents[0]), (Lines{"Ada Lund -per:org(e1,e2)-> Tarn Works"}));
}

TEST(TaggedText, ErrorsNameTheLine) {
  EXPECT_EQ(error_of("\n1\t\"A <e1>b</e1> c.\"\nOther\n", "semeval2010"),
            "f:2: the sentence does not have its two entities in tags");
  EXPECT_EQ(error_of("1\t\"<e1>b</e1> <e2>c</e2>\"\nOther\nOther\n", "semeval2010"),
            "f:3: a second label for one sentence");
  EXPECT_EQ(error_of("Other\n", "semeval2010"), "f:1: a label without a sentence");
  EXPECT_EQ(error_of("1\t\"<e1>b</e1> <e2>c</e2>\"\nOther\n1\t\"<e1>b</e1> <e2>c</e2>\"\n",
                     "semeval2010"),
            "f:3: the id \"1\" is not unique in the file");
}

TEST(Nyt, FindsNamesAsWholeWords) {
  const Dataset dataset = read("nyt.json");
  const Document& first = dataset.documents[0];
  EXPECT_EQ(triples(first), (Lines{"Ada Lund -/people/person/place_of_birth-> Gull Bay",
                                   "Gull Bay -/location/location/contains-> Nowhere",
                                   "Ada Lund -/people/person/nationality-> Iraq"}));
  EXPECT_EQ(first.entities[3].mentions.size(), 1u);  // not in "Iraqi"
  EXPECT_EQ(first.entities[3].mentions[0].begin, first.text.find("Iraq ."));
  EXPECT_TRUE(first.entities[2].mentions.empty());
  EXPECT_EQ(read("nyt_cotype.json").documents[0].entities[0].type, "PERSON");
  EXPECT_EQ(error_of(R"([{"text": "a", "triple_list": [["a", "r"]]}])", "nyt"),
            "f:1: record 1: triple_list[0] is not a list of 3");
  EXPECT_EQ(error_of(R"([{"text": "a"}])", "nyt"),
            "f:1: record 1: the record has no \"triple_list\"");
}

TEST(Conll04, ReadsTagsAndSpans) {
  const Dataset tags = read("conll04.json");
  EXPECT_EQ(triples(tags.documents[0]),
            (Lines{"Ada Lund -Work_For-> Tarn Works", "Tarn Works -OrgBased_In-> Gull"}));
  EXPECT_EQ(tags.documents[0].entities[2].type, "Loc");
  EXPECT_EQ(triples(read("conll04_spert.json").documents[0]),
            (Lines{"Ada Lund -Work_For-> Tarn Works"}));
  const std::string start = R"([{"tokens": ["a", "b"], "tags": )";
  EXPECT_EQ(error_of(start + R"(["O"], "relations": []}])", "conll04"),
            "f:1: record 1: tags is not a list of 2");
  EXPECT_EQ(error_of(start + R"(["O", "X-a"], "relations": []}])", "conll04"),
            "f:1: record 1: tags[1] is no BIO, BIOES or BILOU tag");
  // Adjacent entities, and entities that only I- opens.
  const Dataset io = parse(start + R"(["I-a", "B-a"], "relations": []}])", "conll04");
  EXPECT_EQ(io.documents[0].entities.size(), 2u);
}

TEST(Ade, TakesTheOccurrenceThatTheOffsetsMean) {
  const Dataset dataset = read("ade.rel");
  const Document& first = dataset.documents[0];
  EXPECT_EQ(first.id, "101-1");
  EXPECT_EQ(first.text, "Rash after lisin, and rash | itching after tarnol.");
  EXPECT_EQ(triples(first),
            (Lines{"rash -Adverse-Effect-> tarnol", "itching -Adverse-Effect-> tarnol"}));
  EXPECT_EQ(first.entities.size(), 3u);
  EXPECT_EQ(triples(read("ade_dose.rel").documents[0]), (Lines{"5 mg -Dose-> lisin"}));
  EXPECT_EQ(error_of("1|a b|a|0|1|b|2\n", "ade"), "f:1: fewer than 8 columns with | between");
  EXPECT_EQ(error_of("1|a b|a|0|1|b|2|x\n", "ade"), "f:1: an offset is no whole number");
  EXPECT_EQ(error_of("1|a b|a|0|1|c|2|3\n", "ade"), "f:1: \"c\" is not in its sentence");
}

TEST(Scierc, KeepsMentionsApartAndNamesClusters) {
  const Document document = read("scierc.json").documents.at(0);
  EXPECT_EQ(triples(document), (Lines{"letters -USED-FOR-> parser", "It -USED-FOR-> Old Norse"}));
  EXPECT_EQ(document.sentences.size(), 2u);
  EXPECT_EQ(document.meta["clusters"], Json::parse(R"([["e0", "e2"]])"));
  EXPECT_EQ(error_of(R"({"sentences": [["a"]], "ner": [[[0, 1, "X"]]]})", "scierc"),
            "f:1: ner[0][0][1] is 1, not in 0 to 0");
}

TEST(Chemprot, TakesMarksAway) {
  const Dataset dataset = read("chemprot.txt");
  EXPECT_EQ(dataset.documents[0].text, "The Tarn kinase-bound form is blocked by lisin (p >> 3).");
  EXPECT_EQ(triples(dataset.documents[0]), (Lines{"lisin -INHIBITOR-> Tarn kinase"}));
  EXPECT_EQ(triples(dataset.documents[1]), (Lines{"old parser -USED-FOR-> letters"}));
  EXPECT_EQ(error_of(R"({"text": "a [[ b ]]", "label": "x"})", "chemprot"),
            "f:1: text has no \"<< \"");
}

TEST(Spo, KeepsSlots) {
  const Dataset dataset = read("spo.json");
  EXPECT_EQ(triples(dataset.documents[0]), (Lines{"张三 -饰演-> 李四", "海边 -导演-> 王五"}));
  EXPECT_EQ(dataset.documents[0].entities[0].type, "娱乐人物");
  EXPECT_EQ(dataset.documents[0].meta["spo"]["0"]["object"]["inWork"], "海边");
  EXPECT_EQ(dataset.documents[1].meta["spo"]["0"]["Combined"], false);
  EXPECT_EQ(error_of("{\"text\": \"a\", \"spo_list\": []}\n{\"text\": \"a\", \"spo_list\": [{}]}\n",
                     "spo"),
            "f:2: spo_list[0] has no \"subject\"");
}

TEST(Opennre, CountsCodePointsOrTokens) {
  const Dataset dataset = read("opennre.jsonl");
  EXPECT_EQ(triples(dataset.documents[0]), (Lines{"Lund -residence-> Río Gull"}));
  EXPECT_EQ(dataset.documents[0].meta["entity_ids"]["e1"], "Q2");
  EXPECT_EQ(triples(dataset.documents[1]), (Lines{"Bo -left-> Gull Bay"}));
  const auto item = [](const std::string& place) {
    return R"({"text": "Bo left Ada", "h": {"name": "Bo", "pos": )" + place +
           R"(}, "t": {"name": "Ada", "pos": [8, 11]}, "relation": "r"})";
  };
  EXPECT_EQ(error_of(item("[0, 12]"), "opennre"),
            "f:1: h.pos is [0, 12), not a range inside the text's 11 code points");
  EXPECT_EQ(error_of(item("[0, 3]"), "opennre"),
            "f:1: h.pos is [0, 3), which does not cover \"Bo\"");
  for (const char* place : {"[0, 3]", "[1, 2]", "[5, 99]"}) {
    const Dataset fixed = parse(item(place), "opennre", "fix");
    ASSERT_EQ(fixed.documents.size(), 1u) << place;
    EXPECT_EQ(fixed.fixed.size(), 1u);
    EXPECT_EQ(mention(fixed.documents[0], 0), "Bo");
  }
}

TEST(Glirel, EndsAreInclusiveUnlessTheTextSaysOtherwise) {
  const Dataset dataset = read("glirel.jsonl");
  EXPECT_EQ(triples(dataset.documents[0]), (Lines{"Binley -located at-> Tarn River"}));
  EXPECT_EQ(dataset.documents[0].entities.size(), 2u);
  EXPECT_EQ(dataset.documents[1].entities[0].text, "Bo");
  EXPECT_EQ(dataset.documents[1].entities[1].text, "Gull Bay");
}

// A record of "Mr. Bo saw Gull Bay", with these members of "ner".
std::string glirel(const std::string& spans) {
  return R"({"tokenized_text":["Mr.","Bo","saw","Gull","Bay"],"ner":[)" + spans + "]}\n";
}

TEST(Glirel, TheFilesStatedTextsTellTheEndsOfTheOthers) {
  const std::string silent = glirel(R"([0,2,"PER"])");
  EXPECT_EQ(mention(parse(silent, "glirel").documents[0], 0), "Mr. Bo saw");
  const std::string exclusive = silent + glirel(R"([3,5,"LOC","GullBay"],[1,2,"PER","Bo"])");
  const Dataset dataset = parse(exclusive, "glirel");
  EXPECT_EQ(mention(dataset.documents.at(0), 0), "Mr. Bo");
  EXPECT_EQ(mention(dataset.documents.at(1), 0), "Gull Bay");
  // A place without text, which the inclusive reading refuses, hides no stated text behind it.
  const Dataset behind = parse(glirel(R"([3,5,"LOC"],[1,2,"PER","Bo"])"), "glirel");
  EXPECT_EQ(mention(behind.documents.at(0), 0), "Gull Bay");
  const Dataset inclusive = parse(silent + glirel(R"([3,4,"LOC","Gull  Bay"])"), "glirel");
  EXPECT_EQ(mention(inclusive.documents.at(0), 0), "Mr. Bo saw");
  EXPECT_EQ(mention(inclusive.documents.at(1), 0), "Gull Bay");
  EXPECT_EQ(error_of(exclusive + glirel(R"([3,3,"LOC"])"), "glirel"),
            "f:3: ner[0] is no range of tokens");
}

TEST(Glirel, AStatedTextMustBeAtItsPlace) {
  const std::string wrong = glirel(R"([0,1,"PER","Gull Bay"])");
  EXPECT_EQ(error_of(wrong, "glirel"),
            "f:1: ner[0] does not cover \"Gull Bay\", be its end inclusive or exclusive");
  const Dataset fixed = parse(wrong, "glirel", "fix");
  EXPECT_EQ(mention(fixed.documents.at(0), 0), "Gull Bay");
  EXPECT_EQ(fixed.fixed.size(), 1u);
}

TEST(Spacy, ReadsSpansRelationsAndSentences) {
  const Dataset dataset = read("spacy.jsonl");
  EXPECT_EQ(triples(dataset.documents[0]), (Lines{"Zoë -EMPLOYER-> Tarn Works"}));
  EXPECT_EQ(dataset.documents[0].entities.size(), 2u);
  EXPECT_EQ(dataset.documents[1].sentences.size(), 2u);
}

TEST(Spacy, WantsAText) {
  EXPECT_EQ(error_of(R"({"text": "", "spans": []})", "spacy"), "f:1: the text is empty");
}

TEST(InstructUie, TrustsPlacesOnlyWhereTheyCoverTheName) {
  const Dataset dataset = read("instructuie.json");
  const Document& first = dataset.documents[0];
  EXPECT_EQ(triples(first), (Lines{"Ada Lund -was in-> Gull Bay"}));
  EXPECT_EQ(first.entities.size(), 2u);
  const Event& event = dataset.documents[1].events.at(0);
  EXPECT_EQ(covered(dataset.documents[1], event.trigger), "resigned");
  ASSERT_EQ(event.arguments.size(), 2u);
  EXPECT_EQ(covered(dataset.documents[1], event.arguments[1].range), "Monday");
  const Dataset iepile = read("iepile.json");
  EXPECT_EQ(triples(iepile.documents[0]), (Lines{"Ada -leads-> Tarn Works"}));
  EXPECT_EQ(iepile.documents[1].entities.size(), 2u);
  EXPECT_EQ(iepile.documents[2].events.at(0).arguments.size(), 2u);
  EXPECT_EQ(iepile.documents[0].meta["schema"], Json({"leads", "lives in"}));
}

TEST(InstructUie, RefusesWhatItHasNoNameFor) {
  const auto event = [](const std::string& argument) {
    return R"({"sentence": "Bo quit.", "events": [{"type": "End", "trigger": "quit",
               "arguments": [)" +
           argument + "]}]}";
  };
  const std::string good = event(R"({"name": "Bo", "role": "who"})");
  EXPECT_EQ(parse(good, "instructuie").documents[0].events[0].arguments[0].role, "who");
  EXPECT_NE(error_of(event(R"({"name": "Bo"})"), "instructuie").find("\"role\""),
            std::string::npos);
  EXPECT_NE(error_of(event(R"({"name": "Bo", "role": ""})"), "instructuie").find("a role"),
            std::string::npos);
}

TEST(Sharegpt, RoundTripIsExact) {
  const Dataset dataset = read("sharegpt.json");
  EXPECT_EQ(triples(dataset.documents[0]), (Lines{"Ada -leads-> Tarn Works"}));
  EXPECT_EQ(nlohmann::json::parse(write(dataset.documents, "sharegpt")),
            nlohmann::json::parse(content_of("sharegpt.json")));
}

TEST(Losses, AreCountedByKind) {
  Lines lost;
  write(read("docred.json").documents, "cre-tsv", &lost);
  EXPECT_EQ(lost, (Lines{"3 document ids", "1 documents without relations",
                         "1 entities without relations", "6 entity types",
                         "3 evidence of relations", "4 notes in meta", "3 places of entities",
                         "3 sentence boundaries of documents", "2 stated names of mentions"}));
}

TEST(BrokenRecords, AreSkippedOneByOne) {
  const std::string good = R"({"text": "a b", "triple_list": [["a", "r", "b"]]})";
  const auto read_with = [](const std::string& content) { return parse(content, "nyt", "skip"); };
  for (const char* bad : {R"({"text": "a b", "triple_list": [["a", "r" "b"]]})", "5", "{}",
                          R"({"text": "a b", "triple_list": nil})", "{\"text\": \"\xFF\"}",
                          R"({"text": "a b, "triple_list": []})"}) {
    const Dataset list = read_with("[" + good + ",\n" + bad + ",\n" + good + "]");
    EXPECT_EQ(list.documents.size(), 2u) << bad;
    EXPECT_EQ(list.skipped.size(), 1u) << bad;
    EXPECT_TRUE(list.skipped.at(0).starts_with("f:2:")) << list.skipped.at(0);
    const Dataset lines = read_with(good + "\n" + bad + "\n" + good + "\n");
    EXPECT_EQ(lines.documents.size(), 2u) << bad;
    EXPECT_EQ(lines.skipped.size(), 1u) << bad;
    EXPECT_TRUE(lines.skipped.at(0).starts_with("f:2:")) << lines.skipped.at(0);
  }
}

TEST(Nyt, StatedSpansAndTypesAreUsed) {
  const std::string text = R"({"id":"1","text":"Tarn is in Tarn, not Tarn.",)";
  const Dataset dataset =
      parse(text + R"("entity_list":[{"text":"Tarn","type":"ORG","char_span":[0,4]},)"
                   R"({"text":"Tarn","type":"LOC","char_span":[11,15]}],)"
                   R"("relation_list":[{"subject":"Tarn","predicate":"in","object":"Tarn",)"
                   R"("subj_char_span":[0,4],"obj_char_span":[11,15]}]})",
            "nyt");
  const Document& document = dataset.documents.at(0);
  ASSERT_EQ(document.entities.size(), 2u);
  EXPECT_EQ(document.entities[0].type, "ORG");
  EXPECT_EQ(document.entities[0].mentions, (std::vector<ByteRange>{{0, 4}}));
  EXPECT_EQ(document.entities[1].type, "LOC");
  EXPECT_EQ(document.entities[1].mentions, (std::vector<ByteRange>{{11, 15}}));
  EXPECT_EQ(document.relations.at(0).head, 0);
  EXPECT_EQ(document.relations.at(0).tail, 1);
  // What is stated of one is searched for the other; types come from the list without places too.
  const Dataset half =
      parse(text + R"("entity_list":[{"text":"Tarn","type":"LOC"},{"text":"not","type":"X"}],)"
                   R"("relation_list":[{"subject":"Tarn","predicate":"in","object":"not",)"
                   R"("subj_char_span":[11,15]}]})",
            "nyt");
  EXPECT_EQ(half.documents.at(0).entities.at(0).mentions, (std::vector<ByteRange>{{11, 15}}));
  EXPECT_EQ(half.documents.at(0).entities.at(0).type, "LOC");
  EXPECT_EQ(half.documents.at(0).entities.at(1).mentions, (std::vector<ByteRange>{{17, 20}}));
  EXPECT_EQ(error_of(text + R"("relation_list":[{"subject":"Tarn","predicate":"in","object":"not",)"
                            R"("subj_char_span":[1,5]}]})",
                     "nyt"),
            "f:1: relation_list[0].subj_char_span is [1, 5), which does not cover \"Tarn\"");
}

TEST(Triples, TypesAndSpansBesideTheNamesAreUsed) {
  const std::string text = R"({"text": "Tarn is in Tarn.", )";
  const std::vector<std::string> items = {
      R"("subject_type": "ORG", "object_type": "LOC")", R"("subj_type": "ORG", "obj_type": "LOC")",
      R"("subject_type": {"@value": "ORG"}, "object_type": {"@value": "LOC"})"};
  for (const std::string& types : items) {
    for (const std::string format : {"nyt", "spo"}) {
      const std::string list = format == "nyt" ? "relation_list" : "spo_list";
      const std::string item = R"({"subject": "Tarn", "predicate": "in", "object": "Tarn", )" +
                               types + R"(, "subj_char_span": [0, 4], "obj_char_span": [11, 15]})";
      const Dataset dataset = parse(text + "\"" + list + "\": [" + item + "]}", format);
      const Document& document = dataset.documents.at(0);
      ASSERT_EQ(document.entities.size(), 2u) << item;
      EXPECT_EQ(document.entities[0].type, "ORG");
      EXPECT_EQ(document.entities[0].mentions, (std::vector<ByteRange>{{0, 4}}));
      EXPECT_EQ(document.entities[1].type, "LOC");
      EXPECT_EQ(document.entities[1].mentions, (std::vector<ByteRange>{{11, 15}}));
      EXPECT_TRUE(document.meta.is_null()) << document.meta;
    }
  }
  EXPECT_EQ(error_of(text + R"("spo_list": [{"subject": "Tarn", "predicate": "in",)"
                            R"( "object": "Tarn", "subj_char_span": [1, 5]}]})",
                     "spo"),
            "f:1: spo_list[0].subj_char_span is [1, 5), which does not cover \"Tarn\"");
}

TEST(Json, MembersWithASlipInTheirNamesAreNamed) {
  const std::string docred =
      R"([{"title": "a", "sents": [["Bo", "left"]], "vertexSet": [[{"name": "Bo", "pos": [0, 1],)"
      R"( "sent_id": 0, "type": "PER"}]], )";
  const std::vector<std::array<std::string, 4>> cases = {
      {"spacy", R"({"text": "Bo left", "spans": [], "relatons": []})", "relatons", "relations"},
      {"spacy", R"({"text": "Bo left", "spans": [], "Relations": []})", "Relations", "relations"},
      {"spacy", R"({"text": "Bo left", "spnas": []})", "spnas", "spans"},
      {"glirel", R"({"tokenized_text": ["Bo"], "nre": []})", "nre", "ner"},
      {"glirel", R"({"tokenized_text": ["Bo"], "ner": [], "relation": []})", "relation",
       "relations"},
      {"docred", docred + R"("lables": []}])", "lables", "labels"},
      {"nyt", R"({"text": "Bo left", "triple_list": [], "entity_lists": []})", "entity_lists",
       "entity_list"},
      {"conll04", R"([{"tokens": ["Bo"], "entities": [], "relatins": []}])", "relatins",
       "relations"},
      {"tacred",
       R"([{"token": ["Bo", "Al"], "subj_start": 0, "subj_end": 0, "subj_tpye": "X",)"
       R"( "obj_start": 1, "obj_end": 1, "relation": "r"}])",
       "subj_tpye", "subj_type"},
  };
  for (const auto& [format, content, slip, name] : cases) {
    const std::string error = error_of(content, format);
    const std::string wanted =
        "has the unknown member \"" + slip + "\"; did you mean \"" + name + "\"?";
    EXPECT_NE(error.find(wanted), std::string::npos) << content << "\n" << error;
  }
  EXPECT_EQ(
      error_of(R"({"text": "Bo left", "spans": [{"start": 0, "end": 2, "lable": "P"}]})", "spacy"),
      "f:1: spans[0] has the unknown member \"lable\"; did you mean \"label\"?");
  EXPECT_EQ(
      error_of(R"({"text": "Bo left", "spans": [{"start": 0, "end": 2, "kind": "P"}]})", "spacy"),
      "f:1: spans[0] has no \"label\"");
  // Names that are like others of the format, and members that nobody reads.
  for (const char* content :
       {R"({"text": "Bo left", "sents": [], "spans": [], "pans_x": 1})",
        R"({"text": "Bo left", "ents": [{"start": 0, "end": 2, "label": null}], "extra": 1})"}) {
    EXPECT_EQ(parse(content, "spacy").documents.size(), 1u) << content;
  }
}

TEST(Json, AMarkBetweenRecordsIsShown) {
  const std::string record = R"({"text": "Bo left", "spans": []})";
  EXPECT_EQ(error_of(record + "\n\xEF\xBB\xBF" + record + "\n", "spacy"),
            "f:2:1: broken JSON: no JSON value, but \"\\ufeff\"");
  EXPECT_EQ(error_of("[" + record + "\xE2\x80\x8B, " + record + "]", "spacy"),
            "f:1:34: record 1: broken JSON: a comma or ] is missing between records, but "
            "\"\\u200b\"");
}

TEST(Json, WhatToDoAboutBadRecordsIsAFlag) {
  for (const auto& [content, format] : std::vector<std::pair<std::string, std::string>>{
           {"{\"text\": \"x\n", "jsonl"},
           {R"([{"instruction": "Q", "input": "a", "output": ""}])", "cre-llm"},
           {"a\tz\tr\ta b\n", "cre-tsv"}}) {
    const auto dataset = parse_dataset(content, "f", {format});
    ASSERT_FALSE(dataset.ok()) << content;
    EXPECT_NE(dataset.error().hint.find("out with --on-error skip"), std::string::npos)
        << dataset.error().message << "\n"
        << dataset.error().hint;
  }
}

TEST(Scierc, PlacesOutsideTheirSentenceAreRefused) {
  const std::string head = R"({"doc_key":"d","sentences":[["We","train"],["a","parser","."]],)";
  EXPECT_EQ(error_of(head + R"("ner":[[],[[1,1,"X"]]],"relations":[[],[]]})", "scierc"),
            "f:1: ner[1][0] is outside its sentence, which has the tokens 2 to 4");
  EXPECT_EQ(error_of(head + R"("ner":[[[1,2,"X"]],[]],"relations":[[],[]]})", "scierc"),
            "f:1: ner[0][0] is outside its sentence, which has the tokens 0 to 1");
  EXPECT_EQ(error_of(head + R"("ner":[],"relations":[[],[[3,3,1,1,"R"]]]})", "scierc"),
            "f:1: relations[1][0] is outside its sentence, which has the tokens 2 to 4");
  EXPECT_EQ(error_of(head + R"("ner":[[],[],[[0,0,"X"]]],"relations":[]})", "scierc"),
            "f:1: ner[2] is of no sentence");
}

TEST(Kbp37, KeepsRecordsWithAnEmptyTag) {
  const std::string content =
      "1\t\"<e1> </e1> was born in <e2>Oslo</e2> .\"\nper:city_of_birth(e1,e2)\n\n"
      "2\t\"<e1>Ada</e1> <e2></e2> left .\"\nno_relation\n\n"
      "3\t\"<e1>Ada</e1> lives in <e2>Oslo</e2> .\"\nper:city(e1,e2)\n\n";
  const Dataset dataset = parse(content, "kbp37");
  ASSERT_EQ(dataset.documents.size(), 3u);
  const Document& document = dataset.documents[0];
  ASSERT_EQ(document.entities.size(), 2u);
  EXPECT_EQ(document.entities[0].text, "");
  EXPECT_TRUE(document.entities[0].mentions.empty());
  EXPECT_EQ(document.relations.at(0).type, "per:city_of_birth(e1,e2)");
  EXPECT_EQ(dataset.documents[1].entities.at(1).text, "");
  EXPECT_EQ(dataset.noted.at("records with an entity that has no text, about which nothing can be "
                             "asked"),
            2u);
  // The canonical record holds them; only the third can be asked about, all three are scored.
  const auto written = write_dataset(dataset.documents, {"jsonl", ""});
  ASSERT_TRUE(written.ok());
  const Dataset again = parse(*written, "jsonl");
  EXPECT_EQ(to_json_line(again.documents.at(0)), to_json_line(document));
  EXPECT_EQ(pair_queries(dataset.documents).size(), 1u);
  EXPECT_EQ(pair_queries(dataset.documents, PairChoice::kAll).size(), 3u);
  EXPECT_EQ(error_of("1\t\"<e1> </e1> is in <e2>Oslo</e2> .\"\nOther\n", "semeval2010"),
            "f:1: the sentence does not have its two entities in tags");
  EXPECT_EQ(error_of("1\t\"</e1><e1> is in <e2>Oslo</e2> .\"\nno_relation\n", "kbp37"),
            "f:1: the sentence does not have its two entities in tags");
}

}  // namespace
}  // namespace relata::data
