// DocRED and Re-DocRED: a list of {"title", "sents": [[token, ...], ...], "vertexSet": [[mention,
// ...], ...], "labels": [{"h", "t", "r", "evidence"}, ...]}; a mention is {"name", "pos": [begin,
// end), "sent_id", "type"}, its place counted in tokens of its sentence.
// Source: github.com/thunlp/DocRED and github.com/tonytan48/Re-DocRED.
//
// What a Document has no place for goes to meta "docred", so that writing gives the file back:
//   "unlabelled": true          there was no "labels"
//   "empty_sentences": [i]      sentences without tokens
//   "derived": ["index", ...]   members of mentions that follow from the others, and are not kept
//   "order": {"e3": [1, 0]}     where the k-th mention of the file is among the sorted ones
//   "types": {"e3": ["ORG", "LOC"]}   of the sorted mentions, where they differ
//   "mentions": {"e3": [{...}]}, "labels": {"4": {...}}, "document": {...}   members unknown here
#include <algorithm>
#include <numeric>

#include "formats/token_text.h"

namespace relata::data {
namespace {

constexpr const char* kIndex = "index";
constexpr const char* kGlobal = "global_pos";

struct Mention {
  ByteRange range;
  std::string_view name;
  std::string_view type;
};

// Reads one document; lives as long as its record.
class DocredReader {
 public:
  DocredReader(const JsonRecord& record, const Source& source, Intake& intake)
      : record_(record), source_(source), intake_(intake) {}

  Status read() {
    const JsonView root = record_.root();
    RELATA_TRY(const std::string_view title, record_.find_text(root, "title"));
    document_.id = title.empty() ? source_.stem() + "-" + std::to_string(record_.number())
                                 : std::string(title);
    RELATA_TRY(const JsonView sentences, record_.get_list(root, "sents"));
    RELATA_CHECK(read_sentences(sentences));
    RELATA_TRY(const JsonView vertices, record_.get_list(root, "vertexSet"));
    document_.entities.reserve(vertices.size());
    for (const JsonView vertex : vertices) RELATA_CHECK(read_entity(vertex));
    RELATA_TRY(const JsonView labels, record_.find_list(root, "labels"));
    if (labels) {
      document_.relations.reserve(labels.size());
      for (const JsonView label : labels) RELATA_CHECK(read_label(label));
    } else {
      kept_["unlabelled"] = true;
    }
    keep_rest(root);
    if (has_index_) kept_["derived"].push_back(kIndex);
    if (has_global_) kept_["derived"].push_back(kGlobal);
    text_.hand_over(document_);
    if (!kept_.empty()) document_.meta["docred"] = std::move(kept_);
    return intake_.add(std::move(document_), record_.where());
  }

 private:
  Status read_sentences(JsonView sentences) {
    size_t cjk = 0;
    for (const JsonView sentence : sentences) {
      if (!sentence.is_array()) return record_.fail(sentence, "is not a list of tokens");
      cjk += are_tight(sentence) ? 1 : 0;
    }
    text_ = TokenText(cjk * 2 > sentences.size());
    starts_.push_back(0);
    for (const JsonView sentence : sentences) {
      RELATA_CHECK(read_tokens(record_, sentence, text_));
      const auto range = text_.range(starts_.back(), text_.size());
      if (range) {
        sentence_ranges_.push_back(*range);
        document_.sentences.push_back(*range);
      } else {
        kept_["empty_sentences"].push_back(sentence_ranges_.size());
        sentence_ranges_.push_back({});
      }
      starts_.push_back(text_.size());
    }
    return {};
  }

  Status read_entity(JsonView vertex) {
    if (!vertex.is_array() || vertex.size() == 0) {
      return record_.fail(vertex, "is not a list of mentions");
    }
    Entity entity;
    entity.id = "e" + std::to_string(document_.entities.size());
    mentions_.clear();
    for (const JsonView value : vertex) {
      RELATA_TRY(const Mention mention, read_mention(value));
      mentions_.push_back(mention);
    }
    keep_members(vertex, entity.id);
    sort_mentions(entity.id);
    const bool named = std::any_of(mentions_.begin(), mentions_.end(), [&](const Mention& mention) {
      return mention.name != covered(mention.range);
    });
    for (const Mention& mention : mentions_) {
      entity.mentions.push_back(mention.range);
      if (named) entity.names.emplace_back(mention.name);
    }
    entity.text = covered(mentions_.front().range);
    document_.entities.push_back(std::move(entity));
    document_.entities.back().type = first_type_;
    return {};
  }

