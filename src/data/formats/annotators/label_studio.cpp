// Label Studio's JSON: tasks with "data" and "annotations", whose results are regions of the text
// and relations between regions. Controls that add something to a region (choices, rating, ...)
// have its id. Also its short export, {"text": ..., "label": [regions]}.
// https://labelstud.io/guide/export
#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>

#include "annotation_formats.h"
#include "formats/json_records.h"
#include "label_studio_text.h"
#include "label_studio_writer.h"
#include "spans.h"

namespace relata::data {
namespace {

using UsualKey = std::function<std::string()>;

class TaskReader {
 public:
  TaskReader(const JsonRecord& record, const Source& source, Intake& intake)
      : record_(record), source_(source), intake_(intake) {}

  // `stated_key` names the member that is the text, "" if none is stated; `usual_key` finds the one
  // that other tasks of the file have.
  Status run(const std::string& stated_key, const UsualKey& usual_key) {
    const JsonView root = record_.root();
    const JsonView data = root.find("data");
    RELATA_CHECK(find_results(root));
    if (is_skipped_) {
      intake_.count("tasks left out, whose annotations were all cancelled");
      return {};
    }
    RELATA_CHECK(read_text(data ? data : root, stated_key, usual_key));
    RELATA_CHECK(read_id(root));
    if (data) own_ = data.find(kLabelStudioKey);
    if (own_ && own_.find("id").is_string()) document_.id = own_.find("id").string();
    if (own_ && own_.find("meta").is_object()) document_.meta = own_.find("meta").to_json();
    const SpanReader spans(document_.text, intake_);
    spans_ = &spans;
    RELATA_CHECK(read_sentences());
    leave_out_other_texts();
    utf16_ = fit_regions(document_.text, results_).units == SpanUnits::kUtf16;
    for (const JsonView result : results_) RELATA_CHECK(mend(read_region(result)));
    for (const JsonView result : results_) RELATA_CHECK(mend(read_addition(result)));
    for (const JsonView result : results_) RELATA_CHECK(mend(read_relation(result)));
    finish();
    return intake_.add(std::move(document_), record_.where());
  }

  // The key of the text, as the spans tell it; "" where they do not.
  static std::string key_by_spans(const JsonRecord& record) {
    Dataset none;
    Intake intake({}, none);
    const Source nothing("", "");
    TaskReader reader(record, nothing, intake);
    const JsonView data = record.root().find("data");
    if (!data.is_object() || !reader.find_results(record.root()).ok()) return "";
    const JsonView text = find_task_text(data, reader.results_, "");
    const bool told = text && fit_regions(text.string(), reader.results_).fitting > 0;
    return told ? key_of_text(data, text) : "";
  }

 private:
  Status mend(const Status& status) {
    return status.ok() ? status : leave_out(status.error(), intake_);
  }

  Status read_text(JsonView data, const std::string& stated_key, const UsualKey& usual_key) {
    constexpr const char* kHint = "name the member that is the text (--text-key)";
    RELATA_CHECK(record_.check_object(data));
    JsonView text;
    if (!stated_key.empty()) {
      text = data.find(stated_key);
      if (!text) return record_.fail(data, "has no \"" + stated_key + "\"", kHint);
    } else {
      text = find_task_text(data, results_, "");
      if (!text) text = find_task_text(data, results_, usual_key());
      if (!text) return record_.fail(data, "has no \"text\", nor one member that is text", kHint);
    }
    RELATA_TRY(const std::string_view content, record_.as_text(text));
    if (content.empty()) return record_.fail(text, "is empty");
    document_.text = content;
    text_key_ = key_of_text(data, text);
    return {};
  }

