// cre-tsv and csv: one (head, tail, relation, sentence) a row.
#include <algorithm>
#include <array>
#include <utility>

#include "columns.h"
#include "pair_rows.h"
#include "registry.h"
#include "relata/base/trim.h"

namespace relata::data {
namespace {

constexpr std::array<std::string_view, 4> kColumns = {"head", "tail", "relation", "sentence"};

Error column_count_error(const std::string& where, size_t found, size_t wanted,
                         const std::string& hint) {
  return input_error(where + ": " + std::to_string(found) + " column" + (found == 1 ? "" : "s") +
                         ", " + std::to_string(wanted) + " wanted (head, tail, relation, sentence)",
                     hint);
}

Result<PairRow> parse_tsv_row(std::string_view line, const Source& source, size_t number) {
  RELATA_CHECK(check_utf8(line, source, number));
  const auto tabs = static_cast<size_t>(std::count(line.begin(), line.end(), '\t'));
  if (tabs + 1 != kColumns.size()) {
    return column_count_error(
        source.at(number), tabs + 1, kColumns.size(),
        "separate the columns with single tabs; the sentence itself has none");
  }
  const auto columns = split_columns(line, '\t');
  const PairRow row{columns[0], columns[1], columns[2], columns[3]};
  RELATA_CHECK(PairDocuments::check(row, source.at(number)));
  return row;
}

struct CsvRecord {
  std::vector<std::string> fields;
  std::string_view raw;  // as it stands in the file
  size_t line = 0;       // on which it begins
  std::string problem;
};

// RFC 4180: quoted fields may hold commas, doubled quotes and line breaks. Lines may end in LF,
// CRLF or CR, and the separator may be another.
class CsvReader {
 public:
  CsvReader(std::string_view content, char separator) : content_(content), separator_(separator) {}

  bool next(CsvRecord& record) {
    do {
      if (position_ >= content_.size()) return false;
      record = {};
      record.line = line_;
      const size_t begin = position_;
      read_record(record);
      record.raw = content_.substr(begin, position_ - begin);
      if (record.problem == kNotClosed) go_on_below(begin, record.line);
    } while (record.problem.empty() && record.fields.size() == 1 && is_blank(record.fields[0]));
    return true;
  }

 private:
  // A quote that is never closed takes the rest of the file with it, unless reading goes on behind
  // the line with the quote. Once is enough: what is left then has quotes in pairs, or is beyond
  // help.
  void go_on_below(size_t begin, size_t line) {
    if (std::exchange(went_on_, true)) return;
    position_ = std::min(content_.find_first_of("\r\n", begin), content_.size());
    line_ = line;
    skip_line_end();
  }

  void read_record(CsvRecord& record) {
    while (true) {
      std::string& field = record.fields.emplace_back();
      if (position_ < content_.size() && content_[position_] == '"') {
        read_quoted(field, record);
      }
      while (position_ < content_.size() && !at_field_end()) {
        field.push_back(content_[position_++]);
      }
      if (position_ < content_.size() && content_[position_] == separator_) {
        ++position_;
        continue;
      }
      skip_line_end();
      return;
    }
  }

  void read_quoted(std::string& field, CsvRecord& record) {
    for (++position_; position_ < content_.size(); ++position_) {
      const char c = content_[position_];
      if (c != '"') {
        line_ += c == '\n' || (c == '\r' && content_.substr(position_ + 1, 1) != "\n");
        field.push_back(c);
      } else if (content_.substr(position_ + 1, 1) == "\"") {
        field.push_back('"');
        ++position_;
      } else {
        ++position_;
        if (position_ < content_.size() && !at_field_end()) {
          record.problem = "text after a closing quote";
        }
        return;
      }
    }
    record.problem = kNotClosed;
  }

  bool at_field_end() const {
    const char c = content_[position_];
    return c == separator_ || c == '\n' || c == '\r';
  }
  void skip_line_end() {
    if (position_ >= content_.size()) return;
    position_ += content_.substr(position_, 2) == "\r\n" ? 2 : 1;
    ++line_;
  }

