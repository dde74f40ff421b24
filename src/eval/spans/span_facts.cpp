#include "spans/span_facts.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "spans/fact_index.h"

namespace relata::eval {
namespace {

constexpr size_t kContextBytes = 160;  // shown on either side of a wrong answer

bool share_place(const Places& a, const Places& b) {
  return std::any_of(a.begin(), a.end(), [&](const text::ByteRange& range) {
    return std::find(b.begin(), b.end(), range) != b.end();
  });
}

bool overlap(const Places& a, const Places& b) {
  return std::any_of(a.begin(), a.end(), [&](const text::ByteRange& one) {
    return std::any_of(b.begin(), b.end(), [&](const text::ByteRange& other) {
      return one.begin < other.end && other.begin < one.end;
    });
  });
}

using PlaceTest = bool (*)(const Places&, const Places&);

bool places_agree(const SpanFact& a, const SpanFact& b, const SpanRule& rule, PlaceTest test) {
  return (!rule.head || test(a.head, b.head)) && (!rule.tail || test(a.tail, b.tail));
}

// The same, in a place that they share.
bool meet(const SpanFact& a, const SpanFact& b, const SpanRule& rule) {
  return (!rule.label || a.label == b.label) &&
         (!rule.types || (a.head_type == b.head_type && a.tail_type == b.tail_type)) &&
         places_agree(a, b, rule, share_place);
}

bool inverse_labels(const SpanFact& a, const SpanFact& b, const SpanOptions& options) {
  auto declared = [&](const std::string& label, const std::string& other) {
    const auto entry = options.inverses.find(label);
    return entry != options.inverses.end() && entry->second == other && label != other;
  };
  return declared(a.label, b.label) || declared(b.label, a.label);
}

bool is_turned(const SpanFact& gold, const SpanFact& predicted, const SpanRule& rule,
               const SpanOptions& options) {
  if (!rule.tail || !rule.head) return false;
  if (inverse_labels(gold, predicted, options)) {
    return places_agree(gold, predicted, rule, share_place);
  }
  return gold.label == predicted.label && share_place(gold.head, predicted.tail) &&
         share_place(gold.tail, predicted.head);
}

std::string kind_between(const SpanFact& gold, const SpanFact& predicted, const SpanRule& rule,
                         const SpanOptions& options) {
  if (is_turned(gold, predicted, rule, options)) return "direction";
  if (places_agree(gold, predicted, rule, share_place)) return "type";
  if (gold.label == predicted.label && places_agree(gold, predicted, rule, overlap)) {
    return "boundary";
  }
  return "";
}

// Back to the first byte of a code point.
size_t code_point_begin(const std::string& text, size_t at) {
  at = std::min(at, text.size());
  while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

std::string context_of(const data::Document& document, const SpanFact& fact) {
  size_t begin = document.text.size(), end = 0;
  for (const Places* places : {&fact.head, &fact.tail}) {
    if (places->empty()) continue;
    begin = std::min(begin, places->front().begin);
    end = std::max(end, places->front().end);
  }
  std::string names = fact.head_text;
  if (!fact.tail_text.empty()) names += " → " + fact.tail_text;
  if (begin > end) return names;
  begin = code_point_begin(document.text, begin > kContextBytes ? begin - kContextBytes : 0);
  end = code_point_begin(document.text, end + kContextBytes);
  return document.text.substr(begin, end - begin) + "\n" + names;
}

// The label that a report shows: with the entity or event types where these must agree.
std::string shown_label(const SpanFact& fact, const SpanRule& rule) {
  if (!rule.types || (fact.head_type.empty() && fact.tail_type.empty())) return fact.label;
  std::string types = fact.head_type;
  if (!fact.tail_type.empty()) types += ", " + fact.tail_type;
  return fact.label + " (" + types + ")";
}

ErrorRow error_row(const data::Document& document, const SpanFact* gold, const SpanFact* predicted,
                   const SpanRule& rule) {
  ErrorRow row;
  row.id = document.id;
  if (gold != nullptr) {
    row.gold = {shown_label(*gold, rule)};
    row.missed = {gold->label};
  }
  if (predicted != nullptr) {
    row.predicted = {shown_label(*predicted, rule)};
    row.extra = {predicted->label};
    row.score = predicted->score;
    if (predicted->score) row.scores = {*predicted->score};
  }
  row.context = context_of(document, predicted != nullptr ? *predicted : *gold);
  if (gold != nullptr && predicted != nullptr &&
      (gold->head != predicted->head || gold->tail != predicted->tail)) {
    row.context += "\ngold: " + gold->head_text;
    if (!gold->tail_text.empty()) row.context += " → " + gold->tail_text;
  }
  return row;
}

std::string covered(const data::Document& document, const text::ByteRange& range) {
  if (range.end > document.text.size() || range.begin > range.end) return "";
  return document.text.substr(range.begin, range.end - range.begin);
}

std::vector<SpanFact> mentions_of(const data::Document& document) {
  std::vector<SpanFact> facts;
  for (const data::Entity& entity : document.entities) {
    for (const text::ByteRange& mention : entity.mentions) {
      SpanFact fact;
      fact.label = entity.type;
      fact.head = {mention};
      fact.head_text = covered(document, mention);
      facts.push_back(std::move(fact));
    }
    if (!entity.mentions.empty()) continue;
    SpanFact nowhere;  // counts as an answer that cannot be right
    nowhere.label = entity.type;
    nowhere.head_text = entity.text;
    facts.push_back(std::move(nowhere));
  }
  return facts;
}

std::vector<SpanFact> relations_of(const data::Document& document, const NegativeLabels& negative) {
  std::vector<SpanFact> facts;
  for (const data::Relation& relation : document.relations) {
    if (negative.contains(relation.type)) continue;
    const data::Entity& head = document.entities[relation.head];
    const data::Entity& tail = document.entities[relation.tail];
    SpanFact fact;
    fact.label = relation.type;
    fact.head = head.mentions, fact.tail = tail.mentions;
    fact.head_type = head.type, fact.tail_type = tail.type;
    fact.head_text = head.text, fact.tail_text = tail.text;
    fact.score = relation.score;
    facts.push_back(std::move(fact));
  }
  return facts;
}

// An argument may be stated by its entity alone.
Places places_of(const data::Document& document, const data::Argument& argument) {
  if (argument.range.begin < argument.range.end) return {argument.range};
  if (argument.entity < 0) return {};
  return document.entities[argument.entity].mentions;
}

Places trigger_of(const data::Event& event) {
  if (event.trigger.begin < event.trigger.end) return {event.trigger};
  return {};
}

std::vector<SpanFact> triggers_of(const data::Document& document) {
  std::vector<SpanFact> facts;
  for (const data::Event& event : document.events) {
    SpanFact fact;
    fact.label = event.type;
    fact.head = trigger_of(event);
    fact.head_text = covered(document, event.trigger);
    facts.push_back(std::move(fact));
  }
  return facts;
}

std::vector<SpanFact> arguments_of(const data::Document& document) {
  std::vector<SpanFact> facts;
  for (const data::Event& event : document.events) {
    for (const data::Argument& argument : event.arguments) {
      SpanFact fact;
      fact.label = argument.role;
      fact.head = trigger_of(event);
      fact.tail = places_of(document, argument);
      fact.head_type = event.type;
      fact.head_text = covered(document, event.trigger);
      fact.tail_text = argument_text(document, argument);
      facts.push_back(std::move(fact));
    }
  }
  return facts;
}

}  // namespace

std::vector<SpanFact> distinct_facts(const std::vector<SpanFact>& facts, const SpanRule& rule) {
  std::vector<SpanFact> distinct;
  std::unordered_set<std::string> known;
  for (const SpanFact& fact : facts) {
    std::string key = fact_key(fact, rule);
    if (key.empty() || known.insert(std::move(key)).second) distinct.push_back(fact);
  }
  return distinct;
}

std::vector<int> match_facts(const std::vector<SpanFact>& gold,
                             const std::vector<SpanFact>& predicted, const SpanRule& rule) {
  std::vector<bool> hit(gold.size(), false);
  std::vector<int> matches(predicted.size(), -1);
  const auto match = [&](size_t p, size_t g) {
    hit[g] = true;
    matches[p] = static_cast<int>(g);
  };
  std::unordered_map<std::string, size_t> by_key;
  for (size_t g = 0; g < gold.size(); ++g) by_key.try_emplace(fact_key(gold[g], rule), g);
  by_key.erase("");
  for (size_t p = 0; p < predicted.size(); ++p) {
    const auto equal = by_key.find(fact_key(predicted[p], rule));
    if (equal != by_key.end() && !hit[equal->second]) match(p, equal->second);
  }
  const PlaceIndex places(gold, rule);
  for (size_t p = 0; p < predicted.size(); ++p) {
    if (matches[p] >= 0) continue;
    for (const size_t g : places.near(predicted[p])) {
      if (hit[g] || !meet(gold[g], predicted[p], rule)) continue;
      match(p, g);
      break;
    }
  }
  return matches;
}

std::vector<ErrorRow> span_errors(const data::Document& document, const std::vector<SpanFact>& gold,
                                  const std::vector<SpanFact>& predicted, const SpanRule& rule,
                                  const SpanOptions& options) {
  const std::vector<int> matches = match_facts(gold, predicted, rule);
  std::vector<bool> settled(gold.size(), false);
  for (const int match : matches) {
    if (match >= 0) settled[match] = true;
  }
  std::vector<ErrorRow> errors;
  std::vector<bool> explained(predicted.size(), false);
  const PlaceIndex places(gold, rule);  // whatever the kind, the two overlap somewhere
  // The telling kinds first, so that a turned relation is not taken for an invented one.
  for (const char* kind : {"direction", "type", "boundary"}) {
    for (size_t p = 0; p < predicted.size(); ++p) {
      if (matches[p] >= 0 || explained[p]) continue;
      for (const size_t g : places.near(predicted[p])) {
        if (settled[g] || kind_between(gold[g], predicted[p], rule, options) != kind) continue;
        settled[g] = explained[p] = true;
        errors.push_back(error_row(document, &gold[g], &predicted[p], rule));
        errors.back().kind = kind;
        break;
      }
    }
  }
  for (size_t p = 0; p < predicted.size(); ++p) {
    if (matches[p] >= 0 || explained[p]) continue;
    errors.push_back(error_row(document, nullptr, &predicted[p], rule));
    errors.back().kind = "invented";
  }
  for (size_t g = 0; g < gold.size(); ++g) {
    if (settled[g]) continue;
    errors.push_back(error_row(document, &gold[g], nullptr, rule));
    errors.back().kind = "missing";
  }
  return errors;
}

std::vector<SpanFact> facts_of(const std::string& what, const data::Document& document,
                               const NegativeLabels& negative) {
  if (what == "mentions") return mentions_of(document);
  if (what == "relations") return relations_of(document, negative);
  if (what == "triggers") return triggers_of(document);
  return arguments_of(document);
}

std::string argument_text(const data::Document& document, const data::Argument& argument) {
  if (argument.range.begin < argument.range.end) return covered(document, argument.range);
  return argument.entity < 0 ? "" : document.entities[argument.entity].text;
}

}  // namespace relata::eval