  // A document has one text; what a task's other texts have is left out. That are the regions of
  // other controls, and what further controls, which state no place, say of these.
  void leave_out_other_texts() {
    const std::string control = find_control(document_.text, text_key_, results_);
    if (control.empty()) return;
    const auto is_other = [&](JsonView result) {
      const std::string_view name = control_of_region(result);
      return !name.empty() && name != control;
    };
    for (const JsonView result : results_) {
      if (!is_other(result)) continue;
      const JsonView id = result.find("id");
      // Several results with one id are one region.
      if (id.is_string() && !other_regions_.emplace(id.string()).second) continue;
      intake_.count("regions of another text of their task left out");
    }
    std::erase_if(results_, [&](JsonView result) {
      const JsonView id = result.find("id");
      return is_other(result) || (id.is_string() && other_regions_.contains(id.string()));
    });
  }

  Status read_id(JsonView root) {
    document_.id = source_.stem() + "-" + std::to_string(record_.number());
    const JsonView id = root.find("id");
    if (!id || id.is_null()) return {};
    RELATA_TRY(document_.id, record_.as_id(id));
    return {};
  }

  Status read_sentences() {
    if (!own_) return {};
    const JsonView list = own_.find("sentences");
    if (!list.is_array()) return {};
    for (const JsonView item : list) {
      const auto range = spans_->from_json(item.to_json());
      if (!range) return record_.fail(item, "is no range of the text");
      document_.sentences.push_back(*range);
    }
    return {};
  }

  // The results of the first annotation that was not cancelled, else of the first prediction. A
  // task that was skipped, all its annotations being cancelled, has none that are gold.
  Status find_results(JsonView root) {
    if (!root.find("data")) return find_short_results(root);
    for (const char* key : {"annotations", "completions", "predictions"}) {
      RELATA_TRY(const JsonView list, record_.find_list(root, key));
      if (!list || list.size() == 0) continue;
      size_t good = 0;
      for (const JsonView annotation : list) {
        const JsonView cancelled = annotation.find("was_cancelled");
        if (cancelled.is_bool() && cancelled.truth()) continue;
        if (++good > 1) continue;
        RELATA_TRY(const JsonView results, record_.get_list(annotation, "result"));
        for (const JsonView result : results) results_.push_back(result);
      }
      is_skipped_ = good == 0;
      if (good > 1 && std::string_view(key) != "predictions") {
        for (; good > 1; --good) {
          intake_.count(
              "further annotations of tasks that have several, of which the first is read");
        }
      }
      return {};
    }
    return {};
  }

  // The short export lists regions in members named like the controls.
  Status find_short_results(JsonView root) {
    if (const JsonView label = root.find("label"); label && !label.is_null()) {
      RELATA_CHECK(record_.get_list(root, "label"));
    }
    root.each_member([&](std::string_view key, JsonView list) {
      if (!list.is_array()) return;
      for (const JsonView item : list) {
        if (!item.find("start") || !item.find("end")) continue;
        results_.push_back(item);
        controls_[item.offset()] = key;
      }
    });
    return {};
  }

  Result<ByteRange> read_range(JsonView place) const {
    constexpr size_t kLimit = size_t{1} << 32U;
    RELATA_TRY(size_t begin, record_.get_index(place, "start", kLimit));
    RELATA_TRY(size_t end, record_.get_index(place, "end", kLimit));
    if (utf16_) {
      const std::u32string text = text::to_code_points(document_.text);
      begin = from_utf16(text, begin);
      end = from_utf16(text, end);
    }
    // A text area's "text" is what was written there.
    const JsonView text = place.find("text");
    std::string covered(text.is_string() ? text.string() : std::string_view());
    if (!text.is_string() && begin < end && end <= spans_->offsets().code_points()) {
      const size_t from = spans_->offsets().to_byte(begin);
      covered = document_.text.substr(from, spans_->offsets().to_byte(end) - from);
    }
    return spans_->read(begin, end, covered,
                        record_.where() + ": " + record_.root().path_to(place));
  }

  Result<std::vector<std::string>> read_labels(JsonView place) const {
    JsonView labels;
    for (const char* key : {"labels", "hypertextlabels"}) {
      if (!labels) labels = place.find(key);
    }
    std::vector<std::string> out;
    if (!labels || labels.is_null()) return out;
    if (!labels.is_array()) return record_.fail(labels, "is no list of labels");
    for (const JsonView label : labels) {
      RELATA_TRY(const std::string_view text, record_.as_text(label));
      out.emplace_back(text);
    }
    return out;
  }

