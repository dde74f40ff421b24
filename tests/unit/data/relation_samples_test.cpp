// The samples of relation formats in tests/files/data/formats, each the same way: read, read again
// from the canonical record, broken anywhere.
#include <gtest/gtest.h>

#include "relation_formats.h"

namespace relata::data {
namespace {

struct SampleFile {
  std::string name;
  std::string format;
  size_t documents;
  size_t relations;
};

const std::vector<SampleFile>& samples() {
  static const std::vector<SampleFile> files = {
      {"docred.json", "docred", 3, 4},
      {"docred-result.json", "docred-result", 2, 3},
      {"tacred.json", "tacred", 3, 3},
      {"semeval2010.txt", "semeval2010", 2, 2},
      {"train_sentences.json", "semeval2010", 2, 2},
      {"nyt.json", "nyt", 2, 3},
      {"nyt_cotype.json", "nyt", 1, 1},
      {"nyt_relation_list.json", "nyt", 1, 1},
      {"conll04.json", "conll04", 2, 2},
      {"conll04_spert.json", "conll04", 1, 1},
      {"ade.rel", "ade", 2, 3},
      {"ade_dose.rel", "ade", 1, 1},
      {"ade_neg.txt", "ade", 2, 0},
      {"scierc.json", "scierc", 1, 2},
      {"chemprot.txt", "chemprot", 2, 2},
      {"kbp37.txt", "kbp37", 2, 2},
      {"spo.json", "spo", 2, 3},
      {"opennre.jsonl", "opennre", 2, 2},
      {"glirel.jsonl", "glirel", 2, 1},
      {"spacy.jsonl", "spacy", 2, 1},
      {"instructuie.json", "instructuie", 2, 1},
      {"iepile.json", "instructuie", 3, 1},
      {"sharegpt.json", "sharegpt", 1, 1},
  };
  return files;
}

class RelationFormat : public testing::TestWithParam<SampleFile> {};

TEST_P(RelationFormat, IsGuessedAndRead) {
  const SampleFile& sample = GetParam();
  const Dataset dataset = read(sample.name);
  EXPECT_EQ(dataset.format, sample.format);
  EXPECT_EQ(dataset.documents.size(), sample.documents);
  size_t relations = 0;
  for (const Document& document : dataset.documents) {
    relations += document.relations.size();
    for (const Entity& entity : document.entities) {
      EXPECT_FALSE(entity.text.empty());
      for (const ByteRange& range : entity.mentions) {
        EXPECT_LT(range.begin, range.end);
        EXPECT_LE(range.end, document.text.size());
      }
    }
  }
  EXPECT_EQ(relations, sample.relations);
}

// Through the canonical record, the tables say the same.
TEST_P(RelationFormat, SurvivesTheCanonicalRecord) {
  const Dataset dataset = read(GetParam().name);
  const Dataset again = parse(write(dataset.documents, "jsonl"), "jsonl");
  ASSERT_EQ(again.documents.size(), dataset.documents.size());
  for (size_t i = 0; i < again.documents.size(); ++i) {
    const Document& one = dataset.documents[i];
    const Document& two = again.documents[i];
    EXPECT_EQ(one.id, two.id);
    EXPECT_EQ(one.text, two.text);
    EXPECT_EQ(one.meta, two.meta);
    EXPECT_EQ(triples(one), triples(two));
    ASSERT_EQ(one.entities.size(), two.entities.size());
    for (size_t k = 0; k < one.entities.size(); ++k) {
      EXPECT_EQ(one.entities[k].mentions, two.entities[k].mentions);
      EXPECT_EQ(one.entities[k].type, two.entities[k].type);
    }
  }
}

// A file that was cut off is an error with the file's name, or (at the end of a record of a format
// that is one record after the other) a shorter data set; never a crash.
TEST_P(RelationFormat, BreaksCleanlyAtEveryByte) {
  const SampleFile& sample = GetParam();
  const std::string content = content_of(sample.name);
  const bool is_list = content.starts_with('[');
  const size_t last = content.find_last_not_of(" \r\n");
  for (size_t size = 0; size <= last; ++size) {
    ReadOptions options;
    options.format = sample.format;
    const auto cut = parse_dataset(content.substr(0, size), "f", options);
    if (cut.ok()) {
      EXPECT_FALSE(is_list) << size;
      EXPECT_LE(cut->documents.size(), sample.documents);
    } else {
      EXPECT_EQ(cut.error().code, ErrorCode::kBadInput);
      EXPECT_TRUE(cut.error().message.starts_with("f:")) << cut.error().message;
    }
    options.on_error = "skip";
    const auto rest = parse_dataset(content.substr(0, size), "f", options);
    if (rest.ok()) {
      EXPECT_LE(rest->documents.size(), sample.documents);
    }
  }
}

// Every byte in turn becomes another one: an error that names the file, or a data set whose places
// are all inside their texts.
TEST_P(RelationFormat, StandsWrongBytes) {
  const SampleFile& sample = GetParam();
  const std::string content = content_of(sample.name);
  for (const char wrong : {'9', '"', ']', '{', '\xFF', '-', 'n'}) {
    for (size_t at = 0; at < content.size(); ++at) {
      std::string changed = content;
      changed[at] = wrong;
      for (const char* on_error : {"stop", "fix"}) {
        ReadOptions options;
        options.format = sample.format;
        options.on_error = on_error;
        const auto dataset = parse_dataset(changed, "f", options);
        if (!dataset.ok()) {
          EXPECT_TRUE(dataset.error().message.starts_with("f:")) << dataset.error().message;
          continue;
        }
        for (const Document& document : dataset->documents) {
          for (const Entity& entity : document.entities) {
            for (const ByteRange& range : entity.mentions) {
              ASSERT_TRUE(range.begin < range.end && range.end <= document.text.size());
            }
          }
          for (const Relation& relation : document.relations) {
            ASSERT_LT(static_cast<size_t>(relation.head), document.entities.size());
            ASSERT_LT(static_cast<size_t>(relation.tail), document.entities.size());
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RelationFormat, testing::ValuesIn(samples()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

}  // namespace
}  // namespace relata::data
