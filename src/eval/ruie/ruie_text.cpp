#include <unicode/uchar.h>

#include "relata/eval/ruie.h"
#include "relata/text/utf8.h"

namespace relata::eval {
namespace {

std::string bracketed(const std::vector<std::string>& labels) {
  std::string out = "[";
  for (const std::string& label : labels) out += (out.size() == 1 ? "" : ", ") + label;
  return out + "]";
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

std::string ruie_lower_case(std::string_view valid_utf8) {
  std::string out;
  for (const char32_t c : text::to_code_points(valid_utf8)) {
    text::append_utf8(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
  }
  return out;
}

std::string ruie_task_code(RuieTask task) {
  static const char* const kCodes[] = {"ner", "re", "ed", "eae"};
  return kCodes[static_cast<int>(task)];
}

std::string ruie_task_name(RuieTask task) {
  static const char* const kNames[] = {"Named entity recognition", "Relation extraction",
                                       "Event detection", "Event argument extraction"};
  return kNames[static_cast<int>(task)];
}

std::string ruie_query(const RuieQuestion& question) {
  std::string schema = bracketed(question.labels);
  if (question.task == RuieTask::kEae) {
    schema = "Given event trigger: \"" + question.event_type + ": " + question.trigger +
             "\"; Candidate arguments: " + schema;
  }
  return "Task: " + ruie_task_name(question.task) + "\nSchema: " + schema + "\nInput: \"" +
         question.text + "\"\nOutput:";
}

std::string ruie_answer(const std::vector<RuieItem>& items) {
  if (items.empty()) return "None";
  std::string out;
  for (const RuieItem& item : items) {
    out += (out.empty() ? "" : "; ") + item.label + ": " + item.value;
  }
  return out;
}

std::string ruie_normalised(std::string_view valid_utf8) {
  static constexpr std::string_view kTight = ",:()._;'-", kSqueezed = ",.;";
  std::string straight(valid_utf8);
  replace_all(straight, "\xE2\x80\x99", "'");
  std::string out;
  bool space = false;
  for (const char c : straight) {
    if (is_space(c)) {
      space = true;
      continue;
    }
    const bool tight = kTight.find(c) != std::string_view::npos;
    if (space && !out.empty() && !tight && kTight.find(out.back()) == std::string_view::npos) {
      out += ' ';
    }
    space = false;
    if (c == '{' || c == '}') continue;
    if (!out.empty() && out.back() == c && kSqueezed.find(c) != std::string_view::npos) continue;
    out += c;
  }
  out = ruie_lower_case(out);
  replace_all(out, "location", "located");
  return out;
}

}  // namespace relata::eval
