#include "registry.h"

#include <algorithm>

#include "formats/annotators/annotation_formats.h"
#include "formats/tables/pair_rows.h"

namespace relata::data {
namespace {

std::vector<FormatEntry> make_registry() {
  std::vector<FormatEntry> entries = {
      pdf_format(),
      docx_format(),  // by their first bytes and the file's name
      html_format(),
      brat_format(),  // by the file's name
      // JSON, told apart by the names of the first record's members.
      casie_format(),
      phee_format(),
      rams_format(),
      wikievents_format(),
      crudeoilnews_format(),
      label_studio_format(),
      docred_format(),
      docred_result_format(),
      tacred_format(),
      opennre_format(),
      fewrel_format(),
      nyt_format(),
      spo_format(),
      conll04_format(),
      scierc_format(),
      glirel_format(),
      instructuie_format(),
      cre_llm_format(),
      alpaca_format(),
      sharegpt_format(),
      // JSON or lines with marks in the text.
      chemprot_format(),
      kbp37_format(),
      semeval2010_format(),
      spacy_format(),
      jsonl_format(),
      // Lines.
      pubtator_format(),
      conll_ner_format(),
      ade_format(),
      csv_format(),
      cre_tsv_format(),
      text_format(),
      lines_format(),
  };
  for (FormatEntry& entry : entries) {
    entry.info.reads = entry.read != nullptr;
    entry.info.writes = entry.write != nullptr || entry.write_files != nullptr;
  }
  return entries;
}

bool differs_from_name(const Document& document, const Entity& entity) {
  return entity.mentions != find_mentions(document.text, entity.text);
}

// Keys of the document's meta besides `held`. Pairs are counted on their own, and the order of rows
// is none of the data.
size_t count_notes(const Document& document, const std::vector<std::string_view>& held) {
  size_t notes = 0;
  if (!document.meta.is_object()) return notes;
  for (const auto& [key, value] : document.meta.items()) {
    notes +=
        key != "pairs" && key != "rows" && std::find(held.begin(), held.end(), key) == held.end();
  }
  return notes;
}

}  // namespace

const std::vector<FormatEntry>& format_registry() {
  static const std::vector<FormatEntry> kEntries = make_registry();
  return kEntries;
}

const FormatEntry* find_format(const std::string& name) {
  for (const FormatEntry& entry : format_registry()) {
    if (entry.info.name == name) return &entry;
  }
  return nullptr;
}

void count_losses(const std::vector<Document>& documents, const FormatEntry& format,
                  Losses& losses) {
  const unsigned holds = format.holds;
  const auto lose = [&](Holds what, const char* kind, size_t count) {
    if (!(holds & what) && count > 0) losses[kind] += count;
  };
  for (const Document& document : documents) {
    lose(kHoldsIds, "document ids", !document.id.empty());
    lose(kHoldsSentences, "sentence boundaries of documents", !document.sentences.empty());
    lose(kHoldsEvents, "events", document.events.size());
    lose(kHoldsRelations, "relations", document.relations.size());
    lose(kHoldsMeta, "notes in meta", count_notes(document, format.meta));
    const size_t pairs = meta_pairs(document).size();
    lose(kHoldsPairs, "pairs without relations", pairs);
    if (pairs == 0 || !(holds & kHoldsPairs)) {
      lose(kHoldsTextAlone, "documents without relations", document.relations.empty());
    }
    std::vector<char> related(document.entities.size(), 0);
    for (const Relation& relation : document.relations) {
      related.at(relation.head) = related.at(relation.tail) = 1;
      lose(kHoldsScores, "scores of relations", relation.score.has_value());
      lose(kHoldsEvidence, "evidence of relations", !relation.evidence.empty());
    }
    for (size_t i = 0; i < document.entities.size(); ++i) {
      const Entity& entity = document.entities[i];
      const bool stays = related[i] && (holds & kHoldsRelations);
      if (!stays && !(holds & kHoldsLoneEntities)) {
        ++losses[holds & kHoldsRelations ? "entities without relations" : "entities"];
        continue;
      }
      lose(kHoldsEntityTypes, "entity types", !entity.type.empty());
      lose(kHoldsNames, "stated names of mentions", entity.names.size());
      if (!(holds & kHoldsMentions)) {
        losses["places of entities"] += differs_from_name(document, entity);
      } else if (entity.mentions.size() > 1) {
        lose(kHoldsClusters, "further mentions of entities", entity.mentions.size() - 1);
      }
    }
  }
}

}  // namespace relata::data
