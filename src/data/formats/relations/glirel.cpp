// glirel: {"tokenized_text": [...], "ner": [[begin, end, type, text], ...], "relations": [{"head":
// {"mention", "position": [begin, end], "type"}, "tail": {...}, "relation_text"}]}. Ends are
// inclusive, or where the stated texts say so (some exports count to behind the end) exclusive;
// what states no text is read as most stated texts of the file are. Source:
// github.com/jackboyla/GLiREL.
//
// spacy: {"text", "spans" or "ents": [{"start", "end", "label"}], "relations": [{"head_span":
// {"start", "end", "label"}, "child_span": {...}, "label"}]}, as spaCy's Doc.to_json() and
// Prodigy's ner.manual and rel.manual write it; places count characters. spaCy has "spans" by
// group. What a Prodigy annotator rejected or ignored is no gold and is left out. Source:
// spacy.io/api/doc#to_json, prodi.gy/docs/api-interfaces.
#include <cctype>
#include <functional>
#include <optional>

#include "building.h"
#include "formats/token_text.h"
#include "relata/base/trim.h"

namespace relata::data {
namespace {

std::string without_blanks(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](unsigned char c) { return std::isspace(c) != 0; });
  return out;
}

// How many stated texts each reading of the ends fits.
struct EndVotes {
  size_t inclusive = 0;
  size_t exclusive = 0;
};

class GlirelReader {
 public:
  // Whether the file's ends are exclusive; none while that is not known.
  using UsualEnds = std::function<std::optional<bool>()>;

  GlirelReader(const JsonRecord& record, const Source& source, Intake& intake,
               const UsualEnds& usual_ends, EndVotes& votes)
      : record_(record), source_(source), intake_(intake), usual_ends_(usual_ends), votes_(votes) {}

  Status read() {
    const JsonView root = record_.root();
    RELATA_TRY(builder_.document.id, record_id(record_, source_, {"id", "title"}));
    RELATA_TRY(const JsonView tokens, record_.get_list(root, "tokenized_text"));
    TokenText text(are_tight(tokens));
    RELATA_CHECK(read_tokens(record_, tokens, text));
    tokens_ = text;
    text.hand_over(builder_.document);
    RELATA_TRY(const JsonView spans, record_.find_list(root, "ner"));
    if (spans) {
      for (const JsonView span : spans) {
        if (!span.is_array() || span.size() < 3) return record_.fail(span, "is not a list of 3");
        RELATA_TRY(const std::string type, record_.as_id(span.at(2)));
        const bool named = span.size() > 3 && span.at(3).is_string();
        RELATA_TRY(const ByteRange range,
                   read_place(span, named ? span.at(3).string() : std::string_view()));
        builder_.placed(range, type);
      }
    }
    RELATA_TRY(const JsonView relations, record_.find_list(root, "relations"));
    if (relations) {
      for (const JsonView relation : relations) {
        RELATA_TRY(const int head, read_end(relation, "head"));
        RELATA_TRY(const int tail, read_end(relation, "tail"));
        RELATA_TRY(const std::string_view type, record_.get_text(relation, "relation_text"));
        builder_.relate(head, tail, type);
      }
    }
    return intake_.add(std::move(builder_.document), record_.where());
  }

 private:
  // The range of a list that begins with its first and last token. Stated texts may have other
  // blanks than the tokens.
  Result<ByteRange> read_place(JsonView place, std::string_view stated) {
    RELATA_TRY(const size_t begin, record_.as_index(place.at(0), tokens_.size()));
    RELATA_TRY(const size_t end, record_.as_index(place.at(1), tokens_.size() + 1));
    const auto inclusive = tokens_.range(begin, end + 1);
    const auto exclusive = tokens_.range(begin, end);
    if (stated.empty()) {
      const auto& range = usual_ends_().value_or(!inclusive) ? exclusive : inclusive;
      if (!range) return record_.fail(place, "is no range of tokens");
      return *range;
    }
    const std::string wanted = without_blanks(stated);
    const std::string_view text = tokens_.text();
    const auto covers = [&](const std::optional<ByteRange>& range) {
      return range &&
             without_blanks(text.substr(range->begin, range->end - range->begin)) == wanted;
    };
    if (covers(inclusive)) {
      ++votes_.inclusive;
      return *inclusive;
    }
    if (covers(exclusive)) {
      ++votes_.exclusive;
      return *exclusive;
    }
    return mend(place, begin, stated);
  }