  static constexpr const char* kNotClosed = "a quoted field is not closed";
  std::string_view content_;
  char separator_;
  size_t position_ = 0;
  size_t line_ = 1;
  bool went_on_ = false;
};

std::string column_name(std::string_view field) {
  std::string name(relata::trimmed(field));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return name;
}

// Where each of kColumns is in the header, in any case and with blanks around it; the header's size
// if it is missing.
std::array<size_t, 4> find_columns(const std::vector<std::string>& header) {
  std::array<size_t, 4> places{};
  for (size_t i = 0; i < kColumns.size(); ++i) {
    const auto is_column = [&](const std::string& field) {
      return column_name(field) == kColumns[i];
    };
    places[i] = std::find_if(header.begin(), header.end(), is_column) - header.begin();
  }
  return places;
}

// The separator with which the first line names the columns, if there is one.
std::optional<char> find_separator(std::string_view content) {
  for (const char separator : {',', ';', '\t', '|'}) {
    CsvRecord header;
    if (!CsvReader(content, separator).next(header)) continue;
    const auto places = find_columns(header.fields);
    if (*std::max_element(places.begin(), places.end()) < header.fields.size()) return separator;
  }
  return std::nullopt;
}

void append_csv_field(std::string& out, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += field;
    return;
  }
  out.push_back('"');
  for (const char c : field) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

bool sniff_cre_tsv(const Sample& sample) {
  constexpr size_t kLinesTried = 20;
  if (sample.path.ends_with(".tsv")) return true;
  if (sample.path.ends_with(".json") || sample.path.ends_with(".jsonl")) return false;
  for (const std::string_view line : sample.lines(kLinesTried)) {
    if (std::count(line.begin(), line.end(), '\t') == 3) return true;
  }
  return false;
}

Status read_cre_tsv(const Source& source, const ReadOptions&, Intake& intake) {
  PairDocuments documents(source.stem());
  Lines lines(source.content);
  for (std::string_view line; lines.next(line);) {
    if (is_blank(line)) continue;
    const auto row = parse_tsv_row(line, source, lines.number());
    if (row.ok()) {
      documents.add(*row, std::string(row->sentence), source.at(lines.number()));
    } else {
      RELATA_CHECK(intake.reject(row.error()));
    }
  }
  return documents.hand_over(intake);
}

Result<std::string> write_cre_tsv(const std::vector<Document>& documents, const WriteOptions&,
                                  Losses& losses) {
  std::string out;
  for (const PairItem& item : pair_items_in_text(documents, losses)) {
    if (!item.relation) continue;
    const std::array<std::string_view, 4> row = {surface(*item.document, item.head),
                                                 surface(*item.document, item.tail),
                                                 item.relation->type, item.document->text};
    for (size_t i = 0; i < row.size(); ++i) {
      if (row[i].find_first_of("\t\n\r") != std::string_view::npos) {
        return input_error("document " + item.document->id + ": the " + std::string(kColumns[i]) +
                               " has a tab or a line break, which cre-tsv cannot hold",
                           "write csv or jsonl instead");
      }
      out += row[i];
      out.push_back(i + 1 < row.size() ? '\t' : '\n');
    }
  }
  return out;
}

bool sniff_csv(const Sample& sample) { return find_separator(sample.head).has_value(); }

Status read_csv(const Source& source, const ReadOptions&, Intake& intake) {
  CsvReader reader(source.content, find_separator(source.content).value_or(','));
  CsvRecord record;
  reader.next(record);
  const size_t width = record.fields.size();
  const auto places = find_columns(record.fields);
  for (size_t i = 0; i < kColumns.size(); ++i) {
    if (places[i] >= width) {
      return input_error(
          source.at(record.line) + ": the header has no column \"" + std::string(kColumns[i]) +
              "\"",
          "begin the file with a line that names its columns: head,tail,relation,sentence");
    }
  }
  PairDocuments documents(source.stem());
  while (reader.next(record)) {
    const std::string where = source.at(record.line);
    Status good;
    if (!record.problem.empty()) {
      good = input_error(where + ": " + record.problem,
                         "put \" around fields with separators and write \" inside them twice");
    } else if (record.fields.size() != width) {
      good = input_error(where + ": " + std::to_string(record.fields.size()) + " columns, " +
                             std::to_string(width) + " wanted, as in the header",
                         "put \" around fields with separators");
    }
    if (good.ok()) good = check_utf8(record.raw, source, record.line);
    if (good.ok()) {
      const PairRow row{record.fields[places[0]], record.fields[places[1]],
                        std::string_view(record.fields[places[2]]), record.fields[places[3]]};
      good = PairDocuments::check(row, where);
      if (good.ok()) documents.add(row, record.fields[places[3]], where);
    }
    if (!good.ok()) RELATA_CHECK(intake.reject(good.error()));
  }
  return documents.hand_over(intake);
}

Result<std::string> write_csv(const std::vector<Document>& documents, const WriteOptions&,
                              Losses& losses) {
  std::string out = "head,tail,relation,sentence\n";
  for (const PairItem& item : pair_items_in_text(documents, losses)) {
    if (!item.relation) continue;
    append_csv_field(out, surface(*item.document, item.head));
    out.push_back(',');
    append_csv_field(out, surface(*item.document, item.tail));
    out.push_back(',');
    append_csv_field(out, item.relation->type);
    out.push_back(',');
    append_csv_field(out, item.document->text);
    out.push_back('\n');
  }
  return out;
}

}  // namespace

FormatEntry cre_tsv_format() {
  FormatEntry entry;
  entry.info = {"cre-tsv", "head, tail, relation, sentence with tabs between; one relation a line"};
  entry.holds = kHoldsRelations;
  entry.sniff = sniff_cre_tsv;
  entry.read = read_cre_tsv;
  entry.write = write_cre_tsv;
  return entry;
}

FormatEntry csv_format() {
  FormatEntry entry;
  entry.info = {"csv", "columns head, tail, relation, sentence, named in the first line"};
  entry.holds = kHoldsRelations;
  entry.sniff = sniff_csv;
  entry.read = read_csv;
  entry.write = write_csv;
  return entry;
}

}  // namespace relata::data
