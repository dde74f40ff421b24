#include "docred/numbered_documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "alignment.h"

namespace relata::eval {
namespace {

using data::Document;
using data::Entity;

// 12 of "e12".
std::optional<size_t> number_in(const std::string& id) {
  size_t number = 0;
  const char* end = id.data() + id.size();
  if (!id.starts_with('e')) return {};
  const auto [stop, problem] = std::from_chars(id.data() + 1, end, number);
  if (problem != std::errc() || stop != end) return {};
  return number;
}

bool is_numbered(const Document& document) {
  return !document.id.empty() && (document.text.empty() || document.text == document.id) &&
         !document.entities.empty() &&
         std::all_of(document.entities.begin(), document.entities.end(), [](const Entity& entity) {
           return entity.mentions.empty() && entity.text == entity.id && number_in(entity.id);
         });
}

// The entity that has the id, else, where gold's ids are no numbers, the one at the place; or
// nothing.
const Entity* find_entity(const Document& gold, const std::string& id) {
  bool numbers = false;
  for (const Entity& entity : gold.entities) {
    if (entity.id == id) return &entity;
    numbers = numbers || number_in(entity.id);
  }
  const size_t place = *number_in(id);
  return !numbers && place < gold.entities.size() ? &gold.entities[place] : nullptr;
}

// The sentences that the reader kept as numbers, as ranges of the gold text.
void fill_evidence(const Document& gold, Document& predicted) {
  if (!predicted.meta.is_object() || !predicted.meta.contains("evidence_sentences")) return;
  const Json& sentences = predicted.meta["evidence_sentences"];
  if (!sentences.is_object()) return;
  for (size_t r = 0; r < predicted.relations.size(); ++r) {
    const auto own = sentences.find(std::to_string(r));
    if (own == sentences.end() || !own->is_array()) continue;
    for (const Json& sentence : *own) {
      const bool known =
          sentence.is_number_unsigned() && sentence.get<size_t>() < gold.sentences.size();
      if (known) predicted.relations[r].evidence.push_back(gold.sentences[sentence.get<size_t>()]);
    }
  }
}

Status fill(const Document& gold, size_t index, Document& predicted) {
  for (Entity& entity : predicted.entities) {
    const Entity* named = find_entity(gold, entity.id);
    if (named == nullptr) {
      return input_error(
          fmt::format("predicted document '{}' names entity {}, and gold has {}",
                      document_name(predicted, index), *number_in(entity.id), gold.entities.size()),
          "numbers are the places in gold's vertexSet, from 0");
    }
    entity = *named;
  }
  predicted.text = gold.text;
  predicted.sentences = gold.sentences;
  fill_evidence(gold, predicted);
  return {};
}

}  // namespace

Status fill_numbered(const std::vector<Document>& gold, std::vector<Document>& predicted) {
  std::map<std::string, const Document*> by_id;
  for (const Document& document : gold) by_id.try_emplace(document.id, &document);
  for (size_t d = 0; d < predicted.size(); ++d) {
    if (!is_numbered(predicted[d])) continue;
    const auto found = by_id.find(predicted[d].id);
    // Gold may have been read from such a file, too.
    if (found == by_id.end() || is_numbered(*found->second)) continue;
    RELATA_CHECK(fill(*found->second, d, predicted[d]));
  }
  return {};
}

}  // namespace relata::eval
