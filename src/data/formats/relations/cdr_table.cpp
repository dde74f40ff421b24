#include "cdr_table.h"

#include <unordered_map>

#include "formats/tables/columns.h"
#include "formats/token_text.h"

namespace relata::data {
namespace {

constexpr size_t kGroup = 17;    // columns of a pair
constexpr size_t kArgument = 5;  // where the first concept begins in its group
constexpr size_t kConcept = 6;   // columns of a concept: id, names, type, begins, ends, sentences
constexpr const char* kHint =
    "a line is id, sentences joined by |, then groups of 17 columns: 1:CID:2, direction, cross, "
    "two spans, and for each concept id, names, type, begins, ends, sentences";

// "1:CID:2" as relation type and whether the first concept is the head.
struct PairLabel {
  std::string_view type;
  bool first_is_head = true;
};

std::optional<PairLabel> parse_label(std::string_view field) {
  const bool forward = field.starts_with("1:") && field.ends_with(":2");
  const bool backward = field.starts_with("2:") && field.ends_with(":1");
  if (field.size() < 5 || (!forward && !backward)) return std::nullopt;
  return PairLabel{field.substr(2, field.size() - 4), forward};
}

class TableLine {
 public:
  TableLine(std::string_view line, std::string where) : where_(std::move(where)) {
    fields_ = split_columns(line, '\t');
  }

  Result<Document> read() {
    if (fields_.size() < 2 || (fields_.size() - 2) % kGroup != 0) {
      return input_error(where_ + ": " + std::to_string(fields_.size()) +
                             " columns, 2 and a multiple of 17 wanted",
                         kHint);
    }
    for (const std::string_view sentence : split_columns(fields_[1], '|')) {
      const size_t first = tokens_.size();
      for (const std::string_view token : split_columns(sentence, ' ')) tokens_.add(token);
      if (const auto range = tokens_.range(first, tokens_.size())) {
        document_.sentences.push_back(*range);
      }
    }
    if (tokens_.text().empty()) return input_error(where_ + ": the text is empty", kHint);
    for (size_t at = 2; at < fields_.size(); at += kGroup) RELATA_CHECK(read_pair(at));
    document_.id = fields_[0];
    if (!ids_.empty()) document_.meta["entity_ids"] = std::move(ids_);
    tokens_.hand_over(document_);
    return std::move(document_);
  }

 private:
  Status read_pair(size_t at) {
    const auto label = parse_label(fields_[at]);
    if (!label) return fail(at, "is no label like 1:CID:2");
    RELATA_TRY(const int first, read_concept(at + kArgument));
    RELATA_TRY(const int second, read_concept(at + kArgument + kConcept));
    Relation relation;
    relation.type = label->type;
    relation.head = label->first_is_head ? first : second;
    relation.tail = label->first_is_head ? second : first;
    document_.relations.push_back(std::move(relation));
    return {};
  }

  Result<int> read_concept(size_t at) {
    const std::string_view id = fields_[at];
    const auto [found, is_new] =
        entities_.try_emplace(std::string(id) + "\t" + std::string(fields_[at + 2]),
                              static_cast<int>(document_.entities.size()));
    if (!is_new) return found->second;
    const auto names = split_columns(fields_[at + 1], '|');
    const auto begins = split_columns(fields_[at + 3], ':');
    const auto ends = split_columns(fields_[at + 4], ':');
    if (names.size() != begins.size() || begins.size() != ends.size()) {
      return fail(at + 1, "has " + std::to_string(names.size()) + " names for " +
                              std::to_string(begins.size()) + " begins and " +
                              std::to_string(ends.size()) + " ends");
    }
    Entity entity;
    entity.id = "e" + std::to_string(found->second);
    entity.type = fields_[at + 2];
    for (size_t i = 0; i < names.size(); ++i) {
      RELATA_TRY(const ByteRange range, token_range(begins[i], ends[i], at));
      entity.mentions.push_back(range);
      entity.names.emplace_back(names[i]);
    }
    sort_mentions(entity);
    entity.text = entity.names.front();
    if (covers_names(entity)) entity.names.clear();
    ids_[entity.id] = id;
    document_.entities.push_back(std::move(entity));
    return found->second;
  }

  Result<ByteRange> token_range(std::string_view begin, std::string_view end, size_t at) const {
    const auto first = whole_number(begin);
    const auto last = whole_number(end);
    if (first && last) {
      if (const auto range = tokens_.range(*first, *last)) return *range;
    }
    return fail(at + 3, "with its end " + std::string(end) + " is no range of the " +
                            std::to_string(tokens_.size()) + " tokens");
  }

  bool covers_names(const Entity& entity) const {
    for (size_t i = 0; i < entity.mentions.size(); ++i) {
      const ByteRange& range = entity.mentions[i];
      if (tokens_.text().compare(range.begin, range.end - range.begin, entity.names[i]) != 0) {
        return false;
      }
    }
    return true;
  }

  Error fail(size_t column, const std::string& problem) const {
    return input_error(where_ + ": column " + std::to_string(column + 1) + " \"" +
                           std::string(fields_[column].substr(0, 60)) + "\" " + problem,
                       kHint);
  }

  std::string where_;
  std::vector<std::string_view> fields_;
  TokenText tokens_;
  Document document_;
  std::unordered_map<std::string, int> entities_;  // by concept and type
  Json ids_ = Json::object();
};

}  // namespace

bool is_cdr_table(std::string_view line) {
  const auto fields = split_columns(line.substr(0, line.find('\n')), '\t');
  return fields.size() > kGroup && parse_label(fields[2]) &&
         (fields[3] == "L2R" || fields[3] == "R2L");
}

Status read_cdr_table(const Source& source, Intake& intake) {
  Lines lines(source.content);
  for (std::string_view line; lines.next(line);) {
    if (is_blank(line)) continue;
    const Status valid = check_utf8(line, source, lines.number());
    if (!valid.ok()) {
      RELATA_CHECK(intake.reject(valid.error()));
      continue;
    }
    const std::string where = source.at(lines.number());
    auto document = TableLine(line, where).read();
    if (document.ok()) {
      RELATA_CHECK(intake.add(std::move(document).value(), where));
    } else {
      RELATA_CHECK(intake.reject(document.error()));
    }
  }
  return {};
}

}  // namespace relata::data
