// What holds for every format: there is a sample of it, broken files name their place, encodings
// are read or refused, labels are checked against a schema.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "relata/text/utf8.h"
#include "sample_files.h"

namespace relata::data {
namespace {

ReadOptions options_of(const FormatSample& sample, const std::string& on_error = "stop") {
  ReadOptions options;
  options.format = sample.format;
  options.on_error = on_error;
  return options;
}

std::vector<std::string> lines_of(const Dataset& dataset) {
  std::vector<std::string> lines;
  for (const Document& document : dataset.documents) lines.push_back(to_json_line(document));
  return lines;
}

TEST(FormatSamples, ThereIsOneOfEveryFormat) {
  std::set<std::string> sampled;
  for (const FormatSample& sample : format_samples()) sampled.insert(sample.format);
  // Without annotations; paper_formats_test.cpp has theirs.
  const std::set<std::string> plain = {"lines", "html", "pdf", "docx"};
  for (const FormatInfo& format : formats()) {
    EXPECT_TRUE(sampled.contains(format.name) != plain.contains(format.name)) << format.name;
    EXPECT_TRUE(format.reads) << format.name;
  }
  EXPECT_EQ(sampled.size() + plain.size(), formats().size());
}

class EveryFormat : public testing::TestWithParam<FormatSample> {
 protected:
  void SetUp() override {
    path_ = sample_path(GetParam());
    content_ = sample_content(GetParam());
    if (content_.starts_with("\xEF\xBB\xBF")) content_.erase(0, 3);
    const auto whole = parse_dataset(content_, path_, options_of(GetParam()));
    ASSERT_TRUE(whole.ok()) << whole.error().message;
    ASSERT_FALSE(whole->documents.empty());
    lines_ = lines_of(*whole);
  }

  // Whether a wrong byte can cost one record alone. The other formats are one document a file, have
  // a header, or a layout that is found from all lines of a file, of which a sample has too few.
  bool has_records() const {
    static const std::set<std::string> kWhole = {"casie", "crudeoilnews", "brat",
                                                 "csv",   "conll-ner",    "fewrel"};
    return !kWhole.contains(GetParam().format) && !path_.ends_with("train_sentences.json");
  }

