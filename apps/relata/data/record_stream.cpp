#include "data/record_stream.h"

#include <fmt/format.h>

#include <optional>
#include <span>
#include <utility>

#include "io/command_io.h"
#include "io/input_feed.h"
#include "relata/base/atomic_file.h"
#include "relata/base/log.h"
#include "relata/data/spacing.h"

namespace relata::app {

Result<int> convert_records(const std::vector<std::string>& files, const data::ReadOptions& read,
                            bool natural, const std::string& output) {
  InputFeed feed(data::without_companions(files), read);
  RELATA_CHECK(feed.check());
  RELATA_TRY(const bool any, feed.has_next());
  if (!any) return report_skipped(feed.notes(), output);
  std::optional<AtomicFile> file;
  if (!output.empty() && output != "-") {
    RELATA_TRY(AtomicFile created, AtomicFile::create(output));
    file.emplace(std::move(created));
  }
  size_t count = 0;
  for (;; ++count) {
    RELATA_TRY(std::optional<data::Document> document, feed.next());
    if (!document) break;
    if (natural) document = data::natural_spacing(std::move(*document));
    const std::string line = data::to_json_line(*document) + "\n";
    RELATA_CHECK(file ? file->write(std::as_bytes(std::span(line))) : write_result("", line));
  }
  if (file) RELATA_CHECK(file->finish());
  RELATA_TRY(const int code, report_skipped(feed.notes(), output, true));
  log_info(fmt::format("{}, {} to jsonl", counted(count, "document"), feed.notes().format));
  return code;
}

}  // namespace relata::app
