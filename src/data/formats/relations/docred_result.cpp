// The answers that DocRED's scorer takes: a list of {"title", "h_idx", "t_idx", "r"}, with
// "evidence" (sentence numbers) and "score" where a system gives them. Entities are the numbers
// that they have in the document's vertexSet, and there is no text: a document has its title as id
// and, for want of a better, as text, and entities "e<number>", as the docred reader calls them.
#include <charconv>
#include <unordered_map>

#include "formats/json_records.h"
#include "formats/token_text.h"
#include "registry.h"

namespace relata::data {
namespace {

constexpr size_t kMostEntities = 1000000;  // far more than a document has

class ResultReader {
 public:
  Status read(const JsonRecord& record) {
    const JsonView root = record.root();
    RELATA_TRY(const std::string_view title, record.get_text(root, "title"));
    if (title.empty()) return record.fail(root.find("title"), "is empty");
    RELATA_TRY(const size_t head, record.get_index(root, "h_idx", kMostEntities));
    RELATA_TRY(const size_t tail, record.get_index(root, "t_idx", kMostEntities));
    RELATA_TRY(const std::string_view type, record.get_text(root, "r"));
    Relation relation;
    relation.type = type;
    if (const JsonView score = root.find("score"); score && !score.is_null()) {
      if (!score.is_number()) return record.fail(score, "is not a number");
      relation.score = score.number();
    }
    RELATA_TRY(const JsonView evidence, record.find_list(root, "evidence"));
    Json sentences = Json::array();
    if (evidence) {
      for (const JsonView value : evidence) {
        RELATA_TRY(const size_t sentence, record.as_index(value, kMostEntities));
        sentences.push_back(sentence);
      }
    }
    const auto [found, is_new] = index_.try_emplace(std::string(title), documents_.size());
    if (is_new) {
      documents_.emplace_back().id = title;
      documents_.back().text = title;
      entities_.emplace_back();
    }
    Document& document = documents_[found->second];
    relation.head = entity(found->second, head);
    relation.tail = entity(found->second, tail);
    if (!sentences.empty()) {
      document.meta["evidence_sentences"][std::to_string(document.relations.size())] =
          std::move(sentences);
    }
    document.relations.push_back(std::move(relation));
    return {};
  }

  Status hand_over(const Source& source, Intake& intake) {
    for (Document& document : documents_)
      RELATA_CHECK(intake.add(std::move(document), source.path));
    return {};
  }

 private:
  int entity(size_t document, size_t number) {
    auto& entities = documents_[document].entities;
    const auto [found, is_new] =
        entities_[document].try_emplace(number, static_cast<int>(entities.size()));
    if (is_new) {
      Entity& entity = entities.emplace_back();
      entity.id = "e" + std::to_string(number);
      entity.text = entity.id;
    }
    return found->second;
  }

  std::vector<Document> documents_;
  std::vector<std::unordered_map<size_t, int>> entities_;
  std::unordered_map<std::string, size_t> index_;
};

bool sniff_result(const Sample& sample) { return sample.has({"title", "h_idx", "t_idx", "r"}); }

Status read_result(const Source& source, const ReadOptions&, Intake& intake) {
  ResultReader reader;
  RELATA_CHECK(read_json_records(source, intake,
                                 [&](const JsonRecord& record) { return reader.read(record); }));
  return reader.hand_over(source, intake);
}

// The number in an id like "e12", or the entity's place in the document.
size_t entity_number(const Document& document, int entity) {
  const std::string& id = document.entities.at(entity).id;
  size_t number = 0;
  const char* end = id.data() + id.size();
  if (id.starts_with('e') && std::from_chars(id.data() + 1, end, number).ptr == end) return number;
  return static_cast<size_t>(entity);
}

Json evidence_of(const Document& document, size_t index) {
  if (document.meta.is_object() && document.meta.contains("evidence_sentences")) {
    const Json& all = document.meta["evidence_sentences"];
    const std::string key = std::to_string(index);
    if (all.is_object() && all.contains(key)) return all[key];
  }
  Json evidence = Json::array();
  for (const ByteRange& range : document.relations[index].evidence) {
    for (size_t s = 0; s < document.sentences.size(); ++s) {
      const ByteRange& sentence = document.sentences[s];
      if (range.begin < sentence.end && sentence.begin < range.end) evidence.push_back(s);
    }
  }
  return evidence;
}

Result<std::string> write_result(const std::vector<Document>& documents, const WriteOptions&,
                                 Losses& losses) {
  Json list = Json::array();
  for (const Document& document : documents) {
    losses["texts of documents"] += document.text != document.id;
    for (size_t i = 0; i < document.relations.size(); ++i) {
      const Relation& relation = document.relations[i];
      Json& item = list.emplace_back(Json{{"title", document.id},
                                          {"h_idx", entity_number(document, relation.head)},
                                          {"t_idx", entity_number(document, relation.tail)},
                                          {"r", relation.type}});
      Json evidence = evidence_of(document, i);
      if (!evidence.empty()) item["evidence"] = std::move(evidence);
      if (relation.score) item["score"] = *relation.score;
    }
  }
  return dump_records(list);
}

}  // namespace

FormatEntry docred_result_format() {
  FormatEntry entry;
  entry.info = {"docred-result", "answers for DocRED's scorer: title, entity numbers, relation"};
  entry.holds = kHoldsIds | kHoldsScores | kHoldsEvidence | kHoldsRelations;
  entry.meta = {"evidence_sentences"};
  entry.sniff = sniff_result;
  entry.read = read_result;
  entry.write = write_result;
  return entry;
}

}  // namespace relata::data
