#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "json_cursor.h"
#include "relata/eval/docred.h"

namespace relata::eval {
namespace {

// One document of the file; what is missing is found out at its end.
class DocumentReader {
 public:
  DocumentReader(JsonCursor& json, DocRedGold& gold) : json_(json), gold_(gold) {}

  DocRedDocument read() {
    document_ = {};
    starts_ = {0};
    bool has_entities = false, has_title = false;
    json_.object([&](std::string_view key) {
      if (key == "title") {
        document_.title = json_.string();
        has_title = true;
      } else if (key == "sents") {
        read_sentences();
      } else if (key == "vertexSet") {
        has_entities = true;
        json_.array([&] { read_entity(); });
      } else if (key == "labels") {
        json_.array([&] { read_fact(); });
      }
    });
    if (json_.ok() && !has_title) json_.fail("a document without the field 'title'");
    if (json_.ok() && !has_entities) json_.fail("a document without the field 'vertexSet'");
    finish();
    return std::move(document_);
  }

 private:
  void read_sentences() {
    json_.array([&] {
      int tokens = 0;
      json_.array([&] {
        json_.skip();
        ++tokens;
      });
      starts_.push_back(starts_.back() + tokens);
      ++document_.sentences;
    });
  }

  void read_entity() {
    DocRedEntity entity;
    entity.first_mention = static_cast<int>(document_.mentions.size());
    json_.array([&] {
      DocRedMention mention;
      bool named = false;
      json_.object([&](std::string_view key) {
        if (key == "name") {
          mention.name = json_.string();
          named = true;
        } else if (key == "sent_id") {
          mention.sentence = json_.integer();
        } else if (key == "pos") {
          int which = 0;
          json_.array([&] { (which++ == 0 ? mention.begin : mention.end) = json_.integer(); });
        }
      });
      if (json_.ok() && !named) json_.fail("a mention without the field 'name'");
      document_.mentions.push_back(mention);
      ++entity.mentions;
    });
    document_.entities.push_back(entity);
  }

  void read_fact() {
    DocRedFact fact{-1, -1, -1, static_cast<int>(document_.evidence.size()), 0};
    json_.object([&](std::string_view key) {
      if (key == "h") {
        fact.head = json_.integer();
      } else if (key == "t") {
        fact.tail = json_.integer();
      } else if (key == "r") {
        const std::string_view name = json_.string();
        if (json_.ok()) fact.relation = gold_.relation_number(name);
      } else if (key == "evidence") {
        json_.array([&] { document_.evidence.push_back(json_.integer()); });
        fact.evidence = static_cast<int>(document_.evidence.size()) - fact.first_evidence;
      }
    });
    if (json_.ok() && (fact.head < 0 || fact.tail < 0 || fact.relation < 0)) {
      json_.fail("a label without the fields 'h', 't' and 'r'");
    }
    document_.facts.push_back(fact);
  }

  // Checks numbers and turns places in sentences into places in the document.
  void finish() {
    if (!json_.ok()) return;
    const int sentences = document_.sentences;
    for (DocRedMention& mention : document_.mentions) {
      if (sentences == 0) mention.sentence = -1;
      if (mention.sentence >= sentences) {
        return json_.fail(
            fmt::format("document '{}': mention '{}': field 'sent_id' is {}, of {} "
                        "sentences",
                        document_.title, mention.name, mention.sentence, sentences));
      }
      const int start = mention.sentence < 0 ? 0 : starts_[mention.sentence];
      mention.begin += start;
      mention.end += start;
    }
    const int entities = static_cast<int>(document_.entities.size());
    for (const DocRedFact& fact : document_.facts) {
      if (fact.head >= entities || fact.tail >= entities) {
        return json_.fail(fmt::format("document '{}': a label relates entities {} and {}, of {}",
                                      document_.title, fact.head, fact.tail, entities));
      }
    }
  }

