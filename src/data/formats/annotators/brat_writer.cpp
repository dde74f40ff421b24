#include "brat_writer.h"

#include <map>
#include <set>
#include <unordered_map>

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

bool is_span_id(std::string_view id) {
  return id.size() > 1 && id[0] == 'T' && whole_number(id.substr(1)).has_value();
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
    reserve_ids();
    write_entities();
    write_events();
    write_relations();
    for (const auto& [key, mark] : {std::pair("attributes", 'A'), std::pair("normalizations", 'N'),
                                    std::pair("notes", '#')}) {
      write_notes(meta_member(document_, key), mark);
    }
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
    return is_span_id(id) && taken_.insert(id).second ? id : "";
  }

  std::string free_id() {
    while (!taken_.insert("T" + std::to_string(next_)).second) ++next_;
    return "T" + std::to_string(next_);
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
        write_span(id, type, entity.mentions[k]);
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

  void write_events() {
    for (size_t i = 0; i < document_.events.size(); ++i) {
      const Event& event = document_.events[i];
      event_ids_[event.id] = "E" + std::to_string(i + 1);
      targets_[event.id] = "E" + std::to_string(i + 1);
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
      if (!is_span_id(trigger) || (!taken_.insert(trigger).second && !written_.contains(trigger))) {
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
      if (!ids.empty()) return ids[0];
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

  void write_relations() {
    size_t number = 0;
    const auto write = [&](const std::string& type, const std::string& head,
                           const std::string& tail) {
      out_ +=
          "R" + std::to_string(++number) + "\t" + type + " Arg1:" + head + " Arg2:" + tail + "\n";
    };
    for (const Relation& relation : document_.relations) {
      const auto& heads = entity_ids_.at(relation.head);
      const auto& tails = entity_ids_.at(relation.tail);
      if (heads.empty() || tails.empty()) {
        ++losses_["relations of entities that are not in the text"];
        continue;
      }
      write(name(relation.type, "Relation"), heads[0], tails[0]);
    }
    const Json links = meta_member(document_, "event_relations");
    if (!links.is_array()) return;
    for (const Json& link : links) {
      const std::string head = target_of(link, "head");
      const std::string tail = target_of(link, "tail");
      if (head.empty() || tail.empty() || !link.contains("type") || !link.at("type").is_string()) {
        ++losses_["relations of events"];
        continue;
      }
      write(name(link.at("type").get<std::string>(), "Relation"), head, tail);
    }
  }

  std::string target_of(const Json& object, const char* key) const {
    if (!object.is_object() || !object.contains(key) || !object.at(key).is_string()) return "";
    const auto found = targets_.find(object.at(key).get<std::string>());
    return found == targets_.end() ? "" : found->second;
  }

  // [id, name, target, value] as a brat file had it.
  void write_notes(const Json& notes, char mark) {
    if (!notes.is_array()) return;
    size_t number = 0;
    for (const Json& note : notes) {
      const bool good =
          note.is_array() && note.size() >= 3 && note.size() <= 4 &&
          std::all_of(note.begin(), note.end(), [](const Json& part) { return part.is_string(); });
      const auto target = good ? targets_.find(note[2].get<std::string>()) : targets_.end();
      if (target == targets_.end()) {
        ++losses_["notes about what is not written"];
        continue;
      }
      out_ += mark + std::to_string(++number) + "\t" + name(note[1].get<std::string>(), "Note") +
              " " + target->second;
      if (note.size() == 4) {
        const char between = mark == '#' ? '\t' : ' ';
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
  Json fragments_;
  std::vector<std::vector<std::string>> entity_ids_;  // of each mention
  std::vector<std::string> trigger_ids_;
  std::unordered_map<std::string, std::string> event_ids_;
  std::unordered_map<std::string, std::string> targets_;  // by the document's ids and by brat's
  std::map<std::pair<size_t, size_t>, std::string> argument_spans_;
  std::set<std::string> taken_;
  std::set<std::string> written_;
  size_t next_ = 1;
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
