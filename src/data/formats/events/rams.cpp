// RAMS (Ebner et al., ACL 2020): JSONL of tokenized documents with evt_triggers, ent_spans and
// gold_evt_links; token offsets count over all sentences and include the last token.
#include <map>

#include "formats/annotators/annotation_formats.h"
#include "formats/json_records.h"
#include "formats/token_text.h"
#include "spans.h"

namespace relata::data {
namespace {

constexpr size_t kNoLimit = size_t{1} << 32U;

// "evt089arg02place" names the role "place" of one event's ontology entry.
std::string_view role_name(std::string_view label) {
  size_t at = 0;
  for (const std::string_view part : {"evt", "arg"}) {
    if (label.substr(at, part.size()) != part) return label;
    at += part.size();
    const size_t digits = at;
    while (at < label.size() && label[at] >= '0' && label[at] <= '9') ++at;
    if (at == digits) return label;
  }
  return at < label.size() ? label.substr(at) : label;
}

class RamsReader {
 public:
  RamsReader(const JsonRecord& record, Intake& intake) : record_(record), intake_(intake) {}

  Status run() {
    RELATA_TRY(const std::string_view key, record_.get_text(record_.root(), "doc_key"));
    document_.id = key;
    RELATA_TRY(const JsonView sentences, record_.get_list(record_.root(), "sentences"));
    for (const JsonView sentence : sentences) {
      RELATA_CHECK(read_sentence(sentence));
    }
    if (tokens_.text().empty()) return record_.fail(sentences, "has no tokens");
    RELATA_CHECK(read_triggers());
    RELATA_CHECK(read_entities());
    RELATA_CHECK(read_links());
    if (const JsonView url = record_.root().find("source_url"); url.is_string()) {
      document_.meta["source_url"] = url.string();
    }
    tokens_.hand_over(document_);
    return intake_.add(std::move(document_), record_.where());
  }

 private:
  Status read_sentence(JsonView sentence) {
    if (!sentence.is_array()) return record_.fail(sentence, "is no list of tokens");
    const size_t first = tokens_.size();
    RELATA_CHECK(read_tokens(record_, sentence, tokens_));
    if (const auto range = tokens_.range(first, tokens_.size())) {
      document_.sentences.push_back(*range);
    }
    return {};
  }

  // A list that begins with [first token, last token].
  Result<ByteRange> read_range(JsonView value) const {
    if (!value.is_array() || value.size() < 2) {
      return record_.fail(value, "does not begin with two token offsets");
    }
    RELATA_TRY(const size_t begin, record_.as_index(value.at(0), kNoLimit));
    RELATA_TRY(const size_t last, record_.as_index(value.at(1), kNoLimit));
    if (const auto range = tokens_.range(begin, last + 1)) return *range;
    return record_.fail(value, "is no range of the " + std::to_string(tokens_.size()) + " tokens");
  }

  // The label of highest confidence in [first, last, [[label, confidence], ...]].
  Result<std::string_view> read_label(JsonView value) const {
    if (value.size() < 3 || !value.at(2).is_array() || value.at(2).size() == 0) {
      return record_.fail(value, "has no labels");
    }
    std::string_view best;
    double most = -1;
    for (const JsonView pair : value.at(2)) {
      if (!pair.is_array() || pair.size() != 2 || !pair.at(1).is_number()) {
        return record_.fail(pair, "is not [label, confidence]");
      }
      RELATA_TRY(const std::string_view label, record_.as_text(pair.at(0)));
      if (pair.at(1).number() <= most) continue;
      most = pair.at(1).number();
      best = label;
    }
    return best;
  }

  Status read_triggers() {
    RELATA_TRY(const JsonView triggers, record_.get_list(record_.root(), "evt_triggers"));
    for (const JsonView trigger : triggers) {
      Event event;
      RELATA_TRY(event.trigger, read_range(trigger));
      RELATA_TRY(const std::string_view type, read_label(trigger));
      event.type = type;
      event.id = "ev" + std::to_string(document_.events.size());
      events_.try_emplace(key_of(event.trigger), document_.events.size());
      document_.events.push_back(std::move(event));
    }
    return {};
  }

  Status read_entities() {
    RELATA_TRY(const JsonView spans, record_.get_list(record_.root(), "ent_spans"));
    for (const JsonView span : spans) {
      RELATA_TRY(const ByteRange range, read_range(span));
      entity_at(range);
    }
    return {};
  }

  Status read_links() {
    RELATA_TRY(const JsonView links, record_.get_list(record_.root(), "gold_evt_links"));
    for (const JsonView link : links) {
      RELATA_CHECK(record_.check_list(link, 3));
      RELATA_TRY(const ByteRange trigger, read_range(link.at(0)));
      const auto event = events_.find(key_of(trigger));
      if (event == events_.end()) return record_.fail(link.at(0), "is no trigger of the document");
      Argument argument;
      RELATA_TRY(argument.range, read_range(link.at(1)));
      RELATA_TRY(const std::string_view label, record_.as_text(link.at(2)));
      if (label.empty()) return record_.fail(link.at(2), "is empty");
      argument.role = role_name(label);
      argument.entity = entity_at(argument.range);
      document_.events[event->second].arguments.push_back(std::move(argument));
    }
    return {};
  }

  int entity_at(const ByteRange& range) {
    const auto [found, is_new] =
        entities_.try_emplace(key_of(range), static_cast<int>(document_.entities.size()));
    if (!is_new) return found->second;
    Entity& entity = document_.entities.emplace_back();
    entity.id = "e" + std::to_string(found->second);
    entity.text = tokens_.text().substr(range.begin, range.end - range.begin);
    entity.mentions = {range};
    return found->second;
  }

  static std::pair<size_t, size_t> key_of(const ByteRange& range) {
    return {range.begin, range.end};
  }

  const JsonRecord& record_;
  Intake& intake_;
  TokenText tokens_;
  Document document_;
  std::map<std::pair<size_t, size_t>, size_t> events_;
  std::map<std::pair<size_t, size_t>, int> entities_;
};

bool sniff_rams(const Sample& sample) {
  return sample.has({"doc_key", "evt_triggers"}) || sample.has({"rel_triggers", "doc_key"});
}

Status read_rams(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(
      source, intake, [&](const JsonRecord& record) { return RamsReader(record, intake).run(); });
}

}  // namespace

FormatEntry rams_format() {
  FormatEntry entry;
  entry.info.name = "rams";
  entry.info.description = "RAMS's JSONL: events with arguments across sentences";
  entry.sniff = sniff_rams;
  entry.read = read_rams;
  return entry;
}

}  // namespace relata::data
