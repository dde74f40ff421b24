// Two collections of information extraction data in one form each.
// InstructUIE: a list of {"sentence", "entities": [{"name", "type", "pos"}], "relations": [{"head":
// {"name", "type", "pos"}, "tail": {...}, "type"}], "events": [{"trigger", "type", "pos",
// "arguments": [{"name", "role", "pos"}]}]}, any of the lists. "pos" is [begin, end) in characters;
// it is often empty or wrong, so it counts only where it covers the name.
// IEPile: {"task", "instruction": JSON text with "schema" and "input", "output": JSON text}: names
// by type (NER), {"subject", "object"} by relation (RE), {"trigger", "arguments"} by event type
// (EE). Source: github.com/BeyonderXX/InstructUIE; github.com/zjunlp/IEPile.
#include "building.h"
#include "registry.h"

namespace relata::data {
namespace {

class InstructUieReader {
 public:
  InstructUieReader(const JsonRecord& record, const Source& source, Intake& intake)
      : record_(record), source_(source), intake_(intake) {}

  Status read() {
    const JsonView root = record_.root();
    Document& document = builder_.document;
    RELATA_TRY(document.id, record_id(record_, source_, {"id"}));
    RELATA_TRY(document.text, record_.get_text(root, "sentence"));
    const text::OffsetMap offsets(document.text);
    offsets_ = &offsets;
    RELATA_TRY(const JsonView entities, record_.find_list(root, "entities"));
    if (entities) {
      for (const JsonView entity : entities) RELATA_CHECK(read_entity(entity));
    }
    RELATA_TRY(const JsonView relations, record_.find_list(root, "relations"));
    if (relations) {
      for (const JsonView relation : relations) {
        RELATA_TRY(const JsonView head, record_.get_object(relation, "head"));
        RELATA_TRY(const JsonView tail, record_.get_object(relation, "tail"));
        RELATA_TRY(const std::string_view type, record_.get_text(relation, "type"));
        RELATA_TRY(const int from, read_entity(head));
        RELATA_TRY(const int to, read_entity(tail));
        builder_.relate(from, to, type);
      }
    }
    RELATA_TRY(const JsonView events, record_.find_list(root, "events"));
    if (events) {
      for (const JsonView event : events) RELATA_CHECK(read_event(event));
    }
    return intake_.add(std::move(document), record_.where());
  }

 private:
  // Where the stated place covers the name.
  std::optional<ByteRange> stated_place(JsonView item, std::string_view name) const {
    const JsonView place = item.find("pos");
    if (!place.is_array() || place.size() != 2) return std::nullopt;
    const auto begin = place.at(0).integer();
    const auto end = place.at(1).integer();
    if (!begin || !end || *begin < 0 || *begin >= *end ||
        static_cast<size_t>(*end) > offsets_->code_points()) {
      return std::nullopt;
    }
    const ByteRange range{offsets_->to_byte(static_cast<size_t>(*begin)),
                          offsets_->to_byte(static_cast<size_t>(*end))};
    const std::string& text = builder_.document.text;
    if (text.compare(range.begin, range.end - range.begin, name) != 0) return std::nullopt;
    return range;
  }

  Result<int> read_entity(JsonView item) {
    RELATA_TRY(const std::string_view name, record_.get_text(item, "name"));
    RELATA_TRY(const std::string_view type, record_.find_text(item, "type"));
    if (name.empty()) return record_.fail(item, "has an empty name");
    if (const auto place = stated_place(item, name)) return builder_.placed(*place, type);
    return builder_.named(name, type);
  }

  Result<ByteRange> read_place(JsonView item, const char* key) {
    RELATA_TRY(const std::string_view name, record_.get_text(item, key));
    if (const auto place = stated_place(item, name)) return *place;
    const auto found = find_mentions(builder_.document.text, std::string(name));
    if (found.empty()) return record_.fail(item, "is not in the sentence");
    return found.front();
  }

  Status read_event(JsonView item) {
    Event event;
    event.id = "ev" + std::to_string(builder_.document.events.size());
    RELATA_TRY(event.type, record_.find_text(item, "type"));
    RELATA_TRY(event.trigger, read_place(item, "trigger"));
    RELATA_TRY(const JsonView arguments, record_.find_list(item, "arguments"));
    if (arguments) {
      for (const JsonView value : arguments) {
        Argument argument;
        RELATA_TRY(argument.role, record_.get_text(value, "role"));
        RELATA_TRY(argument.range, read_place(value, "name"));
        event.arguments.push_back(std::move(argument));
      }
    }
    builder_.document.events.push_back(std::move(event));
    return {};
  }

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  DocumentBuilder builder_;
  const text::OffsetMap* offsets_ = nullptr;
};

class IepileReader {
 public:
  IepileReader(const JsonRecord& record, const Source& source, Intake& intake)
      : record_(record), source_(source), intake_(intake) {}

