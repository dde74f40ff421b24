#include "brat_writer.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "formats/annotators/argument_places.h"
#include "formats/tables/columns.h"
#include "spans.h"

namespace relata::data {
namespace {

// A name for files: what could leave the folder or hide the file is replaced.
std::string file_name(const std::string& id) {
  std::string name;
  for (const char c : id) {
    const bool bad = c == '/' || c == '\\' || c == ':' || static_cast<unsigned char>(c) < ' ';
    name.push_back(bad || (name.empty() && c == '.') ? '_' : c);
  }
  constexpr size_t kLongest = 200;
  if (name.size() > kLongest) name.resize(kLongest);
  return text::replace_invalid_utf8(name.empty() ? "document" : name);
}

// Whether the id is a number behind one of the marks: T1, R1.
bool is_id(std::string_view id, std::string_view marks) {
  return id.size() > 1 && marks.find(id[0]) != std::string_view::npos &&
         whole_number(id.substr(1)).has_value();
}

std::string text_at(const Json& list, size_t index) {
  if (!list.is_array() || index >= list.size() || !list[index].is_string()) return "";
  return list[index].get<std::string>();
}

Json meta_member(const Document& document, const char* name) {
  if (!document.meta.is_object() || !document.meta.contains(name)) return nullptr;
  return document.meta.at(name);
}

class AnnWriter {
 public:
  AnnWriter(const Document& document, Losses& losses)
      : document_(document), offsets_(document.text), losses_(losses) {}

  std::string run() {
    fragments_ = meta_member(document_, "fragments");
    mention_types_ = meta_member(document_, "mention_types");
    reserve_ids();
    write_entities();
    write_events();
    write_relations();
    write_notes(meta_member(document_, "attributes"), "AM");
    write_notes(meta_member(document_, "normalizations"), "N");
    write_notes(meta_member(document_, "notes"), "#");
    return std::move(out_);
  }

 private:
  // Ids that the document states for mentions and triggers, as far as they differ.
  void reserve_ids() {
    const Json mention_ids = meta_member(document_, "mention_ids");
    for (const Entity& entity : document_.entities) {
      std::vector<std::string>& ids = entity_ids_.emplace_back(entity.mentions.size());
      const bool listed = mention_ids.is_object() && mention_ids.contains(entity.id) &&
                          mention_ids.at(entity.id).is_array() &&
                          mention_ids.at(entity.id).size() == ids.size();
      for (size_t i = 0; i < ids.size(); ++i) {
        const Json stated = listed ? mention_ids.at(entity.id)[i] : Json(i == 0 ? entity.id : "");
        if (stated.is_string()) ids[i] = reserve(stated.get<std::string>());
      }
    }
    const Json triggers = meta_member(document_, "triggers");
    for (const Event& event : document_.events) {
      const bool stated =
          triggers.is_object() && triggers.contains(event.id) && triggers.at(event.id).is_string();
      trigger_ids_.push_back(stated ? triggers.at(event.id).get<std::string>() : "");
    }
  }

  std::string reserve(const std::string& id) {
    return is_id(id, "T") && taken_.insert(id).second ? id : "";
  }

  std::string free_id(char mark = 'T') {
    size_t& last = last_[mark];
    std::string id;
    do {
      id = mark + std::to_string(++last);
    } while (!taken_.insert(id).second);
    return id;
  }

  // The wanted ids as far as they have one of the marks and differ, else free ones of the first.
  std::vector<std::string> settled(std::vector<std::string> wanted, std::string_view marks) {
    for (std::string& id : wanted) {
      if (!is_id(id, marks) || !taken_.insert(id).second) id.clear();
    }
    for (std::string& id : wanted) {
      if (id.empty()) id = free_id(marks.front());
    }
    return wanted;
  }

  // A name that brat can read: no white space, no colon.
  std::string name(const std::string& text, const char* otherwise) {
    std::string out = text.empty() ? otherwise : text;
    for (char& c : out) {
      if (std::string_view(" \t\r\n:").find(c) != std::string_view::npos) c = '_';
    }
    losses_["names changed, having spaces or colons"] += !text.empty() && out != text;
    return out;
  }