  // The first label is the type; others are noted.
  void add_labels(const std::vector<std::string>& labels, const std::string& id,
                  std::string& type) {
    for (const std::string& label : labels) {
      if (type.empty()) {
        type = label;
      } else if (label != type) {
        more_labels_[id].push_back(label);
      }
    }
  }

  static bool has_place(JsonView place) { return place.find("start") || place.find("end"); }

  // What a result states besides a region's place, text and labels; a control's value alone where
  // there is nothing else, null where there is none.
  static Json value_of(std::string_view type, JsonView place) {
    Json members = Json::object();
    place.each_member([&](std::string_view key, JsonView value) {
      for (const std::string_view own : {"start", "end", "startOffset", "endOffset", "labels",
                                         "globalOffsets", "hypertextlabels", "id"}) {
        if (key == own) return;
      }
      if (key == "text" && value.is_string() && type != "textarea") return;
      members[std::string(key)] = value.to_json();
    });
    if (members.empty()) return {};
    const std::string& key = members.begin().key();
    const bool named = key == type || type.empty() || (type == "textarea" && key == "text");
    return members.size() == 1 && named ? Json(members.begin().value()) : members;
  }

  // What makes a region: labels, or a place without anything else.
  Status read_region(JsonView result) {
    RELATA_CHECK(record_.check_object(result));
    RELATA_TRY(const std::string_view type, record_.find_text(result, "type"));
    const JsonView place = place_of_region(result);
    if (type == "relation" || !has_place(place)) return {};
    const bool labelled = place.find("labels") || place.find("hypertextlabels");
    if (!labelled && !value_of(type, place).is_null()) return {};
    RELATA_TRY(const std::string_view stated, record_.find_text(result, "id"));
    return add_region(result, place, std::string(stated));
  }

  Status add_region(JsonView result, JsonView place, const std::string& stated) {
    RELATA_TRY(const ByteRange range, read_range(place));
    RELATA_TRY(const std::vector<std::string> labels, read_labels(place));
    const auto same = regions_.find(stated);
    if (!stated.empty() && same != regions_.end() && same->second == range) {
      const auto event = events_.find(stated);
      const auto entity = entities_.find(stated);
      std::string none;
      add_labels(labels, stated,
                 event != events_.end()      ? document_.events[event->second].type
                 : entity != entities_.end() ? document_.entities[entity->second].type
                                             : none);
      return {};
    }
    const std::string id = region_ids_.take(stated);
    regions_[id] = range;
    last_region_ = id;
    std::string label;
    add_labels(labels, id, label);
    RELATA_TRY(const std::string_view from, record_.find_text(result, "from_name"));
    if (from == kLabelStudioEvents) {
      Event event;
      event.id = id;
      event.type = label;
      event.trigger = range;
      events_[id] = document_.events.size();
      document_.events.push_back(std::move(event));
      return {};
    }
    ranges_[id] = range;
    if (from != kLabelStudioArguments) entities_[id] = add_mention(id, label, range);
    return {};
  }

  // A control that states the id of a region stands where the region does; with on_error=fix, it is
  // moved there.
  Status check_region(JsonView place, const std::string& id, ByteRange& range) {
    const auto region = regions_.find(id);
    if (id.empty() || region == regions_.end() || region->second == range) return {};
    if (!intake_.fixes()) {
      const Json at = spans_->to_json(region->second);
      return record_.fail(place, "is not where its region \"" + id + "\" is, " + at.dump(),
                          "results with one id are one region: correct the offsets or the id");
    }
    intake_.note_fix(record_.where(),
                     record_.root().path_to(place) + " was moved to its region \"" + id + "\"");
    range = region->second;
    return {};
  }

