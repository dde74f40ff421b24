#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "alignment.h"
#include "distance.h"
#include "entity_index.h"
#include "relata/eval/docred.h"

namespace relata::eval {
namespace {

using data::Document;
using data::Entity;

// Where each byte lies, in tokens or characters from the document's beginning.
std::vector<int> positions_of(const std::string& text, DistanceUnit unit) {
  std::vector<int> positions(text.size() + 1);
  int position = 0;
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    positions[i] = position;
    const bool space = text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r';
    if (unit == DistanceUnit::kTokens) {
      if (inside && space) ++position;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++position;
    }
    inside = !space;
  }
  positions[text.size()] = position + (unit == DistanceUnit::kTokens && inside ? 1 : 0);
  return positions;
}

int sentence_of(const Document& document, const text::ByteRange& range) {
  const auto& sentences = document.sentences;
  const auto after =
      std::upper_bound(sentences.begin(), sentences.end(), range.begin,
                       [](size_t at, const text::ByteRange& one) { return at < one.begin; });
  return after == sentences.begin() ? -1 : static_cast<int>(after - sentences.begin()) - 1;
}

std::string covered(const Document& document, const text::ByteRange& range) {
  if (range.begin > range.end || range.end > document.text.size()) return "";
  return document.text.substr(range.begin, range.end - range.begin);
}

class Converter {
 public:
  Converter(DocRedGold& gold, DistanceUnit unit, const NegativeLabels& negative)
      : gold_(gold), unit_(unit), negative_(negative) {}

  DocRedDocument convert(const Document& document, size_t index) {
    DocRedDocument out;
    out.title = keep(document_name(document, index));
    out.sentences = static_cast<int>(document.sentences.size());
    const std::vector<int> positions = positions_of(document.text, unit_);
    for (const Entity& entity : document.entities) {
      DocRedEntity own{static_cast<int>(out.mentions.size()), 0};
      for (size_t m = 0; m < entity.mentions.size(); ++m) {
        const text::ByteRange& range = entity.mentions[m];
        DocRedMention mention;
        mention.name = keep(m < entity.names.size() ? entity.names[m] : covered(document, range));
        mention.sentence = document.sentences.empty() ? -1 : sentence_of(document, range);
        if (range.end <= document.text.size()) {
          mention.begin = positions[range.begin];
          mention.end =
              positions[range.end] +
              (unit_ == DistanceUnit::kTokens && range.end < document.text.size() ? 1 : 0);
        }
        out.mentions.push_back(mention);
      }
      if (entity.mentions.empty()) out.mentions.push_back({keep(entity.text), -1, 0, 0});
      own.mentions = static_cast<int>(out.mentions.size()) - own.first_mention;
      out.entities.push_back(own);
    }
    for (const data::Relation& relation : document.relations) {
      if (negative_.contains(relation.type)) continue;
      DocRedFact fact{relation.head, relation.tail, number_of(relation.type),
                      static_cast<int>(out.evidence.size()), 0};
      for (const int sentence : evidence_of(document, relation)) out.evidence.push_back(sentence);
      fact.evidence = static_cast<int>(out.evidence.size()) - fact.first_evidence;
      out.facts.push_back(fact);
    }
    return out;
  }

  int number_of(const std::string& relation) {
    const int known = gold_.relations.find(relation);
    return known >= 0 ? known : gold_.relations.add(keep(relation)).number;
  }

  static std::vector<int> evidence_of(const Document& document, const data::Relation& relation) {
    std::vector<int> sentences;
    for (const text::ByteRange& range : relation.evidence) {
      const int sentence = document.sentences.empty() ? -1 : sentence_of(document, range);
      if (sentence >= 0) sentences.push_back(sentence);
    }
    return sentences;
  }

 private:
  std::string_view keep(std::string text) { return gold_.texts.emplace_back(std::move(text)); }