  Result<Mention> read_mention(JsonView value) {
    RELATA_TRY(const size_t sentence, record_.get_index(value, "sent_id", sentence_ranges_.size()));
    RELATA_TRY(const JsonView place, record_.get_list(value, "pos"));
    RELATA_CHECK(record_.check_list(place, 2));
    Mention mention;
    RELATA_TRY(mention.type, record_.find_text(value, "type"));
    RELATA_TRY(mention.name, record_.find_text(value, "name"));
    const size_t size = starts_[sentence + 1] - starts_[sentence];
    const auto begin = place.at(0).integer();
    const auto end = place.at(1).integer();
    std::optional<ByteRange> range;
    if (begin && end && *begin >= 0 && *begin < *end && static_cast<size_t>(*end) <= size) {
      range = text_.range(starts_[sentence] + static_cast<size_t>(*begin),
                          starts_[sentence] + static_cast<size_t>(*end));
    }
    if (!range) {
      range = find_name(mention.name, sentence_ranges_[sentence]);
      if (!range) {
        return record_.fail(place, "is no range of the " + std::to_string(size) +
                                       " tokens of sentence " + std::to_string(sentence));
      }
      intake_.note_fix(record_.where(), record_.root().path_to(place) +
                                            " was no range of tokens; the name stands only once "
                                            "in the sentence");
    }
    mention.range = *range;
    if (mention.name.empty()) mention.name = covered(mention.range);
    return mention;
  }

  // With on_error=fix: the only place in the sentence where the name stands.
  std::optional<ByteRange> find_name(std::string_view name, ByteRange sentence) const {
    if (!intake_.fixes()) return std::nullopt;
    const auto found = find_mentions(std::string(covered(sentence)), std::string(name));
    if (found.size() != 1) return std::nullopt;
    return ByteRange{sentence.begin + found[0].begin, sentence.begin + found[0].end};
  }

  // Notes the members of mentions that are neither read nor follow from what is.
  void keep_members(JsonView vertex, const std::string& id) {
    size_t number = 0;
    for (const JsonView value : vertex) {
      value.each_member([&](std::string_view key, JsonView member) {
        if (key == "name" || key == "pos" || key == "sent_id" || key == "type") return;
        if (key == kIndex && is_index(member, number)) {
          has_index_ = true;
        } else if (key == kGlobal && is_global(value)) {
          has_global_ = true;
        } else {
          Json& rest = kept_["mentions"][id];
          while (rest.size() < vertex.size()) rest.push_back(Json::object());
          rest[number][std::string(key)] = member.to_json();
        }
      });
      ++number;
    }
  }

  bool is_index(JsonView member, size_t number) const {
    return member.is_string() && member.string() == std::to_string(document_.entities.size()) +
                                                        "_" + std::to_string(number);
  }
  // global_pos is the first token's number in the document, twice.
  bool is_global(JsonView mention) const {
    const JsonView global = mention.find(kGlobal);
    const auto sentence = mention.find("sent_id").integer();
    const auto begin = mention.find("pos").at(0).integer();
    if (!global.is_array() || global.size() != 2 || !sentence || !begin) return false;
    const int64_t want = static_cast<int64_t>(starts_[static_cast<size_t>(*sentence)]) + *begin;
    return global.at(0).integer() == want && global.at(1).integer() == want;
  }
  void sort_mentions(const std::string& id) {
    first_type_ = mentions_.front().type;
    const auto less = [](const Mention& a, const Mention& b) {
      return std::pair(a.range.begin, a.range.end) < std::pair(b.range.begin, b.range.end);
    };
    const bool same_type =
        std::all_of(mentions_.begin(), mentions_.end(),
                    [&](const Mention& mention) { return mention.type == first_type_; });
    if (!std::is_sorted(mentions_.begin(), mentions_.end(), less)) {
      std::vector<size_t> order(mentions_.size());
      std::iota(order.begin(), order.end(), size_t{0});
      std::stable_sort(order.begin(), order.end(),
                       [&](size_t a, size_t b) { return less(mentions_[a], mentions_[b]); });
      std::vector<size_t> places(order.size());
      for (size_t i = 0; i < order.size(); ++i) places[order[i]] = i;
      kept_["order"][id] = places;
      std::stable_sort(mentions_.begin(), mentions_.end(), less);
    }
    if (same_type) return;
    Json& types = kept_["types"][id];
    for (const Mention& mention : mentions_) types.push_back(mention.type);
  }

  Status read_label(JsonView label) {
    Relation relation;
    const size_t entities = document_.entities.size();
    RELATA_TRY(const size_t head, record_.get_index(label, "h", entities));
    RELATA_TRY(const size_t tail, record_.get_index(label, "t", entities));
    RELATA_TRY(const std::string_view type, record_.get_text(label, "r"));
    relation.head = static_cast<int>(head);
    relation.tail = static_cast<int>(tail);
    relation.type = type;
    RELATA_TRY(const JsonView evidence, record_.find_list(label, "evidence"));
    if (evidence) {
      for (const JsonView value : evidence) {
        RELATA_TRY(const size_t sentence, record_.as_index(value, sentence_ranges_.size()));
        const ByteRange range = sentence_ranges_[sentence];
        if (range.begin == range.end) return record_.fail(value, "names a sentence without tokens");
        relation.evidence.push_back(range);
      }
    }
    const std::string number = std::to_string(document_.relations.size());
    label.each_member([&](std::string_view key, JsonView member) {
      if (key == "h" || key == "t" || key == "r" || key == "evidence") return;
      kept_["labels"][number][std::string(key)] = member.to_json();
    });
    document_.relations.push_back(std::move(relation));
    return {};
  }

