#include "building.h"

#include <algorithm>

#include "relata/base/trim.h"

namespace relata::data {

Entity& DocumentBuilder::add(std::string_view type) {
  Entity& entity = document.entities.emplace_back();
  entity.id = "e" + std::to_string(document.entities.size() - 1);
  entity.type = type;
  return entity;
}

int DocumentBuilder::named(std::string_view name, std::string_view type) {
  const int next = static_cast<int>(document.entities.size());
  const auto [found, is_new] = by_name_.try_emplace({std::string(name), std::string(type)}, next);
  if (is_new) {
    Entity& entity = add(type);
    entity.text = name;
    entity.mentions = find_mentions(document.text, entity.text);
  }
  return found->second;
}

int DocumentBuilder::named_at(std::string_view name, std::string_view type, ByteRange range) {
  const int next = static_cast<int>(document.entities.size());
  const auto [found, is_new] = by_name_.try_emplace({std::string(name), std::string(type)}, next);
  if (is_new) add(type).text = name;
  Entity& entity = document.entities[found->second];
  if (stated_.insert(found->second).second) entity.mentions.clear();
  if (std::find(entity.mentions.begin(), entity.mentions.end(), range) == entity.mentions.end()) {
    entity.mentions.push_back(range);
    sort_mentions(entity);
  }
  return found->second;
}

int DocumentBuilder::nameless() {
  add("");
  return static_cast<int>(document.entities.size()) - 1;
}

int DocumentBuilder::placed(ByteRange range, std::string_view type) {
  const int next = static_cast<int>(document.entities.size());
  const auto [found, is_new] =
      by_place_and_type_.try_emplace({{range.begin, range.end}, std::string(type)}, next);
  if (is_new) {
    by_place_.try_emplace({range.begin, range.end}, next);
    Entity& entity = add(type);
    entity.text = document.text.substr(range.begin, range.end - range.begin);
    entity.mentions.push_back(range);
  }
  return found->second;
}

int DocumentBuilder::standing(ByteRange range, std::string_view type_if_new) {
  const auto found = by_place_.find({range.begin, range.end});
  return found == by_place_.end() ? placed(range, type_if_new) : found->second;
}

void DocumentBuilder::relate(int head, int tail, std::string_view type) {
  Relation& relation = document.relations.emplace_back();
  relation.head = head;
  relation.tail = tail;
  relation.type = type;
}

void DocumentBuilder::ask(int head, int tail) {
  document.meta["pairs"].push_back({document.entities.at(head).id, document.entities.at(tail).id});
}

Result<ByteRange> read_code_points(const JsonRecord& record, JsonView field, int64_t begin,
                                   int64_t end, std::string_view stated, const std::string& text,
                                   const text::OffsetMap& offsets, Intake& intake) {
  const auto size = static_cast<int64_t>(offsets.code_points());
  const std::string given = "[" + std::to_string(begin) + ", " + std::to_string(end) + ")";
  const bool inside = begin >= 0 && begin < end && end <= size;
  ByteRange range;
  if (inside) {
    range = {offsets.to_byte(static_cast<size_t>(begin)),
             offsets.to_byte(static_cast<size_t>(end))};
    const std::string_view covered =
        std::string_view(text).substr(range.begin, range.end - range.begin);
    if (stated.empty() || covered == stated) return range;
  } else if (!intake.fixes() || stated.empty()) {
    return record.fail(field, "is " + given + ", not a range inside the text's " +
                                  std::to_string(size) + " code points");
  }
  if (!intake.fixes()) {
    return record.fail(field,
                       "is " + given + ", which does not cover \"" + std::string(stated) + "\"",
                       "correct the offsets, or let on_error=fix move them to the nearest place");
  }
  const ByteRange inner = inside ? trimmed(text, range) : range;
  const std::string name(relata::trimmed(stated));
  if (inside && text.compare(inner.begin, inner.end - inner.begin, name) == 0 && !name.empty()) {
    intake.note_fix(record.where(), record.root().path_to(field) + " had white space at its ends");
    return inner;
  }
  const size_t near = offsets.to_byte(static_cast<size_t>(std::max<int64_t>(begin, 0)));
  const auto moved = nearest_occurrence(text, name, {near, near});
  if (!moved) {
    return record.fail(
        field, "is " + given + ", and \"" + name + "\" is not in the text, or twice as near");
  }
  intake.note_fix(record.where(), record.root().path_to(field) + " was moved to \"" + name + "\"");
  return *moved;
}

Result<std::string> record_id(const JsonRecord& record, const Source& source,
                              std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const JsonView value = record.root().find(key);
    if (value && !value.is_null() && !(value.is_string() && value.size() == 0)) {
      return record.as_id(value);
    }
  }
  return source.stem() + "-" + std::to_string(record.number());
}

}  // namespace relata::data