  DocRedGold& gold_;
  DistanceUnit unit_;
  const NegativeLabels& negative_;
};

bool is_numbered(const Document& predicted) {
  return predicted.text.empty() &&
         std::all_of(predicted.entities.begin(), predicted.entities.end(),
                     [](const Entity& entity) { return entity.mentions.empty(); });
}

// How surely two entities are the same one: they are not where nothing is shared.
struct Likeness {
  bool equal = false;  // in all mentions, or in the name where there are none
  int64_t shared = 0;
  bool same_id = false;  // only decides between entities that are alike
  auto operator<=>(const Likeness&) const = default;
};

Likeness likeness(const Entity& gold, const Entity& predicted) {
  const bool same_id = gold.id == predicted.id;
  auto holds = [](const auto& list, const auto& one) {
    return std::find(list.begin(), list.end(), one) != list.end();
  };
  if (gold.mentions.empty() || predicted.mentions.empty()) {
    const bool equal = gold.text == predicted.text;
    return {equal, equal || holds(gold.names, predicted.text) ? 1 : 0, same_id};
  }
  const auto shared =
      std::count_if(predicted.mentions.begin(), predicted.mentions.end(),
                    [&](const text::ByteRange& range) { return holds(gold.mentions, range); });
  return {gold.mentions == predicted.mentions, shared, same_id};
}

// For each predicted entity its gold entity, or -1.
std::vector<int> entity_numbers(const Document& gold, const Document& predicted) {
  std::vector<int> numbers;
  const EntityIndex index(gold);
  const bool numbered = is_numbered(predicted);
  const bool named = std::any_of(predicted.entities.begin(), predicted.entities.end(),
                                 [](const Entity& entity) { return !entity.text.empty(); });
  for (size_t e = 0; e < predicted.entities.size(); ++e) {
    int number = -1;
    if (numbered && !named) {
      number = e < gold.entities.size() ? static_cast<int>(e) : -1;
    } else {
      Likeness best;
      for (const int candidate : index.candidates(predicted.entities[e])) {
        const Likeness own = likeness(gold.entities[candidate], predicted.entities[e]);
        if (own.shared == 0 || own <= best) continue;
        best = own;
        number = candidate;
      }
    }
    numbers.push_back(number);
  }
  return numbers;
}

std::string shown_name(const Document& document, const Entity& entity) {
  if (!entity.text.empty()) return entity.text;
  const std::string name =
      entity.mentions.empty() ? "" : covered(document, entity.mentions.front());
  return name.empty() ? entity.id : name;
}

}  // namespace

DocRedGold docred_from_documents(const std::vector<Document>& documents,
                                 const NegativeLabels& negative) {
  DocRedGold gold;
  const DistanceUnit unit = distance_unit(documents);
  gold.unit = unit_name(unit);
  Converter converter(gold, unit, negative);
  for (size_t d = 0; d < documents.size(); ++d) {
    gold.add(converter.convert(documents[d], d));
  }
  return gold;
}

Result<DocRedAnswers> docred_answers(const std::vector<Document>& gold_documents,
                                     const std::vector<Document>& predicted,
                                     const NegativeLabels& negative, DocRedGold& gold) {
  RELATA_TRY(const std::vector<int> places, match_documents(gold_documents, predicted));
  Converter converter(gold, DistanceUnit::kTokens, negative);
  DocRedAnswers answers;
  for (size_t d = 0; d < predicted.size(); ++d) {
    std::vector<int> numbers = entity_numbers(gold_documents[places[d]], predicted[d]);
    for (size_t e = 0; e < numbers.size(); ++e) {
      if (numbers[e] >= 0) continue;
      answers.strangers.push_back(shown_name(predicted[d], predicted[d].entities[e]));
      numbers[e] = -static_cast<int>(answers.strangers.size());
    }
    for (const data::Relation& relation : predicted[d].relations) {
      if (negative.contains(relation.type)) continue;
      DocRedAnswer answer;
      answer.document = places[d];
      answer.head = numbers[relation.head];
      answer.tail = numbers[relation.tail];
      answer.relation = converter.number_of(relation.type);
      const Document& with_sentences =
          predicted[d].sentences.empty() && predicted[d].text == gold_documents[places[d]].text
              ? gold_documents[places[d]]
              : predicted[d];
      const std::vector<int> evidence = Converter::evidence_of(with_sentences, relation);
      answer.first_evidence = static_cast<int>(answers.evidence.size());
      answer.evidence = static_cast<int>(evidence.size());
      answers.evidence.insert(answers.evidence.end(), evidence.begin(), evidence.end());
      answer.has_score = relation.score.has_value();
      answer.score = relation.score.value_or(0);
      answers.list.push_back(answer);
    }
  }
  return answers;
}

Result<GoldNumbered> with_gold_entities(const std::vector<Document>& gold,
                                        const std::vector<Document>& predicted) {
  RELATA_TRY(const std::vector<int> places, match_documents(gold, predicted));
  GoldNumbered out;
  for (size_t d = 0; d < predicted.size(); ++d) {
    const Document& of_gold = gold[places[d]];
    const std::vector<int> numbers = entity_numbers(of_gold, predicted[d]);
    Document document = predicted[d];
    document.id = document_name(of_gold, places[d]);
    document.entities = of_gold.entities;
    if (!of_gold.sentences.empty()) document.sentences = of_gold.sentences;
    document.events.clear();
    document.relations.clear();
    std::map<std::tuple<int, int, std::string>, size_t> stated;
    for (data::Relation relation : predicted[d].relations) {
      relation.head = numbers[relation.head];
      relation.tail = numbers[relation.tail];
      if (relation.head < 0 || relation.tail < 0) {
        ++out.left_out;
        continue;
      }
      const auto [place, fresh] = stated.try_emplace({relation.head, relation.tail, relation.type},
                                                     document.relations.size());
      if (fresh) {
        document.relations.push_back(std::move(relation));
      } else if (data::Relation& known = document.relations[place->second];
                 relation.score > known.score) {
        known = std::move(relation);
      }
    }
    out.documents.push_back(std::move(document));
  }
  return out;
}

}  // namespace relata::eval
