// Reads brat's standoff files: the text is in NAME.txt, the annotations are in NAME.ann beside it.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "annotation_formats.h"
#include "brat_ann.h"
#include "brat_writer.h"
#include "encoding.h"
#include "spans.h"

namespace relata::data {
namespace {

Json to_json(const BratNote& note) {
  Json list = {std::string(note.id), std::string(note.name), std::string(note.target)};
  if (!note.value.empty()) list.push_back(std::string(note.value));
  return list;
}

class BratReader {
 public:
  BratReader(const Source& annotations, std::string text, Intake& intake)
      : source_(annotations), intake_(intake) {
    document_.id = annotations.stem();
    document_.text = std::move(text);
  }

  Status run() {
    RELATA_TRY(ann_, parse_brat(source_, intake_));
    RELATA_CHECK(read_spans());
    RELATA_CHECK(check_equivalences());
    for (const auto* notes : {&ann_.attributes, &ann_.normalizations, &ann_.notes}) {
      for (const BratNote& note : *notes) noted_.insert(note.target);
    }
    make_entities();
    for (const BratEvent& event : ann_.events) {
      if (!event_lines_.try_emplace(event.id, &event).second) {
        RELATA_CHECK(drop(event.line, event.id, "is not unique"));
      }
    }
    for (const BratEvent& event : ann_.events) {
      if (event_lines_[event.id] == &event) RELATA_CHECK(read_event(event));
    }
    for (const BratRelation& relation : ann_.relations) RELATA_CHECK(read_relation(relation));
    keep_notes();
    return intake_.add(std::move(document_), source_.path);
  }

 private:
  struct Span {
    const BratSpan* line = nullptr;
    std::vector<ByteRange> pieces;
    int entity = -1;
  };

  Status drop(size_t line, std::string_view id, const std::string& problem) {
    return leave_out(input_error(source_.at(line) + ": " + std::string(id) + " " + problem,
                                 "mend the line, or let on_error=fix leave it out"),
                     intake_);
  }

  Status read_spans() {
    const SpanReader reader(document_.text, intake_);
    for (const BratSpan& line : ann_.spans) {
      auto pieces = read_pieces(line, reader);
      if (!pieces.ok()) {
        RELATA_CHECK(leave_out(pieces.error(), intake_));
      } else if (!spans_.try_emplace(line.id, Span{&line, *pieces, -1}).second) {
        RELATA_CHECK(drop(line.line, line.id, "is not unique"));
      } else if (pieces->size() > 1) {
        Json& list = fragments_[std::string(line.id)] = Json::array();
        for (const ByteRange& piece : *pieces) list.push_back(reader.to_json(piece));
      }
    }
    return {};
  }

  // The stated text has the pieces' texts with a space between them.
  Result<std::vector<ByteRange>> read_pieces(const BratSpan& line, const SpanReader& reader) const {
    std::vector<ByteRange> pieces;
    std::string_view rest = line.text;
    for (const auto& [begin, end] : line.pieces) {
      const bool last = &begin == &line.pieces.back().first;
      const text::OffsetMap offsets(rest);
      const size_t length = last || end < begin ? rest.size() : offsets.to_byte(end - begin);
      RELATA_TRY(const ByteRange range,
                 reader.read(begin, end, rest.substr(0, length), source_.at(line.line)));
      pieces.push_back(range);
      rest.remove_prefix(std::min(length + 1, rest.size()));
    }
    return pieces;
  }

  // What is equivalent must be spans; what is left out is so alone.
  Status check_equivalences() {
    for (BratEquivalence& set : ann_.equivalent) {
      std::vector<std::string_view> known;
      for (const std::string_view id : set.spans) {
        if (spans_.contains(id)) {
          known.push_back(id);
        } else {
          RELATA_CHECK(drop(set.line, "*",
                            "is about " + std::string(id) + ", which is no span of the file"));
        }
      }
      set.spans = std::move(known);
    }
    return {};
  }