  std::string path_;
  std::string content_;
  std::vector<std::string> lines_;
};

TEST_P(EveryFormat, IsReadInEveryUnicodeEncodingWithItsMark) {
  const std::u32string points = text::to_code_points(content_);
  std::string big = "\xFE\xFF";
  for (const char32_t c : points) {
    const auto unit = [&](char32_t value) {
      big += static_cast<char>(value >> 8);
      big += static_cast<char>(value & 0xFF);
    };
    if (c < 0x10000) {
      unit(c);
    } else {
      unit(0xD800 + ((c - 0x10000) >> 10));
      unit(0xDC00 + ((c - 0x10000) & 0x3FF));
    }
  }
  std::string little = big;
  for (size_t i = 0; i < little.size(); i += 2) std::swap(little[i], little[i + 1]);
  for (const std::string& encoded : {"\xEF\xBB\xBF" + content_, big, little}) {
    const auto dataset = parse_dataset(encoded, path_, options_of(GetParam()));
    ASSERT_TRUE(dataset.ok()) << dataset.error().message;
    EXPECT_EQ(lines_of(*dataset), lines_);
    const auto guessed = parse_dataset(encoded, path_, {});
    ASSERT_TRUE(guessed.ok()) << guessed.error().message;
  }
  // Without its mark it is named, not misread.
  const auto unmarked = parse_dataset(little.substr(2), path_, options_of(GetParam()));
  if (static_cast<unsigned char>(content_[0]) < 0x80 &&
      static_cast<unsigned char>(content_[1]) < 0x80) {
    ASSERT_FALSE(unmarked.ok());
    EXPECT_EQ(unmarked.error().message, path_ + ": the file is UTF-16 without a byte order mark");
    EXPECT_NE(unmarked.error().hint.find("iconv -f UTF-16LE -t UTF-8"), std::string::npos);
  }
}

// Letters of another encoding in the middle of the file.
TEST_P(EveryFormat, NamesTheLineOfBytesThatAreNotUtf8) {
  size_t refused = 0;
  for (size_t at = 0; at < content_.size(); ++at) {
    if (!std::isalpha(static_cast<unsigned char>(content_[at]))) continue;
    std::string changed = content_;
    changed[at] = '\xE9';
    const auto dataset = parse_dataset(changed, path_, options_of(GetParam()));
    const auto rest = parse_dataset(changed, path_, options_of(GetParam(), "skip"));
    if (has_records()) {
      ASSERT_TRUE(rest.ok()) << rest.error().message;
      ASSERT_GE(rest->documents.size() + 1, lines_.size()) << at;
      ASSERT_EQ(rest->skipped.empty(), dataset.ok());
    }
    if (dataset.ok()) continue;
    const std::string& message = dataset.error().message;
    ASSERT_TRUE(message.starts_with(path_ + ":")) << message;
    if (message.find("invalid UTF-8") == std::string::npos) continue;
    ++refused;
    const auto line =
        1 + std::count(content_.begin(), content_.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    ASSERT_TRUE(
        message.starts_with(path_ + ":" + std::to_string(line) + ": invalid UTF-8 at byte "))
        << message << " for line " << line;
    ASSERT_NE(dataset.error().hint.find("iconv"), std::string::npos);
  }
  EXPECT_GT(refused, 0u);
}

// Cut off at every byte: an error with file and line, and with skip the documents that are whole.
TEST_P(EveryFormat, BreaksCleanlyAtEveryByte) {
  const FormatSample& sample = GetParam();
  const bool is_json = content_[0] == '[' || content_[0] == '{';
  // Their documents are put together from several records.
  static const std::set<std::string> kGathered = {"docred-result", "cre-llm", "alpaca", "sharegpt"};
  const bool compares = is_json && !kGathered.contains(sample.format);
  for (size_t size = 0; size < content_.size(); ++size) {
    const std::string cut = content_.substr(0, size);
    const auto stopped = parse_dataset(cut, path_, options_of(sample));
    if (!stopped.ok()) {
      const std::string& message = stopped.error().message;
      ASSERT_EQ(stopped.error().code, ErrorCode::kBadInput) << message;
      ASSERT_TRUE(message.starts_with(path_)) << message;
      if (is_json && cut.find_first_not_of(" \r\n") != std::string::npos) {
        ASSERT_TRUE(std::isdigit(static_cast<unsigned char>(message[path_.size() + 1]))) << message;
      }
    }
    for (const char* on_error : {"skip", "fix"}) {
      const auto rest = parse_dataset(cut, path_, options_of(sample, on_error));
      if (!rest.ok()) continue;
      for (const std::string& line : lines_of(*rest)) {
        const auto again = document_from_json(Json::parse(line), "x");
        ASSERT_TRUE(again.ok()) << again.error().message;
        if (!compares || std::string(on_error) == "fix") continue;
        ASSERT_NE(std::find(lines_.begin(), lines_.end(), line), lines_.end()) << size << line;
      }
    }
  }
}

TEST_P(EveryFormat, LabelsOutsideTheSchemaAreBadRecords) {
  const auto whole = parse_dataset(content_, path_, options_of(GetParam()));
  Schema schema = infer_schema(whole->documents);
  ReadOptions options = options_of(GetParam());
  options.schema = &schema;
  const auto all = parse_dataset(content_, path_, options);
  ASSERT_TRUE(all.ok()) << all.error().message;
  EXPECT_EQ(lines_of(*all), lines_);

  // The same labels in other letters can be mended, foreign ones cannot.
  const auto change = [&](auto&& change_label) {
    schema = infer_schema(whole->documents);
    for (EntityType& type : schema.entity_types) change_label(type.id);
    for (RelationType& type : schema.relation_types) change_label(type.id);
    for (EventType& type : schema.event_types) change_label(type.id);
  };
  change([](std::string& id) { id += " ."; });
  options.on_error = "fix";
  const auto fixed = parse_dataset(content_, path_, options);
  const bool has_labels =
      !schema.entity_types.empty() || !schema.relation_types.empty() || !schema.event_types.empty();
  ASSERT_TRUE(fixed.ok()) << fixed.error().message;
  EXPECT_EQ(fixed->documents.size(), lines_.size());
  EXPECT_EQ(lines_of(*fixed) != lines_, has_labels);

  change([](std::string& id) { id += "_foreign"; });
  options.on_error = "stop";
  const auto refused = parse_dataset(content_, path_, options);
  EXPECT_EQ(refused.ok(), !has_labels);
  if (!refused.ok()) {
    EXPECT_TRUE(refused.error().message.starts_with(path_ + ":")) << refused.error().message;
    EXPECT_NE(refused.error().message.find("is not in the schema"), std::string::npos);
    EXPECT_FALSE(refused.error().hint.empty());
  }
  options.on_error = "skip";
  const auto skipped = parse_dataset(content_, path_, options);
  ASSERT_TRUE(skipped.ok()) << skipped.error().message;
  EXPECT_EQ(skipped->skipped.empty(), !has_labels);
  EXPECT_EQ(skipped->documents.size() + skipped->skipped.size(),
            whole->documents.size() + whole->skipped.size());
}

INSTANTIATE_TEST_SUITE_P(All, EveryFormat, testing::ValuesIn(format_samples()),
                         [](const auto& info) { return sample_name(info.param); });

TEST(Encodings, TheHintFitsTheBytes) {
  const auto error = [](const std::string& content) {
    const auto dataset = parse_dataset(content, "f.txt", {"text"});
    EXPECT_FALSE(dataset.ok());
    return dataset.ok() ? Error{} : dataset.error();
  };
  const Error chinese = error("one\n\xD6\xD0\xB9\xFA\xC8\xCB two\n");
  EXPECT_EQ(chinese.message, "f.txt:2: invalid UTF-8 at byte 1 of the line");
  EXPECT_NE(chinese.hint.find("iconv -f GB18030 -t UTF-8"), std::string::npos) << chinese.hint;
  const Error latin = error("caf\xE9 and na\xEFve\n");
  EXPECT_EQ(latin.message, "f.txt:1: invalid UTF-8 at byte 4 of the line");
  EXPECT_NE(latin.hint.find("iconv -f WINDOWS-1252"), std::string::npos) << latin.hint;
  EXPECT_EQ(error(std::string("\xFF\xFE\0\0a\0\0\0", 8)).message, "f.txt: the file is UTF-32");
  EXPECT_EQ(error("\x1F\x8B\x08").message, "f.txt: the file is compressed (gzip)");
  EXPECT_EQ(error("PK\x03\x04").message, "f.txt: the file is compressed (zip)");
  EXPECT_EQ(error(std::string("\xFF\xFE"
                              "a\0\n\0\x3D\xD8",
                              8))
                .message,
            "f.txt:2: half a character in UTF-16");
}

TEST(Labels, OfPairsNameTheLineOfTheSentence) {
  Schema schema;
  schema.relation_types.emplace_back().id = "met";
  ReadOptions options{"cre-tsv"};
  options.schema = &schema;
  const auto dataset = parse_dataset("a\tb\tmet\ta b\n\nc\td\tmeet\tc d\n", "f", options);
  ASSERT_FALSE(dataset.ok());
  EXPECT_EQ(dataset.error().message, "f:3: relations[0].type \"meet\" is not in the schema");
  EXPECT_EQ(dataset.error().hint, "did you mean \"met\"?");
}

// A text for each of the schema's types that has it as a label.
std::vector<Document> documents_of(const Schema& schema) {
  std::vector<Document> documents;
  const auto add = [&](const std::string& text) -> Document& {
    Document& document = documents.emplace_back();
    document.id = std::to_string(documents.size());
    document.text = text;
    return document;
  };
  for (const EntityType& type : schema.entity_types) {
    add("Ada left.").entities = {{"e0", "Ada", type.id, {{0, 3}}, {}}};
  }
  for (const RelationType& type : schema.relation_types) {
    const RelationExample example =
        type.example.value_or(RelationExample{"Ada met Bo.", "Ada", "Bo"});
    Document& document = add(example.text);
    const auto entity = [&](const std::string& name, const std::vector<std::string>& types) {
      document.entities.push_back(
          {name, name, types.empty() ? "" : types[0], find_occurrences(document.text, name), {}});
    };
    entity(example.head, type.head_types);
    entity(example.tail + " ", {});  // another id, should the two have one name
    document.entities.back().type = type.tail_types.empty() ? "" : type.tail_types[0];
    document.relations = {{0, 1, type.id, {}, {}}};
  }
  for (const EventType& type : schema.event_types) {
    Document& document = add("Ada left.");
    document.events = {{"ev0", type.id, {4, 8}, {}}};
    for (const EventRole& role : type.roles) {
      document.events[0].arguments.push_back({role.id, {0, 3}, -1});
    }
  }
  return documents;
}

// Every shipped schema knows its own labels, and only these.
TEST(Labels, OfShippedSchemasAreKnownToThem) {
  const std::string folder = RELATA_TEST_FILES "/../../schemas";
  for (const std::string& name : shipped_schemas(folder)) {
    const Schema schema = read_schema(folder + "/" + name + ".json").value();
    std::vector<Document> documents = documents_of(schema);
    ASSERT_FALSE(documents.empty());
    ReadOptions options{"jsonl", "skip"};
    options.schema = &schema;
    const auto known =
        parse_dataset(write_dataset(documents, {"jsonl", ""}).value(), name, options);
    ASSERT_TRUE(known.ok()) << known.error().message;
    EXPECT_EQ(known->documents.size(), documents.size());
    EXPECT_EQ(known->skipped, std::vector<std::string>{}) << name;

    for (Document& document : documents) {
      for (Entity& entity : document.entities) {
        if (document.relations.empty()) entity.type = "Ufo";
      }
      for (Relation& relation : document.relations) relation.type = "ufo";
      for (Event& event : document.events) event.type = "Ufo";
    }
    const auto none = parse_dataset(write_dataset(documents, {"jsonl", ""}).value(), name, options);
    ASSERT_TRUE(none.ok()) << none.error().message;
    EXPECT_EQ(none->skipped.size(), documents.size()) << name;
  }
}

TEST(LongFields, DoNotFillMessages) {
  const std::string name(1 << 20, 'x');
  std::string content;
  for (int i = 0; i < 60; ++i) content += "a B-X\nb O\n\n";
  content += "word " + name + "\n";
  const auto dataset = parse_dataset(content, "f", {"conll-ner"});
  ASSERT_FALSE(dataset.ok());
  const std::string& message = dataset.error().message;
  EXPECT_LT(message.size(), 7000u);
  EXPECT_TRUE(message.starts_with("f:181: \"xxx")) << message.substr(0, 80);
  EXPECT_TRUE(message.ends_with("xxx\" is no tag"));
  const auto skipped = parse_dataset(content, "f", {"conll-ner", "skip"});
  ASSERT_TRUE(skipped.ok());
  EXPECT_EQ(skipped->skipped, std::vector<std::string>{message});
}

TEST(LongFields, ACsvQuoteThatIsNotClosedTakesOneLine) {
  const std::string header = "head,tail,relation,sentence\n";
  const auto dataset =
      parse_dataset(header + "a,b,r,\"a b\nc,d,r,c d\ne,f,r,e f\n", "f", {"csv", "skip"});
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->documents.size(), 2u);
  ASSERT_EQ(dataset->skipped.size(), 1u);
  EXPECT_EQ(dataset->skipped[0], "f:2: a quoted field is not closed");
}

// Records that are all broken take about as long as good ones: nothing is read again from the
// beginning of the file. Without that these would take hours, and the test's own limit ends them.
TEST(BrokenRecords, AreSkippedInOnePass) {
  constexpr size_t kRecords = 100'000;
  const auto repeated = [](const std::string& record, const std::string& between) {
    std::string out;
    for (size_t i = 0; i < kRecords; ++i) out += (i == 0 ? "" : between) + record;
    return out;
  };
  const std::string bad = R"({"text": "a b", "triple_list": [["a" "r", "b"]]})";
  const std::string open = R"({"text": "a b", "triple_list": [["a", "r", "b"})";
  const std::string latin = "{\"text\": \"\xE9\", \"triple_list\": []}";
  for (const std::string& content :
       {"[" + repeated(bad, ",") + "]", "[\n" + repeated(bad, ",\n") + "\n]",
        "[\n" + repeated(open, ",\n") + "\n]", repeated(bad, "\n"),
        "[" + repeated(latin, ",") + "]"}) {
    const auto dataset = parse_dataset(content, "f", {"nyt", "skip"});
    ASSERT_TRUE(dataset.ok()) << dataset.error().message;
    EXPECT_EQ(dataset->skipped.size(), kRecords) << content.substr(0, 60);
  }
}

}  // namespace
}  // namespace relata::data
