#include "evaluate/pair_items.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "relata/base/file.h"

namespace relata::eval {
namespace {

using data::Document;

Result<std::vector<PairItem>> patched(std::vector<PairItem> items, const std::string& path) {
  RELATA_TRY(const std::string content, read_file(path));
  RELATA_TRY(const LabelPatch patch, parse_label_patch(content, path_name(path)));
  return apply_patch(std::move(items), patch);
}

// Where the answer to an item stands in its file.
std::string place_of(const PairItem& item, size_t index, const Answers& answers,
                     const AnswerFile& file) {
  if (answers.labels) {
    const size_t first = file.content().find_first_not_of(" \t\r\n");
    const bool json =
        first != std::string_view::npos && file.content().find_first_of("[{") == first;
    return file.name + (json ? ": entry " : ":") + std::to_string(index + 1);
  }
  if (answers.keyed) {
    for (const KeyedLabels& answer : *answers.keyed) {
      if (answer.id == item.id) return answer.where;
    }
  }
  return fmt::format("{}: pair '{}'", file.name, item.id);
}

Status check_labels(std::vector<PairItem>& items, const Answers& answers, Sources& sources,
                    const System& system) {
  if (!sources.has_schema()) return {};
  const SchemaLabels labels = sources.schema_labels(nullptr);
  size_t dropped = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    PairItem& item = items[i];
    for (const std::string& label : item.gold) {
      if (labels.has_relation(label)) continue;
      return labels.unknown_relation(fmt::format("{}: pair '{}'", sources.gold().name, item.id),
                                     label);
    }
    for (size_t l = 0; l < item.predicted.size();) {
      if (labels.has_relation(item.predicted[l])) {
        ++l;
        continue;
      }
      if (!sources.drops_unknown()) {
        return labels.unknown_relation(place_of(item, i, answers, system.file), item.predicted[l]);
      }
      ++dropped;
      item.predicted.erase(item.predicted.begin() + static_cast<long>(l));
      if (l < item.scores.size()) item.scores.erase(item.scores.begin() + static_cast<long>(l));
    }
  }
  sources.note_dropped(dropped, system);
  return {};
}

// Labels that all mean nothing to gold are hardly a system's answers.
void warn_of_strangers(const std::vector<PairItem>& items, const Sources& sources,
                       const System& system, std::vector<std::string>& warnings) {
  std::set<std::string> labels;
  for (const PairItem& item : items) {
    for (const std::string& label : item.predicted) {
      if (sources.schema().find(label) >= 0) return;
      if (!sources.negative().contains(label)) labels.insert(label);
    }
  }
  for (const PairItem& item : items) {
    for (const std::string& label : item.gold) {
      if (labels.contains(label)) return;
    }
  }
  if (labels.empty()) return;
  warnings.push_back(fmt::format("{}: gold has none of its {} labels, as '{}'", system.file.name,
                                 labels.size(), *labels.begin()));
}

}  // namespace

Result<std::vector<PairItem>> read_pair_items(Sources& sources, System& system,
                                              std::vector<std::string>& warnings) {
  RELATA_TRY(const std::vector<Document>* gold, sources.gold_documents());
  RELATA_TRY(const Answers* answers, sources.answers_of(system));
  const std::string& patch = sources.request().patch;
  bool to_patch = !patch.empty();
  std::vector<PairItem> items;
  if (answers->documents) {
    RELATA_TRY(items, sources.named(system, align_pairs(*gold, *answers->documents)));
  } else {
    items = gold_pairs(*gold);
    if (answers->keyed) {
      RELATA_CHECK(answer_by_id(items, *answers->keyed));
    } else if (sources.gold().documents != nullptr) {
      return input_error(fmt::format("{}: labels in the order of a file, and {} is several",
                                     system.file.name, sources.gold().name),
                         "join the gold files into one, or give predictions with ids");
    } else {
      // Answers may have been made for the patched gold alone.
      if (to_patch && answers->labels->size() != items.size()) {
        RELATA_TRY(items, patched(std::move(items), patch));
        to_patch = false;
      }
      const Status done = answer_in_order(items, *answers->labels);
      if (!done.ok()) return in_file(system.file.name, done.error());
    }
  }
  RELATA_CHECK(check_labels(items, *answers, sources, system));
  warn_of_strangers(items, sources, system, warnings);
  if (to_patch) return patched(std::move(items), patch);
  return items;
}

}  // namespace relata::eval