  JsonCursor& json_;
  DocRedGold& gold_;
  DocRedDocument document_;
  std::vector<int> starts_;  // token number at which each sentence begins
};

bool first_object_has(std::string_view content, std::string_view key) {
  constexpr size_t kLooked = 1 << 16;  // one document fits
  const size_t first = content.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == std::string_view::npos || content[first] != '[') return false;
  const size_t second = content.find_first_not_of(" \t\r\n", first + 1);
  if (second == std::string_view::npos || content[second] != '{') return false;
  return content.substr(second, kLooked).find(key) != std::string_view::npos;
}

// Eight bytes at a time, each multiplied and folded in.
uint64_t mix(uint64_t hash, std::string_view text) {
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15ULL;
  auto fold = [&](uint64_t word) {
    hash = (hash ^ word) * kFactor;
    hash ^= hash >> 29;
  };
  const char* at = text.data();
  size_t left = text.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word = 0;
    std::memcpy(&word, at, 8);
    fold(word);
  }
  uint64_t rest = text.size() << 56;
  if (left > 0) std::memcpy(&rest, at, left);
  fold(rest);
  return hash;
}

uint64_t hash_of(std::string_view head, std::string_view tail, std::string_view relation) {
  return mix(mix(mix(0, head), tail), relation);
}

}  // namespace

int DocRedGold::relation_number(std::string_view name) {
  const auto [place, fresh] =
      relation_numbers.try_emplace(name, static_cast<int>(relations.size()));
  if (fresh) relations.push_back(name);
  return place->second;
}

bool looks_like_docred(std::string_view content) {
  return first_object_has(content, "\"vertexSet\"");
}
bool looks_like_docred_result(std::string_view content) {
  return first_object_has(content, "\"h_idx\"") && !looks_like_docred(content);
}

Result<DocRedGold> parse_docred(std::shared_ptr<const std::string> content,
                                const std::string& where) {
  DocRedGold gold;
  gold.content = std::move(content);
  JsonCursor json(*gold.content, where, gold.texts);
  DocumentReader reader(json, gold);
  json.array([&] {
    DocRedDocument document = reader.read();
    if (!json.ok()) return;
    const int number = static_cast<int>(gold.documents.size());
    if (!gold.by_title.try_emplace(document.title, number).second) {
      return json.fail(fmt::format("title '{}' comes twice", document.title));
    }
    gold.documents.push_back(std::move(document));
  });
  RELATA_CHECK(json.status());
  return gold;
}

Result<std::vector<DocRedAnswer>> parse_docred_result(const std::string& content,
                                                      const std::string& where, DocRedGold& gold) {
  std::vector<DocRedAnswer> answers;
  std::deque<std::string> texts;
  JsonCursor json(content, where, texts);
  std::string_view last_title;
  int last_document = -1;
  json.array([&] {
    DocRedAnswer answer{-1, -1, -1, -1, {}, 0, false};
    json.object([&](std::string_view key) {
      if (key == "title") {
        const std::string_view title = json.string();
        if (last_document < 0 || title != last_title) {
          const auto place = gold.by_title.find(title);
          if (place == gold.by_title.end()) {
            return json.fail(fmt::format("field 'title': '{}' is not in gold", title));
          }
          last_title = title;
          last_document = place->second;
        }
        answer.document = last_document;
      } else if (key == "h_idx") {
        answer.head = json.integer();
      } else if (key == "t_idx") {
        answer.tail = json.integer();
      } else if (key == "r") {
        const std::string_view name = json.string();
        const auto known = gold.relation_numbers.find(name);
        answer.relation = known != gold.relation_numbers.end()
                              ? known->second
                              : gold.relation_number(gold.texts.emplace_back(name));
      } else if (key == "evidence") {
        json.array([&] { answer.evidence.push_back(json.integer()); });
      }
    });
    if (!json.ok()) return;
    if (answer.document < 0 || answer.head < 0 || answer.tail < 0 || answer.relation < 0) {
      return json.fail("an answer without the fields 'title', 'h_idx', 't_idx' and 'r'");
    }
    const auto entities = static_cast<int>(gold.documents[answer.document].entities.size());
    if (answer.head >= entities || answer.tail >= entities) {
      return json.fail(fmt::format("field '{}' is {}, and '{}' has {} entities",
                                   answer.head >= entities ? "h_idx" : "t_idx",
                                   std::max(answer.head, answer.tail), last_title, entities));
    }
    answers.push_back(std::move(answer));
  });
  RELATA_CHECK(json.status());
  return answers;
}

