// Columns with one token a line and blank lines between sentences: CoNLL-2003 and its kin, with the
// tag in the last or the first column, words or characters as tokens.
#include <algorithm>
#include <unordered_set>

#include "annotation_formats.h"
#include "ner_tags.h"
#include "reading.h"
#include "token_text.h"

namespace relata::data {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";
constexpr std::string_view kDocumentStart = "-DOCSTART-";
constexpr const char* kHint =
    "one token a line with its tag (O, B-PER, I-PER, ...) in the last or the first column, a blank "
    "line between sentences";

struct Row {
  std::string_view first;
  std::string_view second;
  std::string_view last;
  size_t columns = 0;
  size_t line = 0;
};

struct Sentence {
  std::vector<Row> rows;
  bool begins_document = false;
  std::string_view document_id;  // of a document that begins here
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool has_only_space(std::string_view line) {
  return std::all_of(line.begin(), line.end(), is_space);
}

Row split_row(std::string_view line, size_t number) {
  Row row;
  row.line = number;
  const bool tabs = line.find('\t') != std::string_view::npos;
  const auto add = [&](std::string_view column) {
    if (row.columns == 0) row.first = column;
    if (row.columns == 1) row.second = column;
    row.last = column;
    ++row.columns;
  };
  if (!tabs && line[0] == ' ') add(" ");  // the token is a space
  for (size_t at = 0; at <= line.size();) {
    const size_t end = std::min(line.find(tabs ? '\t' : ' ', at), line.size());
    const std::string_view column = line.substr(at, end - at);
    if (tabs || !column.empty()) add(column.empty() && row.columns == 0 ? " " : column);
    at = end + 1;
  }
  return row;
}

std::string_view id_in_brackets(std::string_view line) {
  const size_t open = line.find('(');
  const size_t close = line.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return "";
  return line.substr(open + 1, close - open - 1);
}

std::vector<Sentence> split_sentences(std::string_view content) {
  std::vector<Sentence> sentences(1);
  const auto end_sentence = [&] {
    if (!sentences.back().rows.empty()) sentences.emplace_back();
  };
  Lines lines(content);
  for (std::string_view line; lines.next(line);) {
    while (line.starts_with(kMark)) line.remove_prefix(kMark.size());
    if (has_only_space(line)) {
      end_sentence();
    } else if (line.starts_with(kDocumentStart)) {
      end_sentence();
      sentences.back().begins_document = true;
      sentences.back().document_id = id_in_brackets(line);
    } else {
      sentences.back().rows.push_back(split_row(line, lines.number()));
    }
  }
  if (sentences.back().rows.empty()) sentences.pop_back();
  return sentences;
}

// A token with its place in its word behind it: "科0", "技1".
struct Positioned {
  std::string_view token;
  size_t position = 0;
};

std::optional<Positioned> split_position(std::string_view token) {
  if (token.empty() || text::find_invalid_utf8(token)) return std::nullopt;
  const size_t first = text::code_point_length(token, 0);
  size_t end = token.size();
  while (end > first && token[end - 1] >= '0' && token[end - 1] <= '9') --end;
  constexpr size_t kDigits = 4;
  if (end == token.size() || token.size() - end > kDigits) return std::nullopt;
  return Positioned{token.substr(0, end), std::stoul(std::string(token.substr(end)))};
}

bool is_han_or_kana(char32_t c) {
  return (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0xFF00 && c <= 0xFFEF) || (c >= 0x20000 && c <= 0x3FFFF);
}

// How the whole file is to be read.
struct Layout {
  bool tag_first = false;
  bool token_second = false;  // the first column numbers the tokens
  bool positions = false;
  bool tight = false;        // the script writes no spaces between tokens
  bool types_alone = false;  // tags are "PER", not "B-PER"

  std::string_view tag(const Row& row) const { return tag_first ? row.first : row.last; }
  std::string_view raw_token(const Row& row) const {
    return tag_first || token_second ? row.second : row.first;
  }
  std::string_view token(const Row& row) const {
    const std::string_view raw = raw_token(row);
    if (!positions) return raw;
    const auto split = split_position(raw);
    return split ? split->token : raw;
  }
};

bool is_comment(const Row& row) { return row.first.starts_with("#") && !parse_ner_tag(row.last); }

// What is so for nearly all of the rows that have columns.
class LayoutFinder {
 public:
  explicit LayoutFinder(const std::vector<Sentence>& sentences) : sentences_(sentences) {}

