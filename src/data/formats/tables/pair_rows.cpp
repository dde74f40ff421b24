#include "pair_rows.h"

#include <algorithm>
#include <map>
#include <set>

namespace relata::data {
namespace {

std::string quoted(std::string_view text) {
  constexpr size_t kLongest = 60;
  const std::string_view shown = text.substr(0, kLongest);
  const size_t valid = text::find_invalid_utf8(shown).value_or(shown.size());
  return "\"" + std::string(shown.substr(0, valid)) + (valid < text.size() ? "…\"" : "\"");
}

Status check_entity(std::string_view role, std::string_view entity, std::string_view sentence,
                    const std::string& where) {
  if (entity.empty()) return input_error(where + ": the " + std::string(role) + " is empty");
  if (sentence.find(entity) != std::string_view::npos) return {};
  return input_error(
      where + ": the " + std::string(role) + " " + quoted(entity) + " is not in its sentence",
      "correct the row, check the order of the columns (head, tail, relation, sentence), or leave "
      "bad rows out with --on-error skip");
}

}  // namespace

Status PairDocuments::check(const PairRow& row, const std::string& where) {
  if (row.sentence.empty()) return input_error(where + ": the sentence is empty");
  RELATA_CHECK(check_entity("head", row.head, row.sentence, where));
  RELATA_CHECK(check_entity("tail", row.tail, row.sentence, where));
  if (row.relation && row.relation->empty()) return input_error(where + ": the relation is empty");
  return {};
}

int PairDocuments::entity_index(Group& group, std::string_view text) {
  auto& entities = group.document.entities;
  const auto [found, is_new] =
      group.entities.try_emplace(std::string(text), static_cast<int>(entities.size()));
  if (is_new) {
    Entity entity;
    entity.id = "e" + std::to_string(entities.size());
    entity.text = text;
    entity.mentions = find_mentions(group.document.text, entity.text);
    entities.push_back(std::move(entity));
  }
  return found->second;
}

Document& PairDocuments::add(const PairRow& row, const std::string& key, const std::string& where) {
  const auto [found, is_new] = index_.try_emplace(key, groups_.size());
  if (is_new) {
    Group& group = groups_.emplace_back();
    group.document.id = stem_ + "-" + std::to_string(groups_.size());
    group.document.text = row.sentence;
    group.where = where;
  }
  Group& group = groups_[found->second];
  const int head = entity_index(group, row.head);
  const int tail = entity_index(group, row.tail);
  ++rows_;
  if (row.relation) {
    Relation relation;
    relation.head = head;
    relation.tail = tail;
    relation.type = *row.relation;
    group.document.relations.push_back(std::move(relation));
    group.relation_rows.push_back(rows_);
  } else {
    group.pairs.emplace_back(head, tail);
    group.pair_rows.push_back(rows_);
  }
  return group.document;
}

Status PairDocuments::hand_over(Intake& intake) {
  bool in_order = true;
  size_t last = 0;
  for (Group& group : groups_) {
    auto& rows = group.relation_rows;
    rows.insert(rows.end(), group.pair_rows.begin(), group.pair_rows.end());
    for (const size_t row : rows) in_order = in_order && row == ++last;
  }
  for (Group& group : groups_) {
    Document& document = group.document;
    for (const auto& [head, tail] : group.pairs) {
      document.meta["pairs"].push_back({document.entities[head].id, document.entities[tail].id});
    }
    if (!in_order) document.meta["rows"] = group.relation_rows;
    RELATA_CHECK(intake.add(std::move(document), group.where));
  }
  groups_.clear();
  index_.clear();
  return {};
}

std::vector<PairItem> pair_items(const std::vector<Document>& documents) {
  std::vector<PairItem> items;
  std::vector<size_t> rows;
  std::set<size_t> distinct_rows;
  for (const Document& document : documents) {
    const auto pairs = meta_pairs(document);
    const auto document_rows = meta_rows(document, pairs.size());
    std::set<std::pair<int, int>> related;
    size_t k = 0;
    const auto push = [&](const PairItem& item) {
      items.push_back(item);
      if (k < document_rows.size()) {
        rows.push_back(document_rows[k]);
        distinct_rows.insert(document_rows[k]);
      }
      ++k;
    };
    for (const Relation& relation : document.relations) {
      related.emplace(relation.head, relation.tail);
      push({&document, relation.head, relation.tail, &relation});
    }
    for (const auto& [head, tail] : pairs) {
      if (related.emplace(head, tail).second) {
        push({&document, head, tail, nullptr});
      } else {
        ++k;
      }
    }
  }
  if (distinct_rows.size() != items.size()) return items;
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rows[a] < rows[b]; });
  std::vector<PairItem> sorted;
  sorted.reserve(items.size());
  for (const size_t i : order) sorted.push_back(items[i]);
  return sorted;
}

std::vector<PairItem> pair_items_in_text(const std::vector<Document>& documents, Losses& losses) {
  std::vector<PairItem> items = pair_items(documents);
  const auto stands = [](const Document& document, int index) {
    const Entity& entity = document.entities.at(index);
    if (!entity.mentions.empty()) return true;
    return !entity.text.empty() && document.text.find(entity.text) != std::string::npos;
  };
  std::map<const Document*, bool> stays;
  std::erase_if(items, [&](const PairItem& item) {
    bool& document_stays = stays[item.document];
    if (stands(*item.document, item.head) && stands(*item.document, item.tail)) {
      document_stays = true;
      return false;
    }
    ++losses[item.relation ? "relations of entities that are not in the text"
                           : "pairs of entities that are not in the text"];
    return true;
  });
  for (const auto& [document, is_kept] : stays) losses["documents without relations"] += !is_kept;
  return items;
}

std::vector<std::pair<int, int>> meta_pairs(const Document& document) {
  if (!document.meta.is_object()) return {};
  const auto found = document.meta.find("pairs");
  if (found == document.meta.end() || !found->is_array()) return {};
  const int size = static_cast<int>(document.entities.size());
  std::unordered_map<std::string_view, int> by_id;
  for (int i = 0; i < size; ++i) by_id.emplace(document.entities[i].id, i);
  const auto index = [&](const Json& value) -> int64_t {
    if (value.is_number_integer()) return value.get<int64_t>();
    if (!value.is_string()) return -1;
    const auto entity = by_id.find(value.get_ref<const std::string&>());
    return entity == by_id.end() ? -1 : entity->second;
  };
  std::vector<std::pair<int, int>> pairs;
  for (const Json& pair : *found) {
    if (!pair.is_array() || pair.size() != 2) return {};
    const int64_t head = index(pair[0]);
    const int64_t tail = index(pair[1]);
    if (head < 0 || tail < 0 || head >= size || tail >= size) return {};
    pairs.emplace_back(static_cast<int>(head), static_cast<int>(tail));
  }
  return pairs;
}

std::vector<size_t> meta_rows(const Document& document, size_t pairs) {
  std::vector<size_t> rows;
  if (!document.meta.is_object()) return rows;
  const auto found = document.meta.find("rows");
  if (found == document.meta.end() || !found->is_array() ||
      found->size() != document.relations.size() + pairs) {
    return rows;
  }
  for (const Json& row : *found) {
    if (!row.is_number_unsigned()) return {};
    rows.push_back(row.get<size_t>());
  }
  return rows;
}

std::string_view surface(const Document& document, int entity) {
  const Entity& found = document.entities.at(entity);
  if (found.mentions.empty()) return found.text;
  const ByteRange& mention = found.mentions.front();
  return std::string_view(document.text).substr(mention.begin, mention.end - mention.begin);
}

}  // namespace relata::data