  Result<ByteRange> mend(JsonView place, size_t begin, std::string_view stated) {
    const std::string quoted = "\"" + std::string(stated) + "\"";
    if (!intake_.fixes()) {
      return record_.fail(place, "does not cover " + quoted + ", be its end inclusive or exclusive",
                          "correct the place, or let on_error=fix move it to the nearest one");
    }
    const size_t near = tokens_.token(begin).begin;
    const auto moved =
        nearest_occurrence(tokens_.text(), std::string(relata::trimmed(stated)), {near, near});
    if (!moved) {
      return record_.fail(
          place, "does not cover " + quoted + ", which is not in the text, or twice as near");
    }
    intake_.note_fix(record_.where(), record_.root().path_to(place) + " was moved to " + quoted);
    return *moved;
  }

  Result<int> read_end(JsonView relation, const char* key) {
    RELATA_TRY(const JsonView value, record_.get_object(relation, key));
    RELATA_TRY(const JsonView place, record_.get_list(value, "position"));
    RELATA_CHECK(record_.check_list(place, 2));
    RELATA_TRY(const JsonView mention, record_.find(value, "mention"));
    RELATA_TRY(const ByteRange range,
               read_place(place, mention.is_string() ? mention.string() : std::string_view()));
    RELATA_TRY(const std::string_view type, record_.find_text(value, "type"));
    return builder_.standing(range, type);
  }

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  const UsualEnds& usual_ends_;
  EndVotes& votes_;
  DocumentBuilder builder_;
  TokenText tokens_;
};

// Whether the stated texts of the file's first records tell that ends are exclusive.
bool has_exclusive_ends(const Source& source) {
  constexpr size_t kRecords = 1000;
  Dataset none;
  ReadOptions lenient;
  lenient.on_error = "skip";
  Intake intake(lenient, none);
  EndVotes votes;
  const GlirelReader::UsualEnds unknown = [] { return std::nullopt; };
  (void)read_json_records(source, intake, [&](const JsonRecord& record) -> Status {
    if (record.number() > kRecords) return internal_error("enough");
    return GlirelReader(record, source, intake, unknown, votes).read();
  });
  return votes.exclusive > votes.inclusive;
}

Status read_glirel(const Source& source, const ReadOptions&, Intake& intake) {
  std::optional<bool> exclusive;  // looked for where a span without text needs it
  const GlirelReader::UsualEnds usual_ends = [&]() -> std::optional<bool> {
    if (!exclusive) exclusive = has_exclusive_ends(source);
    return exclusive;
  };
  EndVotes votes;
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return GlirelReader(record, source, intake, usual_ends, votes).read();
  });
}

class SpacyReader {
 public:
  SpacyReader(const JsonRecord& record, const Source& source, Intake& intake)
      : record_(record), source_(source), intake_(intake) {}

  Status read() {
    const JsonView root = record_.root();
    RELATA_TRY(const bool accepted, is_accepted());
    if (!accepted) return {};
    Document& document = builder_.document;
    RELATA_TRY(document.id, record_id(record_, source_, {"id"}));
    RELATA_TRY(document.text, record_.get_text(root, "text"));
    const text::OffsetMap offsets(document.text);
    RELATA_TRY(const JsonView entities, record_.find_list(root, "ents", {"sents"}));
    RELATA_CHECK(read_spans(entities, offsets));
    RELATA_TRY(const JsonView spans, record_.find(root, "spans"));
    if (spans.is_object()) {
      Status groups;
      spans.each_member([&](std::string_view, JsonView group) {
        if (groups.ok()) groups = read_spans(group, offsets);
      });
      RELATA_CHECK(groups);
    } else {
      RELATA_CHECK(read_spans(spans, offsets));
    }
    RELATA_TRY(const JsonView sentences, record_.find_list(root, "sents", {"ents"}));
    if (sentences) RELATA_CHECK(read_sentences(sentences, offsets));
    RELATA_TRY(const JsonView relations, record_.find_list(root, "relations"));
    if (relations) {
      for (const JsonView relation : relations) {
        RELATA_TRY(const JsonView head_span, record_.get_object(relation, "head_span"));
        RELATA_TRY(const JsonView tail_span, record_.get_object(relation, "child_span"));
        RELATA_TRY(const int head, read_span(head_span, offsets));
        RELATA_TRY(const int tail, read_span(tail_span, offsets));
        RELATA_TRY(const std::string_view type, record_.get_text(relation, "label"));
        builder_.relate(head, tail, type);
      }
    }
    return intake_.add(std::move(document), record_.where());
  }

