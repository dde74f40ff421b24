#include "relata/eval/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "alignment.h"
#include "relata/base/trim.h"
#include "relata/text/utf8.h"

namespace relata::eval {
namespace {

constexpr size_t kMostKeyedColumns = 3;  // data sets of pairs have four

std::vector<std::string> columns_of(std::string_view line) {
  std::vector<std::string> columns;
  while (true) {
    const size_t tab = line.find('\t');
    columns.emplace_back(trimmed(line.substr(0, tab), " \r"));
    if (tab == std::string_view::npos) return columns;
    line.remove_prefix(tab + 1);
  }
}

std::vector<std::string> labels_of_line(std::string_view line) {
  std::vector<std::string> labels = columns_of(line);
  std::erase(labels, "");
  return labels;
}

bool is_blank(std::string_view line) { return trimmed(line, " \t\r").empty(); }

std::optional<std::string> string_of(std::string_view line) {
  line = trimmed(line, " \t\r");
  if (!line.starts_with('"')) return {};
  const Result<Json> value = parse_json_line(line, "");
  if (!value.ok() || !value->is_string()) return {};
  return value->get<std::string>();
}

// Of a line that is a JSON string or blank.
std::vector<std::string> label_of_string(std::string_view line) {
  std::string label(trimmed(string_of(line).value_or(""), " \r"));
  return label.empty() ? std::vector<std::string>{} : std::vector<std::string>{std::move(label)};
}

// Calls `use(line, number)` for every line; the part after the last newline only if it has bytes.
template <class Use>
void each_line(std::string_view content, Use use) {
  int number = 0;
  while (!content.empty()) {
    const size_t end = content.find('\n');
    use(content.substr(0, end), ++number);
    if (end == std::string_view::npos) return;
    content.remove_prefix(end + 1);
  }
}

Result<std::string_view> checked_text(std::string_view content, const std::string& where) {
  if (content.starts_with("\xEF\xBB\xBF")) content.remove_prefix(3);
  if (const auto bad = text::find_invalid_utf8(content)) {
    const auto line =
        1 + std::count(content.begin(), content.begin() + static_cast<long>(*bad), '\n');
    return input_error(fmt::format("{}:{}: invalid UTF-8", where, line), "save the file as UTF-8");
  }
  return content;
}

Result<std::vector<std::string>> labels_of_entry(const Json& entry, const std::string& where) {
  const Json several = entry.is_array() ? entry : Json::array({entry});
  std::vector<std::string> labels;
  for (const Json& label : several) {
    if (!label.is_string()) {
      return input_error(fmt::format("{} is a {}, a string wanted", where, label.type_name()),
                         "write a JSON list with one string per pair, in the gold file's order");
    }
    std::string text(trimmed(label.get_ref<const std::string&>(), " \r"));
    if (!text.empty()) labels.push_back(std::move(text));
  }
  return labels;
}

// {"0": "label", "1": "label", ...}, in any order and without gaps.
Result<LabelList> labels_of_numbered(const Json& object, const std::string& where) {
  LabelList answers(object.size());
  std::vector<bool> seen(object.size(), false);
  for (const auto& [key, value] : object.items()) {
    size_t index = object.size();
    if (!key.empty() && key.size() < 10 &&
        key.find_first_not_of("0123456789") == std::string::npos) {
      index = std::stoul(key);
    }
    if (index >= answers.size() || seen[index]) {
      return input_error(
          fmt::format("{}: key '{}' of {} numbered answers", where, key, answers.size()),
          "number the answers 0, 1, 2, ... without gaps");
    }
    seen[index] = true;
    RELATA_TRY(answers[index], labels_of_entry(value, fmt::format("{}: entry '{}'", where, key)));
  }
  return answers;
}

Result<LabelList> labels_of_json(std::string_view content, const std::string& where) {
  RELATA_TRY(const Json parsed, parse_json(content, where));
  if (parsed.is_object()) return labels_of_numbered(parsed, where);
  if (parsed.is_array() && parsed.size() == 1 && parsed[0].is_object()) {
    return labels_of_numbered(parsed[0], where);
  }
  LabelList answers;
  for (const Json& entry : parsed) {
    const std::string place = fmt::format("{}: entry {}", where, answers.size() + 1);
    RELATA_TRY(std::vector<std::string> labels, labels_of_entry(entry, place));
    answers.push_back(std::move(labels));
  }
  return answers;
}

Status add_to_patch(LabelPatch& patch, std::set<std::string>& seen, const Json& id,
                    const Json& label, const std::string& place) {
  if (!id.is_string() || id.get_ref<const std::string&>().empty()) {
    return input_error(place + ": field 'id' is no string or empty", "give the example's id");
  }
  if (!label.is_string() || label.get_ref<const std::string&>().empty()) {
    return input_error(place + ": field 'relation' is no string or empty", "give the new label");
  }
  if (!seen.insert(id.get<std::string>()).second) {
    return input_error(fmt::format("{}: id '{}' comes twice", place, id.get<std::string>()),
                       "correct an example once");
  }
  patch.labels.emplace_back(id.get<std::string>(), label.get<std::string>());
  return {};
}

std::map<std::string, size_t> places_of(const std::vector<PairItem>& items) {
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < items.size(); ++i) places.try_emplace(items[i].id, i);
  return places;
}

void set_answer(PairItem& item, const std::vector<std::string>& labels) {
  item.scores.clear();
  item.predicted.clear();
  for (const std::string& label : labels) {
    const auto known = std::find(item.predicted.begin(), item.predicted.end(), label);
    if (known == item.predicted.end()) item.predicted.push_back(label);
  }
}

}  // namespace

