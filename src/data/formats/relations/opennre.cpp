// OpenNRE's JSON lines: {"text" or "token": ..., "h": {"name", "id", "pos": [begin, end)}, "t":
// {...}, "relation": ...}; places count characters of "text" or tokens of "token".
// Source: github.com/thunlp/OpenNRE.
#include "building.h"
#include "formats/token_text.h"

namespace relata::data {
namespace {

class OpennreReader {
 public:
  OpennreReader(const JsonRecord& record, const Source& source, Intake& intake)
      : record_(record), source_(source), intake_(intake) {}

  Status read() {
    const JsonView root = record_.root();
    Document& document = builder_.document;
    RELATA_TRY(document.id, record_id(record_, source_, {"id", "sid"}));
    RELATA_TRY(const JsonView tokens, record_.find_list(root, "token", {"tokens"}));
    TokenText text(tokens && are_tight(tokens));
    if (tokens) {
      RELATA_CHECK(read_tokens(record_, tokens, text));
      tokens_ = text;
      text.hand_over(document);
    } else {
      RELATA_TRY(document.text, record_.get_text(root, "text"));
    }
    const text::OffsetMap offsets(document.text);
    RELATA_CHECK(read_entity("h", tokens ? nullptr : &offsets));
    RELATA_CHECK(read_entity("t", tokens ? nullptr : &offsets));
    if (!ids_.empty()) document.meta["entity_ids"] = std::move(ids_);
    RELATA_TRY(const std::string_view type, record_.find_text(root, "relation"));
    if (type.empty()) {
      builder_.ask(0, 1);
    } else {
      builder_.relate(0, 1, type);
    }
    return intake_.add(std::move(document), record_.where());
  }

 private:
  Status read_entity(const char* key, const text::OffsetMap* offsets) {
    Document& document = builder_.document;
    RELATA_TRY(const JsonView value, record_.get_object(record_.root(), key));
    RELATA_TRY(const JsonView place, record_.get_list(value, "pos"));
    RELATA_CHECK(record_.check_list(place, 2));
    RELATA_TRY(const std::string_view name, record_.find_text(value, "name"));
    const auto begin = place.at(0).integer();
    const auto end = place.at(1).integer();
    if (!begin || !end) return record_.fail(place, "is not [begin, end)");
    Entity entity;
    entity.id = "e" + std::to_string(document.entities.size());
    if (offsets) {
      RELATA_TRY(const ByteRange range, read_code_points(record_, place, *begin, *end, name,
                                                         document.text, *offsets, intake_));
      entity.mentions.push_back(range);
    } else {
      const bool fits = *begin >= 0 && *end > *begin;
      const auto range = fits
                             ? tokens_.range(static_cast<size_t>(*begin), static_cast<size_t>(*end))
                             : std::nullopt;
      if (!range) return record_.fail(place, "is no range of tokens");
      entity.mentions.push_back(*range);
    }
    const ByteRange& range = entity.mentions.front();
    entity.text = document.text.substr(range.begin, range.end - range.begin);
    RELATA_TRY(entity.type, record_.find_text(value, "type"));
    if (const JsonView id = value.find("id"); id && !id.is_null()) {
      RELATA_TRY(const std::string text, record_.as_id(id));
      ids_[entity.id] = text;
    }
    document.entities.push_back(std::move(entity));
    return {};
  }

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  DocumentBuilder builder_;
  TokenText tokens_;
  Json ids_ = Json::object();
};

bool sniff_opennre(const Sample& sample) {
  return sample.has({"h", "t", "relation"}) && (sample.has({"text"}) || sample.has({"token"}));
}

Status read_opennre(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return OpennreReader(record, source, intake).read();
  });
}

}  // namespace

FormatEntry opennre_format() {
  FormatEntry entry;
  entry.info = {"opennre",
                "OpenNRE's JSON lines: text or tokens, one head, one tail, one relation"};
  entry.sniff = sniff_opennre;
  entry.read = read_opennre;
  return entry;
}

}  // namespace relata::data