  void keep_rest(JsonView root) {
    root.each_member([&](std::string_view key, JsonView member) {
      if (key == "title" || key == "sents" || key == "vertexSet" || key == "labels") return;
      kept_["document"][std::string(key)] = member.to_json();
    });
  }

  std::string_view covered(ByteRange range) const {
    return std::string_view(text_.text()).substr(range.begin, range.end - range.begin);
  }

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  Document document_;
  Json kept_ = Json::object();
  TokenText text_;
  std::vector<size_t> starts_;              // first token of each sentence, then of none
  std::vector<ByteRange> sentence_ranges_;  // of every sentence; {0, 0} when it has no tokens
  std::vector<Mention> mentions_;           // of the entity being read
  std::string_view first_type_;
  bool has_index_ = false;   // mentions have an "index" that follows from their order
  bool has_global_ = false;  // ... a "global_pos" that follows from their place
};

// Writes one document.
class DocredWriter {
 public:
  DocredWriter(const Document& document, Losses& losses)
      : document_(document), losses_(losses), text_(tokenize(document, losses)) {
    if (!document.meta.is_object()) return;
    const auto found = document.meta.find("docred");
    if (found != document.meta.end() && found->is_object()) kept_ = *found;
  }

  Json write() {
    Json out;
    out["title"] = document_.id;
    out["sents"] = write_sentences();
    Json vertices = Json::array();
    for (size_t i = 0; i < document_.entities.size(); ++i) {
      Json mentions = write_entity(i, vertices.size());
      vertex_.push_back(mentions.empty() ? -1 : static_cast<int>(vertices.size()));
      if (mentions.empty()) {
        ++losses_["entities that no sentence holds"];
      } else {
        vertices.push_back(std::move(mentions));
      }
    }
    out["vertexSet"] = std::move(vertices);
    Json labels = write_labels();
    if (!labels.empty() || !kept_.contains("unlabelled")) out["labels"] = std::move(labels);
    add_members(kept("document"), out);
    return out;
  }

 private:
  const Json* kept(const char* key) const {
    const auto found = kept_.find(key);
    return found == kept_.end() ? nullptr : &*found;
  }
  const Json* kept(const char* key, const std::string& item) const {
    const Json* all = kept(key);
    if (!all || !all->is_object()) return nullptr;
    const auto found = all->find(item);
    return found == all->end() ? nullptr : &*found;
  }
  static void add_members(const Json* members, Json& out) {
    if (!members || !members->is_object()) return;
    for (const auto& [key, value] : members->items()) out[key] = value;
  }

  // Sentence numbers of the file skip the sentences that have no tokens.
  Json write_sentences() {
    const Json* empty = kept("empty_sentences");
    Json sentences = Json::array();
    const auto is_empty = [&](size_t number) {
      return empty && empty->is_array() &&
             std::any_of(empty->begin(), empty->end(),
                         [&](const Json& item) { return item == number; });
    };
    for (size_t i = 0; i + 1 < text_.sentences.size(); ++i) {
      while (is_empty(sentences.size())) sentences.push_back(Json::array());
      numbers_.push_back(sentences.size());
      sentences.push_back(token_list(document_, text_, text_.sentences[i], text_.sentences[i + 1]));
    }
    while (is_empty(sentences.size())) sentences.push_back(Json::array());
    return sentences;
  }

  Json write_entity(size_t index, size_t vertex) {
    const Entity& entity = document_.entities[index];
    const Json* types = kept("types", entity.id);
    std::vector<Json> sorted;
    for (size_t i = 0; i < entity.mentions.size(); ++i) {
      const bool typed = types && types->is_array() && i < types->size() && (*types)[i].is_string();
      auto mention = write_mention(entity, i, typed ? (*types)[i].get<std::string>() : entity.type);
      if (mention) {
        sorted.push_back(std::move(*mention));
      } else {
        ++losses_["mentions that go over the end of a sentence"];
      }
    }
    Json mentions = Json::array();
    for (const size_t place : file_order(entity.id, sorted.size())) {
      mentions.push_back(std::move(sorted[place]));
    }
    add_derived(vertex, mentions);
    const Json* rest = kept("mentions", entity.id);
    for (size_t i = 0; rest && rest->is_array() && i < rest->size() && i < mentions.size(); ++i) {
      add_members(&(*rest)[i], mentions[i]);
    }
    return mentions;
  }