  // The pieces between line breaks, which no span of brat may contain.
  std::vector<ByteRange> pieces_of(const std::string& id, const ByteRange& range) const {
    std::vector<ByteRange> pieces;
    if (fragments_.is_object() && fragments_.contains(id) && fragments_.at(id).is_array()) {
      for (const Json& piece : fragments_.at(id)) {
        if (!piece.is_array() || piece.size() != 2 || !piece[0].is_number_unsigned() ||
            !piece[1].is_number_unsigned()) {
          continue;
        }
        pieces.push_back(
            {offsets_.to_byte(piece[0].get<size_t>()), offsets_.to_byte(piece[1].get<size_t>())});
      }
      if (!pieces.empty() && enclosing(pieces) == range) return pieces;
      pieces.clear();
    }
    size_t begin = range.begin;
    for (size_t at = range.begin; at <= range.end; ++at) {
      const bool breaks =
          at < range.end && (document_.text[at] == '\n' || document_.text[at] == '\r');
      if (at < range.end && !breaks) continue;
      if (at > begin) pieces.push_back({begin, at});
      begin = at + 1;
    }
    return pieces;
  }

  void write_span(const std::string& id, const std::string& type, const ByteRange& range) {
    const std::vector<ByteRange> pieces = pieces_of(id, range);
    if (pieces.empty() || !written_.insert(id).second) return;
    out_ += id + "\t" + type;
    for (size_t i = 0; i < pieces.size(); ++i) {
      out_ += (i == 0 ? " " : ";") + std::to_string(offsets_.to_code_point(pieces[i].begin)) + " " +
              std::to_string(offsets_.to_code_point(pieces[i].end));
    }
    out_ += "\t" + pieces_text(document_.text, pieces) + "\n";
  }

  void write_entities() {
    std::string equivalent;
    for (size_t i = 0; i < document_.entities.size(); ++i) {
      const Entity& entity = document_.entities[i];
      losses_["entities that are not in the text"] += entity.mentions.empty();
      const std::string type = name(entity.type, "Entity");
      losses_["entities without a type, which is now Entity"] += entity.type.empty();
      for (size_t k = 0; k < entity.mentions.size(); ++k) {
        std::string& id = entity_ids_[i][k];
        if (id.empty()) id = free_id();
        write_span(id, type_of_mention(id, type), entity.mentions[k]);
        losses_["stated names of mentions"] +=
            !entity.names.empty() &&
            entity.names[k] != pieces_text(document_.text, pieces_of(id, entity.mentions[k]));
      }
      if (entity.mentions.size() < 2) continue;
      equivalent += "*\tEquiv";
      for (const std::string& id : entity_ids_[i]) equivalent += " " + id;
      equivalent += "\n";
    }
    out_ += equivalent;
    for (size_t i = 0; i < document_.entities.size(); ++i) {
      if (!entity_ids_[i].empty()) targets_[document_.entities[i].id] = entity_ids_[i][0];
      for (const std::string& id : entity_ids_[i]) targets_.try_emplace(id, id);
    }
  }

  // Mentions of one entity may state several types.
  std::string type_of_mention(const std::string& id, const std::string& type) {
    const Json& types = mention_types_;
    const bool stated = types.is_object() && types.contains(id) && types.at(id).is_string();
    return stated ? name(types.at(id).get<std::string>(), "Entity") : type;
  }