 private:
  Result<bool> is_accepted() {
    RELATA_TRY(const std::string_view answer, record_.find_text(record_.root(), "answer"));
    if (answer.empty() || answer == "accept") return true;
    if (answer != "reject" && answer != "ignore") {
      return record_.fail(record_.root().find("answer"),
                          "is \"" + std::string(answer) + "\", not accept, reject or ignore");
    }
    intake_.count("records left out, whose answer is \"" + std::string(answer) + "\"");
    return false;
  }

  Status read_spans(JsonView spans, const text::OffsetMap& offsets) {
    if (!spans || spans.is_null()) return {};
    if (!spans.is_array()) return record_.fail(spans, "is not a list of spans");
    for (const JsonView span : spans) {
      RELATA_CHECK(read_span(span, offsets));
      RELATA_CHECK(record_.get(span, "label"));
    }
    return {};
  }

  Result<ByteRange> read_range(JsonView span, const text::OffsetMap& offsets) {
    RELATA_TRY(const size_t begin, record_.get_index(span, "start", offsets.code_points()));
    RELATA_TRY(const size_t end, record_.get_index(span, "end", offsets.code_points() + 1));
    RELATA_TRY(const std::string_view stated, record_.find_text(span, "text"));
    return read_code_points(record_, span, static_cast<int64_t>(begin), static_cast<int64_t>(end),
                            stated, builder_.document.text, offsets, intake_);
  }

  Result<int> read_span(JsonView span, const text::OffsetMap& offsets) {
    RELATA_TRY(const ByteRange range, read_range(span, offsets));
    RELATA_TRY(const std::string_view type, record_.find_text(span, "label"));
    return type.empty() ? builder_.standing(range, type) : builder_.placed(range, type);
  }

  Status read_sentences(JsonView sentences, const text::OffsetMap& offsets) {
    size_t last = 0;
    for (const JsonView sentence : sentences) {
      RELATA_TRY(const ByteRange range, read_range(sentence, offsets));
      if (range.begin < last) return record_.fail(sentence, "begins before the last one ends");
      last = range.end;
      builder_.document.sentences.push_back(range);
    }
    return {};
  }

  const JsonRecord& record_;
  const Source& source_;
  Intake& intake_;
  DocumentBuilder builder_;
};

bool sniff_glirel(const Sample& sample) {
  return sample.has({"tokenized_text"}) && (sample.has({"ner"}) || sample.has({"relations"}));
}

bool sniff_spacy(const Sample& sample) {
  if (!sample.has({"text"}) || sample.has({"entities"})) return false;
  return sample.has({"ents"}) || sample.has({"spans"}) || sample.holds("\"head_span\"");
}

Status read_spacy(const Source& source, const ReadOptions&, Intake& intake) {
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return SpacyReader(record, source, intake).read();
  });
}

}  // namespace

FormatEntry glirel_format() {
  FormatEntry entry;
  entry.info = {"glirel", "GLiREL's JSON lines: tokens, spans, relations between spans"};
  entry.sniff = sniff_glirel;
  entry.read = read_glirel;
  return entry;
}

FormatEntry spacy_format() {
  FormatEntry entry;
  entry.info = {"spacy", "spaCy's and Prodigy's JSON lines: text, spans, relations between spans"};
  entry.sniff = sniff_spacy;
  entry.read = read_spacy;
  return entry;
}

}  // namespace relata::data
