#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "docred/record_fields.h"
#include "docred/record_list.h"
#include "relata/eval/docred.h"

namespace relata::eval {
namespace {

// Documents of a part of the file; relations are numbered by the part.
class GoldPart {
 public:
  explicit GoldPart(std::string_view text) : fields_(text) {}

  std::optional<JsonProblem> read(JsonView record) {
    document_ = {};
    if (read_document(record)) {
      documents_.push_back(std::move(document_));
      places_.push_back(record.offset());
    }
    return fields_.take_problem();
  }

  // Moves everything to `gold`. False at a title that comes twice, whose record is at `place`.
  bool hand_over(DocRedGold& gold, size_t& place) {
    std::vector<int> numbers;
    for (const std::string_view name : relations_) {
      numbers.push_back(gold.relations.add(name).number);
    }
    for (size_t d = 0; d < documents_.size(); ++d) {
      for (DocRedFact& fact : documents_[d].facts) fact.relation = numbers[fact.relation];
      place = places_[d];
      if (!gold.add(std::move(documents_[d]))) return false;
    }
    gold.texts.splice(gold.texts.end(), fields_.texts());
    return true;
  }

 private:
  bool read_document(JsonView record) {
    if (!record.is_object()) return fields_.fail(record, "a document is an object");
    JsonView title, sentences, vertices, labels;
    record.each_member([&](std::string_view key, JsonView value) {
      if (key == "title") title = value;
      if (key == "sents") sentences = value;
      if (key == "vertexSet") vertices = value;
      if (key == "labels") labels = value;
    });
    if (!title) return fields_.fail(record, "a document without the field 'title'");
    if (!vertices) return fields_.fail(record, "a document without the field 'vertexSet'");
    return fields_.read_text(title, "'title'", document_.title) && read_sentences(sentences) &&
           read_entities(vertices) && read_facts(labels);
  }

  // Only the sentences' lengths are wanted.
  bool read_sentences(JsonView sentences) {
    starts_ = {0};
    if (!sentences || sentences.is_null()) return true;
    if (!fields_.check_list(sentences, "'sents'")) return false;
    for (const JsonView sentence : sentences) {
      if (!fields_.check_list(sentence, "'sents'")) return false;
      starts_.push_back(starts_.back() + static_cast<int>(sentence.size()));
    }
    document_.sentences = static_cast<int>(starts_.size()) - 1;
    return true;
  }

  bool read_entities(JsonView vertices) {
    if (!fields_.check_list(vertices, "'vertexSet'")) return false;
    size_t mentions = 0;
    for (const JsonView vertex : vertices) mentions += vertex.is_array() ? vertex.size() : 0;
    document_.mentions.reserve(mentions);
    document_.entities.reserve(vertices.size());
    for (const JsonView vertex : vertices) {
      if (!fields_.check_list(vertex, "'vertexSet'")) return false;
      document_.entities.push_back(
          {static_cast<int>(document_.mentions.size()), static_cast<int>(vertex.size())});
      for (const JsonView mention : vertex) {
        if (!read_mention(mention)) return false;
      }
    }
    return true;
  }

  bool read_mention(JsonView value) {
    DocRedMention& mention = document_.mentions.emplace_back();
    JsonView name, sentence, place;
    value.each_member([&](std::string_view key, JsonView member) {
      if (key == "name") name = member;
      if (key == "sent_id") sentence = member;
      if (key == "pos") place = member;
    });
    if (!name) return fields_.fail(value, "a mention without the field 'name'");
    if (!fields_.read_text(name, "'name'", mention.name)) return false;
    if (sentence && !fields_.read_number(sentence, "'sent_id'", mention.sentence)) return false;
    if (place && !read_place(place, mention)) return false;
    const int sentences = document_.sentences;
    if (sentences == 0) mention.sentence = -1;
    if (mention.sentence >= sentences && sentences > 0) {
      return fields_.fail(sentence,
                          fmt::format("document '{}': mention '{}': field 'sent_id' is {}, of {} "
                                      "sentences",
                                      document_.title, mention.name, mention.sentence, sentences));
    }
    if (mention.sentence < 0) return true;
    const int start = starts_[mention.sentence], tokens = starts_[mention.sentence + 1] - start;
    if (place && (mention.begin >= mention.end || mention.end > tokens)) {
      return fields_.fail(
          place, fmt::format("document '{}': mention '{}': field 'pos' is {} to {}, in a "
                             "sentence of {} tokens",
                             document_.title, mention.name, mention.begin, mention.end, tokens));
    }
    if (place) mention.begin += start, mention.end += start;  // from the document's beginning
    return true;
  }

  bool read_place(JsonView place, DocRedMention& mention) {
    if (!place.is_array() || place.size() != 2) {
      return fields_.fail(place, "field 'pos' is not a list of two numbers");
    }
    const JsonView begin = *place.begin();
    return fields_.read_number(begin, "'pos'", mention.begin) &&
           fields_.read_number(place.at(1), "'pos'", mention.end);
  }