  void write_events() {
    std::vector<std::string> ids;
    for (const Event& event : document_.events) ids.push_back(event.id);
    ids = settled(std::move(ids), "E");
    for (size_t i = 0; i < document_.events.size(); ++i) {
      event_ids_[document_.events[i].id] = targets_[document_.events[i].id] = ids[i];
    }
    // Spans come before the events that name them.
    std::string lines;
    const Json inner = meta_member(document_, "event_arguments");
    for (size_t i = 0; i < document_.events.size(); ++i) {
      const Event& event = document_.events[i];
      if (event.trigger.begin == event.trigger.end) {
        ++losses_["events without a trigger"];
        continue;
      }
      const std::string type = name(event.type, "Event");
      std::string trigger = trigger_ids_[i];
      if (!is_id(trigger, "T") || (!taken_.insert(trigger).second && !written_.contains(trigger))) {
        trigger = free_id();
      }
      write_span(trigger, type, event.trigger);
      targets_.try_emplace(trigger, trigger);
      lines += event_ids_[event.id] + "\t" + type + ":" + trigger;
      for (size_t k = 0; k < event.arguments.size(); ++k) {
        const std::string target = argument_target(event, k, inner);
        if (!target.empty()) lines += " " + name(event.arguments[k].role, "Arg") + ":" + target;
      }
      lines += "\n";
    }
    out_ += lines;
  }

  std::string argument_target(const Event& event, size_t index, const Json& inner) {
    if (inner.is_array()) {
      for (const Json& item : inner) {
        if (item.is_array() && item.size() == 3 && item[0] == event.id && item[1] == index &&
            item[2].is_string() && event_ids_.contains(item[2].get<std::string>())) {
          return event_ids_[item[2].get<std::string>()];
        }
      }
    }
    const Argument& argument = event.arguments[index];
    if (argument.entity >= 0) {
      const Entity& entity = document_.entities.at(argument.entity);
      const std::vector<std::string>& ids = entity_ids_.at(argument.entity);
      for (size_t k = 0; k < entity.mentions.size(); ++k) {
        if (entity.mentions[k] == argument.range) return ids[k];
      }
      if (!ids.empty()) {
        losses_[kArgumentPlaces] += names_one_mention(argument, entity) ? 0 : 1;
        return ids[0];
      }
    }
    if (argument.range.begin == argument.range.end) {
      ++losses_["arguments that are not in the text"];
      return "";
    }
    // A span of its own, once for every place.
    std::string& id = argument_spans_[{argument.range.begin, argument.range.end}];
    if (id.empty()) {
      id = free_id();
      write_span(id, "Argument", argument.range);
    }
    return id;
  }

  // Of each relation the line that it was read from, [id, head, tail] or with what it calls the
  // two; null where the lines are of other relations.
  Json relation_lines() const {
    Json lines = meta_member(document_, "relation_lines");
    if (!lines.is_array() || lines.size() != document_.relations.size()) return nullptr;
    for (size_t i = 0; i < lines.size(); ++i) {
      const Relation& relation = document_.relations[i];
      const std::string head = text_at(lines[i], 1), tail = text_at(lines[i], 2);
      const bool fits = !head.empty() && mention_of(relation.head, head) == head && !tail.empty() &&
                        mention_of(relation.tail, tail) == tail;
      if (!fits) return nullptr;
    }
    return lines;
  }

  // The stated one if it is of the entity, else its first; "" where it has none.
  std::string mention_of(int entity, const std::string& stated) const {
    const std::vector<std::string>& ids = entity_ids_.at(entity);
    if (std::find(ids.begin(), ids.end(), stated) != ids.end()) return stated;
    return ids.empty() ? "" : ids[0];
  }

