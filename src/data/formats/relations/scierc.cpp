// SciERC in DyGIE's JSON lines: {"doc_key", "sentences": [[token, ...], ...], "ner": [[[begin, end,
// type], ...], ...], "relations": [[[b1, e1, b2, e2, type], ...], ...], "clusters": [[[b, e], ...],
// ...]}; ner and relations by sentence, all places tokens of the document, ends inclusive.
// Relations hold between mentions, and mentions of one cluster differ in type, so an entity here is
// one mention, and meta "clusters" lists the ids of those that corefer.
#include "building.h"
#include "formats/token_text.h"

namespace relata::data {
namespace {

struct TokenSpan {
  size_t begin = 0;
  size_t end = 0;
};

Result<ByteRange> read_span(const JsonRecord& record, JsonView item, size_t first,
                            const TokenText& text) {
  RELATA_TRY(const size_t begin, record.as_index(item.at(first), text.size()));
  RELATA_TRY(const size_t end, record.as_index(item.at(first + 1), text.size()));
  const auto range = text.range(begin, end + 1);
  if (!range) return record.fail(item, "is no range of tokens");
  return *range;
}

// Places count tokens of the document, but belong to the sentence under which they are stated: one
// outside it, counted from the sentence's begin for example, would be some other words.
Status check_inside(const JsonRecord& record, JsonView item, size_t first, const TokenSpan& own,
                    size_t tokens) {
  const auto begin = item.at(first).integer();
  const auto end = item.at(first + 1).integer();
  const auto inside = [&](const std::optional<int64_t>& at) {
    if (!at || *at < 0 || *at >= static_cast<int64_t>(tokens)) return true;  // refused as such
    return *at >= static_cast<int64_t>(own.begin) && *at < static_cast<int64_t>(own.end);
  };
  if (inside(begin) && inside(end)) return {};
  return record.fail(item,
                     "is outside its sentence, which has the tokens " + std::to_string(own.begin) +
                         " to " + std::to_string(own.end - 1),
                     "places count the document's tokens, ends inclusive");
}

// Calls visit for every item of lists by sentence, each item a list of `size` or more that begins
// with the places of `places` spans.
template <class Visit>
Status each_item(const JsonRecord& record, const char* key, size_t size, size_t places,
                 const std::vector<TokenSpan>& sentences, Visit&& visit) {
  RELATA_TRY(const JsonView lists, record.find_list(record.root(), key));
  if (!lists) return {};
  size_t number = 0;
  for (const JsonView list : lists) {
    if (!list.is_array()) return record.fail(list, "is not a list");
    const TokenSpan own = number < sentences.size() ? sentences[number] : TokenSpan{};
    ++number;
    for (const JsonView item : list) {
      if (!item.is_array() || item.size() < size) {
        return record.fail(item, "is not a list of " + std::to_string(size));
      }
      if (number > sentences.size()) return record.fail(list, "is of no sentence");
      for (size_t i = 0; i < places; ++i) {
        RELATA_CHECK(check_inside(record, item, 2 * i, own, sentences.back().end));
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
  std::vector<TokenSpan> spans;
  for (const JsonView sentence : sentences) {
    if (!sentence.is_array()) return record.fail(sentence, "is not a list of tokens");
    const size_t first = text.size();
    RELATA_CHECK(read_tokens(record, sentence, text));
    spans.push_back({first, text.size()});
    if (const auto range = text.range(first, text.size())) document.sentences.push_back(*range);
  }
  const TokenText tokens = text;
  text.hand_over(document);
  RELATA_CHECK(each_item(record, "ner", 3, 1, spans, [&](JsonView item) -> Status {
    RELATA_TRY(const ByteRange range, read_span(record, item, 0, tokens));
    RELATA_TRY(const std::string_view type, record.as_text(item.at(2)));
    builder.placed(range, type);
    return {};
  }));
  RELATA_CHECK(each_item(record, "relations", 5, 2, spans, [&](JsonView item) -> Status {
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
  RELATA_TRY(const JsonView events, record.find_list(record.root(), "events"));
  if (events) {
    for (const JsonView sentence : events) {
      for (size_t i = 0; i < sentence.size(); ++i) intake.count("events, which are not read");
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