  Status read() {
    const JsonView root = record_.root();
    RELATA_TRY(builder_.document.id, record_id(record_, source_, {"id"}));
    RELATA_TRY(const JsonView instruction, parse_inner(question_, "instruction"));
    const JsonView input = instruction.find("input");
    if (!input.is_string()) return record_.fail(root.find("instruction"), "has no \"input\" text");
    builder_.document.text = input.string();
    if (const JsonView schema = instruction.find("schema")) {
      builder_.document.meta["schema"] = schema.to_json();
    }
    RELATA_TRY(const JsonView output, parse_inner(answer_, "output"));
    Status status;
    output.each_member([&](std::string_view type, JsonView items) {
      if (!items.is_array()) return;
      for (const JsonView item : items) {
        if (status.ok()) status = read_item(type, item);
      }
    });
    RELATA_CHECK(status);
    return intake_.add(std::move(builder_.document), record_.where());
  }

 private:
  Result<JsonView> parse_inner(JsonParser& parser, const char* key) {
    RELATA_TRY(const std::string_view text, record_.get_text(record_.root(), key));
    if (const auto problem = parser.parse(text, 0)) {
      return record_.fail(record_.root().find(key), "holds broken JSON: " + problem->what);
    }
    if (!parser.root().is_object()) {
      return record_.fail(record_.root().find(key), "holds no JSON object");
    }
    return parser.root();
  }

  Error bad_item(std::string_view type) const {
    return record_.fail(record_.root().find("output"),
                        "has an item under \"" + std::string(type) +
                            "\" that is no name, no subject and object, and no trigger");
  }

  Status read_item(std::string_view type, JsonView item) {
    if (item.is_string()) {
      if (item.string().empty()) return bad_item(type);
      builder_.named(item.string(), type);
      return {};
    }
    const JsonView subject = item.find("subject");
    const JsonView object = item.find("object");
    if (subject.is_string() && object.is_string() && subject.size() > 0 && object.size() > 0) {
      const int head = builder_.named(subject.string(), "");
      builder_.relate(head, builder_.named(object.string(), ""), type);
      return {};
    }
    if (!item.is_object() || !item.find("trigger")) return bad_item(type);
    return read_event(type, item);
  }

  Status read_event(std::string_view type, JsonView item) {
    const JsonView trigger = item.find("trigger");
    if (!trigger.is_string()) return bad_item(type);
    Event event;
    event.id = "ev" + std::to_string(builder_.document.events.size());
    event.type = type;
    RELATA_TRY(event.trigger, find_first(trigger.string()));
    Status status;
    item.find("arguments").each_member([&](std::string_view role, JsonView values) {
      const auto add = [&](JsonView value) {
        if (!status.ok() || !value.is_string() || value.string() == "NAN") return;
        const auto range = find_first(value.string());
        if (!range.ok()) {
          status = range.error();
          return;
        }
        event.arguments.push_back({std::string(role), *range, -1});
      };
      if (values.is_array()) {
        for (const JsonView value : values) add(value);
      } else {
        add(values);
      }
    });
    RELATA_CHECK(status);
    builder_.document.events.push_back(std::move(event));
    return {};
  }

  Result<ByteRange> find_first(std::string_view name) const {
    const auto found = find_mentions(builder_.document.text, std::string(name));
    if (!found.empty()) return found.front();
    return record_.fail(record_.root().find("output"),
                        "names \"" + std::string(name) + "\", which is not in the text");
  }

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  DocumentBuilder builder_;
  JsonParser question_;
  JsonParser answer_;
};

bool sniff_instructuie(const Sample& sample) {
  const bool lists =
      sample.has({"entities"}) || sample.has({"relations"}) || sample.has({"events"});
  if (sample.has({"sentence"}) && lists) return true;
  return sample.has({"instruction", "output"}) && !sample.has({"input"}) &&
         sample.holds("\\\"schema\\\"");
}

Status read_instructuie(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    if (record.root().find("instruction")) return IepileReader(record, source, intake).read();
    return InstructUieReader(record, source, intake).read();
  });
}

}  // namespace

FormatEntry instructuie_format() {
  FormatEntry entry;
  entry.info = {"instructuie",
                "InstructUIE's sentences with named spans, and IEPile's instructions"};
  entry.sniff = sniff_instructuie;
  entry.read = read_instructuie;
  return entry;
}

}  // namespace relata::data
