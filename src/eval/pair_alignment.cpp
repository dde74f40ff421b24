#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relata/eval/pair_metrics.h"

namespace relata::eval {
namespace {

using data::Document;
using data::Entity;

constexpr size_t kNamedInErrors = 3;

// "a", "b", "c" and 4 more
std::string name_some(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamedInErrors); ++i) {
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  }
  if (names.size() > kNamedInErrors) {
    text += fmt::format(" and {} more", names.size() - kNamedInErrors);
  }
  return text;
}

std::string document_name(const Document& document, size_t index) {
  return document.id.empty() ? fmt::format("document {}", index + 1) : document.id;
}

bool same_ids_in_order(const std::vector<Document>& gold, const std::vector<Document>& predicted) {
  return std::equal(
      gold.begin(), gold.end(), predicted.begin(), predicted.end(),
      [](const Document& a, const Document& b) { return !a.id.empty() && a.id == b.id; });
}

Result<std::vector<int>> match_by_position(const std::vector<Document>& gold,
                                           const std::vector<Document>& predicted) {
  if (gold.size() != predicted.size()) {
    return input_error(fmt::format("no predicted document has an id of the gold documents, and "
                                   "there are {} predicted ones for {} gold ones",
                                   predicted.size(), gold.size()),
                       "give the predictions the gold documents' ids, or predict all in order");
  }
  std::vector<int> places;
  for (size_t i = 0; i < gold.size(); ++i) {
    if (!predicted[i].text.empty() && predicted[i].text != gold[i].text) {
      return input_error(
          fmt::format("predicted document {} ('{}') has another text than gold document '{}'",
                      i + 1, document_name(predicted[i], i), document_name(gold[i], i)),
          "no ids match, so documents are taken in order; give them the gold documents' ids");
    }
    places.push_back(static_cast<int>(i));
  }
  return places;
}

// For each predicted document the index of its gold document.
Result<std::vector<int>> match_documents(const std::vector<Document>& gold,
                                         const std::vector<Document>& predicted) {
  std::vector<int> places;
  if (predicted.empty()) return places;
  if (same_ids_in_order(gold, predicted)) {
    for (size_t i = 0; i < gold.size(); ++i) places.push_back(static_cast<int>(i));
    return places;
  }
  std::map<std::string, int> by_id;
  std::set<std::string> repeated;
  for (size_t i = 0; i < gold.size(); ++i) {
    if (gold[i].id.empty()) continue;
    if (!by_id.try_emplace(gold[i].id, static_cast<int>(i)).second) repeated.insert(gold[i].id);
  }
  std::vector<std::string> strangers;
  for (size_t i = 0; i < predicted.size(); ++i) {
    const auto place = by_id.find(predicted[i].id);
    if (place == by_id.end()) {
      strangers.push_back(document_name(predicted[i], i));
    } else {
      places.push_back(place->second);
      if (repeated.contains(predicted[i].id)) {
        return input_error("several gold documents have the id '" + predicted[i].id + "'",
                           "give every gold document its own id");
      }
    }
  }
  if (places.empty()) return match_by_position(gold, predicted);
  if (!strangers.empty()) {
    return input_error("predicted documents that are not in gold: " + name_some(strangers),
                       "evaluate against the gold file that the predictions were made for");
  }
  return places;
}

// How surely two entities are the same one; 0 when they are not.
int likeness(const Entity& gold, const Entity& predicted, bool same_text) {
  if (!same_text || gold.mentions.empty() || predicted.mentions.empty()) {
    return gold.text == predicted.text ? 1 : 0;
  }
  if (gold.mentions == predicted.mentions) return 3;
  for (const data::ByteRange& mention : predicted.mentions) {
    if (std::find(gold.mentions.begin(), gold.mentions.end(), mention) != gold.mentions.end()) {
      return 2;
    }
  }
  return 0;
}

// Finds which gold query a predicted pair of one document answers.
class PairFinder {
 public:
  PairFinder(const Document& gold, const Document& predicted) {
    const bool same_text = gold.text == predicted.text;
    for (const Entity& entity : predicted.entities) {
      std::vector<int> row;
      for (const Entity& candidate : gold.entities) {
        const int level = likeness(candidate, entity, same_text);
        // The id only decides between candidates that are alike: a pair of equal names, say.
        row.push_back(level == 0 ? 0 : 2 * level + (candidate.id == entity.id ? 1 : 0));
      }
      likeness_.push_back(std::move(row));
    }
  }

  // Index into `queries`, or -1.
  int find(int head, int tail, const std::vector<const data::PairQuery*>& queries) const {
    int best = -1, best_likeness = 0;
    for (size_t q = 0; q < queries.size(); ++q) {
      const int of_head = likeness_[head][queries[q]->head];
      const int of_tail = likeness_[tail][queries[q]->tail];
      if (of_head == 0 || of_tail == 0 || of_head + of_tail <= best_likeness) continue;
      best_likeness = of_head + of_tail;
      best = static_cast<int>(q);
    }
    return best;
  }

 private:
  std::vector<std::vector<int>> likeness_;  // predicted entity x gold entity
};

void add_prediction(const data::Relation& relation, PairItem& item) {
  const auto known = std::find(item.predicted.begin(), item.predicted.end(), relation.type);
  if (known == item.predicted.end()) {
    // `scores` stays as long as `predicted` or is abandoned at the first label without one.
    const bool complete = item.scores.size() == item.predicted.size();
    item.predicted.push_back(relation.type);
    if (complete && relation.score) item.scores.push_back(*relation.score);
    return;
  }
  const auto index = static_cast<size_t>(known - item.predicted.begin());
  if (relation.score && index < item.scores.size()) {
    item.scores[index] = std::max(item.scores[index], *relation.score);
  }
}