  // Spans that are nothing but triggers of events are no entities.
  void make_entities() {
    std::unordered_set<std::string_view> triggers;
    std::unordered_set<std::string_view> used;
    for (const BratEvent& event : ann_.events) {
      triggers.insert(event.trigger);
      for (const BratArgument& argument : event.arguments) used.insert(argument.target);
    }
    for (const BratRelation& relation : ann_.relations) {
      used.insert(relation.head.target);
      used.insert(relation.tail.target);
    }
    std::unordered_map<std::string_view, std::string_view> first_of;  // span to first of its set
    for (const BratEquivalence& set : ann_.equivalent) join(set.spans, first_of);
    std::unordered_map<std::string_view, std::vector<const Span*>> members;
    std::vector<std::string_view> order;
    for (const BratSpan& line : ann_.spans) {
      const auto span = spans_.find(line.id);
      if (span == spans_.end() || span->second.line != &line) continue;
      if (triggers.contains(line.id) && !used.contains(line.id) && !first_of.contains(line.id)) {
        continue;
      }
      const auto first = first_of.find(line.id);
      const std::string_view key = first == first_of.end() ? line.id : first->second;
      auto& list = members[key];
      if (list.empty()) order.push_back(key);
      list.push_back(&span->second);
    }
    for (const std::string_view key : order) add_entity(members[key]);
  }

  static void join(const std::vector<std::string_view>& set,
                   std::unordered_map<std::string_view, std::string_view>& first_of) {
    if (set.empty()) return;
    std::string_view first = set[0];
    for (const std::string_view id : set) {
      if (const auto known = first_of.find(id); known != first_of.end()) first = known->second;
    }
    for (const std::string_view id : set) {
      const auto known = first_of.find(id);
      const std::string_view old = known == first_of.end() ? id : known->second;
      for (auto& [member, target] : first_of) {
        if (target == old) target = first;
      }
      first_of[id] = first;
    }
  }

  void add_entity(std::vector<const Span*> members) {
    std::stable_sort(members.begin(), members.end(), [](const Span* a, const Span* b) {
      return enclosing(a->pieces).begin < enclosing(b->pieces).begin;
    });
    const bool named = std::any_of(members.begin(), members.end(),
                                   [](const Span* span) { return span->pieces.size() > 1; });
    Entity entity;
    entity.id = members[0]->line->id;
    entity.type = members[0]->line->type;
    entity.text = pieces_text(document_.text, members[0]->pieces);
    Json ids = Json::array();
    for (const Span* span : members) {
      if (span->line->type != entity.type) {
        mention_types_[std::string(span->line->id)] = span->line->type;
      }
      entity.mentions.push_back(enclosing(span->pieces));
      if (named) entity.names.push_back(pieces_text(document_.text, span->pieces));
      ids.push_back(std::string(span->line->id));
      spans_[span->line->id].entity = static_cast<int>(document_.entities.size());
    }
    if (members.size() > 1) mention_ids_[entity.id] = std::move(ids);
    document_.entities.push_back(std::move(entity));
  }

  Status read_event(const BratEvent& line) {
    const auto trigger = spans_.find(line.trigger);
    if (trigger == spans_.end()) {
      return drop(
          line.line, line.id,
          "has the trigger " + std::string(line.trigger) + ", which is no span of the file");
    }
    Event event;
    event.id = line.id;
    event.type = line.type;
    event.trigger = enclosing(trigger->second.pieces);
    triggers_[event.id] = line.trigger;
    for (const BratArgument& item : line.arguments) {
      Argument argument;
      argument.role = item.role;
      const auto span = spans_.find(item.target);
      const auto inner = event_lines_.find(item.target);
      if (span != spans_.end()) {
        argument.range = enclosing(span->second.pieces);
        argument.entity = span->second.entity;
      } else if (inner != event_lines_.end() && spans_.contains(inner->second->trigger)) {
        argument.range = enclosing(spans_[inner->second->trigger].pieces);
        event_arguments_.push_back({event.id, event.arguments.size(), std::string(item.target)});
      } else {
        RELATA_CHECK(drop(
            line.line, line.id,
            "has the argument " + std::string(item.target) + ", which is nothing in the file"));
        continue;
      }
      event.arguments.push_back(std::move(argument));
    }
    document_.events.push_back(std::move(event));
    return {};
  }

  Status read_relation(const BratRelation& line) {
    const auto head = spans_.find(line.head.target);
    const auto tail = spans_.find(line.tail.target);
    if (head != spans_.end() && tail != spans_.end()) {
      Relation relation;
      relation.type = line.type;
      relation.head = head->second.entity;
      relation.tail = tail->second.entity;
      keep_line(line, relation);
      document_.relations.push_back(std::move(relation));
      return {};
    }
    for (const std::string_view id : {line.head.target, line.tail.target}) {
      if (!spans_.contains(id) && !event_lines_.contains(id)) {
        return drop(line.line, line.id,
                    "is about " + std::string(id) + ", which is nothing in the file");
      }
    }
    event_relations_.push_back({{"id", std::string(line.id)},
                                {"type", std::string(line.type)},
                                {"head", std::string(line.head.target)},
                                {"tail", std::string(line.tail.target)}});
    return {};
  }

