#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "alignment.h"
#include "json_entries.h"
#include "relata/eval/ruie.h"
#include "spans/span_facts.h"

namespace relata::eval {
namespace {

using data::Document;

struct Row {
  Json value;
  std::string where;
};

Result<std::vector<Row>> rows_of(std::string_view content, const std::string& where) {
  std::vector<Row> rows;
  const size_t first = content.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  const bool list = first != std::string_view::npos && content[first] == '[';
  RELATA_CHECK(
      for_each_json_entry(content, where, !list, [&](Json value, const std::string& place) {
        rows.push_back({std::move(value), place});
        return Status();
      }));
  return rows;
}

// The first of the fields that is there; a list of one string counts as the string.
Result<std::string> text_field(const Row& row, const std::vector<std::string>& names) {
  if (row.value.is_string()) return row.value.get<std::string>();
  if (row.value.is_object()) {
    for (const std::string& name : names) {
      const auto field = row.value.find(name);
      if (field == row.value.end()) continue;
      const Json& value = field->is_array() && field->size() == 1 ? (*field)[0] : *field;
      if (value.is_string()) return value.get<std::string>();
      return input_error(fmt::format("{}: field '{}' is a {}, a string wanted", row.where, name,
                                     value.type_name()));
    }
  }
  return input_error(fmt::format("{}: field '{}' is missing", row.where, names.front()),
                     "gold rows have query and answer, predicted rows output");
}

std::string id_of(const Row& row) {
  if (!row.value.is_object()) return "";
  for (const char* name : {"id", "query_id"}) {
    const auto field = row.value.find(name);
    if (field == row.value.end()) continue;
    if (field->is_string()) return field->get<std::string>();
    if (field->is_number_integer()) return field->dump();
  }
  return "";
}

Result<RuieTask> task_of(const std::string& query, const std::string& where) {
  std::string line = query.substr(0, query.find('\n'));
  for (int t = 0; t < kRuieTasks; ++t) {
    const auto task = static_cast<RuieTask>(t);
    if (line == "Task: " + ruie_task_name(task)) return task;
  }
  return input_error(fmt::format("{}: field 'query': first line '{}' names no task", where, line),
                     "begin it with 'Task: Named entity recognition' or another task's name");
}

void add_item(std::vector<RuieItem>& items, RuieItem item) {
  if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(std::move(item));
}

std::string covered(const Document& document, const text::ByteRange& range) {
  if (range.begin > range.end || range.end > document.text.size()) return "";
  return document.text.substr(range.begin, range.end - range.begin);
}

std::vector<RuieItem> entity_items(const Document& document) {
  std::vector<RuieItem> items;
  for (const data::Entity& entity : document.entities) {
    for (const text::ByteRange& mention : entity.mentions) {
      add_item(items, {entity.type, covered(document, mention)});
    }
    if (entity.mentions.empty()) add_item(items, {entity.type, entity.text});
  }
  return items;
}

std::vector<RuieItem> relation_items(const Document& document, const NegativeLabels& negative) {
  std::vector<RuieItem> items;
  for (const data::Relation& relation : document.relations) {
    if (negative.contains(relation.type)) continue;
    add_item(items, {relation.type, document.entities[relation.head].text + ", " +
                                        document.entities[relation.tail].text});
  }
  return items;
}

std::vector<RuieItem> trigger_items(const Document& document) {
  std::vector<RuieItem> items;
  for (const data::Event& event : document.events) {
    add_item(items, {event.type, covered(document, event.trigger)});
  }
  return items;
}

std::vector<RuieItem> argument_items(const Document& document, const data::Event& event) {
  std::vector<RuieItem> items;
  for (const data::Argument& argument : event.arguments) {
    add_item(items, {argument.role, argument_text(document, argument)});
  }
  return items;
}

using LabelsOfTask = std::map<RuieTask, std::set<std::string>>;

LabelsOfTask labels_of(const std::vector<Document>& documents, const NegativeLabels& negative,
                       std::map<std::string, std::set<std::string>>& roles) {
  LabelsOfTask labels;
  for (const Document& document : documents) {
    for (const data::Entity& entity : document.entities) {
      if (!entity.type.empty()) labels[RuieTask::kNer].insert(entity.type);
    }
    for (const data::Relation& relation : document.relations) {
      if (!negative.contains(relation.type)) labels[RuieTask::kRe].insert(relation.type);
    }
    for (const data::Event& event : document.events) {
      labels[RuieTask::kEd].insert(event.type);
      for (const data::Argument& argument : event.arguments) {
        roles[event.type].insert(argument.role);
      }
    }
  }
  return labels;
}

RuieRecord record_of(const std::string& id, const RuieQuestion& question,
                     std::vector<RuieItem> gold, std::vector<RuieItem> predicted) {
  RuieRecord record;
  record.task = question.task;
  record.id = id;
  record.query = ruie_query(question);
  record.answer = ruie_answer(gold);
  record.output = ruie_answer(predicted);
  record.gold_items = std::move(gold);
  record.predicted_items = std::move(predicted);
  return record;
}

// The predicted event with the type and the trigger of a gold one, or null: of several the one at
// its place, then one that has `answered` no other event, so that a word may trigger two events.
const data::Event* answer_to(const data::Event& event, const std::string& trigger,
                             const Document& predicted, std::set<const data::Event*>& answered) {
  const data::Event* best = nullptr;
  auto rank = [&](const data::Event& candidate) {
    return std::pair(candidate.trigger == event.trigger, !answered.contains(&candidate));
  };
  for (const data::Event& candidate : predicted.events) {
    if (candidate.type != event.type || covered(predicted, candidate.trigger) != trigger) continue;
    if (best == nullptr || rank(candidate) > rank(*best)) best = &candidate;
  }
  if (best != nullptr) answered.insert(best);
  return best;
}

}  // namespace

bool looks_like_ruie(std::string_view content) {
  const size_t open = content.find('{');
  if (open == std::string_view::npos) return false;
  if (content.substr(0, open).find_first_not_of(" \t\r\n[\xEF\xBB\xBF") != std::string_view::npos) {
    return false;
  }
  const std::string_view row =
      content.substr(open, std::min(content.find('\n', open), size_t{1} << 16));
  return row.find("\"query\"") != std::string_view::npos &&
         row.find("\"answer") != std::string_view::npos;
}

Result<std::vector<RuieRecord>> parse_ruie_records(std::string_view gold,
                                                   const std::string& gold_where,
                                                   std::string_view predicted,
                                                   const std::string& predicted_where) {
  RELATA_TRY(const std::vector<Row> gold_rows, rows_of(gold, gold_where));
  RELATA_TRY(const std::vector<Row> predicted_rows, rows_of(predicted, predicted_where));
  std::vector<RuieRecord> records;
  std::map<std::string, size_t> by_id;
  for (const Row& row : gold_rows) {
    RuieRecord record;
    RELATA_TRY(record.query, text_field(row, {"query"}));
    RELATA_TRY(record.answer, text_field(row, {"answer", "answers"}));
    RELATA_TRY(record.task, task_of(record.query, row.where));
    record.id = id_of(row);
    if (!record.id.empty() && !by_id.try_emplace(record.id, records.size()).second) {
      return input_error(fmt::format("{}: id '{}' comes twice", row.where, record.id));
    }
    records.push_back(std::move(record));
  }
  const bool by_position = by_id.size() != records.size() ||
                           std::any_of(predicted_rows.begin(), predicted_rows.end(),
                                       [](const Row& row) { return id_of(row).empty(); });
  if (by_position && predicted_rows.size() != records.size()) {
    return input_error(fmt::format("{}: {} answers for {} records of {}", predicted_where,
                                   predicted_rows.size(), records.size(), gold_where),
                       "answer every record in order, or give rows of both files an id");
  }
  std::vector<bool> answered(records.size(), false);
  for (size_t i = 0; i < predicted_rows.size(); ++i) {
    size_t place = i;
    if (!by_position) {
      const auto known = by_id.find(id_of(predicted_rows[i]));
      if (known == by_id.end()) {
        return input_error(fmt::format("{}: id '{}' is not in gold", predicted_rows[i].where,
                                       id_of(predicted_rows[i])));
      }
      place = known->second;
    }
    if (answered[place]) {
      return input_error(
          fmt::format("{}: id '{}' comes twice", predicted_rows[i].where, records[place].id),
          "answer every record once");
    }
    answered[place] = true;
    RELATA_TRY(records[place].output,
               text_field(predicted_rows[i], {"output", "prediction", "text"}));
  }
  return records;
}

Result<std::vector<RuieRecord>> ruie_records(const std::vector<Document>& gold,
                                             const std::vector<Document>& predicted,
                                             const NegativeLabels& negative) {
  RELATA_TRY(const std::vector<int> places, match_documents(gold, predicted));
  const Document nothing;
  std::vector<const Document*> answers(gold.size(), &nothing);
  for (size_t d = 0; d < predicted.size(); ++d) answers[places[d]] = &predicted[d];
  std::map<std::string, std::set<std::string>> roles;
  LabelsOfTask labels = labels_of(gold, negative, roles);

  std::vector<RuieRecord> records;
  for (size_t d = 0; d < gold.size(); ++d) {
    const Document &document = gold[d], &answer = *answers[d];
    auto add = [&](RuieTask task, std::vector<RuieItem> right, std::vector<RuieItem> told) {
      if (!labels.contains(task)) return;
      const RuieQuestion question{
          task, {labels[task].begin(), labels[task].end()}, document.text, "", ""};
      records.push_back(
          record_of(document_name(document, d), question, std::move(right), std::move(told)));
    };
    add(RuieTask::kNer, entity_items(document), entity_items(answer));
    add(RuieTask::kRe, relation_items(document, negative), relation_items(answer, negative));
    add(RuieTask::kEd, trigger_items(document), trigger_items(answer));
    std::set<const data::Event*> answered;
    for (const data::Event& event : document.events) {
      const std::set<std::string>& own = roles[event.type];
      if (own.empty()) continue;
      const std::string trigger = covered(document, event.trigger);
      const RuieQuestion question{
          RuieTask::kEae, {own.begin(), own.end()}, document.text, event.type, trigger};
      const data::Event* told = answer_to(event, trigger, answer, answered);
      records.push_back(
          record_of(document_name(document, d), question, argument_items(document, event),
                    told != nullptr ? argument_items(answer, *told) : std::vector<RuieItem>{}));
    }
  }
  return records;
}

}  // namespace relata::eval
