// Label Studio's JSON: tasks with "data" and "annotations", whose results are regions of the text
// and relations between regions. Also its short export, {"text": ..., "label": [regions]}.
// https://labelstud.io/guide/export
#include <unordered_map>

#include "annotation_formats.h"
#include "json_records.h"
#include "label_studio_writer.h"
#include "spans.h"

namespace relata::data {
namespace {

// Code points are what Label Studio writes; before 2022 it wrote UTF-16 units, which differ behind
// characters outside the basic plane (emoji).
size_t from_utf16(const std::u32string& text, size_t unit) {
  size_t units = 0;
  size_t at = 0;
  for (; at < text.size() && units < unit; ++at) units += text[at] > 0xFFFF ? 2 : 1;
  return at;
}

class TaskReader {
 public:
  TaskReader(const JsonRecord& record, const Source& source, Intake& intake)
      : record_(record), source_(source), intake_(intake) {}

  Status run() {
    const JsonView root = record_.root();
    const JsonView data = root.find("data");
    RELATA_CHECK(read_text(data ? data : root));
    RELATA_CHECK(read_id(root));
    if (data) own_ = data.find(kLabelStudioKey);
    if (own_ && own_.find("id").is_string()) document_.id = own_.find("id").string();
    if (own_ && own_.find("meta").is_object()) document_.meta = own_.find("meta").to_json();
    const SpanReader spans(document_.text, intake_);
    spans_ = &spans;
    RELATA_CHECK(read_sentences());
    RELATA_TRY(const JsonView results, find_results(root));
    if (results) {
      utf16_ = are_utf16(results);
      for (const JsonView result : results) RELATA_CHECK(mend(read_region(result)));
      for (const JsonView result : results) RELATA_CHECK(mend(read_relation(result)));
    }
    finish();
    return intake_.add(std::move(document_), record_.where());
  }

 private:
  Status mend(const Status& status) {
    return status.ok() ? status : leave_out(status.error(), intake_);
  }

  // "text", or the only member that is text.
  Status read_text(JsonView data) {
    RELATA_CHECK(record_.check_object(data));
    JsonView text = data.find("text");
    if (!text) {
      size_t count = 0;
      data.each_member([&](std::string_view, JsonView value) {
        if (!value.is_string()) return;
        text = value;
        ++count;
      });
      if (count != 1) return record_.fail(data, "has no \"text\", nor one member that is text");
    }
    RELATA_TRY(const std::string_view content, record_.as_text(text));
    if (content.empty()) return record_.fail(text, "is empty");
    document_.text = content;
    return {};
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

  // The regions of the first annotation that was not cancelled, else of the first prediction.
  Result<JsonView> find_results(JsonView root) const {
    RELATA_TRY(const JsonView label, record_.find_list(root, "label"));
    if (label) return label;
    for (const char* key : {"annotations", "completions", "predictions"}) {
      RELATA_TRY(const JsonView list, record_.find_list(root, key));
      if (!list) continue;
      for (const JsonView annotation : list) {
        const JsonView cancelled = annotation.find("was_cancelled");
        if (cancelled.is_bool() && cancelled.truth()) continue;
        return record_.get_list(annotation, "result");
      }
    }
    return JsonView();
  }

  // Regions have their offsets in "value", or, in the short export, in themselves.
  static JsonView place_of(JsonView result) {
    const JsonView value = result.find("value");
    return value.is_object() ? value : result;
  }

  bool are_utf16(JsonView results) const {
    const std::u32string text = text::to_code_points(document_.text);
    bool as_points = true;
    bool as_units = true;
    for (const JsonView result : results) {
      const JsonView place = place_of(result);
      const auto begin = place.find("start").integer();
      const auto end = place.find("end").integer();
      const JsonView stated = place.find("text");
      if (!begin || !end || *begin < 0 || *end < *begin || !stated.is_string()) continue;
      const auto fits = [&](size_t from, size_t to) {
        if (from > to || to > text.size()) return false;
        return text::to_utf8(text.substr(from, to - from)) == stated.string();
      };
      as_points &= fits(static_cast<size_t>(*begin), static_cast<size_t>(*end));
      as_units &= fits(from_utf16(text, static_cast<size_t>(*begin)),
                       from_utf16(text, static_cast<size_t>(*end)));
    }
    return as_units && !as_points;
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
    RELATA_TRY(const std::string_view stated, record_.find_text(place, "text"));
    std::string covered(stated);
    if (!place.find("text") && begin < end && end <= spans_->offsets().code_points()) {
      const size_t from = spans_->offsets().to_byte(begin);
      covered = document_.text.substr(from, spans_->offsets().to_byte(end) - from);
    }
    return spans_->read(begin, end, covered,
                        record_.where() + ": " + record_.root().path_to(place));
  }

  // The first label; others are noted.
  Result<std::string> read_label(JsonView place, const std::string& id) {
    JsonView labels;
    for (const char* key : {"labels", "hypertextlabels"}) {
      if (!labels) labels = place.find(key);
    }
    if (!labels || labels.is_null()) return std::string();
    if (!labels.is_array()) return record_.fail(labels, "is no list of labels");
    std::string first;
    Json more = Json::array();
    for (const JsonView label : labels) {
      RELATA_TRY(const std::string_view text, record_.as_text(label));
      if (first.empty()) {
        first = text;
      } else {
        more.push_back(text);
      }
    }
    if (!more.empty()) more_labels_[id] = std::move(more);
    return first;
  }

  Status read_region(JsonView result) {
    RELATA_CHECK(record_.check_object(result));
    RELATA_TRY(const std::string_view type, record_.find_text(result, "type"));
    const JsonView place = place_of(result);
    if (type == "relation") return {};
    if (!place.find("start") && !place.find("end")) return read_choice(result, place);
    RELATA_TRY(const std::string_view stated, record_.find_text(result, "id"));
    const std::string id = region_ids_.take(std::string(stated));
    RELATA_TRY(const ByteRange range, read_range(place));
    RELATA_TRY(const std::string label, read_label(place, id));
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

  // What is said about the whole task.
  Status read_choice(JsonView result, JsonView place) {
    const JsonView choices = place.find("choices");
    if (!choices) return {};
    RELATA_TRY(const std::string_view from, record_.find_text(result, "from_name"));
    choices_[std::string(from)] = choices.to_json();
    return {};
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
  }

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  Document document_;
  JsonView own_;  // what the writer kept in the task's data
  const SpanReader* spans_ = nullptr;
  bool utf16_ = false;
  UniqueIds region_ids_;
  std::unordered_map<std::string, int> entities_;  // by region
  std::unordered_map<std::string, ByteRange> ranges_;
  std::unordered_map<std::string, int> clusters_;
  std::unordered_map<std::string, size_t> events_;
  Json more_labels_ = Json::object();
  Json choices_ = Json::object();
};

bool sniff_label_studio(const Sample& sample) {
  return sample.has({"data", "annotations"}) || sample.has({"data", "predictions"}) ||
         sample.has({"data", "completions"}) || sample.has({"annotation_id", "label"});
}

Status read_label_studio(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return TaskReader(record, source, intake).run();
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
