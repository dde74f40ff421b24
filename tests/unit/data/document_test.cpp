#include "relata/data/document.h"

#include <gtest/gtest.h>

namespace relata::data {
namespace {

const std::string kRecord =
    R"({"id":"b","text":"北风😀吹","entities":[)"
    R"({"id":"x","text":"北","type":"T","mentions":[[0,1]]},)"
    R"({"id":"y","text":"吹","type":"","mentions":[[3,4]]}],)"
    R"("relations":[{"head":"y","tail":"x","type":"r","score":0.5,"evidence":[[1,4]]}],)"
    R"("meta":{"pairs":[["x","y"]]}})";

std::string error_of(const std::string& json) {
  const auto document = document_from_json(Json::parse(json), "f:1");
  return document.ok() ? "" : document.error().message;
}

TEST(Document, ConvertsOffsetsBothWays) {
  const auto document = document_from_json(Json::parse(kRecord), "f:1");
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_EQ(document->entities[1].mentions[0], (ByteRange{10, 13}));
  EXPECT_EQ(document->relations[0].evidence[0], (ByteRange{3, 13}));
  EXPECT_EQ(document->relations[0].head, 1);
  EXPECT_EQ(to_json_line(*document), kRecord);
}

TEST(Document, NeedsOnlyAText) {
  const auto document = document_from_json(Json::parse(R"({"text":"a"})"), "f:1");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(to_json_line(*document), R"({"id":"","text":"a","entities":[],"relations":[]})");
}

TEST(Document, SortsMentionsAndTakesTheTextFromTheFirst) {
  const auto document = document_from_json(
      Json::parse(R"({"text":"ab b","entities":[{"id":"e","mentions":[[3,4],[1,2]]}]})"), "f:1");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->entities[0].text, "b");
  EXPECT_EQ(document->entities[0].mentions[0], (ByteRange{1, 2}));
}

TEST(Document, NamesThePlaceOfEveryError) {
  EXPECT_EQ(error_of("[1]"), "f:1: the record is not an object");
  EXPECT_EQ(error_of(R"({"id":"a"})"), "f:1: the record has no \"text\"");
  EXPECT_EQ(error_of(R"({"text":5})"), "f:1: text is not a string");
  EXPECT_EQ(error_of(R"({"text":""})"), "f:1: text is empty");
  EXPECT_EQ(error_of(R"({"text":"a","entities":{}})"), "f:1: entities is not a list");
  EXPECT_EQ(error_of(R"({"text":"a","entities":[{"id":"e"}]})"),
            "f:1: entities[0] has neither \"text\" nor \"mentions\"");
  EXPECT_EQ(error_of(R"({"text":"a","entities":[{"id":"e","text":"a"},{"id":"e","text":"a"}]})"),
            "f:1: entities[1].id \"e\" is not unique in the document");
  for (const char* range : {"[0,2]", "[1,1]", "[-1,1]", "[0,18446744073709551615]", "[0,1.0]"}) {
    EXPECT_EQ(
        error_of(std::string(R"({"text":"é","entities":[{"id":"e","mentions":[)") + range + "]}]}"),
        std::string("f:1: entities[0].mentions[0] is ") + range +
            ", not a range inside the text's 1 code points");
  }
  EXPECT_EQ(error_of(R"({"text":"a","relations":[{"head":"e","tail":"e","type":"r"}]})"),
            "f:1: relations[0].head \"e\" is no entity of the document");
  EXPECT_EQ(error_of(R"({"text":"a","entities":[{"id":"e","text":"a"}],)"
                     R"("relations":[{"head":"e","tail":"e"}]})"),
            "f:1: relations[0] has no \"type\"");
  EXPECT_EQ(error_of(R"({"text":"a","meta":{"pairs":[["e","f"]]}})"),
            "f:1: meta.pairs is not a list of [head, tail] with ids of the document's entities");
}

TEST(Document, KeepsSentencesEventsAndNames) {
  const std::string record =
      R"({"id":"d","text":"北风😀吹了。再见","sentences":[[0,6],[6,8]],"entities":[)"
      R"({"id":"x","text":"北","type":"T","mentions":[[0,1],[1,2]],"names":["N","F"]}],)"
      R"("relations":[],"events":[{"id":"ev0","type":"Blow","trigger":[3,4],"arguments":[)"
      R"({"role":"Agent","range":[0,2],"entity":"x"},{"role":"Face","range":[2,3]},)"
      R"({"role":"Place","entity":"x"}]},{"id":"ev1","type":"","arguments":[]}]})";
  const auto document = document_from_json(Json::parse(record), "f:1");
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_EQ(document->sentences, (std::vector<ByteRange>{{0, 19}, {19, 25}}));
  EXPECT_EQ(document->events[0].trigger, (ByteRange{10, 13}));
  EXPECT_EQ(document->events[0].arguments[0].entity, 0);
  EXPECT_EQ(document->events[0].arguments[1].range, (ByteRange{6, 10}));
  EXPECT_EQ(document->events[0].arguments[1].entity, -1);
  EXPECT_EQ(to_json_line(*document), record);
}

TEST(Document, SortsNamesWithTheirMentions) {
  const auto document = document_from_json(
      Json::parse(R"({"text":"ab b","entities":[{"id":"e","mentions":[[3,4],[0,2],[0,1]],)"
                  R"("names":["last","second","first"]}]})"),
      "f:1");
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_EQ(document->entities[0].names, (std::vector<std::string>{"first", "second", "last"}));
  EXPECT_EQ(document->entities[0].mentions, (std::vector<ByteRange>{{0, 1}, {0, 2}, {3, 4}}));
}

TEST(Document, SortsSentencesAndNamesTheirErrors) {
  const auto document =
      document_from_json(Json::parse(R"({"text":"ab cd","sentences":[[3,5],[0,2]]})"), "f:1");
  ASSERT_TRUE(document.ok()) << document.error().message;
  EXPECT_EQ(document->sentences[0], (ByteRange{0, 2}));
  EXPECT_EQ(error_of(R"({"text":"abc","sentences":[[0,2],[1,3]]})"),
            "f:1: sentences overlap at code point 1");
  EXPECT_EQ(error_of(R"({"text":"abc","sentences":7})"), "f:1: sentences is not a list");
  EXPECT_EQ(error_of(R"({"text":"abc","sentences":[[0,4]]})"),
            "f:1: sentences[0] is [0,4], not a range inside the text's 3 code points");
  EXPECT_EQ(error_of(R"({"text":"abc","sentences":[0]})"), "f:1: sentences[0] is not [begin, end]");
}

TEST(Document, NamesThePlaceOfErrorsInEvents) {
  const auto with_event = [](const std::string& event) {
    return error_of(R"({"text":"abc","events":[)" + event + "]}");
  };
  EXPECT_EQ(error_of(R"({"text":"abc","events":{}})"), "f:1: events is not a list");
  EXPECT_EQ(with_event("1"), "f:1: events[0] is not an object");
  EXPECT_EQ(with_event("{}"), "f:1: events[0] has no \"id\"");
  EXPECT_EQ(with_event(R"({"id":"a"},{"id":"a"})"),
            "f:1: events[1].id \"a\" is not unique in the document");
  EXPECT_EQ(with_event(R"({"id":"a","type":1})"), "f:1: events[0].type is not a string");
  EXPECT_EQ(with_event(R"({"id":"a","trigger":[2,4]})"),
            "f:1: events[0].trigger is [2,4], not a range inside the text's 3 code points");
  EXPECT_EQ(with_event(R"({"id":"a","arguments":[{"range":[0,1]}]})"),
            "f:1: events[0].arguments[0] has no \"role\"");
  EXPECT_EQ(with_event(R"({"id":"a","arguments":[{"role":"r"}]})"),
            "f:1: events[0].arguments[0] has neither \"range\" nor \"entity\"");
  EXPECT_EQ(with_event(R"({"id":"a","arguments":[{"role":"r","entity":"x"}]})"),
            "f:1: events[0].arguments[0].entity \"x\" is no entity of the document");
  EXPECT_EQ(error_of(R"({"text":"ab","entities":[{"id":"e","mentions":[[0,1]],"names":[]}]})"), "");
  EXPECT_EQ(
      error_of(R"({"text":"ab","entities":[{"id":"e","mentions":[[0,1]],"names":["a","b"]}]})"),
      "f:1: entities[0].names has 2 for 1 mentions");
  EXPECT_EQ(error_of(R"({"text":"ab","entities":[{"id":"e","mentions":[[0,1]],"names":[1]}]})"),
            "f:1: entities[0].names[0] is not a string");
}

TEST(FindOccurrences, DoesNotOverlap) {
  EXPECT_EQ(find_occurrences("aaaa", "aa"), (std::vector<ByteRange>{{0, 2}, {2, 4}}));
  EXPECT_TRUE(find_occurrences("aaaa", "").empty());
  EXPECT_TRUE(find_occurrences("", "a").empty());
}

}  // namespace
}  // namespace relata::data
