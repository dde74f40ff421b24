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

// Whether a question got no answer at all: if this run is interrupted, the next asks again.
bool is_unanswered(const Document& document) {
  if (!document.meta.is_object() || !document.meta.contains("unparsed")) return false;
  const Json& notes = document.meta["unparsed"];
  return std::any_of(notes.begin(), notes.end(),
                     [](const Json& note) { return note.value("unanswered", false); });
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

Result<FinishedDocuments> read_finished(const Journal& journal, const std::string& path) {
  FinishedDocuments finished;
  const std::vector<std::string>& lines = journal.lines();
  for (size_t i = 1; i < lines.size(); ++i) {  // behind the header
    const std::string where = path + ":" + std::to_string(i + 1);
    RELATA_TRY(Json json, parse_json(lines[i], where));
    std::string given;
    if (json.is_object() && json.contains(kGiven) && json[kGiven].is_string()) {
      given = json[kGiven].get<std::string>();
      json.erase(kGiven);
    }
    RELATA_TRY(Document document, data::document_from_json(json, where));
    finished[document.id].push_back({std::move(given), std::move(document)});
  }
  return finished;
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
  return json;
}

std::string hash_of_settings(const Json& settings) {
  return "sha256:" + sha256_hex(settings.dump());
}

Status Extraction::open_journal(const std::string& path, const std::string& settings) {
  path_ = path;
  RELATA_TRY(Journal journal, Journal::open(path));
  if (journal.lines().empty()) {
    Json header = Json::object();
    header["journal"] = kJournalKind;
    header["settings"] = settings;
    header["extractor"] = extractor_name(extractor_);
    RELATA_CHECK(begin_journal(journal, path, header.dump()));
  } else {
    RELATA_CHECK(check_header(journal.lines()[0], path, settings));
    RELATA_TRY(finished_, read_finished(journal, path));
  }
  journal_ = std::make_unique<Journal>(std::move(journal));
  return {};
}

Result<std::vector<Document>> Extraction::run(int batch_size) {
  const auto batch = static_cast<size_t>(std::max(batch_size, 1));
  out_.resize(documents_.size());
  for (size_t begin = 0, end = 0; begin < documents_.size(); begin = end) {
    // Bounded in documents as well: those without pairs ask for nothing.
    for (size_t work = 0; end < documents_.size() && work < batch && end - begin < batch; ++end) {
      work += static_cast<size_t>(work_of(documents_[end]));
    }
    RELATA_CHECK(finish_batch(begin, end));
    RELATA_CHECK(hand_on(end));
  }
  if (changed_ > 0) {
    log_warning(std::to_string(changed_) + (changed_ == 1 ? " document has" : " documents have") +
                " changed since " + path_ + " was begun: asked again");
  }
  return std::move(out_);
}

// Gives finished documents away, in order, up to `end`.
Status Extraction::hand_on(size_t end) {
  for (; handed_ < end; ++handed_) {
    RELATA_TRY(const bool taken, take(out_[handed_]));
    if (taken) out_[handed_] = {};
  }
  return {};
}

std::string Extraction::given_hash(const Document& document) const {
  return sha256_hex(to_json_line(asked_part(document)));
}

// An entry about another text or other entities is none of this document.
bool Extraction::take_finished(size_t index) {
  const Document& wanted = documents_[index];
  const auto found = finished_.find(wanted.id);
  if (found == finished_.end() || found->second.empty()) return false;
  std::deque<FinishedDocument>& entries = found->second;
  const std::string given = given_hash(wanted);
  const auto entry = std::find_if(entries.begin(), entries.end(),
                                  [&](const auto& one) { return one.given == given; });
  if (entry == entries.end()) {
    ++changed_;
    return false;
  }
  out_[index] = std::move(entry->document);
  entries.erase(entry);
  return true;
}

// What stands in a batch decides the order of sums, and so their last digits. A model that runs
// here is asked about a batch as a whole, as if for the first time: then an interrupted extraction
// ends with the very file of one that was not. What a server answered is not asked twice.
Status Extraction::finish_batch(size_t begin, size_t end) {
  std::vector<size_t> open;
  for (size_t i = begin; i < end; ++i) {
    if (!take_finished(i)) open.push_back(i);
  }
  const bool as_a_whole = !open.empty() && engine_.prompt_form() == generate::PromptForm::kIds;
  std::vector<size_t> asked;
  for (size_t i = begin; i < end; ++i) {
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
