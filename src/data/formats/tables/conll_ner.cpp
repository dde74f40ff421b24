// Columns with one token a line and blank lines between sentences: CoNLL-2003 and its kin, with the
// tag in the last or the first column, words or characters as tokens.
#include <algorithm>

#include "conll_layout.h"
#include "formats/annotators/annotation_formats.h"
#include "formats/token_text.h"
#include "ner_tags.h"
#include "reading.h"

namespace relata::data {
namespace {

constexpr const char* kHint =
    "one token a line with its tag (O, B-PER, I-PER, ...) in the last or the first column, a blank "
    "line between sentences";

class ConllReader {
 public:
  ConllReader(const Source& source, Intake& intake) : source_(source), intake_(intake) {}

  Status run() {
    std::vector<ConllSentence> sentences = split_conll_sentences(source_.content);
    const auto layout = find_conll_layout(sentences);
    if (!layout) {
      return input_error(source_.path + ": neither the last nor the first column holds tags",
                         kHint);
    }
    layout_ = *layout;
    for (const size_t column : layout_.unread_tags) {
      intake_.count("files with tags in two columns, of which column " + std::to_string(column) +
                    " is not read");
    }
    fold_conll_words(sentences, layout_);
    sentences = cut_conll_sentences(std::move(sentences), layout_);
    text_ = TokenText(layout_.tight);
    std::vector<std::vector<NerTag>> tags;
    for (ConllSentence& sentence : sentences) {
      RELATA_TRY(std::vector<NerTag> read, read_tags(sentence));
      tags.push_back(std::move(read));
    }
    scheme_ = layout_.types_alone ? TagScheme::kIo : detect_scheme(tags);
    for (size_t i = 0; i < sentences.size(); ++i) {
      if (sentences[i].begins_document) {
        RELATA_CHECK(finish());
        has_documents_ = true;
        id_ = sentences[i].document_id;
      } else if (!has_documents_) {
        RELATA_CHECK(finish());
      }
      if (!tags[i].empty()) add_sentence(sentences[i], tags[i]);
    }
    return finish();
  }

 private:
  // One tag for every row that is no comment; none if the sentence was refused.
  Result<std::vector<NerTag>> read_tags(ConllSentence& sentence) {
    std::vector<NerTag> tags;
    std::vector<ConllRow> rows;
    for (const ConllRow& row : sentence.rows) {
      auto tag = read_tag(row);
      if (!tag.ok()) {
        RELATA_CHECK(intake_.reject(tag.error()));
        return std::vector<NerTag>();
      }
      if (!tag.value()) continue;
      tags.push_back(**tag);
      rows.push_back(row);
    }
    sentence.rows = std::move(rows);
    return tags;
  }

  Result<std::optional<NerTag>> read_tag(const ConllRow& row) {
    if (layout_.is_comment(row)) return std::optional<NerTag>();
    const std::string_view name = layout_.tag(row);
    std::optional<NerTag> tag = parse_ner_tag(name);
    if (layout_.types_alone && name != "O") {
      RELATA_CHECK(check_without_prefix(row, name, tag));
      tag = is_type(name) ? std::optional(NerTag{'I', name}) : std::nullopt;
    }
    RELATA_CHECK(check_columns(row));
    for (const std::string_view text : row.columns) {
      if (text.find('\r') == std::string_view::npos) continue;
      return input_error(source_.at(row.line) + ": a carriage return inside the line",
                         "let every line end alike");
    }
    for (const std::string_view text : {layout_.token(row), name}) {
      if (const auto bad = text::find_invalid_utf8(text)) {
        return utf8_error(source_, static_cast<size_t>(text.data() - source_.content.data()) + *bad,
                          row.line);
      }
    }
    if (layout_.token(row).empty()) {
      return input_error(source_.at(row.line) + ": the token is empty", kHint);
    }
    if (tag) return tag;
    const std::string problem = "\"" + std::string(name) + "\" is no tag";
    if (!intake_.fixes()) return input_error(source_.at(row.line) + ": " + problem, kHint);
    intake_.note_fix(source_.at(row.line), problem + "; it counts as O");
    return std::optional<NerTag>(NerTag{});
  }

  Status check_columns(const ConllRow& row) const {
    const size_t wanted = layout_.least_columns();
    const size_t columns = row.columns.size();
    if (columns == layout_.columns && columns >= wanted) return {};
    const bool few = columns < wanted;
    return input_error(source_.at(row.line) + ": " + std::to_string(columns) +
                           (columns == 1 ? " column, " : " columns, ") +
                           std::to_string(few ? wanted : layout_.columns) + " wanted" +
                           (!few          ? ", as most lines have"
                            : wanted == 2 ? " (token, tag)"
                            : wanted == 3 ? " (number, token, tag)"
                                          : " (numbers, token, tag)"),
                       kHint);
  }

