#include "label_studio_writer.h"

#include <map>

#include "formats/annotators/argument_places.h"
#include "spans.h"

namespace relata::data {
namespace {

class TaskWriter {
 public:
  TaskWriter(const Document& document, Losses& losses)
      : document_(document), offsets_(document.text), losses_(losses) {}

  Json run() {
    for (const Entity& entity : document_.entities) write_entity(entity);
    for (const Event& event : document_.events) write_event(event);
    for (const Relation& relation : document_.relations) write_relation(relation);
    Json own = Json::object();
    if (!document_.id.empty()) own["id"] = document_.id;
    for (const ByteRange& range : document_.sentences) own["sentences"].push_back(to_json(range));
    if (!clusters_.empty()) own["clusters"] = std::move(clusters_);
    if (!document_.meta.is_null()) own["meta"] = document_.meta;
    Json data = {{"text", document_.text}};
    if (!own.empty()) data[kLabelStudioKey] = std::move(own);
    return {{"data", std::move(data)},
            {"annotations", Json::array({{{"result", std::move(results_)}}})}};
  }

 private:
  Json to_json(const ByteRange& range) const {
    return {offsets_.to_code_point(range.begin), offsets_.to_code_point(range.end)};
  }

  std::string add_region(const std::string& wanted, const char* from, const std::string& label,
                         const ByteRange& range) {
    std::string id = ids_.take(wanted);
    const Json place = to_json(range);
    Json value = {{"start", place[0]},
                  {"end", place[1]},
                  {"text", document_.text.substr(range.begin, range.end - range.begin)}};
    if (!label.empty()) value["labels"] = {label};
    results_.push_back({{"id", id},
                        {"from_name", from},
                        {"to_name", "text"},
                        {"type", "labels"},
                        {"value", std::move(value)}});
    return id;
  }

  void write_entity(const Entity& entity) {
    std::vector<std::string>& ids = regions_.emplace_back();
    for (const ByteRange& range : entity.mentions) {
      ids.push_back(add_region(entity.id, "label", entity.type, range));
      if (ids.back() != entity.id || entity.mentions.size() > 1) clusters_[ids.back()] = entity.id;
    }
    losses_["entities that are not in the text"] += entity.mentions.empty();
    losses_["stated names of mentions"] += entity.names.size();
  }

  void write_event(const Event& event) {
    if (event.trigger.begin == event.trigger.end) {
      ++losses_["events without a trigger"];
      return;
    }
    const std::string id = add_region(event.id, kLabelStudioEvents, event.type, event.trigger);
    losses_["ids of events"] += id != event.id;
    for (const Argument& argument : event.arguments) {
      const std::string target = region_of(argument);
      if (target.empty()) {
        ++losses_["arguments that are not in the text"];
      } else {
        add_relation(id, target, argument.role);
      }
    }
  }

  std::string region_of(const Argument& argument) {
    if (argument.entity >= 0) {
      const Entity& entity = document_.entities.at(argument.entity);
      const std::vector<std::string>& ids = regions_.at(argument.entity);
      for (size_t i = 0; i < ids.size(); ++i) {
        if (entity.mentions[i] == argument.range) return ids[i];
      }
      if (!ids.empty()) {
        losses_[kArgumentPlaces] += names_one_mention(argument, entity) ? 0 : 1;
        return ids[0];
      }
    }
    if (argument.range.begin == argument.range.end) return "";
    std::string& id = loose_[{argument.range.begin, argument.range.end}];
    if (id.empty()) id = add_region("argument", kLabelStudioArguments, "", argument.range);
    return id;
  }

  Json& add_relation(const std::string& from, const std::string& to, const std::string& label) {
    results_.push_back({{"type", "relation"},
                        {"from_id", from},
                        {"to_id", to},
                        {"direction", "right"},
                        {"labels", {label}}});
    return results_.back();
  }

  void write_relation(const Relation& relation) {
    const auto& heads = regions_.at(relation.head);
    const auto& tails = regions_.at(relation.tail);
    if (heads.empty() || tails.empty()) {
      ++losses_["relations of entities that are not in the text"];
      return;
    }
    Json& item = add_relation(heads[0], tails[0], relation.type);
    if (relation.score) item["score"] = *relation.score;
  }

  const Document& document_;
  text::OffsetMap offsets_;
  Losses& losses_;
  UniqueIds ids_;
  Json results_ = Json::array();
  Json clusters_ = Json::object();
  std::vector<std::vector<std::string>> regions_;  // of each entity's mentions
  std::map<std::pair<size_t, size_t>, std::string> loose_;
};

}  // namespace

Result<std::string> write_label_studio(const std::vector<Document>& documents, const WriteOptions&,
                                       Losses& losses) {
  std::string out = "[";
  for (const Document& document : documents) {
    out += out.size() == 1 ? "\n" : ",\n";
    out += TaskWriter(document, losses).run().dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return out + "\n]\n";
}

}  // namespace relata::data
