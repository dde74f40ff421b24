#include "server_answer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "relata/base/trim.h"

namespace relata::generate {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// What models put their thoughts between.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kThoughts = {
    {{"<think>", "</think>"},
     {"<thinking>", "</thinking>"},
     {"<thought>", "</thought>"},
     {"<reasoning>", "</reasoning>"},
     {"[THINK]", "[/THINK]"}}};

// The end of the thoughts that begin at `at`; none where there none begin.
std::optional<size_t> end_of_thoughts(std::string_view said, size_t at) {
  for (const auto& [open, close] : kThoughts) {
    if (!said.substr(at).starts_with(open)) continue;
    const size_t end = said.find(close, at);
    return end == std::string_view::npos ? said.size() : end + close.size();
  }
  return std::nullopt;
}

// The end of thoughts whose beginning was a part of the prompt; 0 where there are none.
size_t end_of_begun_thoughts(std::string_view said) {
  for (const auto& [open, close] : kThoughts) {
    const size_t end = said.find(close);
    if (end != std::string_view::npos && said.substr(0, end).find(open) == std::string_view::npos) {
      return end + close.size();
    }
  }
  return 0;
}

// A message's content: a text, or a list of parts, of which the thoughts are of another type.
std::optional<std::string> content_of(const Json& message) {
  const Json content = message.value("content", Json());
  if (content.is_null()) return "";
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return std::nullopt;
  std::string out;
  for (const Json& part : content) {
    if (!part.is_object()) return std::nullopt;
    const Json text = part.value("text", Json());
    if (part.value("type", Json()) == "text" && text.is_string()) out += text.get<std::string>();
  }
  return out;
}

// Whether thoughts are told beside the answer, as reasoning parsers of servers do.
bool tells_thoughts(const Json& message) {
  for (const char* key : {"reasoning_content", "reasoning"}) {
    const Json thoughts = message.is_object() ? message.value(key, Json()) : Json();
    if (thoughts.is_string() && !thoughts.get<std::string>().empty()) return true;
  }
  return false;
}

// Why there is no answer, in a choice that holds none.
std::string reason_for_none(const Json& choice, const Json& message, const ServerAnswer& answer) {
  const Json refusal = message.is_object() ? message.value("refusal", Json()) : Json();
  if (refusal.is_string() && answer.said.empty()) return "refused: " + refusal.get<std::string>();
  const Json finish = choice.value("finish_reason", Json());
  if (finish == "content_filter") return "was withheld by the server's content filter";
  if (finish == "tool_calls") return "is a call of a tool, where none was offered";
  if (finish == "length") {
    return "was cut off before it began: max_new_tokens must have room for a model's thoughts too";
  }
  return answer.has_thoughts ? "is nothing but thoughts" : "is empty";
}

}  // namespace

text::ByteRange behind_thoughts(std::string_view said) {
  size_t begin = 0;
  while (true) {
    const size_t word = std::min(said.find_first_not_of(kBlanks, begin), said.size());
    const auto end = end_of_thoughts(said, word);
    if (!end) break;
    begin = *end;
  }
  if (begin == 0) begin = end_of_begun_thoughts(said);
  return {begin, said.size()};
}

text::ByteRange inside_fence(std::string_view said, const text::ByteRange& range) {
  const std::string_view all = said.substr(0, range.end);
  const size_t first = std::min(all.find_first_not_of(kBlanks, range.begin), all.size());
  const char mark = first < all.size() ? all[first] : ' ';
  if (mark != '`' && mark != '~') return range;
  const size_t width = std::min(all.find_first_not_of(mark, first), all.size()) - first;
  const size_t line_end = all.find('\n', first);
  if (width < 3 || line_end == std::string_view::npos) return range;
  const std::string_view fence = all.substr(first, width);
  if (all.substr(first + width, line_end - first - width).find(mark) != std::string_view::npos) {
    return range;
  }
  std::string_view inside = all.substr(line_end + 1);
  const std::string_view written = inside.substr(0, inside.find_last_not_of(kBlanks) + 1);
  if (written.ends_with(fence)) inside = written.substr(0, written.size() - width);
  if (inside.find(fence) != std::string_view::npos) return range;
  return {line_end + 1, line_end + 1 + inside.size()};
}

std::optional<ServerAnswer> read_server_answer(const Json& choice, bool chat) {
  ServerAnswer out;
  const Json message = choice.value("message", Json());
  if (chat) {
    auto content = message.is_object() ? content_of(message) : std::nullopt;
    if (!content) return std::nullopt;
    out.said = std::move(*content);
  } else {
    const Json text = choice.value("text", Json());
    if (!text.is_string()) return std::nullopt;
    out.said = text.get<std::string>();
  }
  const text::ByteRange behind = behind_thoughts(out.said);
  out.has_thoughts = behind.begin > 0 || tells_thoughts(message);
  out.place = inside_fence(out.said, behind);
  const std::string_view answer =
      std::string_view(out.said).substr(out.place.begin, out.place.end - out.place.begin);
  if (trimmed(answer).empty()) out.problem = reason_for_none(choice, message, out);
  return out;
}

}  // namespace relata::generate