  std::optional<Json> write_mention(const Entity& entity, size_t index, const std::string& type) {
    const ByteRange range = entity.mentions[index];
    const auto tokens = text_.find(range);
    if (!tokens) return std::nullopt;
    const size_t sentence = text_.sentence_of(tokens->first);
    if (tokens->second > text_.sentences[sentence + 1]) return std::nullopt;
    const size_t start = text_.sentences[sentence];
    return Json{
        {"name", entity.names.empty() ? document_.text.substr(range.begin, range.end - range.begin)
                                      : entity.names[index]},
        {"pos", {tokens->first - start, tokens->second - start}},
        {"sent_id", numbers_[sentence]},
        {"type", type}};
  }

  // A permutation of [0, count): the one the file had, if it still fits.
  std::vector<size_t> file_order(const std::string& id, size_t count) const {
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    const Json* places = kept("order", id);
    if (!places || !places->is_array() || places->size() != count) return order;
    std::vector<size_t> stated;
    for (const Json& place : *places) {
      if (!place.is_number_unsigned()) return order;
      stated.push_back(place.get<size_t>());
    }
    return std::is_permutation(stated.begin(), stated.end(), order.begin()) ? stated : order;
  }

  void add_derived(size_t vertex, Json& mentions) const {
    const Json* derived = kept("derived");
    for (size_t i = 0; derived && derived->is_array() && i < mentions.size(); ++i) {
      Json& mention = mentions[i];
      for (const Json& key : *derived) {
        if (key == kIndex) mention[kIndex] = std::to_string(vertex) + "_" + std::to_string(i);
        if (key != kGlobal) continue;
        size_t first = mention["pos"][0].get<size_t>();
        for (size_t s = 0; s < numbers_.size(); ++s) {
          if (mention["sent_id"] == numbers_[s]) first += text_.sentences[s];
        }
        mention[kGlobal] = {first, first};
      }
    }
  }

  Json write_labels() {
    Json labels = Json::array();
    for (size_t i = 0; i < document_.relations.size(); ++i) {
      const Relation& relation = document_.relations[i];
      const int head = vertex_.at(relation.head);
      const int tail = vertex_.at(relation.tail);
      if (head < 0 || tail < 0) {
        ++losses_["relations of entities that no sentence holds"];
        continue;
      }
      Json label = {
          {"r", relation.type}, {"h", head}, {"t", tail}, {"evidence", write_evidence(relation)}};
      add_members(kept("labels", std::to_string(i)), label);
      labels.push_back(std::move(label));
    }
    return labels;
  }

  Json write_evidence(const Relation& relation) {
    Json evidence = Json::array();
    for (const ByteRange& range : relation.evidence) {
      bool whole = false;
      for (size_t s = 0; s + 1 < text_.sentences.size(); ++s) {
        if (text_.sentences[s] == text_.sentences[s + 1]) continue;
        const size_t begin = text_.tokens[text_.sentences[s]].begin;
        const size_t end = text_.tokens[text_.sentences[s + 1] - 1].end;
        if (range.begin >= end || range.end <= begin) continue;
        whole = range == ByteRange{begin, end};
        evidence.push_back(numbers_[s]);
      }
      losses_["evidence widened to whole sentences"] += !whole;
    }
    return evidence;
  }

  const Document& document_;
  Losses& losses_;
  TokenizedText text_;
  Json kept_ = Json::object();
  std::vector<size_t> numbers_;  // in the file, of each of text_'s sentences
  std::vector<int> vertex_;      // in the file, of each entity; -1: left out
};

bool sniff_docred(const Sample& sample) { return sample.has({"sents", "vertexSet"}); }

Status read_docred(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return DocredReader(record, source, intake).read();
  });
}

Result<std::string> write_docred(const std::vector<Document>& documents, const WriteOptions&,
                                 Losses& losses) {
  Json list = Json::array();
  for (const Document& document : documents) {
    list.push_back(DocredWriter(document, losses).write());
  }
  return dump_records(list);
}

}  // namespace

FormatEntry docred_format() {
  FormatEntry entry;
  entry.info = {"docred", "DocRED's JSON: tokens by sentence, entities with mentions, relations"};
  entry.holds = kHoldsIds | kHoldsSentences | kHoldsLoneEntities | kHoldsEntityTypes |
                kHoldsMentions | kHoldsClusters | kHoldsEvidence | kHoldsRelations |
                kHoldsTextAlone | kHoldsNames;
  entry.meta = {"docred", "tokens"};
  entry.sniff = sniff_docred;
  entry.read = read_docred;
  entry.write = write_docred;
  return entry;
}

}  // namespace relata::data
