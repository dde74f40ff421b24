// Every relation data set of ../shared/data has the counts that its authors publish.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <set>

#include "relata/base/file.h"
#include "relata/data/formats.h"

namespace relata::data {
namespace {

const std::string kShared = RELATA_SHARED "/data/";

struct Published {
  std::string file;
  std::string format;
  size_t documents = 0;
  size_t relations = 0;
  size_t labels = 0;    // distinct relation types
  size_t entities = 0;  // 0: not published
  size_t mentions = 0;  // 0: not published
};

struct Counts {
  size_t relations = 0;
  size_t entities = 0;
  size_t mentions = 0;
  std::set<std::string> labels;
};

Counts count(const std::vector<Document>& documents) {
  Counts counts;
  for (const Document& document : documents) {
    counts.relations += document.relations.size();
    counts.entities += document.entities.size();
    for (const Entity& entity : document.entities) counts.mentions += entity.mentions.size();
    for (const Relation& relation : document.relations) counts.labels.insert(relation.type);
  }
  return counts;
}

class PublishedDataset : public testing::TestWithParam<Published> {};

TEST_P(PublishedDataset, HasItsCounts) {
  const Published& want = GetParam();
  const std::string path = kShared + want.file;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  const auto dataset = read_dataset(path, {});
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->format, want.format);
  EXPECT_TRUE(dataset->skipped.empty());
  const Counts counts = count(dataset->documents);
  if (want.documents > 0) {
    EXPECT_EQ(dataset->documents.size(), want.documents);
  }
  EXPECT_EQ(counts.relations, want.relations);
  if (want.labels > 0) {
    EXPECT_EQ(counts.labels.size(), want.labels);
  }
  if (want.entities > 0) {
    EXPECT_EQ(counts.entities, want.entities);
  }
  if (want.mentions > 0) {
    EXPECT_EQ(counts.mentions, want.mentions);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, PublishedDataset,
    testing::Values(
        Published{"redocred/dev_revised.json", "docred", 500, 17284, 95, 9684, 13189},
        Published{"redocred/test_revised_first250.json", "docred", 250, 8728, 0, 4826, 6509},
        Published{"finre/train.txt", "cre-tsv", 0, 13486, 44},
        Published{"finre/valid.txt", "cre-tsv", 0, 1489, 42},
        Published{"finre/test.txt", "cre-tsv", 0, 3727},
        Published{"sanwen/train.txt", "cre-tsv", 0, 17227, 10},
        Published{"sanwen/valid.txt", "cre-tsv", 0, 1793},
        Published{"semeval2010_task8/SemEval2010_task8_training/TRAIN_FILE.TXT", "semeval2010",
                  8000, 8000, 19, 16000, 16000},
        Published{"semeval2010_task8/SemEval2010_task8_testing_keys/TEST_FILE_FULL.TXT",
                  "semeval2010", 2717, 2717, 19},
        Published{"semeval2010_task8/SemEval2010_task8_testing/TEST_FILE.txt", "semeval2010", 2717,
                  0},
        Published{"rag4re_semeval/original_data/train_sentences.json", "semeval2010", 8000, 8000,
                  19},
        Published{"rag4re_semeval/original_data/test_sentences.json", "semeval2010", 2717, 2717},
        Published{"fewrel/val_wiki.json", "fewrel", 11200, 11200, 16},
        Published{"fewrel/val_nyt.json", "fewrel", 2500, 2500, 25},
        Published{"fewrel/val_pubmed.json", "fewrel", 1000, 1000, 10},
        Published{"fewrel/val_semeval.json", "fewrel", 8851, 8851, 17},
        Published{"fewrel/pubmed_unsupervised.json", "fewrel", 2500, 0},
        Published{"nyt/val_triples.json", "nyt", 5000, 8489},
        Published{"nyt/test_triples.json", "nyt", 5000, 8616},
        Published{"conll04/conll04_train.json", "conll04", 922, 1283, 5},
        Published{"conll04/conll04_dev.json", "conll04", 231, 343, 5},
        Published{"conll04/conll04_test.json", "conll04", 288, 422, 5},
        Published{"conll04/conll04_train_dev.json", "conll04", 1153, 1626, 5},
        Published{"scierc/train.json", "scierc", 350, 3219, 7, 5598, 5598},
        Published{"scierc/dev.json", "scierc", 50, 455, 7, 811, 811},
        Published{"scierc/test.json", "scierc", 100, 974, 7, 1685, 1685},
        Published{"scierc/scibert_relation_classification/train.txt", "chemprot", 3219, 3219, 7},
        Published{"scierc/scibert_relation_classification/dev.txt", "chemprot", 455, 455, 7},
        Published{"scierc/scibert_relation_classification/test.txt", "chemprot", 974, 974, 7},
        Published{"chemprot/train.txt", "chemprot", 4169, 4169, 13},
        Published{"chemprot/dev.txt", "chemprot", 2427, 2427, 12},
        Published{"chemprot/test.txt", "chemprot", 3469, 3469, 12},
        Published{"duie2_sample/train_data_5000.json", "spo", 5000, 8945},
        Published{"cmeie/val_triples.json", "spo", 3585, 10626}),
    [](const auto& info) {
      std::string name = info.param.file;
      for (char& c : name) {
        if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
      }
      return name;
    });

// The corpus is a zip file; its members are read through unzip.
class PublishedAde : public testing::TestWithParam<Published> {};

TEST_P(PublishedAde, HasItsCounts) {
  const std::string zip = kShared + "ade_corpus_v2/ADE-Corpus-V2.zip";
  if (!std::filesystem::exists(zip)) GTEST_SKIP() << zip << " is absent";
  const std::string command = "unzip -p '" + zip + "' 'ADE-Corpus-V2/" + GetParam().file + "'";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string content;
  char buffer[65536];
  for (size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) content.append(buffer, got);
  pclose(pipe);
  if (content.empty()) GTEST_SKIP() << "unzip is absent";
  const auto dataset = parse_dataset(content, GetParam().file, {});
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->format, "ade");
  std::set<std::string> texts;
  for (const Document& document : dataset->documents) texts.insert(document.text);
  if (GetParam().relations > 0) {
    EXPECT_EQ(texts.size(), GetParam().documents);
  } else {
    EXPECT_EQ(dataset->documents.size(), GetParam().documents);
  }
  EXPECT_EQ(count(dataset->documents).relations, GetParam().relations);
}

INSTANTIATE_TEST_SUITE_P(All, PublishedAde,
                         testing::Values(Published{"DRUG-AE.rel", "ade", 4271, 6821},
                                         Published{"DRUG-DOSE.rel", "ade", 213, 279},
                                         Published{"ADE-NEG.txt", "ade", 16695, 0}),
                         [](const auto& info) {
                           std::string name = info.param.file;
                           std::erase_if(name, [](unsigned char c) { return !std::isalnum(c); });
                           return name;
                         });

// TACRED's text is not free, but its test ids and labels are: the patches give the published
// numbers of no_relation.
TEST(PublishedTacred, PatchesGiveTheirLabels) {
  const std::string gold = kShared + "tacrev_results/gold_test.tsv";
  const std::string tacrev = kShared + "tacrev_patch/test_patch.json";
  const std::string retacred = kShared + "retacred_patch/test_id2label.json";
  for (const std::string& path : {gold, tacrev, retacred}) {
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  }
  std::string content = "[";
  std::vector<std::string> revised;
  const auto table = read_file(gold);
  ASSERT_TRUE(table.ok());
  std::istringstream lines(*table);
  for (std::string id, label, other; lines >> id >> label >> other;) {
    if (label.find("relation") == std::string::npos && label.find(':') == std::string::npos)
      continue;
    content += content.size() > 1 ? "," : "";
    content += R"({"id":")" + id + R"(","relation":")" + label +
               R"(","token":["A","B"],"subj_start":0,"subj_end":0,"obj_start":1,"obj_end":1})";
    revised.push_back(other);
  }
  content += "]";
  const auto none = [](const Dataset& dataset) {
    size_t total = 0;
    for (const Document& document : dataset.documents) {
      total += document.relations.at(0).type == "no_relation";
    }
    return total;
  };
  const auto plain = parse_dataset(content, "f", {});
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_EQ(plain->documents.size(), 15509u);
  EXPECT_EQ(none(*plain), 12184u);
  ReadOptions options;
  options.label_patch = tacrev;
  const auto patched = parse_dataset(content, "f", options);
  ASSERT_TRUE(patched.ok()) << patched.error().message;
  ASSERT_EQ(patched->documents.size(), revised.size());
  size_t changed = 0;
  for (size_t i = 0; i < revised.size(); ++i) {
    const std::string& label = patched->documents[i].relations.at(0).type;
    EXPECT_EQ(label, revised[i]);
    changed += label != plain->documents[i].relations.at(0).type;
  }
  EXPECT_EQ(changed, 936u);
  EXPECT_EQ(none(*patched), 12386u);
  options.label_patch = retacred;
  const auto kept = parse_dataset(content, "f", options);
  ASSERT_TRUE(kept.ok()) << kept.error().message;
  EXPECT_EQ(kept->documents.size(), 13418u);
  EXPECT_EQ(none(*kept), 7770u);
}

