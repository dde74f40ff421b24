#include "reading.h"

#include <algorithm>
#include <filesystem>

#include "encoding.h"
#include "relata/base/visible_text.h"

namespace relata::data {
namespace {

// `bad` begins with the first invalid byte.
Error invalid_utf8(const Source& source, size_t line, size_t column, std::string_view bad) {
  return input_error(
      source.at(line) + ": invalid UTF-8 at byte " + std::to_string(column + 1) + " of the line",
      conversion_hint(bad));
}

// What a list of problems shows.
std::string without_middle(std::string text) {
  constexpr size_t kHead = 5000;  // more than the longest path
  constexpr size_t kTail = 1000;
  text = visible_text(text);
  if (text.size() <= kHead + kTail) return text;
  const auto bound = [&](size_t at) {
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
    return at;
  };
  return text.substr(0, bound(kHead)) + " … " + text.substr(bound(text.size() - kTail));
}

}  // namespace

Source::Source(std::string_view file_content, std::string file_path, size_t line)
    : content(file_content),
      path(std::move(file_path)),
      first_line(line),
      stem_(path == "-" ? "stdin" : std::filesystem::path(path).stem().string()) {}

bool Lines::next(std::string_view& line) {
  if (position_ >= content_.size()) return false;
  size_t end = content_.find(end_, position_);
  if (end == std::string_view::npos) end = content_.size();
  line = content_.substr(position_, end - position_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  position_ = end + 1;
  ++number_;
  return true;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \r") == std::string_view::npos;
}

Error shortened(Error error) {
  error.message = without_middle(std::move(error.message));
  return error;
}

Intake::Intake(const ReadOptions& options, Dataset& dataset)
    : skips_(options.on_error != "stop"),
      fixes_(options.on_error == "fix"),
      numbers_ids_(options.number_ids),
      dataset_(dataset) {
  if (options.schema) labels_.emplace(*options.schema);
}

Status Intake::reject(const Error& error) {
  if (!skips_ || error.code != ErrorCode::kBadInput) return shortened(error);
  dataset_.skipped.push_back(without_middle(error.message));
  return {};
}

void Intake::note_fix(const std::string& where, const std::string& what) {
  dataset_.fixed.push_back(without_middle(where + ": " + what));
}

Status Intake::check_labels(Document& document, const std::string& where) {
  const LabelCheck::Findings findings = labels_->check(document, fixes_);
  if (findings.unknown.empty()) {
    for (const std::string& what : findings.mended) note_fix(where, what);
    return {};
  }
  const size_t more = findings.unknown.size() - 1;
  return input_error(
      where + ": " + findings.unknown.front() +
          (more == 0 ? "" : ", nor are " + std::to_string(more) + " more of its labels"),
      findings.suggestion);
}

namespace {

// What every document must have, whatever its format: relata's own could not hold it otherwise.
Status check_required(const Document& document, const std::string& where) {
  const auto fail = [&](const std::string& what) {
    return input_error(where + ": " + what + " is empty", "fill it in, or leave the item out");
  };
  if (document.id.empty()) return fail("the document's id");
  if (document.text.empty()) return fail("the text");
  for (const Relation& relation : document.relations) {
    if (relation.type.empty()) return fail("the type of a relation");
  }
  for (const Event& event : document.events) {
    for (const Argument& argument : event.arguments) {
      if (argument.role.empty()) return fail("a role in the event \"" + event.id + "\"");
    }
  }
  return {};
}

}  // namespace

Status Intake::add(Document document, const std::string& where) {
  const Status complete = check_required(document, where);
  if (!complete.ok()) return reject(complete.error());
  if (labels_) {
    const Status known = check_labels(document, where);
    if (!known.ok()) return reject(known.error());
  }
  size_t& times = ids_[document.id];
  if (times > 0) {
    const std::string problem = "the id \"" + document.id + "\" is not unique in the file";
    if (!fixes_ && !numbers_ids_) {
      return reject(input_error(where + ": " + problem,
                                "give every record its own id, or let on_error=fix number them"));
    }
    const std::string id = document.id;
    do {
      document.id = id + "#" + std::to_string(++times);
    } while (ids_.contains(document.id));
    if (numbers_ids_) {
      count("documents with the id of an earlier one, which now end with a number (\"x#2\")");
    } else {
      note_fix(where, problem + "; it is now \"" + document.id + "\"");
    }
    ids_[document.id] = 1;
  } else {
    times = 1;
  }
  dataset_.documents.push_back(std::move(document));
  return {};
}

Status check_utf8(std::string_view text, const Source& source, size_t first_line) {
  const auto bad = text::find_invalid_utf8(text);
  if (!bad) return {};
  const std::string_view before = text.substr(0, *bad);
  const size_t line = first_line + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? *bad : *bad - newline - 1;
  return invalid_utf8(source, line, column, text.substr(*bad));
}

Error utf8_error(const Source& source, size_t offset, size_t line) {
  const size_t newline =
      offset == 0 ? std::string_view::npos : source.content.rfind('\n', offset - 1);
  return utf8_error(source, offset, line, newline == std::string_view::npos ? 0 : newline + 1);
}

Error utf8_error(const Source& source, size_t offset, size_t line, size_t line_begin) {
  return invalid_utf8(source, line, offset - line_begin, source.content.substr(offset));
}

std::optional<ByteRange> nearest_occurrence(const std::string& text, const std::string& stated,
                                            ByteRange range) {
  std::optional<ByteRange> best;
  size_t least = 0;
  bool tied = false;
  for (const ByteRange& found : find_occurrences(text, stated)) {
    const size_t distance =
        found.begin > range.begin ? found.begin - range.begin : range.begin - found.begin;
    if (!best || distance < least) {
      best = found;
      least = distance;
      tied = false;
    } else if (distance == least) {
      tied = true;
    }
  }
  return tied ? std::nullopt : best;
}

ByteRange trimmed(std::string_view text, ByteRange range) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto is_space = [&](size_t at) { return kSpace.find(text[at]) != std::string_view::npos; };
  while (range.begin < range.end && is_space(range.begin)) ++range.begin;
  while (range.end > range.begin && is_space(range.end - 1)) --range.end;
  return range;
}

}  // namespace relata::data