  std::optional<Layout> find() {
    Layout layout;
    count_rows();
    const auto nearly_all = [&](size_t count) { return rows_ > 0 && count * 50 >= rows_ * 49; };
    if (!nearly_all(tags_last_)) {
      layout.tag_first = nearly_all(tags_first_);
      layout.types_alone = !layout.tag_first;
      if (layout.types_alone && !has_types_alone()) return std::nullopt;
    }
    layout.token_second = !layout.tag_first && nearly_all(numbered_);
    count_tokens(layout);
    layout.positions = nearly_all(positioned_);
    layout.tight = han_ * 2 > rows_;
    return layout;
  }

 private:
  void count_rows() {
    for (const Sentence& sentence : sentences_) {
      size_t number = 0;
      size_t base = 0;
      for (const Row& row : sentence.rows) {
        if (row.columns < 2 || is_comment(row)) continue;
        ++rows_;
        tags_last_ += parse_ner_tag(row.last).has_value();
        tags_first_ += parse_ner_tag(row.first).has_value();
        if (number == 0) base = row.first == "0" ? 0 : 1;
        numbered_ += row.columns > 2 && row.first == std::to_string(base + number);
        ++number;
      }
    }
  }

  bool has_types_alone() const {
    constexpr size_t kMostTypes = 200;
    std::unordered_set<std::string_view> types;
    for (const Sentence& sentence : sentences_) {
      for (const Row& row : sentence.rows) {
        if (row.columns > 1 && !is_comment(row)) types.insert(row.last);
        if (types.size() > kMostTypes) return false;
      }
    }
    return types.contains("O") && types.size() > 1;
  }

  void count_tokens(const Layout& layout) {
    for (const Sentence& sentence : sentences_) {
      size_t before = 0;
      for (const Row& row : sentence.rows) {
        if (row.columns < 2 || is_comment(row)) continue;
        const std::string_view token = layout.raw_token(row);
        if (token.empty() || text::find_invalid_utf8(token)) continue;
        han_ += is_han_or_kana(text::to_code_points(token)[0]);
        const auto split = split_position(token);
        positioned_ += split && (split->position == 0 || split->position == before + 1);
        before = split ? split->position : 0;
      }
    }
  }

  const std::vector<Sentence>& sentences_;
  size_t rows_ = 0;
  size_t tags_last_ = 0;
  size_t tags_first_ = 0;
  size_t numbered_ = 0;
  size_t han_ = 0;
  size_t positioned_ = 0;
};

class ConllReader {
 public:
  ConllReader(const Source& source, Intake& intake) : source_(source), intake_(intake) {}

  Status run() {
    std::vector<Sentence> sentences = split_sentences(source_.content);
    const auto layout = LayoutFinder(sentences).find();
    if (!layout) {
      return input_error(source_.path + ": neither the last nor the first column holds tags",
                         kHint);
    }
    layout_ = *layout;
    text_ = TokenText(layout_.tight);
    std::vector<std::vector<NerTag>> tags;
    for (Sentence& sentence : sentences) {
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
  Result<std::vector<NerTag>> read_tags(Sentence& sentence) {
    std::vector<NerTag> tags;
    std::vector<Row> rows;
    for (const Row& row : sentence.rows) {
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

  Result<std::optional<NerTag>> read_tag(const Row& row) {
    const std::string_view name = layout_.tag(row);
    const bool complete = row.columns >= (layout_.token_second ? 3 : 2);
    std::optional<NerTag> tag = parse_ner_tag(name);
    if (layout_.types_alone && name != "O") tag = NerTag{'I', name};
    if ((!tag || !complete) && row.first.starts_with("#")) return std::optional<NerTag>();
    if (!complete) {
      return input_error(source_.at(row.line) + ": 1 column, 2 wanted (token, tag)", kHint);
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

  void add_sentence(const Sentence& sentence, const std::vector<NerTag>& tags) {
    if (text_.size() == 0) line_ = sentence.rows.front().line;
    const size_t offset = text_.size();
    for (const Row& row : sentence.rows) text_.add(layout_.token(row));
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
  Layout layout_;
  TagScheme scheme_ = TagScheme::kIob2;
  bool has_documents_ = false;
  TokenText text_;
  Document document_;
  std::string_view id_;
  size_t line_ = 0;
  size_t count_ = 0;
};

bool sniff_conll_ner(const Sample& sample) {
  if (sample.head.starts_with(kDocumentStart)) return true;
  constexpr size_t kLines = 200;
  size_t rows = 0;
  size_t last = 0;
  size_t first = 0;
  bool has_entity = false;
  for (const std::string_view line : sample.lines(kLines)) {
    if (has_only_space(line) || line.starts_with("#")) continue;
    const Row row = split_row(line, 0);
    ++rows;
    if (row.columns < 2) continue;
    last += parse_ner_tag(row.last).has_value();
    first += parse_ner_tag(row.first).has_value();
    has_entity |= row.last.size() > 2 || row.first.size() > 2;
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
