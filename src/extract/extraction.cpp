#include "extraction.h"

#include <algorithm>
#include <filesystem>

#include "relata/base/hash.h"
#include "relata/base/log.h"
#include "relata/base/version.h"

namespace relata::extract {
namespace {

using data::Document;

constexpr const char* kJournalKind = "relata-extract";
constexpr const char* kGiven = "given";  // member of a journal's line

std::string schema_id(const data::Schema& schema) {
  return "sha256:" + sha256_hex(data::schema_to_json(schema).dump());
}

std::string extractor_name(const Extractor& extractor) {
  const std::filesystem::path folder(extractor.folder);
  const std::string last = folder.lexically_normal().filename().string();
  return last.empty() ? folder.lexically_normal().parent_path().filename().string() : last;
}

// Whether a question that was asked got no answer: if this run is interrupted, the next asks again.
// What cannot be asked now cannot be asked then.
bool is_unanswered(const Document& document) {
  if (!document.meta.is_object() || !document.meta.contains("unparsed")) return false;
  const Json& notes = document.meta["unparsed"];
  return std::any_of(notes.begin(), notes.end(), [](const Json& note) {
    return note.value("unanswered", false) && note.value("asked", true);
  });
}

// A journal's line is a result and the hash of what it was the answer to.
std::string journal_line(const Document& result, const std::string& given) {
  return "{\"" + std::string(kGiven) + "\":\"" + given + "\"," + to_json_line(result).substr(1);
}

Error not_a_journal(const std::string& path) {
  return usage_error(path + ": not a journal of an extraction",
                     "choose another file; this one is left as it is");
}

Status check_header(const std::string& line, const std::string& path, const std::string& settings) {
  const auto json = parse_json(line, path);
  if (!json.ok() || !json->is_object() || json->value("journal", Json()) != kJournalKind) {
    return not_a_journal(path);
  }
  if (json->value("settings", Json()) == settings) return {};
  return usage_error(
      path + ":1: the journal belongs to another model or other settings",
      "extract with the settings it was begun with, or remove " + path + " to begin again");
}

// Begins a journal. A run that was killed while it did that may have left a part of the header.
Status begin_journal(Journal& journal, const std::string& path, const std::string& header) {
  if (!header.starts_with(journal.torn())) return not_a_journal(path);
  return journal.append(header);
}

// Takes `given` out of a journal's line.
std::string take_given(Json& json) {
  if (!json.is_object() || !json.contains(kGiven) || !json[kGiven].is_string()) return "";
  std::string given = json[kGiven].get<std::string>();
  json.erase(kGiven);
  return given;
}

}  // namespace

Json common_settings(const Extractor& extractor, const generate::Engine& engine,
                     const std::string& decode) {
  const ExtractorConfig& config = extractor.config;
  Json json = Json::object();
  json["relata"] = version();
  json["pipeline"] = config.pipeline;
  json["model"] = engine.model_id();
  json["schema"] = schema_id(extractor.schema);
  json["chat"] = config.chat;
  json["decode"] = decode.empty() ? config.decode : decode;
  json["max_new_tokens"] = config.max_new_tokens;
  if (extractor.calibration) json["calibration"] = calibration_to_json(*extractor.calibration);
  if (extractor.names) json["names"] = sha256_hex(extractor.names->to_json().dump());
  return json;
}

std::string hash_of_settings(const Json& settings) {
  return "sha256:" + sha256_hex(settings.dump());
}

Status Extraction::open_journal(const std::string& path) {
  path_ = path;
  const std::string wanted = settings();
  size_t number = 0;
  RELATA_TRY(Journal journal, Journal::open(path, [&](std::string_view line, size_t offset) {
               ++number;
               return number == 1 ? check_header(std::string(line), path, wanted)
                                  : note_entry(line, number, offset);
             }));
  if (number == 0) {
    Json header = Json::object();
    header["journal"] = kJournalKind;
    header["settings"] = wanted;
    header["extractor"] = extractor_name(extractor_);
    RELATA_CHECK(begin_journal(journal, path, header.dump()));
  }
  journal_ = std::make_unique<Journal>(std::move(journal));
  return {};
}

// A journal may be as large as all results: only where they stand is kept.
Status Extraction::note_entry(std::string_view line, size_t number, size_t offset) {
  const std::string where = path_ + ":" + std::to_string(number);
  RELATA_TRY(Json json, parse_json(line, where));
  std::string given = take_given(json);
  RELATA_TRY(const Document document, data::document_from_json(json, where));
  finished_.emplace(document.id, Entry{std::move(given), offset, line.size()});
  return {};
}

Status Extraction::run(const DocumentRun& run, int batch_size) {
  if (!run.journal.empty()) RELATA_CHECK(open_journal(run.journal));
  while (true) {
    RELATA_CHECK(fill_batch(run.documents, static_cast<size_t>(std::max(batch_size, 1))));
    if (documents_.empty()) break;
    RELATA_CHECK(finish_batch());
    for (Document& document : out_) RELATA_CHECK(run.take(std::move(document)));
  }
  if (changed_ > 0) {
    log_warning(std::to_string(changed_) + (changed_ == 1 ? " document has" : " documents have") +
                " changed since " + path_ + " was begun: asked again");
  }
  return {};
}

Result<std::vector<Document>> Extraction::run_all(const std::vector<Document>& documents,
                                                  const std::string& journal, int batch_size) {
  data::ListedDocuments source(documents);
  std::vector<Document> results;
  const auto take = [&](Document document) -> Status {
    results.push_back(std::move(document));
    return {};
  };
  RELATA_CHECK(run({source, journal, take}, batch_size));
  return results;
}

Status Extraction::fill_batch(data::DocumentSource& source, size_t size) {
  documents_.clear();
  // Bounded in documents as well: those without pairs ask for nothing.
  for (size_t work = 0; work < size && documents_.size() < size;) {
    if (!journal_ && !documents_.empty()) {
      RELATA_TRY(const bool ready, source.ready());
      if (!ready) break;
    }
    RELATA_TRY(std::optional<Document> document, source.next());
    if (!document) break;
    work += static_cast<size_t>(work_of(*document));
    documents_.push_back(std::move(*document));
  }
  out_.assign(documents_.size(), {});
  return {};
}

std::string Extraction::given_hash(const Document& document) const {
  return sha256_hex(to_json_line(asked_part(document)));
}

// An entry about another text or other entities is none of this document.
Result<bool> Extraction::take_finished(size_t index) {
  const auto [first, last] = finished_.equal_range(documents_[index].id);
  if (first == last) return false;
  const std::string given = given_hash(documents_[index]);
  const auto entry =
      std::find_if(first, last, [&](const auto& one) { return one.second.given == given; });
  if (entry == last) {
    ++changed_;
    return false;
  }
  RELATA_TRY(const std::string line, journal_->line_at(entry->second.offset, entry->second.size));
  RELATA_TRY(Json json, parse_json(line, path_));
  take_given(json);
  RELATA_TRY(out_[index], data::document_from_json(json, path_));
  finished_.erase(entry);
  return true;
}

// What stands in a batch decides the order of sums, and so their last digits. A model that runs
// here is asked about a batch as a whole, as if for the first time: then an interrupted extraction
// ends with the very file of one that was not. What a server answered is not asked twice.
Status Extraction::finish_batch() {
  std::vector<size_t> open;
  for (size_t i = 0; i < documents_.size(); ++i) {
    RELATA_TRY(const bool finished, take_finished(i));
    if (!finished) open.push_back(i);
  }
  const bool as_a_whole = !open.empty() && engine_.prompt_form() == generate::PromptForm::kIds;
  std::vector<size_t> asked;
  for (size_t i = 0; i < documents_.size(); ++i) {
    if (as_a_whole || std::binary_search(open.begin(), open.end(), i)) {
      asked.push_back(i);
      continue;
    }
    note_skipped(work_of(documents_[i]));
    done_ += work_of(documents_[i]);
  }
  report(0);
  if (open.empty()) return {};
  engine_.forget();
  return extract(asked, open);
}

// Asks about some documents and keeps what is found in those of them that are open.
Status Extraction::extract(const std::vector<size_t>& asked, const std::vector<size_t>& open) {
  std::vector<Document> documents;
  documents.reserve(asked.size());
  for (const size_t i : asked) documents.push_back(documents_[i]);
  RELATA_TRY(std::vector<Document> results, answer(documents));
  for (size_t k = 0; k < results.size(); ++k) {
    done_ += work_of(documents[k]);
    if (!std::binary_search(open.begin(), open.end(), asked[k])) continue;
    stamp(results[k]);
    if (journal_ && !is_unanswered(results[k])) {
      RELATA_CHECK(journal_->append(journal_line(results[k], given_hash(documents[k]))));
    }
    out_[asked[k]] = std::move(results[k]);
  }
  return {};
}

void Extraction::stamp(Document& document) {
  if (schema_id_.empty()) schema_id_ = schema_id(extractor_.schema);
  if (!document.meta.is_object()) document.meta = Json::object();
  document.meta["extractor"] = extractor_name(extractor_);
  document.meta["model"] = engine_.model_id();
  document.meta["schema"] = schema_id_;
  document.meta["relata"] = version();
}

void note_examples(Document& document, const DemonstrationCounts& counts) {
  if (!document.meta.is_object()) document.meta = Json::object();
  Json& note = document.meta["demonstrations"];
  const auto add = [&](const char* key, int64_t count) {
    note[key] = note.is_object() ? note.value(key, int64_t{0}) + count : count;
  };
  add("shown", counts.shown);
  add("duplicates", counts.duplicates);
  add("too_long", counts.too_long);
  add("no_room", counts.no_room);
}

}  // namespace relata::extract