  // What of the line the relation does not tell: its id, the spans where an entity has several, and
  // what it calls them.
  void keep_line(const BratRelation& line, const Relation& relation) {
    Json kept = {std::string(line.id), std::string(line.head.target),
                 std::string(line.tail.target)};
    const bool named = line.head.role != "Arg1" || line.tail.role != "Arg2";
    if (named) {
      kept.push_back(std::string(line.head.role));
      kept.push_back(std::string(line.tail.role));
    }
    tells_more_ = tells_more_ || named || noted_.contains(line.id) ||
                  line.id != "R" + std::to_string(document_.relations.size() + 1) ||
                  document_.entities[relation.head].id != line.head.target ||
                  document_.entities[relation.tail].id != line.tail.target;
    relation_lines_.push_back(std::move(kept));
  }

  void keep_notes() {
    const auto keep = [&](const char* name, Json value) {
      if (!value.empty()) document_.meta[name] = std::move(value);
    };
    const auto list = [](const std::vector<BratNote>& notes) {
      Json out = Json::array();
      for (const BratNote& note : notes) out.push_back(to_json(note));
      return out;
    };
    keep("attributes", list(ann_.attributes));
    keep("normalizations", list(ann_.normalizations));
    keep("notes", list(ann_.notes));
    keep("fragments", std::move(fragments_));
    keep("mention_ids", std::move(mention_ids_));
    keep("mention_types", std::move(mention_types_));
    keep("triggers", std::move(triggers_));
    keep("event_arguments", std::move(event_arguments_));
    keep("event_relations", std::move(event_relations_));
    if (tells_more_) keep("relation_lines", std::move(relation_lines_));
  }

  const Source& source_;
  Intake& intake_;
  Document document_;
  BratAnnotations ann_;
  std::unordered_map<std::string_view, Span> spans_;
  std::unordered_map<std::string_view, const BratEvent*> event_lines_;
  Json fragments_ = Json::object();
  Json mention_ids_ = Json::object();
  Json mention_types_ = Json::object();  // of mentions that have another type than the entity
  Json triggers_ = Json::object();
  Json event_arguments_ = Json::array();
  Json event_relations_ = Json::array();
  Json relation_lines_ = Json::array();         // of each relation
  bool tells_more_ = false;                     // one of them than the relations do
  std::unordered_set<std::string_view> noted_;  // ids that attributes and notes are about
};

bool sniff_brat(const Sample& sample) { return sample.path.ends_with(".ann"); }

std::string sibling(const std::string& path, const char* ending) {
  return path.substr(0, path.size() - 4) + ending;
}

Status read_brat(const Source& source, const ReadOptions&, Intake& intake) {
  const bool is_text = source.path.ends_with(".txt");
  if (!is_text && !source.path.ends_with(".ann")) {
    return usage_error(source.path + ": brat files are NAME.ann beside NAME.txt",
                       "give the .ann file, or the folder that has both");
  }
  const auto other = read_text_file(sibling(source.path, is_text ? ".ann" : ".txt"));
  if (!other.ok()) {
    return intake.reject(input_error(
        source.path + ": " + other.error().message,
        is_text ? "annotations are in a .ann file beside it" : "the text is in a .txt beside it"));
  }
  const Source ann{is_text ? std::string_view(*other) : source.content,
                   sibling(source.path, ".ann")};
  std::string text(is_text ? source.content : std::string_view(*other));
  const Source text_source{text, sibling(source.path, ".txt")};
  Status status = check_utf8(text, text_source);
  if (status.ok() && text.empty()) {
    status = input_error(text_source.path + ": the text is empty", "leave the pair of files out");
  }
  if (status.ok()) status = BratReader(ann, std::move(text), intake).run();
  return status.ok() ? status : intake.reject(status.error());
}

}  // namespace

FormatEntry brat_format() {
  FormatEntry entry;
  entry.info.name = "brat";
  entry.info.description = "brat standoff: a folder of .txt and .ann files";
  entry.holds = kHoldsIds | kHoldsLoneEntities | kHoldsEntityTypes | kHoldsMentions |
                kHoldsClusters | kHoldsEvents | kHoldsRelations | kHoldsTextAlone | kHoldsNames;
  entry.meta = {"attributes",      "normalizations", "notes",    "fragments",
                "mention_ids",     "mention_types",  "triggers", "event_arguments",
                "event_relations", "relation_lines"};
  entry.may_be_empty = true;
  entry.sniff = sniff_brat;
  entry.read = read_brat;
  entry.write_files = write_brat;
  return entry;
}

}  // namespace relata::data