  // Where types stand alone, a tag with a prefix would become an entity of the type "B-PER".
  Status check_without_prefix(const ConllRow& row, std::string_view name,
                              const std::optional<NerTag>& tag) const {
    if (!tag || tag->type.empty()) return {};
    const bool known = layout_.types.contains(tag->type);
    const bool capital = tag->type[0] >= 'A' && tag->type[0] <= 'Z';  // "E-mail" is a type
    if (!known && !capital && tag->prefix != 'B' && tag->prefix != 'I') return {};
    return input_error(source_.at(row.line) + ": the tag \"" + std::string(name) +
                           (known ? "\" in a file that has \"" + std::string(tag->type) + "\" too"
                                  : "\" in a file whose tags are types without a prefix"),
                       kHint);
  }

  // "0", "_", "-", "o" and "b-per" are slips or stand for O in other tools.
  static bool is_type(std::string_view name) {
    const bool lower_prefix = name.starts_with("b-") || name.starts_with("i-");
    return name != "o" && !(lower_prefix && name.size() > 2) &&
           std::any_of(name.begin(), name.end(), [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    static_cast<unsigned char>(c) > 0x7F;
           });
  }

  void add_sentence(const ConllSentence& sentence, const std::vector<NerTag>& tags) {
    if (text_.size() == 0) line_ = sentence.rows.front().line;
    const size_t offset = text_.size();
    for (const ConllRow& row : sentence.rows) text_.add(layout_.token(row));
    document_.sentences.push_back(*text_.range(offset, text_.size()));
    const NerSpans found = decode_ner(tags, scheme_);
    for (const size_t at : found.repaired) {
      intake_.note_fix(source_.at(sentence.rows[at].line),
                       "the tag \"" + std::string(layout_.tag(sentence.rows[at])) +
                           "\" does not fit its neighbours; it begins or ends an entity");
    }
    for (const NerSpan& span : found.spans) add_entity(span, offset);
  }

  void add_entity(const NerSpan& span, size_t offset) {
    const auto range = text_.range(offset + span.begin, offset + span.end);
    Entity entity;
    entity.id = "e" + std::to_string(document_.entities.size());
    entity.text = text_.text().substr(range->begin, range->end - range->begin);
    entity.type = span.type;
    entity.mentions.push_back(*range);
    document_.entities.push_back(std::move(entity));
  }

  Status finish() {
    if (text_.size() == 0) return {};
    ++count_;
    text_.hand_over(document_);
    text_ = TokenText(layout_.tight);
    if (!has_documents_) document_.sentences.clear();
    document_.id = id_.empty() ? source_.stem() + "-" + std::to_string(count_) : std::string(id_);
    Document document = std::move(document_);
    document_ = {};
    id_ = {};
    return intake_.add(std::move(document), source_.at(line_));
  }

  const Source& source_;
  Intake& intake_;
  ConllLayout layout_;
  TagScheme scheme_ = TagScheme::kIob2;
  bool has_documents_ = false;
  TokenText text_;
  Document document_;
  std::string_view id_;
  size_t line_ = 0;
  size_t count_ = 0;
};

bool sniff_conll_ner(const Sample& sample) {
  if (sample.head.starts_with(kConllDocumentStart)) return true;
  constexpr size_t kLines = 200;
  size_t rows = 0;
  size_t last = 0;
  size_t first = 0;
  bool has_entity = false;
  for (const std::string_view line : sample.lines(kLines)) {
    if (has_only_space(line) || line.starts_with("#")) continue;
    const ConllRow row = split_conll_row(line, 0);
    ++rows;
    if (row.columns.size() < 2) continue;
    last += parse_ner_tag(row.last()).has_value();
    first += parse_ner_tag(row.first()).has_value();
    has_entity |= row.last().size() > 2 || row.first().size() > 2;
  }
  // A few that are wrong must not make a text of the file: the reader names them.
  const auto most = [&](size_t count) { return count * 10 >= rows * 9; };
  const auto all_but_one = [&](size_t count) { return count + 1 == rows && count > 1; };
  return rows > 0 && has_entity && (most(last) || most(first) || all_but_one(last));
}

Status read_conll_ner(const Source& source, const ReadOptions&, Intake& intake) {
  return ConllReader(source, intake).run();
}

}  // namespace

FormatEntry conll_ner_format() {
  FormatEntry entry;
  entry.info.name = "conll-ner";
  entry.info.description = "one token and its entity tag a line (BIO, IOB1, BIOES), blank lines";
  entry.sniff = sniff_conll_ner;
  entry.read = read_conll_ner;
  return entry;
}

}  // namespace relata::data
