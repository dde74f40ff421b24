#include "relata/eval/report.h"

#include <fmt/format.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "pairs/pair_errors.h"
#include "relata/eval/metric.h"
#include "relata/text/utf8.h"

namespace relata::eval {
namespace {

// Labels, names and paths come from files: what could steer a terminal or break a line is replaced.
std::string printable(const std::string& text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 =
        byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte >= 0x20 && byte != 0x7F && !c1) {
      out += text[i];
      continue;
    }
    out += kReplacement;
    if (c1) ++i;
  }
  return out;
}

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
std::string table(std::vector<Row> rows, size_t first_right, size_t last_right) {
  std::vector<size_t> widths;
  for (Row& row : rows) {
    for (std::string& cell : row) cell = printable(cell);
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

void add_score_row(std::vector<Row>& rows, const std::string& name, const Score& score) {
  const std::string interval =
      score.has_interval ? fmt::format("[{}, {}]", fraction(score.ci_low), fraction(score.ci_high))
                         : "-";
  rows.push_back({name, fraction(score.precision), fraction(score.recall), fraction(score.f1),
                  interval, fraction(score.floor),
                  score.floor_answer.empty() ? "(none)" : score.floor_answer});
}

std::string definitions_text(const Report& report) {
  std::string out;
  for (const Score& score : report.scores) {
    out += printable(score.metric + ": " + score.definition) + "\n";
    for (const Score& part : score.parts) {
      out += printable("  " + part.metric + ": " + part.definition) + "\n";
    }
    for (const auto& [name, value] : score.extra) {
      out += fmt::format("  {}: {}\n", name, fraction(value));
    }
  }
  return out + "The floor is the best F1 that one constant answer reaches.\n";
}

std::string count_table_text(const Report& report, const CountTable& counts) {
  std::vector<Row> rows = {
      {counts.column, "gold", "predicted", "correct", "precision", "recall", "F1"}};
  for (const LabelRow& row : counts.rows) {
    const bool negative = counts.of_labels && report.negative.contains(row.label);
    rows.push_back({row.label + (negative ? " (negative)" : ""), std::to_string(row.counts.gold),
                    std::to_string(row.counts.predicted), std::to_string(row.counts.correct),
                    fraction(row.counts.precision()), fraction(row.counts.recall()),
                    fraction(row.counts.f1())});
  }
  return "\n" + shown_title(report, counts) + "\n" + table(std::move(rows), 1, 6);
}

std::map<std::string, int64_t> count_kinds(const std::vector<ErrorRow>& errors) {
  std::map<std::string, int64_t> counts;
  for (const ErrorRow& error : errors) ++counts[error.kind];
  return counts;
}

std::string error_kinds_text(const std::vector<ErrorRow>& errors) {
  std::map<std::string, int64_t> counts = count_kinds(errors);
  std::string out;
  for (const std::string& kind : error_kinds()) {
    if (counts.contains(kind)) {
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", kind, counts[kind]);
    }
  }
  return out.empty() ? "" : "\nErrors by kind: " + out + "\n";
}

std::string comparisons_text(const Report& report) {
  std::string out;
  for (const auto& [metric, result] : report.comparisons) {
    const std::string interval =
        result.has_interval ? fmt::format(" [{:+.4f}, {:+.4f}]", result.ci_low, result.ci_high)
                            : "";
    out += fmt::format("\n{}: F1 of {} minus F1 of {} = {:+.4f}{}, p = {:.4f}\n", metric,
                       printable(report.predicted_path), printable(report.other_path),
                       result.difference, interval, result.p_value);
  }
  return out;
}

template <class Estimate>
Json interval_json(const Estimate& estimate) {
  if (!estimate.has_interval) return nullptr;
  return Json::array({estimate.ci_low, estimate.ci_high});
}

Json table_json(const CountTable& table) {
  Json rows = Json::array();
  for (const auto& [label, counts] : table.rows) {
    rows.push_back({{"label", label},
                    {"gold", counts.gold},
                    {"predicted", counts.predicted},
                    {"correct", counts.correct},
                    {"precision", counts.precision()},
                    {"recall", counts.recall()},
                    {"f1", counts.f1()}});
  }
  return {{"title", table.title}, {"column", table.column}, {"rows", std::move(rows)}};
}

bool is_of(const CountTable& table, const Score& score) {
  if (!table.metric.empty()) return table.metric == score.metric;
  const auto metric = find_metric(score.metric);
  return metric.ok() && metric->kind == MetricKind::kPairs;
}

Json score_json(const Score& score) {
  Json out = {{"precision", score.precision},
              {"recall", score.recall},
              {"f1", score.f1},
              {"ci95", interval_json(score)},
              {"floor", score.floor},
              {"floor_answer", score.floor_answer},
              {"definition", score.definition}};
  for (const auto& [name, value] : score.extra) out[name] = value;
  for (const Score& part : score.parts) out["parts"][part.metric] = score_json(part);
  return out;
}

}  // namespace

std::string report_text(const Report& report) {
  const std::vector<ErrorRow> errors = find_errors(report);
  std::string out;
  if (!report.title.empty()) out += printable(report.title) + "\n";
  if (!report.gold_path.empty()) out += "gold       " + printable(report.gold_path) + "\n";
  if (!report.predicted_path.empty()) {
    out += "predicted  " + printable(report.predicted_path) + "\n";
  }
  if (!report.items.empty() || report.units.empty()) {
    out += fmt::format("pairs      {}, {} answered wrongly\n", report.items.size(),
                       errors.size() - report.errors.size());
  }
  if (!report.units.empty()) out += "scored     " + report.units + "\n";

  std::vector<Row> scores = {
      {"metric", "precision", "recall", "F1", "95% interval", "floor", "floor's answer"}};
  for (const Score& score : report.scores) {
    add_score_row(scores, score.metric, score);
    for (const Score& part : score.parts) add_score_row(scores, "  " + part.metric, part);
  }
  out += "\n" + table(std::move(scores), 1, 5) + "\n" + definitions_text(report);
  for (const CountTable& counts : all_tables(report)) out += count_table_text(report, counts);
  return out + error_kinds_text(errors) + comparisons_text(report);
}

Json report_json(const Report& report) {
  Json metrics = Json::object();
  const std::vector<CountTable> tables = all_tables(report);
  for (const Score& score : report.scores) {
    Json& own = metrics[score.metric] = score_json(score);
    for (const CountTable& table : tables) {
      if (is_of(table, score)) own["tables"].push_back(table_json(table));
    }
  }
  for (const auto& [metric, result] : report.comparisons) {
    metrics["compare"][metric] = {{"difference", result.difference},
                                  {"ci95", interval_json(result)},
                                  {"p_value", result.p_value}};
  }
  return metrics;
}

std::string error_lines(const Report& report) {
  const std::vector<ErrorRow> errors = find_errors(report);
  std::string out;
  for (const std::string& kind : error_kinds()) {
    for (const ErrorRow& error : errors) {
      if (error.kind != kind) continue;
      Json line = {
          {"kind", kind}, {"id", error.id}, {"gold", error.gold}, {"predicted", error.predicted}};
      if (!error.scores.empty()) line["scores"] = error.scores;
      line["context"] = error.context;
      out += json_line(line);
    }
  }
  return out;
}

}  // namespace relata::eval
