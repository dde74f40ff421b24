#include "index/index_passages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "command_io.h"
#include "relata/base/log.h"
#include "relata/retrieve/passages.h"

namespace relata::app {

void add_passage_options(CLI::App& verb, PassageFlags& flags) {
  verb.add_option("--format", flags.read.format, "Input format (default: guessed)")
      ->type_name("FMT");
  verb.add_option("--on-error", flags.read.on_error, "stop (default) or skip")
      ->check(CLI::IsMember({"stop", "skip"}));
  verb.add_option("--text-of", flags.text_of,
                  "What is a passage: sentence (default) or document, its whole text")
      ->type_name("UNIT")
      ->check(CLI::IsMember({"sentence", "document"}));
  verb.add_option("--partition-by", flags.partition_by,
                  "The member of a document's meta that names the partition of its passages; of\n"
                  "several (task,owner) the values together do")
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

// A key that no document has would put all passages into one partition without a word.
Status check_partition_keys(const std::vector<data::Document>& documents,
                            const std::vector<std::string>& keys) {
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
    if (without == documents.size()) {
      return usage_error(fmt::format("--partition-by: no document has '{}' in its meta", key),
                         known_members(documents));
    }
    log_warning(
        fmt::format("--partition-by: {} of {} have no '{}' in their meta; it counts as empty",
                    without, counted(documents.size(), "document"), key));
  }
  return {};
}

}  // namespace

Result<ReadPassages> read_passages(const PassageFlags& flags, const std::string& output) {
  data::ReadOptions read = flags.read;
  read.whole_file = true;  // a file of plain text is one document, as for `relata extract`
  RELATA_TRY(const data::Dataset dataset, read_datasets(flags.inputs, read));
  ReadPassages out;
  RELATA_TRY(out.code, report_skipped(dataset, output));
  retrieve::PassageOptions options;
  options.unit = flags.text_of == "document" ? retrieve::PassageUnit::Document
                                             : retrieve::PassageUnit::Sentence;
  RELATA_CHECK(check_partition_keys(dataset.documents, flags.partition_by));
  options.partition_keys = flags.partition_by;
  out.passages = retrieve::passages_of(dataset.documents, options);
  for (const data::Document& document : dataset.documents) out.documents.push_back(document.id);
  return out;
}

}  // namespace relata::app