Result<LabelList> parse_label_list(std::string_view content, const std::string& where) {
  RELATA_TRY(const std::string_view rest, checked_text(content, where));
  const size_t first = rest.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (rest[first] == '[' || rest[first] == '{')) {
    return labels_of_json(rest, where);
  }
  LabelList answers;
  const bool strings = holds_strings(rest);
  each_line(rest, [&](std::string_view line, int) {
    answers.push_back(strings ? label_of_string(line) : labels_of_line(line));
  });
  return answers;
}

bool holds_strings(std::string_view content) {
  if (content.starts_with("\xEF\xBB\xBF")) content.remove_prefix(3);
  bool only = true, any = false;
  each_line(content, [&](std::string_view line, int) {
    if (!only || is_blank(line)) return;
    any = true;
    only = string_of(line).has_value();
  });
  return only && any;
}

bool looks_keyed(std::string_view content) {
  if (content.starts_with("\xEF\xBB\xBF")) content.remove_prefix(3);
  std::set<std::string> keys, labels;
  bool keyed = true;
  each_line(content, [&](std::string_view line, int) {
    std::vector<std::string> columns = columns_of(line);
    if (columns.size() == 1 && columns[0].empty()) return;
    keyed = keyed && columns.size() >= 2 && columns.size() <= kMostKeyedColumns &&
            !columns[0].empty() && keys.insert(columns[0]).second;
    if (keyed) labels.insert(columns.begin() + 1, columns.end());
  });
  return keyed && !keys.empty() &&
         std::none_of(keys.begin(), keys.end(),
                      [&](const std::string& key) { return labels.contains(key); });
}

