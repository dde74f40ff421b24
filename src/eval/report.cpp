#include "relata/eval/report.h"

#include <fmt/format.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <string_view>

#include "pair_errors.h"
#include "relata/text/utf8.h"
#include "report_interval.h"

namespace relata::eval {
namespace {

// Terminal columns: East Asian wide characters take two, combining ones none.
size_t display_width(const std::string& text) {
  if (text::find_invalid_utf8(text)) return text.size();
  size_t width = 0;
  for (char32_t code_point : text::to_code_points(text)) {
    const auto c = static_cast<UChar32>(code_point);
    const int8_t category = u_charType(c);
    if (category == U_NON_SPACING_MARK || category == U_ENCLOSING_MARK) continue;
    const int east_asian = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
    width += east_asian == U_EA_WIDE || east_asian == U_EA_FULLWIDTH ? 2 : 1;
  }
  return width;
}

using Row = std::vector<std::string>;

// Columns from `first_right` on are aligned to the right, up to `last_right`.
std::string table(const std::vector<Row>& rows, size_t first_right, size_t last_right) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(row[c]));
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string space(widths[c] - display_width(row[c]), ' ');
      if (c > 0) line += "  ";
      line += c >= first_right && c <= last_right ? space + row[c] : row[c] + space;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string fraction(double value) { return fmt::format("{:.4f}", value); }

std::string json_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string report_text(const Report& report) {
  std::string out;
  if (!report.title.empty()) out += report.title + "\n";
  if (!report.gold_path.empty()) out += "gold       " + report.gold_path + "\n";
  if (!report.predicted_path.empty()) out += "predicted  " + report.predicted_path + "\n";
  out += fmt::format("pairs      {}, {} answered wrongly\n\n", report.items.size(),
                     find_pair_errors(report).size());

  std::vector<Row> scores = {
      {"metric", "precision", "recall", "F1", "95% interval", "floor", "floor's answer"}};
  for (const Score& score : report.scores) {
    const std::string interval =
        has_interval(score)
            ? fmt::format("[{}, {}]", fraction(score.ci_low), fraction(score.ci_high))
            : "-";
    scores.push_back({score.metric, fraction(score.precision), fraction(score.recall),
                      fraction(score.f1), interval, fraction(score.floor),
                      score.floor_answer.empty() ? "(none)" : score.floor_answer});
  }
  out += table(scores, 1, 5) + "\n";
  for (const Score& score : report.scores) out += score.metric + ": " + score.definition + "\n";
  out += "The floor is the best F1 that one constant answer reaches.\n\n";

  std::vector<Row> relations = {
      {"relation", "gold", "predicted", "correct", "precision", "recall", "F1"}};
  for (const LabelRow& row : label_rows(report.items)) {
    const bool negative = !report.negative.empty() && row.label == report.negative;
    relations.push_back({row.label + (negative ? " (negative)" : ""),
                         std::to_string(row.counts.gold), std::to_string(row.counts.predicted),
                         std::to_string(row.counts.correct), fraction(row.counts.precision()),
                         fraction(row.counts.recall()), fraction(row.counts.f1())});
  }
  return out + table(relations, 1, 6);
}

Json report_json(const Report& report) {
  Json metrics = Json::object();
  for (const Score& score : report.scores) {
    Json interval = nullptr;
    if (has_interval(score)) interval = Json::array({score.ci_low, score.ci_high});
    metrics[score.metric] = {{"precision", score.precision},
                             {"recall", score.recall},
                             {"f1", score.f1},
                             {"ci95", interval},
                             {"floor", score.floor},
                             {"floor_answer", score.floor_answer},
                             {"definition", score.definition}};
  }
  return metrics;
}

std::string error_lines(const Report& report) {
  std::string out;
  for (const PairError& error : find_pair_errors(report)) {
    const PairItem& item = report.items[error.item];
    Json line = {
        {"id", item.id}, {"kind", error.kind}, {"gold", item.gold}, {"predicted", item.predicted}};
    if (!item.scores.empty()) line["scores"] = item.scores;
    line["context"] = item.context;
    out += json_line(line);
  }
  return out;
}

}  // namespace relata::eval