  bool read_facts(JsonView labels) {
    if (!labels || labels.is_null()) return true;  // of a test set
    if (!fields_.check_list(labels, "'labels'")) return false;
    document_.facts.reserve(labels.size());
    document_.evidence.reserve(2 * labels.size());
    for (const JsonView label : labels) {
      if (!read_fact(label)) return false;
    }
    return true;
  }

  bool read_fact(JsonView label) {
    DocRedFact fact{-1, -1, -1, static_cast<int>(document_.evidence.size()), 0};
    JsonView head, tail, relation, evidence;
    label.each_member([&](std::string_view key, JsonView value) {
      if (key == "h") head = value;
      if (key == "t") tail = value;
      if (key == "r") relation = value;
      if (key == "evidence") evidence = value;
    });
    if (!head || !tail || !relation) {
      return fields_.fail(label, "a label without the fields 'h', 't' and 'r'");
    }
    std::string_view name;
    if (!fields_.read_number(head, "'h'", fact.head) ||
        !fields_.read_number(tail, "'t'", fact.tail) || !fields_.read_text(relation, "'r'", name)) {
      return false;
    }
    const auto entities = static_cast<int>(document_.entities.size());
    if (fact.head >= entities || fact.tail >= entities) {
      return fields_.fail(label,
                          fmt::format("document '{}': a label relates entities {} and {}, of {}",
                                      document_.title, fact.head, fact.tail, entities));
    }
    fact.relation = relations_.add(name).number;
    if (evidence && !evidence.is_null()) {
      if (!fields_.check_list(evidence, "'evidence'")) return false;
      for (const JsonView sentence : evidence) {
        int& number = document_.evidence.emplace_back();
        if (!fields_.read_number(sentence, "'evidence'", number)) return false;
        if (document_.sentences > 0 && number >= document_.sentences) {
          return fields_.fail(sentence,
                              fmt::format("document '{}': field 'evidence' has {}, of {} sentences",
                                          document_.title, number, document_.sentences));
        }
      }
      fact.evidence = static_cast<int>(evidence.size());
    }
    document_.facts.push_back(fact);
    return true;
  }

  RecordFields fields_;
  TextNumbers relations_;
  std::vector<DocRedDocument> documents_;
  std::vector<size_t> places_;  // of the documents in the text
  DocRedDocument document_;     // the one at hand
  std::vector<int> starts_;     // its token number at which each sentence begins
};

template <class T>
void append(std::vector<T>& list, std::vector<T> more) {
  if (list.empty()) {
    list = std::move(more);
  } else {
    list.insert(list.end(), more.begin(), more.end());
  }
}

// Answers of a part of the file. Relations that gold lacks are numbered behind gold's.
class AnswerPart {
 public:
  AnswerPart(std::string_view text, size_t parts, const DocRedGold& gold)
      : fields_(text), gold_(&gold), expected_(text.size() / parts / kBytesOfAnswer) {}

  std::optional<JsonProblem> read(JsonView record) {
    read_answer(record);
    return fields_.take_problem();
  }

  void hand_over(DocRedGold& gold, size_t gold_relations, DocRedAnswers& answers) {
    std::vector<int> numbers;
    for (const std::string_view name : strangers_) {
      const bool known = gold.relations.find(name) >= 0;
      // The answers' text need not last as long as gold.
      numbers.push_back(
          gold.relations.add(known ? name : std::string_view(gold.texts.emplace_back(name)))
              .number);
    }
    const auto known = static_cast<int>(gold_relations);
    const auto shift = static_cast<int>(answers.evidence.size());
    for (DocRedAnswer& answer : answers_.list) {
      if (answer.relation >= known) answer.relation = numbers[answer.relation - known];
      answer.first_evidence += shift;
    }
    append(answers.list, std::move(answers_.list));
    append(answers.evidence, std::move(answers_.evidence));
  }

  static constexpr size_t kBytesOfAnswer = 48;  // in the file; they rarely have fewer

 private:
  bool read_answer(JsonView record) {
    DocRedAnswer answer;
    JsonView title, head, tail, relation, evidence, score;
    record.each_member([&](std::string_view key, JsonView value) {
      if (key == "title") title = value;
      if (key == "h_idx") head = value;
      if (key == "t_idx") tail = value;
      if (key == "r") relation = value;
      if (key == "evidence") evidence = value;
      if (key == "score") score = value;
    });
    if (!title || !head || !tail || !relation) {
      return fields_.fail(record, "an answer without the fields 'title', 'h_idx', 't_idx' and 'r'");
    }
    const bool good = read_title(title, answer) && read_ends(head, tail, answer) &&
                      read_relation(relation, answer) && read_evidence(evidence, answer) &&
                      read_score(score, answer);
    if (!good) return false;
    if (answers_.list.empty()) answers_.list.reserve(expected_);
    answers_.list.push_back(answer);
    return true;
  }

