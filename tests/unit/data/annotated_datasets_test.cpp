// Every data set of entities and events in shared/data loads with the counts of
// shared/reference/datasets.md.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

const std::string kShared = RELATA_SHARED "/data/";

struct Counts {
  size_t documents = 0;
  size_t sentences = 0;  // stated ones; not checked where 0 is wanted
  size_t mentions = 0;   // places of entities, each once; not checked where 0 is wanted
  size_t events = 0;
  size_t arguments = 0;
  size_t relations = 0;  // without those of type NR, which state that there is none
  size_t fixed = 0;
};

struct Case {
  std::string files;   // a file or a folder in shared/data
  std::string format;  // also the one that must be guessed
  Counts want;
  std::string on_error = "stop";
};

std::vector<std::string> files_of(const std::string& place) {
  std::vector<std::string> files;
  const std::filesystem::path path = kShared + place;
  if (!std::filesystem::is_directory(path)) return {path.string()};
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void count(const Dataset& dataset, Counts& counts) {
  counts.documents += dataset.documents.size();
  counts.fixed += dataset.fixed.size();
  for (const Document& document : dataset.documents) {
    counts.sentences += document.sentences.size();
    std::set<std::tuple<size_t, size_t, std::string>> places;
    for (const Entity& entity : document.entities) {
      for (const ByteRange& range : entity.mentions) {
        places.insert({range.begin, range.end, entity.type});
      }
    }
    counts.mentions += places.size();
    counts.events += document.events.size();
    for (const Event& event : document.events) counts.arguments += event.arguments.size();
    for (const Relation& relation : document.relations) counts.relations += relation.type != "NR";
  }
}

// What a reader made can be written as JSONL and read again.
void expect_round_trip(const Dataset& dataset) {
  for (const Document& document : dataset.documents) {
    const std::string line = to_json_line(document);
    const auto again = document_from_json(Json::parse(line), "round trip");
    ASSERT_TRUE(again.ok()) << again.error().message << "\n" << line.substr(0, 500);
    ASSERT_EQ(to_json_line(*again), line);
  }
}

class AnnotatedDatasets : public testing::TestWithParam<Case> {};

TEST_P(AnnotatedDatasets, LoadWithTheirCounts) {
  const Case& param = GetParam();
  if (!std::filesystem::exists(kShared + param.files)) {
    GTEST_SKIP() << kShared + param.files << " is not here";
  }
  Counts got;
  for (const std::string& file : files_of(param.files)) {
    const auto content = read_file(file);
    ASSERT_TRUE(content.ok());
    const auto guess = guess_format(*content, file);
    ASSERT_TRUE(guess.ok()) << guess.error().message;
    EXPECT_EQ(*guess, param.format) << file;
    ReadOptions options;
    options.format = param.format;
    options.on_error = param.on_error;
    const auto dataset = parse_dataset(*content, file, options);
    ASSERT_TRUE(dataset.ok()) << dataset.error().message;
    EXPECT_TRUE(dataset->skipped.empty()) << dataset->skipped.front();
    count(*dataset, got);
    expect_round_trip(*dataset);
  }
  const Counts& want = param.want;
  EXPECT_EQ(got.documents, want.documents);
  if (want.sentences > 0) {
    EXPECT_EQ(got.sentences, want.sentences);
  }
  if (want.mentions > 0) {
    EXPECT_EQ(got.mentions, want.mentions);
  }
  EXPECT_EQ(got.events, want.events);
  EXPECT_EQ(got.arguments, want.arguments);
  EXPECT_EQ(got.relations, want.relations);
  EXPECT_EQ(got.fixed, want.fixed);
}

std::vector<Case> cases() {
  return {
      {"conll2003/train.txt", "conll-ner", {14041, 0, 23429}},
      {"conll2003/dev.txt", "conll-ner", {3250, 0, 5938}},
      {"conll2003/test.txt", "conll-ner", {3453, 0, 5628}},
      {"crossner/ai/train.txt", "conll-ner", {100}},
      {"crossner/ai/dev.txt", "conll-ner", {350}},
      {"crossner/ai/test.txt", "conll-ner", {431}},
      {"crossner/literature/train.txt", "conll-ner", {100}},
      {"crossner/literature/dev.txt", "conll-ner", {400}},
      {"crossner/literature/test.txt", "conll-ner", {416}},
      {"crossner/science/train.txt", "conll-ner", {200}},
      {"crossner/science/dev.txt", "conll-ner", {450}},
      {"crossner/science/test.txt", "conll-ner", {543}},
      {"mit_movie_trivia/trivia10k13train.txt", "conll-ner", {7816, 0, 23030}},
      {"mit_movie_trivia/trivia10k13test.txt", "conll-ner", {1953, 0, 5686}},
      {"mit_restaurant/restauranttrain.txt", "conll-ner", {7660, 0, 15363}},
      {"mit_restaurant/restauranttest.txt", "conll-ner", {1521, 0, 3151}},
      {"bc5cdr_ner/train.txt", "conll-ner", {500, 3942, 9270}},
      {"bc5cdr_ner/dev.txt", "conll-ner", {500, 3949, 9455}},
      {"bc5cdr_ner/test.txt", "conll-ner", {500, 4139, 9662}},
      {"ncbi_disease_ner/train.txt", "conll-ner", {5424, 0, 5134}},
      {"ncbi_disease_ner/dev.txt", "conll-ner", {923, 0, 787}},
      {"ncbi_disease_ner/test.txt", "conll-ner", {940, 0, 960}},
      {"wnut17/wnut17train.conll", "conll-ner", {3394, 0, 1975}},
      // 835 entities begin with B; one begins with I, and counts in the published 836.
      {"wnut17/emerging.dev.conll", "conll-ner", {1009, 0, 836, 0, 0, 0, 1}},
      {"wnut17/emerging.test.annotated", "conll-ner", {1287, 0, 1079}},
      // 1,885 and 414 entities begin with B, as counted by others; 10 and 4 begin with I.
      {"weibo_ner/weiboNER_2nd_conll.train", "conll-ner", {1350, 0, 1895, 0, 0, 0, 10}},
      {"weibo_ner/weiboNER_2nd_conll.dev", "conll-ner", {270, 0, 389}},
      {"weibo_ner/weiboNER_2nd_conll.test", "conll-ner", {270, 0, 418, 0, 0, 0, 4}},
      {"msra_ner/msra_test_bio.txt", "conll-ner", {3442, 0, 6190}},
      {"biored/Train.PubTator", "pubtator", {400, 0, 13351, 0, 0, 4178}},
      {"biored/Dev.PubTator", "pubtator", {100, 0, 3533, 0, 0, 1162}},
      {"biored/Test.PubTator", "pubtator", {100, 0, 3535, 0, 0, 1163}},
      {"cdr/train.data", "pubtator", {500, 0, 0, 0, 0, 1038}},
      {"cdr/dev.data", "pubtator", {500, 0, 0, 0, 0, 1012}},
      {"cdr/test.data", "pubtator", {500, 0, 0, 0, 0, 1066}},
      {"casie/annotation", "casie", {1000, 0, 0, 8485, 22701, 0, 314 + 781}, "fix"},
      {"phee/json/train.json", "phee", {2898, 0, 0, 3006, 15973}},
      {"phee/json/dev.json", "phee", {961, 0, 0, 1003, 5469}},
      {"phee/json/test.json", "phee", {968, 0, 0, 1010, 5459}},
      {"rams/dev.jsonlines", "rams", {924, 0, 0, 924, 2188}},
      {"rams/test.jsonlines", "rams", {871, 0, 0, 871, 2023}},
      {"wikievents/dev.jsonl", "wikievents", {20, 0, 0, 345, 428}},
      {"wikievents/test.jsonl", "wikievents", {20, 0, 0, 364, 563}},
      {"crudeoilnews/annotations/Gold-standard", "crudeoilnews", {151, 2557, 0, 2943, 5716}},
      {"crudeoilnews/annotations/Gold-standard/Test Set_ADJ",
       "crudeoilnews",
       {25, 377, 0, 577, 1276}},
      // One argument ends before it begins, and is left out.
      {"crudeoilnews/annotations/Augmented",
       "crudeoilnews",
       {371, 372, 0, 1061, 1692, 0, 1},
       "fix"},
  };
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.files;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Shared, AnnotatedDatasets, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace relata::data