Result<std::vector<KeyedLabels>> parse_keyed_labels(std::string_view content,
                                                    const std::string& where) {
  RELATA_TRY(const std::string_view rest, checked_text(content, where));
  std::vector<KeyedLabels> answers;
  std::map<std::string, std::string> seen;
  std::optional<Error> error;
  each_line(rest, [&](std::string_view line, int number) {
    std::vector<std::string> columns = columns_of(line);
    if (error || (columns.size() == 1 && columns[0].empty())) return;
    KeyedLabels answer = {
        columns[0], {columns.begin() + 1, columns.end()}, fmt::format("{}:{}", where, number)};
    std::erase(answer.labels, "");
    if (answer.id.empty() || answer.labels.empty()) {
      error = input_error(answer.where + ": an id, a tab and a label wanted",
                          "leave out the lines of examples without an answer");
    } else if (const auto [first, fresh] = seen.try_emplace(answer.id, answer.where); !fresh) {
      error = input_error(fmt::format("{}: id '{}' is already answered at {}", answer.where,
                                      answer.id, first->second),
                          "answer an example once");
    }
    answers.push_back(std::move(answer));
  });
  if (error) return *error;
  return answers;
}

Status answer_by_id(std::vector<PairItem>& items, const std::vector<KeyedLabels>& answers) {
  const std::map<std::string, size_t> places = places_of(items);
  for (const KeyedLabels& answer : answers) {
    const auto place = places.find(answer.id);
    if (place == places.end()) {
      return input_error(fmt::format("{}: id '{}' is not in gold", answer.where, answer.id),
                         "evaluate against the gold file that the answers were made for");
    }
    set_answer(items[place->second], answer.labels);
  }
  return {};
}

Status answer_in_order(std::vector<PairItem>& items, const LabelList& answers) {
  if (items.size() != answers.size()) {
    return input_error(
        fmt::format("{} answers for {} gold pairs", answers.size(), items.size()),
        "write one line per pair, an empty one for no answer; gold rows with the same sentence, "
        "head and tail are one pair");
  }
  for (size_t i = 0; i < items.size(); ++i) set_answer(items[i], answers[i]);
  return {};
}

Result<LabelPatch> parse_label_patch(std::string_view content, const std::string& where) {
  RELATA_TRY(const Json parsed, parse_json(content, where));
  LabelPatch patch;
  patch.where = where;
  std::set<std::string> seen;
  if (parsed.is_object()) {
    patch.keeps_only_named = true;
    for (const auto& [id, label] : parsed.items()) {
      RELATA_CHECK(add_to_patch(patch, seen, id, label, fmt::format("{}: entry '{}'", where, id)));
    }
    return patch;
  }
  if (!parsed.is_array()) {
    return input_error(
        fmt::format("{}: a {}, a list or an object wanted", where, parsed.type_name()),
        R"(write [{"id": "...", "relation": "..."}] or {"id": "label"})");
  }
  for (size_t i = 0; i < parsed.size(); ++i) {
    const std::string place = fmt::format("{}: entry {}", where, i + 1);
    const Json& entry = parsed[i];
    if (!entry.is_object() || !entry.contains("id") || !entry.contains("relation")) {
      return input_error(place + ": fields 'id' and 'relation' wanted",
                         R"(write [{"id": "...", "relation": "..."}])");
    }
    RELATA_CHECK(add_to_patch(patch, seen, entry["id"], entry["relation"], place));
  }
  return patch;
}

Result<std::vector<PairItem>> apply_patch(std::vector<PairItem> items, const LabelPatch& patch) {
  const std::map<std::string, size_t> places = places_of(items);
  std::vector<bool> named(items.size(), false);
  std::vector<std::string> strangers;
  for (const auto& [id, label] : patch.labels) {
    const auto place = places.find(id);
    if (place == places.end()) {
      strangers.push_back(id);
      continue;
    }
    items[place->second].gold = {label};
    named[place->second] = true;
  }
  if (!strangers.empty()) {
    return input_error(
        fmt::format("{}: ids that are not in gold: {}", patch.where, name_some(strangers)),
        "give the patch that was made for this gold file");
  }
  if (!patch.keeps_only_named) return items;
  std::vector<PairItem> kept;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!named[i]) continue;
    items[i].reverse = -1;
    kept.push_back(std::move(items[i]));
  }
  return kept;
}

}  // namespace relata::eval
