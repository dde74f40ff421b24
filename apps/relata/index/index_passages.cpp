#include "index/index_passages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "io/command_io.h"
#include "relata/base/log.h"

namespace relata::app {

void add_passage_options(CLI::App& verb, PassageFlags& flags) {
  verb.add_option("--format", flags.read.format, "Input format (default: guessed)")
      ->type_name("FMT");
  verb.add_option("--on-error", flags.read.on_error, "stop (default) or skip")
      ->check(CLI::IsMember({"stop", "skip"}));
  verb.add_option(
          "--text-of", flags.text_of,
          "What is a passage: sentence or document, its whole text (default: as those that\n"
          "the index has, of a new one sentence)")
      ->type_name("UNIT")
      ->check(CLI::IsMember({"sentence", "document"}));
  verb.add_option("--partition-by", flags.partition_by,
                  "The member of a document's meta that names the partition of its passages; of\n"
                  "several (task,owner) the values together do (default: as the index is parted)")
      ->type_name("KEY")
      ->delimiter(',')
      ->allow_extra_args(false);
}

namespace {

// The members that the documents' meta has.
std::string known_members(const std::vector<data::Document>& documents) {
  std::set<std::string> names;
  for (const data::Document& document : documents) {
    if (!document.meta.is_object()) continue;
    for (const auto& [name, value] : document.meta.items()) names.insert(name);
  }
  if (names.empty()) return "the documents have no meta: leave --partition-by away";
  return fmt::format("their meta has: {}", fmt::join(names, ", "));
}

// A key that no document has would put all passages into one partition without a word. `named`: by
// the user, not by the index.
Status check_partition_keys(const std::vector<data::Document>& documents,
                            const std::vector<std::string>& keys, bool named) {
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string& key = keys[i];
    if (std::find(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(i), key) !=
        keys.begin() + static_cast<ptrdiff_t>(i)) {
      return usage_error(fmt::format("--partition-by names '{}' twice", key), "once is enough");
    }
    const auto without = static_cast<size_t>(
        std::count_if(documents.begin(), documents.end(), [&](const data::Document& document) {
          return !retrieve::has_partition_key(document, key);
        }));
    if (without == 0) continue;
    if (named && without == documents.size()) {
      return usage_error(fmt::format("--partition-by: no document has '{}' in its meta", key),
                         known_members(documents));
    }
    log_warning(fmt::format("{}{} of {} have no '{}' in their meta; it counts as empty",
                            named ? "--partition-by: " : "the index is parted by meta: ", without,
                            counted(documents.size(), "document"), key));
  }
  return {};
}

}  // namespace

Result<retrieve::PassageUnit> unit_of(const retrieve::Bm25Index& index, const std::string& path) {
  if (index.settings().unit) return *index.settings().unit;
  return input_error(path +
                         ": does not say whether its passages are sentences or documents: an "
                         "older relata made it",
                     "it can be searched; to change it, make it again: relata index build");
}

Result<retrieve::PassageOptions> common_passages(const PassageFlags& flags,
                                                 const retrieve::Bm25Index& index,
                                                 const std::string& path) {
  RELATA_TRY(const retrieve::PassageUnit unit, unit_of(index, path));
  const std::vector<std::string>& keys = index.settings().partition_keys;
  if (!flags.text_of.empty() && flags.text_of != retrieve::unit_name(unit)) {
    return usage_error(fmt::format("--text-of {}: the passages of {} are {}s", flags.text_of, path,
                                   retrieve::unit_name(unit)),
                       "leave --text-of away, or make another index");
  }
  if (!flags.partition_by.empty() && flags.partition_by != keys) {
    return usage_error(
        fmt::format(
            "--partition-by {}: {} is {}", fmt::join(flags.partition_by, ","), path,
            keys.empty() ? "not parted" : fmt::format("parted by {}", fmt::join(keys, ","))),
        "leave --partition-by away, or make another index");
  }
  return retrieve::PassageOptions{unit, keys};
}

retrieve::PassageOptions asked_passages(const PassageFlags& flags) {
  return {retrieve::unit_of_name(flags.text_of).value_or(retrieve::PassageUnit::Sentence),
          flags.partition_by};
}

Result<ReadPassages> read_passages(const PassageFlags& flags,
                                   const retrieve::PassageOptions& options,
                                   const std::string& output) {
  data::ReadOptions read = flags.read;
  read.whole_file = true;  // a file of plain text is one document, as for `relata extract`
  RELATA_TRY(const data::Dataset dataset, read_datasets(flags.inputs, read));
  ReadPassages out;
  RELATA_TRY(out.code, report_skipped(dataset, output));
  RELATA_CHECK(
      check_partition_keys(dataset.documents, options.partition_keys, !flags.partition_by.empty()));
  out.passages = retrieve::passages_of(dataset.documents, options);
  for (const data::Document& document : dataset.documents) out.documents.push_back(document.id);
  return out;
}

}  // namespace relata::app
