// Label Studio: tasks with regions and relations.
#include <gtest/gtest.h>

#include "annotated_formats.h"

namespace relata::data {
namespace {

using annotated::arguments_of;
using annotated::covered;
using annotated::entities_of;
using annotated::parse;
using annotated::parse_error;
using annotated::read;

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
