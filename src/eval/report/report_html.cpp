#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "pairs/pair_errors.h"
#include "relata/base/html.h"
#include "relata/eval/report.h"

namespace relata::eval {
namespace {

constexpr size_t kConfusions = 20;
constexpr size_t kWorstErrors = 50;

constexpr std::string_view kStyle = R"css(
code { overflow-wrap: anywhere; }
.cards { display: grid; gap: 1rem; margin-top: 1.25rem;
  grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); }
.card h3 { font-size: 1rem; margin: 0; }
.value { font-size: 2.2rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.scroll { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.scroll table { width: 100%; }
th, td { white-space: nowrap; }
tbody th { font-weight: 500; }
.card > svg { display: block; }
.f1 { fill: var(--strong); }
.interval { fill: var(--bar); opacity: .4; } .floor { fill: var(--wrong); }
.error { margin-bottom: .75rem; }
.error p { overflow-wrap: anywhere; }
.context { white-space: pre-line; margin-top: .5rem; }
.kind { display: inline-block; border: 1px solid var(--wrong); color: var(--wrong);
  border-radius: 1rem; padding: 0 .6rem; font-size: .85rem; }
.wrong { color: var(--wrong); } .right { color: var(--strong); }
)css";

// Labels may begin with spaces or be written right to left; <bdi> keeps them apart from our words.
std::string label_html(const std::string& label) { return "<bdi>" + escape_html(label) + "</bdi>"; }

std::string labels_html(const std::vector<std::string>& labels) {
  if (labels.empty()) return "<span class=\"soft\">nothing</span>";
  std::string out;
  for (const std::string& label : labels) out += (out.empty() ? "" : ", ") + label_html(label);
  return out;
}

std::string bar_cell(double value, std::string_view name) {
  return fmt::format("<td class=\"number\">{:.3f}{}</td>", value, html_bar(value, name));
}

std::string number_cell(const std::string& text) {
  return "<td class=\"number\">" + text + "</td>";
}

struct Column {
  std::string_view title;
  bool is_number = true;
};

// A table whose `rows` are finished <tr> elements.
std::string table_html(const std::vector<Column>& columns, const std::string& rows) {
  std::string out = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (const Column& column : columns) {
    out += fmt::format("<th scope=\"col\"{}>{}</th>", column.is_number ? " class=\"number\"" : "",
                       escape_html(column.title));
  }
  return out + "</tr></thead>\n<tbody>\n" + rows + "</tbody>\n</table></div>\n";
}

std::string interval_html(double low, double high) {
  return fmt::format("{:.4f} to {:.4f}", low, high);
}

std::string header(const Report& report, size_t errors) {
  std::string out;
  if (!report.gold_path.empty()) {
    out += "<p class=\"soft\">Gold: <code>" + escape_html(report.gold_path) + "</code></p>\n";
  }
  if (!report.predicted_path.empty()) {
    out += "<p class=\"soft\">Predictions: <code>" + escape_html(report.predicted_path) +
           "</code></p>\n";
  }
  if (!report.units.empty()) {
    out += fmt::format("<p class=\"soft\">{}, {} errors</p>\n", escape_html(report.units),
                       report.errors.size());
  }
  if (report.items.empty()) return out;
  return out + fmt::format("<p class=\"soft\">{} pairs, {} of them answered wrongly</p>\n",
                           report.items.size(), errors - report.errors.size());
}

std::string score_track(const Score& score) {
  auto x = [](double value) { return 100 * std::clamp(value, 0.0, 1.0); };
  std::string out =
      "<svg width=\"100%\" height=\"16\" viewBox=\"0 0 100 16\" preserveAspectRatio=\"none\" "
      "aria-hidden=\"true\"><rect class=\"track\" y=\"5\" width=\"100\" height=\"6\"/>";
  if (score.has_interval) {
    out += fmt::format(
        "<rect class=\"interval\" x=\"{:.2f}\" y=\"2\" width=\"{:.2f}\" height=\"12\"/>",
        x(score.ci_low), x(score.ci_high) - x(score.ci_low));
  }
  out += fmt::format("<rect class=\"f1\" y=\"5\" width=\"{:.2f}\" height=\"6\"/>", x(score.f1));
  out += fmt::format("<rect class=\"floor\" x=\"{:.2f}\" width=\"0.8\" height=\"16\"/></svg>",
                     std::min(x(score.floor), 99.2));
  return out;
}

std::string score_cards(const Report& report) {
  std::string out = "<section class=\"cards\" aria-label=\"Scores\">\n";
  for (const Score& score : report.scores) {
    out += "<article class=\"card\">\n<h3>" + escape_html(score.metric) + "</h3>\n";
    out += fmt::format("<div class=\"value\">{:.4f} <small>F1</small></div>\n", score.f1);
    out += score_track(score);
    if (score.has_interval) {
      out +=
          fmt::format("<p>95&nbsp;% interval {:.4f} to {:.4f}</p>\n", score.ci_low, score.ci_high);
    }
    out += fmt::format("<p>Precision {:.4f}, recall {:.4f}</p>\n", score.precision, score.recall);
    const std::string answer =
        score.floor_answer.empty() ? "nothing" : label_html(score.floor_answer);
    out += fmt::format("<p><span class=\"wrong\">Floor {:.4f}</span>: always answering {}</p>\n",
                       score.floor, answer);
    out += "<p><small>" + escape_html(score.definition) + "</small></p>\n</article>\n";
  }
  return out + "</section>\n";
}

std::string part_row(const Score& part) {
  return "<tr><th scope=\"row\">" + escape_html(part.metric) + "</th>" +
         bar_cell(part.precision, "bar") + bar_cell(part.recall, "bar") + bar_cell(part.f1, "f1") +
         number_cell(part.has_interval ? interval_html(part.ci_low, part.ci_high) : "") +
         number_cell(fmt::format("{:.4f}", part.floor)) + "<td>" + escape_html(part.definition) +
         "</td></tr>\n";
}

// The further views of each score, and the other figures of its official scorer.
std::string parts_html(const Report& report) {
  std::string out;
  for (const Score& score : report.scores) {
    if (score.parts.empty() && score.extra.empty()) continue;
    out += "<h2>Parts of " + escape_html(score.metric) + "</h2>\n";
    for (const auto& [name, value] : score.extra) {
      out += fmt::format("<p>{} {:.4f}</p>\n", escape_html(name), value);
    }
    std::string rows;
    for (const Score& part : score.parts) rows += part_row(part);
    if (rows.empty()) continue;
    out += table_html({{"Part", false},
                       {"Precision"},
                       {"Recall"},
                       {"F1"},
                       {"95 % interval"},
                       {"Floor"},
                       {"What is counted", false}},
                      rows);
  }
  return out;
}

std::string comparisons_html(const Report& report) {
  if (report.comparisons.empty()) return "";
  std::string rows;
  for (const auto& [metric, result] : report.comparisons) {
    rows += "<tr><th scope=\"row\">" + escape_html(metric) + "</th>" +
            number_cell(fmt::format("{:+.4f}", result.difference)) +
            number_cell(result.has_interval
                            ? fmt::format("{:+.4f} to {:+.4f}", result.ci_low, result.ci_high)
                            : "") +
            number_cell(fmt::format("{:.4f}", result.p_value)) + "</tr>\n";
  }
  return "<h2>Comparison</h2>\n<p class=\"soft\">F1 minus that of <code>" +
         escape_html(report.other_path) +
         "</code>; paired bootstrap and approximate randomisation</p>\n" +
         table_html({{"Metric", false}, {"Difference"}, {"95 % interval"}, {"p"}}, rows);
}

std::string count_table_html(const Report& report, const CountTable& table) {
  std::string rows;
  for (const LabelRow& row : table.rows) {
    const bool negative = table.of_labels && report.negative.contains(row.label);
    rows += "<tr><th scope=\"row\">" + label_html(row.label);
    if (negative) rows += " <small>negative</small>";
    rows += "</th>" + number_cell(std::to_string(row.counts.gold)) +
            number_cell(std::to_string(row.counts.predicted)) +
            number_cell(std::to_string(row.counts.correct)) +
            bar_cell(row.counts.precision(), "bar") + bar_cell(row.counts.recall(), "bar") +
            bar_cell(row.counts.f1(), "f1") + "</tr>\n";
  }
  return "<h2>" + escape_html(shown_title(report, table)) + "</h2>\n" +
         table_html({{table.column, false},
                     {"Gold"},
                     {"Predicted"},
                     {"Correct"},
                     {"Precision"},
                     {"Recall"},
                     {"F1"}},
                    rows);
}

std::string error_kinds_html(const std::vector<ErrorRow>& errors) {
  std::string rows;
  for (const std::string& kind : error_kinds()) {
    const auto count = std::count_if(errors.begin(), errors.end(),
                                     [&](const ErrorRow& error) { return error.kind == kind; });
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(errors.size());
    rows += "<tr><th scope=\"row\">" + kind + "</th>" +
            number_cell(std::to_string(count) + html_bar(share, "floor")) + "</tr>\n";
  }
  if (rows.empty()) return "";
  return "<h2>Errors by kind</h2>\n" + table_html({{"Kind", false}, {"Errors"}}, rows);
}

std::string confusion_table(const Report& report, const std::vector<ErrorRow>& errors) {
  const std::vector<Confusion> confusions = count_confusions(errors);
  if (confusions.empty()) return "";
  auto name = [&](const std::string& label) {
    if (!label.empty()) return label_html(label);
    return "<span class=\"soft\">" +
           (report.negative.stated().empty() ? std::string("nothing")
                                             : label_html(report.negative.stated().front())) +
           "</span>";
  };
  std::string rows;
  const auto most = static_cast<double>(confusions.front().count);
  for (size_t i = 0; i < std::min(confusions.size(), kConfusions); ++i) {
    const Confusion& confusion = confusions[i];
    rows += "<tr><td>" + name(confusion.gold) + "</td><td>" + name(confusion.predicted) + "</td>" +
            number_cell(std::to_string(confusion.count) +
                        html_bar(static_cast<double>(confusion.count) / most)) +
            "</tr>\n";
  }
  std::string out = "<h2>Most frequent confusions</h2>\n" +
                    table_html({{"Gold", false}, {"Predicted", false}, {"Errors"}}, rows);
  if (confusions.size() > kConfusions) {
    out += fmt::format("<p class=\"soft\">{} of {} kinds of confusion</p>\n", kConfusions,
                       confusions.size());
  }
  return out;
}

std::string error_article(const ErrorRow& error) {
  std::string out =
      "<article class=\"card error\">\n<p><span class=\"kind\">" + error.kind + "</span>";
  if (error.score) out += fmt::format(" score {:.4f}", *error.score);
  out += " <small>" + escape_html(error.id) + "</small></p>\n";
  out += "<p>Gold <strong class=\"right\">" + labels_html(error.gold) +
         "</strong>, predicted <strong class=\"wrong\">" + labels_html(error.predicted) +
         "</strong></p>\n";
  return out + "<p class=\"context\">" + escape_html(error.context) + "</p>\n</article>\n";
}

std::string worst_errors(const Report& report, std::vector<ErrorRow> errors) {
  if (errors.empty()) return "<p>No wrong answers.</p>\n";
  std::stable_sort(errors.begin(), errors.end(), [](const ErrorRow& a, const ErrorRow& b) {
    return b.score < a.score;  // an absent score is below every number
  });
  const size_t shown = std::min(errors.size(), kWorstErrors);
  const bool scored = errors.front().score.has_value();
  std::string out = scored ? "<h2>Worst errors</h2>\n" : "<h2>First errors</h2>\n";
  out += fmt::format("<p class=\"soft\">{} of {}{}</p>\n", shown, errors.size(),
                     scored ? ", the surest wrong answers first" : "; the answers have no scores");
  for (size_t i = 0; i < shown; ++i) out += error_article(errors[i]);
  return out;
}

}  // namespace

std::string report_html(const Report& report) {
  const std::vector<ErrorRow> errors = find_errors(report);
  std::string body = header(report, errors.size()) + score_cards(report) + parts_html(report) +
                     comparisons_html(report);
  for (const CountTable& table : all_tables(report)) body += count_table_html(report, table);
  body += error_kinds_html(errors) + confusion_table(report, errors) + worst_errors(report, errors);
  return html_page(report.title.empty() ? "Evaluation" : report.title, kStyle, body);
}

}  // namespace relata::eval