  // What a control says of a region, or, without a place and a region's id, of the whole task.
  Status read_addition(JsonView result) {
    RELATA_TRY(const std::string_view type, record_.find_text(result, "type"));
    const JsonView place = place_of_region(result);
    if (type == "relation") return {};
    Json value = value_of(type, place);
    if (value.is_null()) return {};
    RELATA_TRY(const std::string_view stated, record_.find_text(result, "id"));
    std::string id(stated);
    if (has_place(place)) {
      RELATA_TRY(ByteRange range, read_range(place));
      RELATA_CHECK(check_region(place, id, range));
      const auto same = std::find_if(regions_.begin(), regions_.end(), [&](const auto& region) {
        return region.second == range && (id.empty() || region.first == id);
      });
      if (same == regions_.end()) RELATA_CHECK(add_region(result, place, id));
      id = same == regions_.end() ? last_region_ : same->first;
    } else if (!regions_.contains(id)) {
      if (!result.find("value")) return {};
      keep(result, std::move(value), place.find("choices") ? choices_ : controls_meta_);
      return {};
    }
    keep(result, std::move(value), region_meta_[id]);
    return {};
  }

  void keep(JsonView result, Json value, Json& notes) const {
    const JsonView from = result.find("from_name");
    const auto control = controls_.find(result.offset());
    std::string name = from.is_string() ? std::string(from.string()) : "";
    if (name.empty() && control != controls_.end()) name = control->second;
    if (name.empty() && result.find("type").is_string()) name = result.find("type").string();
    Json& slot = notes[name];
    slot = slot.is_null() ? std::move(value) : Json::array({slot, std::move(value)});
  }

  // Regions that the writer made of one entity have its id in data.relata.clusters.
  int add_mention(const std::string& id, const std::string& label, const ByteRange& range) {
    std::string entity_id = id;
    if (own_ && own_.find("clusters").is_object()) {
      const JsonView cluster = own_.find("clusters").find(id);
      if (cluster.is_string()) entity_id = cluster.string();
    }
    const auto [found, is_new] =
        clusters_.try_emplace(entity_id, static_cast<int>(document_.entities.size()));
    if (is_new) {
      Entity& entity = document_.entities.emplace_back();
      entity.id = entity_id;
      entity.type = label;
    }
    Entity& entity = document_.entities[found->second];
    entity.mentions.push_back(range);
    sort_mentions(entity);
    const ByteRange& first = entity.mentions.front();
    entity.text = document_.text.substr(first.begin, first.end - first.begin);
    return found->second;
  }

  Status read_relation(JsonView result) {
    RELATA_TRY(const std::string_view kind, record_.find_text(result, "type"));
    if (kind != "relation") return {};
    RELATA_TRY(const std::string_view from, record_.get_text(result, "from_id"));
    RELATA_TRY(const std::string_view to, record_.get_text(result, "to_id"));
    if (other_regions_.contains(from) || other_regions_.contains(to)) {
      intake_.count("relations of regions of another text of their task left out");
      return {};
    }
    RELATA_TRY(const std::string_view direction, record_.find_text(result, "direction"));
    RELATA_TRY(const JsonView labels, record_.find_list(result, "labels"));
    std::vector<std::string> types;
    if (labels) {
      for (const JsonView label : labels) {
        RELATA_TRY(const std::string_view text, record_.as_text(label));
        if (!text.empty()) types.emplace_back(text);
      }
    }
    if (types.empty()) types.emplace_back("related");
    const bool left = direction == "left";
    for (const std::string& type : types) {
      RELATA_CHECK(
          add_relation(result, std::string(left ? to : from), std::string(left ? from : to), type));
      if (direction == "bi") {
        RELATA_CHECK(add_relation(result, std::string(to), std::string(from), type));
      }
    }
    return {};
  }