Result<TrainFacts> TrainFacts::parse(std::shared_ptr<const std::string> content,
                                     const std::string& where) {
  TrainFacts facts;
  facts.content_ = std::move(content);
  if (looks_like_docred(*facts.content_)) {
    RELATA_TRY(const DocRedGold gold, parse_docred(facts.content_, where));
    for (const DocRedDocument& document : gold.documents) {
      for (const DocRedFact& fact : document.facts) {
        const DocRedEntity &head = document.entities[fact.head],
                           &tail = document.entities[fact.tail];
        for (int h = 0; h < head.mentions; ++h) {
          for (int t = 0; t < tail.mentions; ++t) {
            facts.add({document.mentions[head.first_mention + h].name,
                       document.mentions[tail.first_mention + t].name,
                       gold.relations[fact.relation], 0});
          }
        }
      }
    }
    // Names with escapes live in the gold's own texts.
    for (Fact& fact : facts.facts_) {
      for (std::string_view* text : {&fact.head, &fact.tail, &fact.relation}) {
        const bool inside = text->data() >= facts.content_->data() &&
                            text->data() < facts.content_->data() + facts.content_->size();
        if (!inside && !text->empty()) *text = facts.texts_->emplace_back(*text);
      }
    }
    return facts;
  }
  JsonCursor json(*facts.content_, where, *facts.texts_);
  json.array([&] {
    Fact fact;
    int column = 0;
    json.array([&] {
      const std::string_view text = json.string();
      if (column < 3)
        *(column == 0 ? &fact.head : column == 1 ? &fact.tail : &fact.relation) = text;
      ++column;
    });
    if (!json.ok()) return;
    if (column != 3 || fact.relation.empty()) {
      return json.fail("a fact is a list of head, tail and relation");
    }
    facts.add(fact);
  });
  RELATA_CHECK(json.status());
  return facts;
}

size_t TrainFacts::place(const Fact& fact) const {
  const size_t mask = slots_.size() - 1;
  size_t at = fact.hash & mask;
  while (slots_[at] != 0) {
    const Fact& other = facts_[slots_[at] - 1];
    if (other.hash == fact.hash && other.tail == fact.tail && other.head == fact.head &&
        other.relation == fact.relation) {
      break;
    }
    at = (at + 1) & mask;
  }
  return at;
}

void TrainFacts::grow() {
  const size_t mask = std::max<size_t>(1024, slots_.size() * 2) - 1;
  slots_.assign(mask + 1, 0);
  for (size_t i = 0; i < facts_.size(); ++i) {  // all are different
    size_t at = facts_[i].hash & mask;
    while (slots_[at] != 0) at = (at + 1) & mask;
    slots_[at] = static_cast<uint32_t>(i + 1);
  }
}

void TrainFacts::add(Fact fact) {
  if (slots_.size() < 2 * (facts_.size() + 1)) grow();
  fact.hash = hash_of(fact.head, fact.tail, fact.relation);
  uint32_t& slot = slots_[place(fact)];
  if (slot != 0) return;
  facts_.push_back(fact);
  slot = static_cast<uint32_t>(facts_.size());
}

bool TrainFacts::contains(std::string_view head, std::string_view tail,
                          std::string_view relation) const {
  return !slots_.empty() &&
         slots_[place({head, tail, relation, hash_of(head, tail, relation)})] != 0;
}

}  // namespace relata::eval
