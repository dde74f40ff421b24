// PubTator: "id|t|title", "id|a|abstract", mention rows (id, begin, end, text, type, concept) and
// relation rows (id, type, concept, concept), as in BioRED and BC5CDR.
// https://www.ncbi.nlm.nih.gov/research/pubtator/
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "annotation_formats.h"
#include "formats/relations/cdr_table.h"
#include "formats/tables/columns.h"
#include "reading.h"
#include "spans.h"

namespace relata::data {
namespace {

constexpr const char* kHint =
    "a document is ID|t|title, ID|a|abstract, then rows with tabs: ID, begin, end, text, type, "
    "concept, or ID, relation, concept, concept";

constexpr size_t kMostColumns = 16;  // more than any row has

bool is_no_concept(std::string_view id) {
  return id.empty() || id == "-" || id == "-1" || id == "None" || id == "NA";
}

// "D001943", "1234", or with the vocabulary before it: "MESH:D001943".
bool is_accession(std::string_view id) {
  id.remove_prefix(id.find(':') + 1);
  const size_t digits =
      std::count_if(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits > 0 && digits + 1 >= id.size();
}

// tmVar tells all it knows of one variant: "tmVar:p|SUB|V|600|E;HGVS:p.V600E;RS#:113488022".
bool is_variant(std::string_view id) {
  constexpr std::string_view kMarks[] = {
      ";HGVS:", ";VariantGroup:", ";CorrespondingGene:", ";RS#:"};
  return id.starts_with("tmVar:") ||
         std::any_of(std::begin(kMarks), std::end(kMarks), [&](std::string_view mark) {
           return id.find(mark) != std::string_view::npos;
         });
}

// The concepts of a mention that names several: "D001943,D010051". A bar separates accessions only;
// variants have it inside ("c|SUB|A|123|G").
std::vector<std::string_view> concepts_of(std::string_view field) {
  if (is_variant(field)) return {field};
  for (const char mark : {',', ';'}) {
    if (field.find(mark) != std::string_view::npos) return split_columns(field, mark);
  }
  const auto parts = split_columns(field, '|');
  const bool several = std::all_of(parts.begin(), parts.end(), is_accession);
  return several ? parts : std::vector<std::string_view>{field};
}

struct Row {
  std::vector<std::string_view> fields;
  size_t line = 0;
};

// One document as its lines have it.
struct Block {
  std::string_view id;
  std::string_view title;
  std::string_view abstract;
  size_t line = 0;
  std::vector<Row> rows;
};

class BlockReader {
 public:
  BlockReader(const Block& block, const Source& source, Intake& intake)
      : block_(block), source_(source), intake_(intake) {}

  Status run() {
    document_.id = block_.id;
    document_.text = block_.title;
    // Offsets count title, one separator, abstract, though the title be empty.
    if (!block_.abstract.empty()) {
      document_.text.push_back(' ');
      document_.text += block_.abstract;
    }
    const std::string where = source_.at(block_.line);
    if (document_.text.empty()) {
      return input_error(where + ": the document has neither title nor abstract", kHint);
    }
    const SpanReader spans(document_.text, intake_);
    for (const Row& row : block_.rows) {
      if (!is_mention(row) && row.fields.size() > 3)
        related_.insert({row.fields[2], row.fields[3]});
    }
    for (const Row& row : block_.rows) {
      const Status status = is_mention(row) ? read_mention(row, spans) : keep_relation(row);
      if (!status.ok()) RELATA_CHECK(leave_out(status.error(), intake_));
    }
    for (const Row* row : relations_) {
      const Status status = read_relation(*row);
      if (!status.ok()) RELATA_CHECK(leave_out(status.error(), intake_));
    }
    finish_meta();
    return intake_.add(std::move(document_), where);
  }

 private:
  static bool is_mention(const Row& row) {
    return row.fields.size() > 2 && whole_number(row.fields[1]) && whole_number(row.fields[2]);
  }

  // A list of concepts is one concept where a relation names it as such, and those of the list
  // that relations name.
  std::vector<std::string_view> entities_of(std::string_view field) const {
    std::vector<std::string_view> concepts = concepts_of(field);
    if (concepts.size() == 1 || !related_.contains(field)) return concepts;
    std::erase_if(concepts, [&](std::string_view id) { return !related_.contains(id); });
    concepts.insert(concepts.begin(), field);
    return concepts;
  }

  Status read_mention(const Row& row, const SpanReader& spans) {
    if (row.fields.size() < 5 || row.fields[4].empty()) {
      return input_error(source_.at(row.line) + ": " + std::to_string(row.fields.size()) +
                             " columns, 5 or 6 wanted for a mention",
                         kHint);
    }
    RELATA_TRY(const ByteRange range,
               spans.read(*whole_number(row.fields[1]), *whole_number(row.fields[2]), row.fields[3],
                          source_.at(row.line)));
    const std::string_view field = row.fields.size() > 5 ? row.fields[5] : "";
    for (const std::string_view id : entities_of(field)) {
      Entity& entity = entity_of(id, row.fields[4]);
      entity.mentions.push_back(range);
      sort_mentions(entity);
      const ByteRange& first = entity.mentions.front();
      entity.text = document_.text.substr(first.begin, first.end - first.begin);
    }
    return {};
  }

  // The entity of the concept and type; a mention without a concept is an entity of its own.
  Entity& entity_of(std::string_view id, std::string_view type) {
    const int next = static_cast<int>(document_.entities.size());
    if (!is_no_concept(id)) {
      const std::string key = std::string(id) + "\t" + std::string(type);
      const auto [found, is_new] = entities_.try_emplace(key, next);
      if (!is_new) return document_.entities[found->second];
      concepts_.try_emplace(std::string(id), next);
    }
    Entity& entity = document_.entities.emplace_back();
    entity.id = "e" + std::to_string(next);
    entity.type = type;
    if (!is_no_concept(id)) ids_[entity.id] = id;
    return entity;
  }

  // Mentions come first, whatever their order in the file.
  Status keep_relation(const Row& row) {
    if (row.fields.size() < 4 || row.fields[1].empty()) {
      return input_error(source_.at(row.line) + ": neither a mention nor a relation", kHint);
    }
    relations_.push_back(&row);
    return {};
  }

  Status read_relation(const Row& row) {
    Relation relation;
    relation.type = row.fields[1];
    RELATA_TRY(relation.head, concept_index(row.fields[2], row.line));
    RELATA_TRY(relation.tail, concept_index(row.fields[3], row.line));
    document_.relations.push_back(std::move(relation));
    novelty_.push_back(row.fields.size() > 4 ? Json(std::string(row.fields[4])) : Json());
    return {};
  }

  Result<int> concept_index(std::string_view id, size_t line) const {
    const auto found = concepts_.find(std::string(id));
    if (found != concepts_.end()) return found->second;
    return input_error(
        source_.at(line) + ": no mention has the concept \"" + std::string(id) + "\"",
        "every concept of a relation needs a mention row");
  }

  void finish_meta() {
    if (!ids_.empty()) document_.meta["entity_ids"] = std::move(ids_);
    const bool has_novelty = std::any_of(novelty_.begin(), novelty_.end(),
                                         [](const Json& value) { return !value.is_null(); });
    if (has_novelty) document_.meta["novelty"] = std::move(novelty_);
  }

  const Block& block_;
  const Source& source_;
  Intake& intake_;
  Document document_;
  std::vector<const Row*> relations_;
  std::unordered_map<std::string, int> entities_;  // by concept and type
  std::unordered_map<std::string, int> concepts_;  // the first entity of each
  std::unordered_set<std::string_view> related_;   // concepts that relations name
  Json ids_ = Json::object();
  Json novelty_ = Json::array();
};

// Takes lines and hands over blocks.
class PubtatorReader {
 public:
  PubtatorReader(const Source& source, Intake& intake) : source_(source), intake_(intake) {}

  Status run() {
    Lines lines(source_.content);
    for (std::string_view line; lines.next(line);) {
      const bool blank = is_blank(line);
      const auto status = blank ? Status() : read_line(line, lines.number());
      after_blank_ = blank;
      if (status.ok()) continue;
      RELATA_CHECK(intake_.reject(status.error()));
      broken_ = true;
    }
    return finish();
  }

 private:
  Status read_line(std::string_view line, size_t number) {
    const Status valid = check_utf8(line, source_, number);
    if (!valid.ok()) {
      // Behind a blank line it was most likely a title, and the document above is a good one.
      if (after_blank_) RELATA_CHECK(finish());
      return valid.error();
    }
    if (const auto title = section(line, "|t|")) {
      RELATA_CHECK(finish());
      block_ = {title->first, title->second, "", number, {}};
      open_ = true;
      return {};
    }
    if (broken_) return {};
    if (!open_) return input_error(source_.at(number) + ": no ID|t|title before this line", kHint);
    if (const auto abstract = section(line, "|a|")) {
      RELATA_CHECK(check_id(abstract->first, number));
      block_.abstract = abstract->second;
      return {};
    }
    Row row{split_columns(line, '\t', kMostColumns), number};
    RELATA_CHECK(check_id(row.fields[0], number));
    block_.rows.push_back(std::move(row));
    return {};
  }

  // "ID|t|title" as ID and title.
  static std::optional<std::pair<std::string_view, std::string_view>> section(
      std::string_view line, std::string_view mark) {
    const size_t at = line.find('|');
    if (at == std::string_view::npos || at == 0 || line.substr(at, mark.size()) != mark ||
        line.substr(0, at).find('\t') != std::string_view::npos) {
      return std::nullopt;
    }
    return std::pair(line.substr(0, at), line.substr(at + mark.size()));
  }

  Status check_id(std::string_view id, size_t number) const {
    if (id == block_.id) return {};
    return input_error(source_.at(number) + ": the id is \"" + std::string(id) +
                           "\", the document's is \"" + std::string(block_.id) + "\"",
                       kHint);
  }

  Status finish() {
    const bool complete = open_ && !broken_;
    open_ = broken_ = false;
    if (!complete) return {};
    const auto status = BlockReader(block_, source_, intake_).run();
    return status.ok() ? status : intake_.reject(status.error());
  }

  const Source& source_;
  Intake& intake_;
  Block block_;
  bool open_ = false;
  bool broken_ = false;  // the rest of the document is passed over
  bool after_blank_ = false;
};

bool sniff_pubtator(const Sample& sample) {
  const auto lines = sample.lines(1);
  const std::string_view first = lines.empty() ? sample.head : lines[0];
  if (is_cdr_table(first)) return true;
  const size_t bar = first.find('|');
  return bar != std::string_view::npos && bar > 0 && first.substr(bar, 3) == "|t|" &&
         first.substr(0, bar).find_first_of(" \t") == std::string_view::npos;
}

Status read_pubtator(const Source& source, const ReadOptions&, Intake& intake) {
  const std::string_view content = source.content;
  const size_t begin = content.find_first_not_of("\r\n");
  const size_t end = std::min(content.find('\n', begin), content.size());
  if (is_cdr_table(content.substr(begin, end - begin))) return read_cdr_table(source, intake);
  return PubtatorReader(source, intake).run();
}

}  // namespace

FormatEntry pubtator_format() {
  FormatEntry entry;
  entry.info.name = "pubtator";
  entry.info.description = "PubTator (BioRED, BC5CDR), or CDR's table of entity pairs";
  entry.sniff = sniff_pubtator;
  entry.read = read_pubtator;
  return entry;
}

}  // namespace relata::data
