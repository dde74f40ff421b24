// Broken files of the formats of entities and events.
#include <gtest/gtest.h>

#include <algorithm>

#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

const std::string kFiles = RELATA_TEST_FILES "/data/annotated/";

// A file cut off at any byte is read or refused with its name; nothing worse.
TEST(AnnotatedFormats, SurviveTruncation) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"words.conll", "conll-ner"},
      {"characters.txt", "conll-ner"},
      {"abstracts.pubtator", "pubtator"},
      {"pairs.cdr", "pubtator"},
      {"casie.json", "casie"},
      {"phee.jsonl", "phee"},
      {"rams.jsonl", "rams"},
      {"wikievents.jsonl", "wikievents"},
      {"crudeoil.json", "crudeoilnews"},
      {"label_studio.json", "label-studio"},
      {"brat/doc.ann", "brat"}};
  for (const auto& [name, format] : files) {
    const std::string content = read_file(kFiles + name).value();
    size_t read = 0;
    for (size_t size = 1; size < content.size(); ++size) {
      for (const char* on_error : {"stop", "skip", "fix"}) {
        ReadOptions options;
        options.format = format;
        options.on_error = on_error;
        const auto dataset = parse_dataset(content.substr(0, size), kFiles + name, options);
        read += dataset.ok();
        if (!dataset.ok()) {
          ASSERT_NE(dataset.error().message.find(name), std::string::npos)
              << dataset.error().message;
          continue;
        }
        for (const Document& document : dataset->documents) {
          const auto again = document_from_json(Json::parse(to_json_line(document)), name);
          ASSERT_TRUE(again.ok()) << again.error().message;
        }
      }
    }
    EXPECT_GT(read, 0u) << name;
  }
}

// A value of another type anywhere is refused with the file's name, or does not matter.
TEST(AnnotatedFormats, SurviveWrongTypes) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"casie.json", "casie"},
      {"phee.jsonl", "phee"},
      {"rams.jsonl", "rams"},
      {"wikievents.jsonl", "wikievents"},
      {"crudeoil.json", "crudeoilnews"},
      {"label_studio.json", "label-studio"}};
  const std::vector<Json> others = {nullptr,        true,   -1,         3.5,
                                    1e30,           "text", "",         Json::array(),
                                    Json::object(), {1},    {{"a", 1}}, {"a", "b", "c"}};
  for (const auto& [name, format] : files) {
    const Json good = Json::parse(read_file(kFiles + name).value());
    size_t refused = 0;
    std::vector<std::string> places = {""};
    const Json flat = good.flatten();
    for (const auto& [pointer, value] : flat.items()) {
      for (size_t at = pointer.size(); at != std::string::npos && at > 0;
           at = pointer.rfind('/', at - 1)) {
        places.push_back(pointer.substr(0, at));
      }
    }
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    for (const std::string& place : places) {
      for (const Json& other : others) {
        Json bad = good;
        bad[Json::json_pointer(place)] = other;
        ReadOptions options;
        options.format = format;
        const auto dataset = parse_dataset(bad.dump() + "\n", "bad.json", options);
        if (!dataset.ok()) {
          ++refused;
          ASSERT_TRUE(dataset.error().message.starts_with("bad.json")) << dataset.error().message;
        }
        options.on_error = "fix";
        const auto fixed = parse_dataset(bad.dump() + "\n", "bad.json", options);
        for (size_t i = 0; fixed.ok() && i < fixed->documents.size(); ++i) {
          const auto again =
              document_from_json(Json::parse(to_json_line(fixed->documents[i])), name);
          ASSERT_TRUE(again.ok()) << again.error().message << " " << place << " " << other.dump();
        }
      }
    }
    EXPECT_GT(refused, places.size()) << name;
  }
}

}  // namespace
}  // namespace relata::data