TEST(PublishedRag4re, NumbersAndNamesAreTheSameLabels) {
  const std::string folder = kShared + "rag4re_semeval/original_data/";
  const std::string official =
      kShared + "semeval2010_task8/SemEval2010_task8_training/TRAIN_FILE.TXT";
  if (!std::filesystem::exists(folder) || !std::filesystem::exists(official)) {
    GTEST_SKIP() << folder << " or " << official << " is absent";
  }
  const auto train = read_dataset(folder + "train_sentences.json", {});
  const auto text = read_dataset(official, {});
  ASSERT_TRUE(train.ok() && text.ok());
  ASSERT_EQ(train->documents.size(), text->documents.size());
  for (size_t i = 0; i < train->documents.size(); ++i) {
    EXPECT_EQ(train->documents[i].relations.at(0).type, text->documents[i].relations.at(0).type);
  }
  const auto test = read_dataset(folder + "test_sentences.json", {});
  ASSERT_TRUE(test.ok());
  size_t other = 0;
  for (const Document& document : test->documents)
    other += document.relations.at(0).type == "Other";
  EXPECT_EQ(other, 454u);
}

// Reading and writing Re-DocRED gives the same JSON.
TEST(PublishedRedocred, RoundTripIsExact) {
  for (const char* name : {"dev_revised.json", "test_revised_first250.json"}) {
    const std::string path = kShared + "redocred/" + name;
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
    const auto dataset = read_dataset(path, {});
    ASSERT_TRUE(dataset.ok()) << dataset.error().message;
    WriteOptions options;
    options.format = "docred";
    std::vector<std::string> lost;
    const auto written = write_dataset(dataset->documents, options, &lost);
    ASSERT_TRUE(written.ok());
    EXPECT_TRUE(lost.empty()) << lost[0];
    // nlohmann::json, unlike ordered_json, does not care for the order of members.
    const auto original = read_file(path);
    ASSERT_TRUE(original.ok());
    EXPECT_TRUE(nlohmann::json::parse(*original) == nlohmann::json::parse(*written)) << path;
  }
}

}  // namespace
}  // namespace relata::data