std::vector<PairItem> gold_items(const std::vector<Document>& gold,
                                 const std::vector<data::PairQuery>& queries) {
  std::map<int, int> per_document;
  std::map<std::array<int, 3>, int> places;
  for (size_t i = 0; i < queries.size(); ++i) {
    const data::PairQuery& query = queries[i];
    ++per_document[query.document];
    places[{query.document, query.head, query.tail}] = static_cast<int>(i);
  }
  std::vector<PairItem> items;
  items.reserve(queries.size());
  for (const data::PairQuery& query : queries) {
    const Document& document = gold[query.document];
    const Entity& head = document.entities[query.head];
    const Entity& tail = document.entities[query.tail];
    PairItem item;
    item.id = document_name(document, query.document);
    if (per_document[query.document] > 1) item.id += "/" + head.id + "-" + tail.id;
    item.context = document.text + "\n" + head.text + " → " + tail.text;
    item.gold = query.labels;
    const auto reverse = places.find({query.document, query.tail, query.head});
    if (reverse != places.end() && query.head != query.tail) item.reverse = reverse->second;
    items.push_back(std::move(item));
  }
  return items;
}

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \r");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \r") - begin + 1));
}

std::vector<std::string> labels_of_line(std::string_view line) {
  std::vector<std::string> labels;
  while (true) {
    const size_t tab = line.find('\t');
    std::string label = trimmed(line.substr(0, tab));
    if (!label.empty()) labels.push_back(std::move(label));
    if (tab == std::string_view::npos) return labels;
    line.remove_prefix(tab + 1);
  }
}

Result<std::vector<std::vector<std::string>>> labels_of_json(std::string_view content,
                                                             const std::string& where) {
  RELATA_TRY(const Json list, parse_json(content, where));
  std::vector<std::vector<std::string>> answers;
  for (const Json& entry : list) {
    const Json several = entry.is_array() ? entry : Json::array({entry});
    std::vector<std::string> labels;
    for (const Json& label : several) {
      if (!label.is_string()) {
        return input_error(fmt::format("{}: entry {} is a {}, a string wanted", where,
                                       answers.size() + 1, label.type_name()),
                           "write a JSON list with one string per pair, in the gold file's order");
      }
      std::string text = trimmed(label.get_ref<const std::string&>());
      if (!text.empty()) labels.push_back(std::move(text));
    }
    answers.push_back(std::move(labels));
  }
  return answers;
}

}  // namespace

Result<std::vector<PairItem>> align_pairs(const std::vector<Document>& gold,
                                          const std::vector<Document>& predicted) {
  RELATA_TRY(const std::vector<int> places, match_documents(gold, predicted));
  const std::vector<data::PairQuery> queries = data::pair_queries(gold);
  std::vector<PairItem> items = gold_items(gold, queries);
  std::vector<std::vector<const data::PairQuery*>> of_document(gold.size());
  for (const data::PairQuery& query : queries) of_document[query.document].push_back(&query);

  std::vector<std::string> strangers;
  for (size_t i = 0; i < predicted.size(); ++i) {
    const std::vector<const data::PairQuery*>& asked = of_document[places[i]];
    const PairFinder finder(gold[places[i]], predicted[i]);
    for (const data::Relation& relation : predicted[i].relations) {
      const int found = finder.find(relation.head, relation.tail, asked);
      if (found >= 0) {
        add_prediction(relation, items[asked[found] - queries.data()]);
        continue;
      }
      strangers.push_back(document_name(predicted[i], i) + ": " +
                          predicted[i].entities[relation.head].text + " → " +
                          predicted[i].entities[relation.tail].text);
    }
  }
  if (!strangers.empty()) {
    return input_error("predicted pairs that gold does not ask about: " + name_some(strangers),
                       "these metrics score given pairs; score free extraction with re-strict");
  }
  for (PairItem& item : items) {
    if (item.scores.size() != item.predicted.size()) item.scores.clear();
  }
  return items;
}

Result<std::vector<PairItem>> align_labels(const std::vector<Document>& gold,
                                           const std::vector<std::vector<std::string>>& labels) {
  const std::vector<data::PairQuery> queries = data::pair_queries(gold);
  if (queries.size() != labels.size()) {
    return input_error(
        fmt::format("{} answers for {} gold pairs", labels.size(), queries.size()),
        "write one line per pair, an empty one for no answer; gold rows with the same sentence, "
        "head and tail are one pair");
  }
  std::vector<PairItem> items = gold_items(gold, queries);
  for (size_t i = 0; i < items.size(); ++i) {
    for (const std::string& label : labels[i]) {
      add_prediction({.head = 0, .tail = 0, .type = label, .score = {}, .evidence = {}}, items[i]);
    }
  }
  return items;
}

Result<std::vector<std::vector<std::string>>> parse_label_list(const std::string& content,
                                                               const std::string& where) {
  std::string_view rest = content;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  if (const auto bad = text::find_invalid_utf8(rest)) {
    const auto line = 1 + std::count(rest.begin(), rest.begin() + static_cast<long>(*bad), '\n');
    return input_error(fmt::format("{}:{}: invalid UTF-8", where, line), "save the file as UTF-8");
  }
  const size_t first = rest.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && rest[first] == '[') return labels_of_json(rest, where);

  std::vector<std::vector<std::string>> answers;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    answers.push_back(labels_of_line(rest.substr(0, end)));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return answers;
}

}  // namespace relata::eval