  void write_relations() {
    const Json lines = relation_lines();
    Json links = meta_member(document_, "event_relations");
    if (!links.is_array()) links = Json::array();
    std::vector<std::string> stated;
    for (size_t i = 0; i < document_.relations.size(); ++i) {
      stated.push_back(lines.is_null() ? "" : text_at(lines[i], 0));
    }
    for (const Json& link : links) {
      const bool has_id = link.is_object() && link.contains("id") && link.at("id").is_string();
      stated.push_back(has_id ? link.at("id").get<std::string>() : "");
    }
    const std::vector<std::string> ids = settled(stated, "R");
    const auto write = [&](size_t number, const std::string& type, const std::string& head,
                           const std::string& tail) {
      out_ += ids[number] + "\t" + type + " " + head + " " + tail + "\n";
      if (!stated[number].empty()) targets_.try_emplace(stated[number], ids[number]);
    };
    for (size_t i = 0; i < document_.relations.size(); ++i) {
      const Relation& relation = document_.relations[i];
      const Json line = lines.is_null() ? Json() : lines[i];
      const std::string head = mention_of(relation.head, text_at(line, 1));
      const std::string tail = mention_of(relation.tail, text_at(line, 2));
      if (head.empty() || tail.empty()) {
        ++losses_["relations of entities that are not in the text"];
        continue;
      }
      write(i, name(relation.type, "Relation"), name(text_at(line, 3), "Arg1") + ":" + head,
            name(text_at(line, 4), "Arg2") + ":" + tail);
    }
    for (size_t i = 0; i < links.size(); ++i) {
      const Json& link = links[i];
      const std::string head = target_of(link, "head");
      const std::string tail = target_of(link, "tail");
      if (head.empty() || tail.empty() || !link.contains("type") || !link.at("type").is_string()) {
        ++losses_["relations of events"];
        continue;
      }
      write(document_.relations.size() + i, name(link.at("type").get<std::string>(), "Relation"),
            "Arg1:" + head, "Arg2:" + tail);
    }
  }

  std::string target_of(const Json& object, const char* key) const {
    if (!object.is_object() || !object.contains(key) || !object.at(key).is_string()) return "";
    const auto found = targets_.find(object.at(key).get<std::string>());
    return found == targets_.end() ? "" : found->second;
  }

  // [id, name, target, value] as a brat file had it.
  void write_notes(const Json& notes, std::string_view marks) {
    if (!notes.is_array()) return;
    std::vector<std::string> ids;
    for (const Json& note : notes) ids.push_back(text_at(note, 0));
    ids = settled(std::move(ids), marks);
    for (size_t i = 0; i < notes.size(); ++i) {
      const Json& note = notes[i];
      const bool good =
          note.is_array() && note.size() >= 3 && note.size() <= 4 &&
          std::all_of(note.begin(), note.end(), [](const Json& part) { return part.is_string(); });
      const auto target = good ? targets_.find(note[2].get<std::string>()) : targets_.end();
      if (target == targets_.end()) {
        ++losses_["notes about what is not written"];
        continue;
      }
      out_ += ids[i] + "\t" + name(note[1].get<std::string>(), "Note") + " " + target->second;
      targets_.try_emplace(text_at(note, 0), ids[i]);
      if (note.size() == 4) {
        const char between = marks == "#" ? '\t' : ' ';
        out_ += between + one_line(note[3].get<std::string>());
      }
      out_ += "\n";
    }
  }

  static std::string one_line(std::string text) {
    for (char& c : text) c = c == '\n' || c == '\r' ? ' ' : c;
    return text;
  }

  const Document& document_;
  text::OffsetMap offsets_;
  Losses& losses_;
  std::string out_;
  Json fragments_, mention_types_;
  std::vector<std::vector<std::string>> entity_ids_;  // of each mention
  std::vector<std::string> trigger_ids_;
  std::unordered_map<std::string, std::string> event_ids_;
  std::unordered_map<std::string, std::string> targets_;  // by the document's ids and by brat's
  std::map<std::pair<size_t, size_t>, std::string> argument_spans_;
  std::set<std::string> taken_;
  std::set<std::string> written_;
  std::map<char, size_t> last_;  // number of an id by its mark
};

}  // namespace

std::vector<DatasetFile> write_brat(const std::vector<Document>& documents, Losses& losses) {
  std::vector<DatasetFile> files;
  UniqueIds names;
  for (const Document& document : documents) {
    const std::string name = names.take(file_name(document.id));
    losses["ids changed to be file names"] += name != document.id;
    files.push_back({name + ".txt", document.text});
    files.push_back({name + ".ann", AnnWriter(document, losses).run()});
  }
  return files;
}

}  // namespace relata::data
