// semeval2010 and kbp37: sentences whose two entities stand in <e1> and <e2> tags.
//   8001<tab>"The most common <e1>audits</e1> were about <e2>waste</e2> and recycling."
//   Message-Topic(e1,e2)
//   Comment: ...
// The label keeps its direction; head is always e1 and tail e2. Test files have no labels. RAG4RE
// has the sentences as a JSON list, with the labels, names or numbers, in files beside it.
// Source: the readmes of SemEval-2010 Task 8 and of github.com/zhangdongxu/kbp37.
#include <algorithm>
#include <array>
#include <filesystem>

#include "building.h"
#include "encoding.h"
#include "registry.h"
#include "relata/base/file.h"
#include "relata/base/trim.h"

namespace relata::data {
namespace {

constexpr const char* kHint = "a sentence has <e1>...</e1> and <e2>...</e2>, each once";

// Text without tags, and where e1 and e2 stand in it, without white space at their ends; empty for
// tags with nothing between them.
struct Tagged {
  std::string text;
  std::array<ByteRange, 2> entities;
};

Result<Tagged> remove_tags(std::string_view sentence, bool may_be_empty, const std::string& where) {
  struct Tag {
    std::string_view mark;
    int entity;
    bool opens;
  };
  constexpr Tag kTags[] = {
      {"<e1>", 0, true}, {"</e1>", 0, false}, {"<e2>", 1, true}, {"</e2>", 1, false}};
  Tagged tagged;
  std::array<int, 4> seen{};
  for (size_t at = 0; at < sentence.size();) {
    const Tag* tag =
        sentence[at] != '<'
            ? std::end(kTags)
            : std::find_if(std::begin(kTags), std::end(kTags), [&](const Tag& candidate) {
                return sentence.substr(at).starts_with(candidate.mark);
              });
    if (tag == std::end(kTags)) {
      tagged.text.push_back(sentence[at++]);
      continue;
    }
    ++seen[static_cast<size_t>(tag - std::begin(kTags))];
    ByteRange& range = tagged.entities[static_cast<size_t>(tag->entity)];
    (tag->opens ? range.begin : range.end) = tagged.text.size();
    if (!tag->opens && seen[static_cast<size_t>(tag - std::begin(kTags)) - 1] == 0) {
      return input_error(where + ": the sentence does not have its two entities in tags", kHint);
    }
    at += tag->mark.size();
  }
  for (ByteRange& range : tagged.entities) {
    const bool in_order = range.begin <= range.end;
    if (in_order) range = trimmed(tagged.text, range);
    const bool good = in_order && (may_be_empty || range.begin < range.end);
    if (seen != std::array<int, 4>{1, 1, 1, 1} || !good) {
      return input_error(where + ": the sentence does not have its two entities in tags", kHint);
    }
  }
  return tagged;
}

struct Example {
  std::string id;
  std::string_view sentence;
  std::string label;  // "": not stated
  std::string comment;
};

Status add_example(const Example& example, bool may_be_empty, const std::string& where,
                   Intake& intake) {
  auto tagged = remove_tags(example.sentence, may_be_empty, where);
  if (!tagged.ok()) return intake.reject(tagged.error());
  DocumentBuilder builder;
  builder.document.id = example.id;
  builder.document.text = std::move(tagged->text);
  // Two entities even where both tags stand around the same words.
  const auto add = [&](ByteRange range) {
    return range.begin < range.end ? builder.placed(range, "") : builder.nameless();
  };
  const int head = add(tagged->entities[0]);
  int tail = add(tagged->entities[1]);
  const auto is_empty = [](ByteRange range) { return range.begin == range.end; };
  if (std::any_of(tagged->entities.begin(), tagged->entities.end(), is_empty)) {
    intake.count("records with an entity that has no text, about which nothing can be asked");
  }
  if (tail == head) {
    Entity copy = builder.document.entities[0];
    copy.id = "e1";
    builder.document.entities.push_back(std::move(copy));
    tail = 1;
  }
  if (example.label.empty()) {
    builder.ask(head, tail);
  } else {
    builder.relate(head, tail, example.label);
  }
  if (!example.comment.empty()) builder.document.meta["comment"] = example.comment;
  return intake.add(std::move(builder.document), where);
}

// Whether the line is a number, white space and a sentence; sets both.
bool split_numbered(std::string_view line, std::string_view& id, std::string_view& sentence) {
  const size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  if (digits == 0 || digits == line.size() || (line[digits] != '\t' && line[digits] != ' ')) {
    return false;
  }
  id = line.substr(0, digits);
  sentence = relata::trimmed(line.substr(digits));
  return sentence.find("<e1>") != std::string_view::npos ||
         sentence.find("<e2>") != std::string_view::npos;
}

Status read_blocks(const Source& source, bool may_be_empty, Intake& intake) {
  constexpr std::string_view kComment = "Comment";
  Lines lines(source.content);
  Example example;
  size_t begin = 0;  // line of the example's sentence; 0: none is open
  Status good;
  const auto finish = [&]() -> Status {
    if (begin == 0) return {};
    const std::string where = source.at(begin);
    begin = 0;
    return good.ok() ? add_example(example, may_be_empty, where, intake)
                     : intake.reject(good.error());
  };
  for (std::string_view line; lines.next(line);) {
    const Status valid = check_utf8(line, source, lines.number());
    std::string_view id;
    std::string_view sentence;
    const bool begins = split_numbered(line, id, sentence);
    if (!begins && !valid.ok() && good.ok()) good = valid;
    if (begins) {
      if (begin > 0) RELATA_CHECK(finish());
      good = valid;
      if (sentence.size() >= 2 && sentence.front() == '"' && sentence.back() == '"') {
        sentence = sentence.substr(1, sentence.size() - 2);
      }
      example = {std::string(id), sentence, "", ""};
      begin = lines.number();
    } else if (is_blank(line)) {
      continue;
    } else if (begin == 0) {
      RELATA_CHECK(intake.reject(
          !valid.ok() ? valid.error()
                      : input_error(source.at(lines.number()) + ": a label without a sentence",
                                    "a block is number<tab>\"sentence\", label, Comment:")));
      good = {};
    } else if (line.starts_with(kComment)) {
      const size_t colon = std::min(line.find(':'), line.size() - 1);
      example.comment = relata::trimmed(line.substr(colon + 1));
    } else if (example.label.empty()) {
      example.label = relata::trimmed(line);
    } else if (good.ok()) {
      good = input_error(source.at(lines.number()) + ": a second label for one sentence",
                         "a block is number<tab>\"sentence\", label, Comment:");
    }
  }
  return finish();
}

// The file that is named like this one with "relations" for "sentences", and relations.json.
struct Companions {
  std::string labels;
  std::string names;
};

Companions find_companions(const std::string& path) {
  const std::filesystem::path file(path);
  std::string name = file.filename().string();
  constexpr std::string_view kOwn = "sentences";
  const size_t at = name.rfind(kOwn);
  if (at == std::string::npos) return {};
  name.replace(at, kOwn.size(), "relations");
  Companions found;
  const std::string labels = (file.parent_path() / name).string();
  const std::string names = (file.parent_path() / "relations.json").string();
  if (file_exists(labels)) found.labels = labels;
  if (file_exists(names) && names != labels) found.names = names;
  return found;
}

// {"relation": {"names": [...]}}, as a data set card has them, or a plain list.
Result<std::vector<std::string>> read_names(const std::string& path) {
  std::vector<std::string> names;
  if (path.empty()) return names;
  RELATA_TRY(const std::string content, read_text_file(path));
  RELATA_CHECK(read_json_value({content, path}, [&](const JsonRecord& record) -> Status {
    JsonView list = record.root();
    if (list.is_object()) {
      RELATA_TRY(const JsonView relation, record.get_object(list, "relation"));
      RELATA_TRY(list, record.get_list(relation, "names"));
    }
    if (!list.is_array()) return record.fail(list, "is not a list of relation names");
    for (const JsonView name : list) {
      RELATA_TRY(const std::string_view text, record.as_text(name));
      names.emplace_back(text);
    }
    return {};
  }));
  return names;
}

Result<std::string> label_text(const JsonRecord& record, JsonView label,
                               const std::vector<std::string>& names) {
  if (!label.is_number()) {
    RELATA_TRY(const std::string_view text, record.as_text(label));
    return std::string(text);
  }
  if (names.empty()) {
    return record.fail(label, "is a number, and there is no relations.json to name it");
  }
  RELATA_TRY(const size_t index, record.as_index(label, names.size()));
  return names[index];
}

Result<std::vector<std::string>> read_labels(const Companions& companions,
                                             const std::vector<std::string>& names) {
  std::vector<std::string> labels;
  if (companions.labels.empty()) return labels;
  RELATA_TRY(const std::string content, read_text_file(companions.labels));
  RELATA_CHECK(
      read_json_value({content, companions.labels}, [&](const JsonRecord& record) -> Status {
        if (!record.root().is_array()) return record.fail(record.root(), "is not a list of labels");
        for (const JsonView label : record.root()) {
          RELATA_TRY(std::string text, label_text(record, label, names));
          labels.push_back(std::move(text));
        }
        return {};
      }));
  return labels;
}

Status read_json_form(const Source& source, bool may_be_empty, Intake& intake) {
  const Companions companions = find_companions(source.path);
  RELATA_TRY(const auto names, read_names(companions.names));
  RELATA_TRY(const auto labels, read_labels(companions, names));
  size_t records = 0;
  RELATA_CHECK(read_json_records(source, intake, [&](const JsonRecord& record) -> Status {
    records = record.number();
    const JsonView root = record.root();
    Example example;
    if (root.is_object()) {
      const bool other = !root.find("sentence");
      RELATA_TRY(example.sentence, record.get_text(root, other ? "text" : "sentence"));
      RELATA_TRY(const JsonView label, record.find(root, "relation"));
      if (label && !label.is_null()) {
        RELATA_TRY(example.label, label_text(record, label, names));
      }
      RELATA_TRY(example.id, record_id(record, source, {"id"}));
    } else {
      RELATA_TRY(example.sentence, record.as_text(root));
      example.id = source.stem() + "-" + std::to_string(record.number());
      if (record.number() <= labels.size()) example.label = labels[record.number() - 1];
    }
    return add_example(example, may_be_empty, record.where(), intake);
  }));
  if (!labels.empty() && labels.size() != records) {
    return input_error(companions.labels + ": " + std::to_string(labels.size()) +
                           " labels for the " + std::to_string(records) + " sentences of " +
                           source.path,
                       "the two lists must be of one length");
  }
  return {};
}

Status read_tagged(const Source& source, bool may_be_empty, Intake& intake) {
  const size_t first = source.content.find_first_not_of(" \t\r\n");
  const char mark = source.content[first];
  return mark == '[' || mark == '{' ? read_json_form(source, may_be_empty, intake)
                                    : read_blocks(source, may_be_empty, intake);
}

Status read_semeval(const Source& source, const ReadOptions&, Intake& intake) {
  return read_tagged(source, false, intake);
}

// As published it has 26 (test) and 110 (train) records with nothing in a tag. They are part of the
// published counts: questions that cannot be answered.
Status read_kbp37(const Source& source, const ReadOptions&, Intake& intake) {
  return read_tagged(source, true, intake);
}

bool has_tags(const Sample& sample) {
  if (!sample.holds("<e1>") || !sample.holds("</e2>")) return false;
  if (sample.holds_objects) return sample.has({"sentence"}) || sample.has({"text", "relation"});
  std::string_view id;
  std::string_view sentence;
  const auto lines = sample.lines(1);
  return sample.is_list || (!lines.empty() && split_numbered(lines[0], id, sentence));
}

bool has_kbp_labels(const Sample& sample) {
  return sample.holds("\nper:") || sample.holds("\norg:") || sample.holds("\nno_relation");
}

bool sniff_kbp37(const Sample& sample) { return has_tags(sample) && has_kbp_labels(sample); }
bool sniff_semeval(const Sample& sample) { return has_tags(sample) && !has_kbp_labels(sample); }

}  // namespace

FormatEntry semeval2010_format() {
  FormatEntry entry;
  entry.info = {"semeval2010", "SemEval-2010 Task 8: text with <e1> and <e2>, or RAG4RE's JSON"};
  entry.sniff = sniff_semeval;
  entry.read = read_semeval;
  return entry;
}

FormatEntry kbp37_format() {
  FormatEntry entry;
  entry.info = {"kbp37", "KBP37: text with <e1> and <e2> and TAC KBP labels"};
  entry.sniff = sniff_kbp37;
  entry.read = read_kbp37;
  return entry;
}

}  // namespace relata::data
