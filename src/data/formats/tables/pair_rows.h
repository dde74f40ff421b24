// Pair data sets are lists of rows (head, tail, relation, sentence); documents group them by
// sentence. These two directions keep the rows' order, so that writing what was read gives the
// same file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "reading.h"
#include "registry.h"
#include "relata/data/document.h"

namespace relata::data {

struct PairRow {
  std::string_view head;
  std::string_view tail;
  std::optional<std::string_view> relation;  // none: the pair is only asked about
  std::string_view sentence;
};

// Gathers rows into documents. Where the rows of some sentence do not follow each other, every
// document gets meta "rows": the number in the file of each relation, then of each of its "pairs".
class PairDocuments {
 public:
  explicit PairDocuments(std::string stem) : stem_(std::move(stem)) {}

  // An error that begins with `where`, if the row cannot be added.
  static Status check(const PairRow& row, const std::string& where);
  // Rows of equal `key` become one document, whose place in errors is that of the first; the row
  // must have passed check().
  Document& add(const PairRow& row, const std::string& key, const std::string& where);
  // Gives the documents to the intake.
  Status hand_over(Intake& intake);

 private:
  struct Group {
    Document document;
    std::string where;
    std::unordered_map<std::string, int> entities;
    std::vector<size_t> relation_rows;
    std::vector<std::pair<int, int>> pairs;
    std::vector<size_t> pair_rows;
  };
  static int entity_index(Group& group, std::string_view text);

  std::string stem_;
  std::vector<Group> groups_;
  std::unordered_map<std::string, size_t> index_;
  size_t rows_ = 0;
};

// One row to write; `relation` is null for a pair that is only asked about.
struct PairItem {
  const Document* document = nullptr;
  int head = 0;
  int tail = 0;
  const Relation* relation = nullptr;
};

// All rows in the order of the file they came from if the documents tell it ("rows"), else in the
// order of the documents.
std::vector<PairItem> pair_items(const std::vector<Document>& documents);

// Those of them whose entities the text has, without which no row of a sentence can be read; the
// others are counted.
std::vector<PairItem> pair_items_in_text(const std::vector<Document>& documents, Losses& losses);

// The pairs in meta "pairs", entity ids or indices there, as indices; none if they are malformed.
std::vector<std::pair<int, int>> meta_pairs(const Document& document);

// Meta "rows" of a document with that many pairs in meta "pairs": the row of each relation, then of
// each pair; empty unless it has one for each.
std::vector<size_t> meta_rows(const Document& document, size_t pairs);

// How the text writes the entity: its first mention, or its name if it is not mentioned.
std::string_view surface(const Document& document, int entity);

}  // namespace relata::data