  Status add_relation(JsonView result, const std::string& from, const std::string& to,
                      const std::string& type) {
    const auto event = events_.find(from);
    const auto tail = entities_.find(to);
    const auto range = ranges_.find(to);
    if (event != events_.end() && range != ranges_.end()) {
      const int entity = tail == entities_.end() ? -1 : tail->second;
      document_.events[event->second].arguments.push_back({type, range->second, entity});
      return {};
    }
    const auto head = entities_.find(from);
    if (head == entities_.end() || tail == entities_.end()) {
      if (regions_.contains(from) && regions_.contains(to)) {
        intake_.count("relations left out, whose ends are events or arguments, not entities");
        return {};
      }
      return record_.fail(result, "relates regions that are not in the task");
    }
    Relation relation;
    relation.type = type;
    relation.head = head->second;
    relation.tail = tail->second;
    const JsonView score = result.find("score");
    if (score.is_number()) relation.score = score.number();
    document_.relations.push_back(std::move(relation));
    return {};
  }

  void finish() {
    if (!more_labels_.empty()) document_.meta["more_labels"] = std::move(more_labels_);
    if (!choices_.empty()) document_.meta["choices"] = std::move(choices_);
    if (!controls_meta_.empty()) document_.meta["controls"] = std::move(controls_meta_);
    if (!region_meta_.empty()) document_.meta["regions"] = std::move(region_meta_);
  }

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  Document document_;
  JsonView own_;  // what the writer kept in the task's data
  const SpanReader* spans_ = nullptr;
  std::string text_key_;  // the member of the task's data that is the text
  std::vector<JsonView> results_;
  std::set<std::string, std::less<>> other_regions_;  // ids of regions of the task's other texts
  std::unordered_map<size_t, std::string> controls_;  // the short export's, by a result's place
  bool is_skipped_ = false;
  bool utf16_ = false;
  UniqueIds region_ids_;
  std::map<std::string, ByteRange> regions_;
  std::string last_region_;
  std::unordered_map<std::string, int> entities_;  // by region
  std::unordered_map<std::string, ByteRange> ranges_;
  std::unordered_map<std::string, int> clusters_;
  std::unordered_map<std::string, size_t> events_;
  Json more_labels_ = Json::object();
  Json choices_ = Json::object();
  Json controls_meta_ = Json::object();  // what else is said about the task
  Json region_meta_ = Json::object();    // by region
};

bool sniff_label_studio(const Sample& sample) {
  return sample.has({"data", "annotations"}) || sample.has({"data", "predictions"}) ||
         sample.has({"data", "completions"}) || sample.has({"annotation_id", "label"});
}

// The key that the spans of the file's first tasks tell, "" if they tell none.
std::string find_usual_key(const Source& source) {
  constexpr size_t kTasks = 1000;
  Dataset none;
  ReadOptions lenient;
  lenient.on_error = "skip";
  Intake intake(lenient, none);
  std::string key;
  const Status status = read_json_records(source, intake, [&](const JsonRecord& record) -> Status {
    if (record.number() > kTasks) return internal_error("enough");
    key = TaskReader::key_by_spans(record);
    return key.empty() ? Status() : Status(internal_error("enough"));
  });
  return status.ok() ? "" : key;
}

Status read_label_studio(const Source& source, const ReadOptions& options, Intake& intake) {
  std::optional<std::string> usual;
  const UsualKey usual_key = [&] {
    if (!usual) usual = find_usual_key(source);
    return *usual;
  };
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return TaskReader(record, source, intake).run(options.text_key, usual_key);
  });
}

}  // namespace

FormatEntry label_studio_format() {
  FormatEntry entry;
  entry.info.name = "label-studio";
  entry.info.description = "Label Studio's tasks with regions and relations";
  entry.holds = kHoldsNames | kHoldsMeta | kHoldsIds | kHoldsSentences | kHoldsLoneEntities |
                kHoldsEntityTypes | kHoldsMentions | kHoldsClusters | kHoldsScores | kHoldsEvents |
                kHoldsRelations | kHoldsTextAlone | kHoldsPairs;
  entry.sniff = sniff_label_studio;
  entry.read = read_label_studio;
  entry.write = write_label_studio;
  return entry;
}

}  // namespace relata::data
