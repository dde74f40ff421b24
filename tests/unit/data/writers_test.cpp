// Every writer with every sample: what it does not say it loses comes back when its file is read.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "sample_files.h"

namespace relata::data {
namespace {

// Statements about a dataset by kind ("type": "Ada lives here|Ada|PER"), repeated ones kept.
// Places count characters that are no white space, since formats of tokens may change that.
using Facts = std::map<std::string, std::multiset<std::string>>;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string squeezed(std::string text) {
  std::erase_if(text, is_space);
  return text;
}

class FactFinder {
 public:
  explicit FactFinder(const std::vector<Document>& documents) {
    for (const Document& document : documents) add(document);
  }
  Facts facts;

 private:
  void add(const Document& document) {
    key_ = squeezed(document.text) + "|";
    places_.assign(1, 0);
    for (const char c : document.text) places_.push_back(places_.back() + !is_space(c));
    facts["text"].insert(key_);
    facts["id"].insert(key_ + document.id);
    for (const ByteRange& range : document.sentences) facts["sentence"].insert(key_ + place(range));
    std::vector<char> related(document.entities.size(), 0);
    for (const Relation& relation : document.relations) {
      related[relation.head] = related[relation.tail] = 1;
      const std::string triple = key_ + name(document.entities[relation.head]) + "|" +
                                 relation.type + "|" + name(document.entities[relation.tail]);
      facts["triple"].insert(triple);
      if (relation.score) facts["score"].insert(triple + std::to_string(*relation.score));
      for (const ByteRange& range : relation.evidence) {
        facts["evidence"].insert(triple + place(range));
      }
    }
    std::set<std::string> seen;
    for (size_t i = 0; i < document.entities.size(); ++i) {
      const Entity& entity = document.entities[i];
      facts[related[i] ? "entity" : "lone entity"].insert(key_ + name(entity));
      if (!related[i]) continue;
      facts["type"].insert(key_ + name(entity) + "|" + entity.type);
      for (const ByteRange& range : entity.mentions) {
        facts["place"].insert(key_ + name(entity) + place(range));
      }
      for (const std::string& stated : entity.names) {
        facts["name"].insert(key_ + squeezed(stated));
      }
    }
    for (const Event& event : document.events) {
      const std::string shown = key_ + event.type + place(event.trigger);
      facts["event"].insert(shown);
      for (const Argument& argument : event.arguments) {
        facts["argument"].insert(shown + "|" + argument.role + place(argument.range));
      }
    }
  }

  std::string place(const ByteRange& range) const {
    return " " + std::to_string(places_.at(range.begin)) + "-" +
           std::to_string(places_.at(range.end));
  }
  static std::string name(const Entity& entity) {
    return squeezed(entity.names.empty() ? entity.text : entity.names.front());
  }

  std::string key_;
  std::vector<size_t> places_;
};

// What a loss note must have in it (or be, behind "=") to excuse that facts of a kind are missing.
const std::map<std::string, std::vector<std::string>>& excuses() {
  static const std::map<std::string, std::vector<std::string>> words = {
      {"text", {"documents without relations", "texts of documents"}},
      {"id", {"ids", "documents without relations"}},
      {"sentence", {"sentence boundaries", "texts whose spaces"}},
      {"triple", {"relations of entities", "names", "=relations"}},
      {"score", {"scores", "relations of entities"}},
      {"evidence", {"evidence", "relations of entities"}},
      {"entity", {"relations of entities", "names of mentions", "entities that", "=entities"}},
      {"lone entity", {"entities", "names of mentions"}},
      {"type", {"entity types", "names", "relations of entities", "without a type", "=entities"}},
      {"place", {"places", "mentions", "relations of entities", "entities that", "=entities"}},
      {"name", {"names of mentions", "=entities"}},
      {"event", {"events", "names changed"}},
      {"argument", {"events", "arguments", "names changed"}}};
  return words;
}

bool is_excused(const std::string& kind, const std::vector<std::string>& lost) {
  const auto& words = excuses().at(kind);
  return std::any_of(lost.begin(), lost.end(), [&](const std::string& note) {
    const std::string what = note.substr(note.find(' ') + 1);
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return word[0] == '=' ? what == word.substr(1) : what.find(word) != std::string::npos;
    });
  });
}

