#include "label_check.h"

#include "relata/base/fields.h"

namespace relata::data {
namespace {

// ASCII letters in lower case, digits, and whatever is beyond ASCII.
std::string key_of(const std::string& label) {
  std::string key;
  for (const char c : label) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool kept = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      static_cast<unsigned char>(c) >= 0x80;
    if (kept) key += upper ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return key;
}

std::string item(const char* list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

}  // namespace

void LabelCheck::Names::add(const std::string& id) {
  if (!known.insert(id).second) return;
  ids.push_back(id);
  const auto [found, is_new] = by_key.emplace(key_of(id), id);
  if (!is_new) found->second.clear();
}

LabelCheck::LabelCheck(const Schema& schema) {
  for (const EntityType& type : schema.entity_types) entities_.add(type.id);
  for (const RelationType& type : schema.relation_types) relations_.add(type.id);
  for (const EventType& type : schema.event_types) {
    events_.add(type.id);
    for (const EventRole& role : type.roles) roles_[type.id].add(role.id);
  }
}

void LabelCheck::check_label(const Names& names, const std::string& place, std::string& label,
                             bool mend, Findings& findings) {
  if (names.ids.empty() || label.empty() || names.known.contains(label)) return;
  const auto same = names.by_key.find(key_of(label));
  if (mend && same != names.by_key.end() && !same->second.empty()) {
    findings.mended.push_back(place + " \"" + label + "\" is now \"" + same->second + "\"");
    label = same->second;
    return;
  }
  if (findings.unknown.empty()) {
    const auto near = nearest_name(label, names.ids);
    findings.suggestion =
        near ? "did you mean \"" + *near + "\"?" : "correct the label, or add it to the schema";
  }
  findings.unknown.push_back(place + " \"" + label + "\" is not in the schema");
}

LabelCheck::Findings LabelCheck::check(Document& document, bool mend) const {
  Findings findings;
  for (size_t i = 0; i < document.entities.size(); ++i) {
    check_label(entities_, item("entities", i) + ".type", document.entities[i].type, mend,
                findings);
  }
  for (size_t i = 0; i < document.relations.size(); ++i) {
    check_label(relations_, item("relations", i) + ".type", document.relations[i].type, mend,
                findings);
  }
  for (size_t i = 0; i < document.events.size(); ++i) {
    Event& event = document.events[i];
    const std::string place = item("events", i);
    check_label(events_, place + ".type", event.type, mend, findings);
    const auto roles = roles_.find(event.type);
    if (roles == roles_.end()) continue;
    for (size_t k = 0; k < event.arguments.size(); ++k) {
      check_label(roles->second, place + "." + item("arguments", k) + ".role",
                  event.arguments[k].role, mend, findings);
    }
  }
  return findings;
}

}  // namespace relata::data