  // Answers to one document mostly stand together.
  bool read_title(JsonView value, DocRedAnswer& answer) {
    if (!value.is_string()) return fields_.fail(value, "field 'title' is not a string");
    if (document_ < 0 || value.string() != gold_->documents[document_].title) {
      document_ = gold_->document(value.string());
    }
    if (document_ < 0) {
      return fields_.fail(value, fmt::format("field 'title': '{}' is {}", value.string(),
                                             document_ == DocRedGold::kNone
                                                 ? "not in gold"
                                                 : "the name of several gold documents"));
    }
    answer.document = document_;
    return true;
  }

  bool read_ends(JsonView head, JsonView tail, DocRedAnswer& answer) {
    if (!fields_.read_number(head, "'h_idx'", answer.head) ||
        !fields_.read_number(tail, "'t_idx'", answer.tail)) {
      return false;
    }
    const DocRedDocument& document = gold_->documents[answer.document];
    const auto entities = static_cast<int>(document.entities.size());
    for (const bool is_head : {true, false}) {
      const int number = is_head ? answer.head : answer.tail;
      if (number < entities) continue;
      return fields_.fail(
          is_head ? head : tail,
          fmt::format("field '{}' is {}, and '{}' has {} entities", is_head ? "h_idx" : "t_idx",
                      number, document.title, entities));
    }
    return true;
  }

  bool read_relation(JsonView value, DocRedAnswer& answer) {
    if (!value.is_string()) return fields_.fail(value, "field 'r' is not a string");
    answer.relation = gold_->relations.find(value.string());
    if (answer.relation >= 0) return true;
    std::string_view name;
    fields_.read_text(value, "'r'", name);
    answer.relation = static_cast<int>(gold_->relations.size()) + strangers_.add(name).number;
    return true;
  }

  bool read_evidence(JsonView evidence, DocRedAnswer& answer) {
    if (!evidence || evidence.is_null()) return true;
    if (!fields_.check_list(evidence, "'evidence'")) return false;
    answer.first_evidence = static_cast<int>(answers_.evidence.size());
    answer.evidence = static_cast<int>(evidence.size());
    for (const JsonView sentence : evidence) {
      int& number = answers_.evidence.emplace_back();
      if (!fields_.read_number(sentence, "'evidence'", number)) return false;
    }
    return true;
  }

  bool read_score(JsonView score, DocRedAnswer& answer) {
    if (!score || score.is_null()) return true;
    if (!score.is_number()) return fields_.fail(score, "field 'score' is not a number");
    answer.score = score.number();
    answer.has_score = true;
    return std::isfinite(answer.score) || fields_.fail(score, "field 'score' is not a number");
  }

  RecordFields fields_;
  const DocRedGold* gold_;
  size_t expected_;
  int document_ = DocRedGold::kNone;  // the last one
  TextNumbers strangers_;
  DocRedAnswers answers_;
};

bool first_object_has(std::string_view content, std::string_view key) {
  constexpr size_t kLooked = 1 << 16;  // one document fits
  const size_t first = content.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == std::string_view::npos || content[first] != '[') return false;
  const size_t second = content.find_first_not_of(" \t\r\n", first + 1);
  if (second == std::string_view::npos || content[second] != '{') return false;
  return content.substr(second, kLooked).find(key) != std::string_view::npos;
}

}  // namespace

int DocRedGold::document(std::string_view title) const {
  const int number = titles.find(title);
  return number < 0 ? kNone : by_title[number];
}

bool DocRedGold::add(DocRedDocument document) {
  const auto [number, fresh] = titles.add(document.title);
  if (fresh) {
    by_title.push_back(static_cast<int>(documents.size()));
  } else {
    by_title[number] = kSeveral;
  }
  documents.push_back(std::move(document));
  return fresh;
}

bool looks_like_docred(std::string_view content) {
  return first_object_has(content, "\"vertexSet\"");
}
bool looks_like_docred_result(std::string_view content) {
  return first_object_has(content, "\"h_idx\"") && !looks_like_docred(content);
}

Result<DocRedGold> parse_docred(std::shared_ptr<const FileText> file, const std::string& where) {
  const std::string_view text = file->text();
  const size_t parts = pieces_of(text.size() / kBytesOfPart);
  RELATA_TRY(std::vector<GoldPart> read, read_records(text, where, parts, GoldPart(text)));
  DocRedGold gold;
  gold.file = std::move(file);
  for (GoldPart& part : read) {
    size_t place = 0;
    if (!part.hand_over(gold, place)) {
      return record_error(
          text, where, {place, fmt::format("title '{}' comes twice", gold.documents.back().title)});
    }
  }
  return gold;
}

Result<DocRedAnswers> parse_docred_result(std::string_view text, const std::string& where,
                                          DocRedGold& gold) {
  const size_t parts = pieces_of(text.size() / kBytesOfPart);
  RELATA_TRY(std::vector<AnswerPart> read,
             read_records(text, where, parts, AnswerPart(text, parts, gold)));
  DocRedAnswers answers;
  const size_t gold_relations = gold.relations.size();
  for (AnswerPart& part : read) part.hand_over(gold, gold_relations, answers);
  return answers;
}

}  // namespace relata::eval