struct Written {
  std::vector<DatasetFile> files;
  std::vector<std::string> lost;
};

Result<Written> write(const std::vector<Document>& documents, const std::string& format) {
  Written out;
  const WriteOptions options{format, "Which relation holds?"};
  if (writes_folder(format)) {
    RELATA_TRY(out.files, write_dataset_files(documents, options, &out.lost));
    return out;
  }
  RELATA_TRY(std::string content, write_dataset(documents, options, &out.lost));
  out.files.push_back({"f", std::move(content)});
  return out;
}

// Folders are read from the disk, like any of them.
Result<std::vector<Document>> read_back(const Written& written, const std::string& format) {
  ReadOptions options;
  options.format = format;
  if (!writes_folder(format)) {
    RELATA_TRY(Dataset dataset, parse_dataset(written.files.at(0).content, "f", options));
    return std::move(dataset.documents);
  }
  const std::string folder = testing::TempDir() + "relata_writers_" +
                             testing::UnitTest::GetInstance()->current_test_info()->name() + "/";
  std::vector<std::string> paths;
  for (const DatasetFile& file : written.files) {
    paths.push_back(folder + file.name);
    RELATA_CHECK(write_file_atomic(paths.back(), file.content));
  }
  std::vector<Document> all;
  for (const std::string& path : without_companions(paths)) {
    RELATA_TRY(Dataset dataset, read_dataset(path, options));
    std::move(dataset.documents.begin(), dataset.documents.end(), std::back_inserter(all));
  }
  return all;
}

std::string shown(const std::multiset<std::string>& facts) {
  std::string out;
  for (const std::string& fact : facts) out += "\n  " + fact;
  return out;
}

class EveryWriter : public testing::TestWithParam<FormatSample> {};

TEST_P(EveryWriter, KeepsWhatItDoesNotSayItLoses) {
  const auto dataset = read_dataset(sample_path(GetParam()), {GetParam().format});
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  const Facts before = FactFinder(dataset->documents).facts;
  for (const FormatInfo& format : formats()) {
    if (!format.writes) continue;
    SCOPED_TRACE(format.name);
    const auto written = write(dataset->documents, format.name);
    if (!written.ok()) {  // refused as a whole, with what to do
      EXPECT_NE(written.error().message.find("which cre-tsv cannot hold"), std::string::npos);
      EXPECT_EQ(written.error().hint, "write csv or jsonl instead");
      continue;
    }
    const auto is_lost = [&](const std::string& what) { return is_excused(what, written->lost); };
    if (before.count("triple") == 0 && is_lost("text")) continue;  // nothing is left to read
    const auto again = read_back(*written, format.name);
    if (is_lost("triple") && is_lost("text") && !again.ok()) {
      EXPECT_EQ(again.error().message, "f: the file is empty");
      continue;
    }
    ASSERT_TRUE(again.ok()) << again.error().message;
    if (format.name == "docred-result" && is_lost("text")) continue;  // nothing to compare by
    Facts after = FactFinder(*again).facts;
    for (const auto& [kind, stated] : before) {
      if (is_lost(kind)) continue;
      std::multiset<std::string> missing;
      std::set_difference(stated.begin(), stated.end(), after[kind].begin(), after[kind].end(),
                          std::inserter(missing, missing.end()));
      EXPECT_TRUE(missing.empty())
          << kind << shown(missing)
          << "\nlost:" << shown({written->lost.begin(), written->lost.end()});
    }
    // Written again, nothing changes any more.
    const auto twice = write(*again, format.name);
    ASSERT_TRUE(twice.ok()) << twice.error().message;
    ASSERT_EQ(twice->files.size(), written->files.size());
    if (format.name == "brat") continue;  // numbers its spans anew
    for (size_t i = 0; i < written->files.size(); ++i) {
      EXPECT_EQ(twice->files[i].content, written->files[i].content);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryWriter, testing::ValuesIn(format_samples()),
                         [](const auto& info) { return sample_name(info.param); });

}  // namespace
}  // namespace relata::data
