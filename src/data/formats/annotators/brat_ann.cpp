#include "brat_ann.h"

#include <algorithm>

#include "formats/tables/columns.h"
#include "spans.h"

namespace relata::data {
namespace {

constexpr const char* kHint =
    "a line is T1<tab>TYPE BEGIN END<tab>TEXT, E1<tab>TYPE:T1 ROLE:T2, R1<tab>TYPE Arg1:T1 "
    "Arg2:T2, "
    "A1<tab>NAME T1, N1<tab>NAME T1 KB:ID<tab>TEXT, #1<tab>NAME T1<tab>NOTE or *<tab>Equiv T1 T2";

constexpr std::string_view kBlanks = " \t";

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t at = text.find_first_not_of(kBlanks); at < text.size();) {
    const size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    out.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBlanks, end);
  }
  return out;
}

// brat's own server writes a tab behind what has no text.
std::string_view without_blanks_behind(std::string_view text) {
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::optional<BratArgument> parse_argument(std::string_view word) {
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == word.size())
    return std::nullopt;
  return BratArgument{word.substr(0, colon), word.substr(colon + 1)};
}

class AnnReader {
 public:
  AnnReader(const Source& source, Intake& intake) : source_(source), intake_(intake) {}

  Result<BratAnnotations> run() {
    Lines lines(source_.content);
    for (std::string_view line; lines.next(line);) {
      if (is_blank(line)) continue;
      const Status valid = check_utf8(line, source_, lines.number());
      const Status status = valid.ok() ? read_line(line, lines.number()) : valid;
      if (!status.ok()) RELATA_CHECK(leave_out(status.error(), intake_));
    }
    return std::move(out_);
  }

 private:
  Status read_line(std::string_view line, size_t number) {
    number_ = number;
    const size_t tab = line.find('\t');
    if (tab == 0 || tab == std::string_view::npos) return fail("no tab behind the id");
    id_ = line.substr(0, tab);
    std::string_view rest = line.substr(tab + 1);
    const bool has_text = line[0] == 'T' || line[0] == 'N' || line[0] == '#';
    if (!has_text) rest = without_blanks_behind(rest);
    switch (line[0]) {
      case 'T':
        return read_span(rest);
      case 'E':
        return read_event(rest);
      case 'R':
        return read_relation(rest);
      case 'A':
      case 'M':
        return read_attribute(rest);
      case 'N':
        return read_note(rest, out_.normalizations);
      case '#':
        return read_note(rest, out_.notes);
      case '*':
        return read_equivalent(rest);
      default:
        return fail("the id begins with none of T, E, R, A, M, N, # and *");
    }
  }

  Status read_span(std::string_view rest) {
    const size_t tab = rest.find('\t');
    if (tab == std::string_view::npos) return fail("no tab before the text");
    BratSpan span{id_, "", {}, rest.substr(tab + 1), number_};
    const std::string_view head = rest.substr(0, tab);
    const size_t space = head.find(' ');
    if (space == 0 || space == std::string_view::npos) return fail("no type and offsets");
    span.type = head.substr(0, space);
    for (const std::string_view piece : split_columns(head.substr(space + 1), ';')) {
      const auto ends = words(piece);
      const auto begin = ends.size() == 2 ? whole_number(ends[0]) : std::nullopt;
      const auto end = ends.size() == 2 ? whole_number(ends[1]) : std::nullopt;
      if (!begin || !end) return fail("\"" + std::string(piece) + "\" are no two offsets");
      span.pieces.emplace_back(*begin, *end);
    }
    out_.spans.push_back(std::move(span));
    return {};
  }

  Status read_event(std::string_view rest) {
    BratEvent event;
    for (const std::string_view word : words(rest)) {
      const auto argument = parse_argument(word);
      if (!argument) return fail("\"" + std::string(word) + "\" is not ROLE:ID");
      if (event.type.empty()) {
        event.type = argument->role;
        event.trigger = argument->target;
      } else {
        event.arguments.push_back(*argument);
      }
    }
    if (event.type.empty()) return fail("the event has no TYPE:TRIGGER");
    event.id = id_;
    event.line = number_;
    out_.events.push_back(std::move(event));
    return {};
  }

  Status read_relation(std::string_view rest) {
    const auto parts = words(rest);
    const auto head = parts.size() == 3 ? parse_argument(parts[1]) : std::nullopt;
    const auto tail = parts.size() == 3 ? parse_argument(parts[2]) : std::nullopt;
    if (!head || !tail) return fail("the relation is not TYPE Arg1:ID Arg2:ID");
    // The names tell the order, where they are brat's own.
    const bool swapped = head->role == "Arg2" && tail->role == "Arg1";
    out_.relations.push_back(
        {id_, parts[0], swapped ? *tail : *head, swapped ? *head : *tail, number_});
    return {};
  }

  Status read_attribute(std::string_view rest) {
    const size_t first = rest.find(' ');
    if (first == 0 || first == std::string_view::npos) return fail("the attribute has no target");
    const std::string_view behind = rest.substr(first + 1);
    const size_t second = std::min(behind.find(' '), behind.size());
    if (second == 0) return fail("the attribute has no target");
    out_.attributes.push_back({id_, rest.substr(0, first), behind.substr(0, second),
                               behind.substr(std::min(second + 1, behind.size()))});
    return {};
  }

  Status read_note(std::string_view rest, std::vector<BratNote>& notes) {
    const size_t first = rest.find(' ');
    if (first == 0 || first == std::string_view::npos) return fail("the note has no target");
    const std::string_view behind = rest.substr(first + 1);
    const size_t second = std::min(behind.find_first_of(" \t"), behind.size());
    if (second == 0) return fail("the note has no target");
    notes.push_back({id_, rest.substr(0, first), behind.substr(0, second),
                     behind.substr(std::min(second + 1, behind.size()))});
    return {};
  }

  Status read_equivalent(std::string_view rest) {
    auto ids = words(rest);
    if (ids.size() < 3) return fail("fewer than two equivalent ids");
    if (ids[0] != "Equiv") return fail("\"" + std::string(ids[0]) + "\" is not Equiv");
    ids.erase(ids.begin());
    out_.equivalent.push_back({std::move(ids), number_});
    return {};
  }

  Error fail(const std::string& problem) const {
    return input_error(source_.at(number_) + ": " + problem, kHint);
  }

  const Source& source_;
  Intake& intake_;
  BratAnnotations out_;
  std::string_view id_;
  size_t number_ = 0;
};

}  // namespace

Result<BratAnnotations> parse_brat(const Source& source, Intake& intake) {
  return AnnReader(source, intake).run();
}

}  // namespace relata::data
