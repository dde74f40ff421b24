// The ADE corpus, version 2: lines with | between,
//   pmid|sentence|adverse effect|begin|end|drug|begin|end   (DRUG-AE.rel)
//   pmid|sentence|dose|begin|end|drug|begin|end             (DRUG-DOSE.rel, told by its name)
//   pmid NEG sentence                                       (ADE-NEG.txt)
// Offsets count in the whole abstract, which is not in the file; they tell which of several
// occurrences are meant, by how far drug and effect are apart. The JSON that SpERT made of the
// corpus is read as well. Source: Gurulingappa et al., J. Biomed. Inform. 2012, and its readme.
#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>

#include "building.h"
#include "registry.h"
#include "relata/base/trim.h"

namespace relata::data {
namespace {

constexpr const char* kDrug = "Drug";
constexpr const char* kEffect = "Adverse-Effect";
constexpr const char* kDose = "Dose";
constexpr const char* kHint = "a line is pmid|sentence|effect|begin|end|drug|begin|end";

struct Row {
  std::string_view pmid;
  std::string_view sentence;
  std::string_view other;  // effect or dose
  std::string_view drug;
  int64_t distance = 0;  // from the drug to the other, in characters
};

bool parse_number(std::string_view text, int64_t& out) {
  const char* end = text.data() + text.size();
  return !text.empty() && std::from_chars(text.data(), end, out).ptr == end && out >= 0;
}

// The sentence may have | itself, so the last six columns are taken from the end.
Result<Row> parse_row(std::string_view line, const std::string& where) {
  std::array<std::string_view, 6> columns;
  size_t end = line.size();
  for (size_t i = columns.size(); i-- > 0;) {
    const size_t bar = end == 0 ? std::string_view::npos : line.rfind('|', end - 1);
    if (bar == std::string_view::npos) {
      return input_error(where + ": fewer than 8 columns with | between", kHint);
    }
    columns[i] = line.substr(bar + 1, end - bar - 1);
    end = bar;
  }
  const size_t first = line.find('|');
  if (first >= end) return input_error(where + ": fewer than 8 columns with | between", kHint);
  Row row{line.substr(0, first), line.substr(first + 1, end - first - 1), columns[0], columns[3],
          0};
  std::array<int64_t, 4> offsets{};
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (!parse_number(columns[i < 2 ? i + 1 : i + 2], offsets[i])) {
      return input_error(where + ": an offset is no whole number", kHint);
    }
  }
  row.distance = offsets[0] - offsets[2];
  if (row.pmid.empty() || row.sentence.empty()) {
    return input_error(where + ": the id or the sentence is empty", kHint);
  }
  return row;
}

// The occurrences of both names whose distance is nearest to the row's.
Result<std::pair<ByteRange, ByteRange>> locate(const Row& row, const std::string& text,
                                               const std::string& where) {
  const auto others = find_mentions(text, std::string(row.other));
  const auto drugs = find_mentions(text, std::string(row.drug));
  if (others.empty() || drugs.empty()) {
    const std::string_view lost = others.empty() ? row.other : row.drug;
    return input_error(where + ": \"" + std::string(lost) + "\" is not in its sentence", kHint);
  }
  const text::OffsetMap offsets(text);
  std::pair<ByteRange, ByteRange> best;
  int64_t least = -1;
  for (const ByteRange& other : others) {
    for (const ByteRange& drug : drugs) {
      const int64_t distance = static_cast<int64_t>(offsets.to_code_point(other.begin)) -
                               static_cast<int64_t>(offsets.to_code_point(drug.begin));
      const int64_t error = std::abs(distance - row.distance);
      if (least >= 0 && error >= least) continue;
      least = error;
      best = {other, drug};
    }
  }
  return best;
}

// Documents by sentence, in the order of the file.
class AdeReader {
 public:
  AdeReader(const Source& source, Intake& intake) : source_(source), intake_(intake) {
    std::string name = source.stem();
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    is_dose_ = name.find("dose") != std::string::npos;
  }

  Status read() {
    Lines lines(source_.content);
    for (std::string_view line; lines.next(line);) {
      if (is_blank(line)) continue;
      const Status status = read_line(line, lines.number());
      if (!status.ok()) RELATA_CHECK(intake_.reject(status.error()));
    }
    for (Group& group : groups_) {
      RELATA_CHECK(intake_.add(std::move(group.builder.document), source_.at(group.line)));
    }
    return {};
  }

 private:
  struct Group {
    DocumentBuilder builder;
    size_t line = 0;
  };

  Status read_line(std::string_view line, size_t number) {
    RELATA_CHECK(check_utf8(line, source_, number));
    constexpr std::string_view kNegative = " NEG ";
    const size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
    if (digits > 0 && line.substr(digits).starts_with(kNegative)) {
      const std::string_view sentence = relata::trimmed(line.substr(digits + kNegative.size()));
      if (sentence.empty()) {
        return input_error(source_.at(number) + ": the sentence is empty");
      }
      start_group(line.substr(0, digits), sentence, number);
      return {};
    }
    RELATA_TRY(const Row row, parse_row(line, source_.at(number)));
    const std::string key = std::string(row.pmid) + "|" + std::string(row.sentence);
    const std::string text(row.sentence);
    RELATA_TRY(const auto place, locate(row, text, source_.at(number)));
    const auto [found, is_new] = index_.try_emplace(key, groups_.size());
    if (is_new) start_group(row.pmid, row.sentence, number);
    DocumentBuilder& builder = groups_[found->second].builder;
    const char* type = is_dose_ ? kDose : kEffect;
    const int other = builder.placed(place.first, type);
    builder.relate(other, builder.placed(place.second, kDrug), type);
    return {};
  }

  void start_group(std::string_view pmid, std::string_view sentence, size_t line) {
    Group& group = groups_.emplace_back();
    group.line = line;
    group.builder.document.id =
        std::string(pmid) + "-" + std::to_string(++sentences_[std::string(pmid)]);
    group.builder.document.text = sentence;
  }

  const Source& source_;
  Intake& intake_;
  bool is_dose_ = false;
  std::vector<Group> groups_;
  std::unordered_map<std::string, size_t> index_;      // of groups by pmid and sentence
  std::unordered_map<std::string, size_t> sentences_;  // how many of each pmid
};

bool sniff_ade(const Sample& sample) {
  const auto lines = sample.lines(1);
  if (lines.empty()) return false;
  const std::string_view line = lines[0];
  const size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
  if (digits == 0) return false;
  return line.substr(digits).starts_with(" NEG ") ||
         (line.substr(digits).starts_with("|") && parse_row(line, "").ok());
}

Status read_ade(const Source& source, const ReadOptions&, Intake& intake) {
  const char first = source.content[source.content.find_first_not_of(" \t\r\n")];
  if (first != '[' && first != '{') return AdeReader(source, intake).read();
  return read_json_records(source, intake, [&](const JsonRecord& record) {
    return read_spert_record(record, source, intake);
  });
}

}  // namespace

FormatEntry ade_format() {
  FormatEntry entry;
  entry.info = {"ade", "ADE corpus: sentence, adverse effect or dose, drug with | between"};
  entry.sniff = sniff_ade;
  entry.read = read_ade;
  return entry;
}

}  // namespace relata::data
