// SciERC in DyGIE's JSON lines: {"doc_key", "sentences": [[token, ...], ...], "ner": [[[begin, end,
// type], ...], ...], "relations": [[[b1, e1, b2, e2, type], ...], ...], "clusters": [[[b, e], ...],
// ...]}; ner and relations by sentence, all places tokens of the document, ends inclusive.
// Relations hold between mentions, and mentions of one cluster differ in type, so an entity here is
// one mention, and meta "clusters" lists the ids of those that corefer.
#include "building.h"
#include "token_text.h"

namespace relata::data {
namespace {

Result<ByteRange> read_span(const JsonRecord& record, JsonView item, size_t first,
                            const TokenText& text) {
  RELATA_TRY(const size_t begin, record.as_index(item.at(first), text.size()));
  RELATA_TRY(const size_t end, record.as_index(item.at(first + 1), text.size()));
  const auto range = text.range(begin, end + 1);
  if (!range) return record.fail(item, "is no range of tokens");
  return *range;
}

// Calls visit for every item of lists by sentence, each item a list of `size` or more.
template <class Visit>
Status each_item(const JsonRecord& record, const char* key, size_t size, Visit&& visit) {
  RELATA_TRY(const JsonView lists, record.find_list(record.root(), key));
  if (!lists) return {};
  for (const JsonView list : lists) {
    if (!list.is_array()) return record.fail(list, "is not a list");
    for (const JsonView item : list) {
      if (!item.is_array() || item.size() < size) {
        return record.fail(item, "is not a list of " + std::to_string(size));
      }
      RELATA_CHECK(visit(item));
    }
  }
  return {};
}

Status read_record(const JsonRecord& record, const Source& source, Intake& intake) {
  DocumentBuilder builder;
  Document& document = builder.document;
  RELATA_TRY(document.id, record_id(record, source, {"doc_key", "id"}));
  RELATA_TRY(const JsonView sentences, record.get_list(record.root(), "sentences"));
  TokenText text(sentences.size() > 0 && sentences.at(0).is_array() && are_tight(sentences.at(0)));
  for (const JsonView sentence : sentences) {
    if (!sentence.is_array()) return record.fail(sentence, "is not a list of tokens");
    const size_t first = text.size();
    RELATA_CHECK(read_tokens(record, sentence, text));
    if (const auto range = text.range(first, text.size())) document.sentences.push_back(*range);
  }
  const TokenText tokens = text;
  text.hand_over(document);
  RELATA_CHECK(each_item(record, "ner", 3, [&](JsonView item) -> Status {
    RELATA_TRY(const ByteRange range, read_span(record, item, 0, tokens));
    RELATA_TRY(const std::string_view type, record.as_text(item.at(2)));
    builder.placed(range, type);
    return {};
  }));
  RELATA_CHECK(each_item(record, "relations", 5, [&](JsonView item) -> Status {
    RELATA_TRY(const ByteRange head, read_span(record, item, 0, tokens));
    RELATA_TRY(const ByteRange tail, read_span(record, item, 2, tokens));
    RELATA_TRY(const std::string_view type, record.as_text(item.at(4)));
    const int from = builder.standing(head, "");
    builder.relate(from, builder.standing(tail, ""), type);
    return {};
  }));
  RELATA_TRY(const JsonView clusters, record.find_list(record.root(), "clusters"));
  if (clusters) {
    for (const JsonView cluster : clusters) {
      if (!cluster.is_array()) return record.fail(cluster, "is not a list of mentions");
      Json ids = Json::array();
      for (const JsonView mention : cluster) {
        RELATA_CHECK(record.check_list(mention, 2));
        RELATA_TRY(const ByteRange range, read_span(record, mention, 0, tokens));
        ids.push_back(document.entities[builder.standing(range, "")].id);
      }
      document.meta["clusters"].push_back(std::move(ids));
    }
  }
  return intake.add(std::move(document), record.where());
}

bool sniff_scierc(const Sample& sample) { return sample.has({"sentences", "ner", "relations"}); }

Status read_scierc(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return read_record(record, source, intake);
  });
}

}  // namespace

FormatEntry scierc_format() {
  FormatEntry entry;
  entry.info = {"scierc", "SciERC in DyGIE's JSON lines: spans, relations and clusters of tokens"};
  entry.sniff = sniff_scierc;
  entry.read = read_scierc;
  return entry;
}

}  // namespace relata::data
