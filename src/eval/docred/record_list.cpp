#include "docred/record_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "relata/text/utf8.h"

namespace relata::eval {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr size_t kNone = std::string_view::npos;

size_t skip_space(std::string_view text, size_t at) {
  while (at < text.size() && kSpace.find(text[at]) != kNone) ++at;
  return at;
}

class ListWalk {
 public:
  ListWalk(std::string_view text, const std::string& where, const StretchCalls& calls)
      : text_(text), where_(where), calls_(calls) {}

  Status run(size_t parts) {
    size_t at = skip_space(text_, text_.starts_with("\xEF\xBB\xBF") ? 3 : 0);
    if (at >= text_.size() || text_[at] != '[') return error({at, "a list wanted"});
    at = skip_space(text_, at + 1);
    if (at < text_.size() && text_[at] == ']') return check_rest(at + 1);
    find_stretches(at, parts);
    run_pieces(stretches_.size(), [&](size_t part) { calls_.read(part, stretches_[part]); });
    return join();
  }

 private:
  // How the record at `begin` starts, up to its first key or string; "" if it does otherwise.
  std::string_view start_of(size_t begin) const {
    constexpr size_t kLongest = 64;
    const std::string_view head = text_.substr(begin, kLongest);
    if (head.empty() || (head[0] != '{' && head[0] != '[')) return {};
    const size_t quote = head.find_first_not_of(kSpace, 1);
    if (quote == kNone || head[quote] != '"') return {};
    if (head[0] == '[') return head.substr(0, quote + 1);
    const size_t close = head.find('"', quote + 1);
    return close == kNone ? std::string_view() : head.substr(0, close + 1);
  }

  void find_stretches(size_t first, size_t parts) {
    stretches_ = {{first}};
    const std::string_view start = start_of(first);
    if (start.empty()) return;
    for (size_t part = 1; part < parts; ++part) {
      const size_t wanted = first + (text_.size() - first) / parts * part;
      const size_t begin = text_.find(start, std::max(wanted, stretches_.back().begin + 1));
      if (begin == kNone) return;
      stretches_.back().limit = begin;
      stretches_.push_back({begin});
    }
  }

  Status join() {
    for (size_t part = 0; part < stretches_.size(); ++part) {
      const Stretch& stretch = stretches_[part];
      if (stretch.problem) return error(*stretch.problem);
      if (stretch.closed) {
        for (size_t rest = part + 1; rest < stretches_.size(); ++rest) calls_.forget(rest);
        return check_rest(stretch.end);
      }
      const size_t next = part + 1;  // there is one: the last stretch has no limit
      if (stretch.end == stretches_[next].begin) continue;
      for (size_t rest = next; rest < stretches_.size(); ++rest) calls_.forget(rest);
      stretches_.resize(next);
      stretches_.push_back({stretch.end});
      calls_.read(next, stretches_[next]);
    }
    return {};
  }

  Status check_rest(size_t at) const {
    at = skip_space(text_, at);
    if (at == text_.size()) return {};
    return error({at, "the file goes on behind its list"});
  }

  Error error(const JsonProblem& problem) const { return record_error(text_, where_, problem); }

  std::string_view text_;
  const std::string& where_;
  const StretchCalls& calls_;
  std::vector<Stretch> stretches_;
};

}  // namespace

JsonView StretchReader::next() {
  if (begun_ && !pass_comma()) return {};
  begun_ = true;
  constexpr size_t kPiece = size_t{1} << 14;
  const bool at_end = stretch_.end >= stretch_.limit;
  if (at_end || stretch_.end - checked_ >= kPiece) {
    if (!check_utf8(stretch_.end) || at_end) return {};
  }
  if (auto problem = parser_.parse(text_, stretch_.end)) {
    if (check_utf8(stretch_.end)) stretch_.problem = std::move(problem);
    return {};
  }
  return parser_.root();
}

void StretchReader::fail(JsonProblem problem) {
  if (check_utf8(parser_.end())) stretch_.problem = std::move(problem);
}

bool StretchReader::pass_comma() {
  const size_t at = skip_space(text_, parser_.end());
  stretch_.closed = at < text_.size() && text_[at] == ']';
  if (stretch_.closed) {
    stretch_.end = at + 1;
    check_utf8(at);
    return false;
  }
  if (at == text_.size() || text_[at] != ',') {
    fail({at, at == text_.size() ? "the list is not closed"
                                 : "a comma or ] is missing between records"});
    return false;
  }
  stretch_.end = skip_space(text_, at + 1);
  return true;
}

// `end` is no place inside a character.
bool StretchReader::check_utf8(size_t end) {
  if (const auto bad = text::find_invalid_utf8(text_.substr(checked_, end - checked_))) {
    stretch_.problem = {checked_ + *bad, "invalid UTF-8"};
    return false;
  }
  checked_ = end;
  return true;
}

Error record_error(std::string_view text, const std::string& where, const JsonProblem& problem) {
  const std::string_view before = text.substr(0, problem.offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t column = before.size() - (before.rfind('\n') + 1) + 1;
  return input_error(fmt::format("{}:{}:{}: {}", where, line, column, problem.what),
                     "check that the file is complete and in the format that was meant");
}

Status walk_list(std::string_view text, const std::string& where, size_t parts,
                 const StretchCalls& calls) {
  return ListWalk(text, where, calls).run(parts);
}

}  // namespace relata::eval
