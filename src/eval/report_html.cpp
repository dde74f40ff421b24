#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "pair_errors.h"
#include "relata/eval/report.h"
#include "report_interval.h"

namespace relata::eval {
namespace {

constexpr size_t kConfusions = 20;
constexpr size_t kWorstErrors = 50;

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --text: #1b1f24;
  --soft: #57606a; --line: #d8dee4; --track: #e7ebef; --bar: #2f6fd0; --strong: #1a7f5a;
  --wrong: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1216; --card: #181c22; --text: #e6e9ee;
  --soft: #9aa4b0; --line: #2d343d; --track: #2a313a; --bar: #6ea3f0; --strong: #4cc295;
  --wrong: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); line-height: 1.5;
  font-family: system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
p { margin: .25rem 0; }
.soft, small { color: var(--soft); }
code { overflow-wrap: anywhere; }
.cards { display: grid; gap: 1rem; margin-top: 1.25rem;
  grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem; }
.card h3 { font-size: 1rem; margin: 0; }
.value { font-size: 2.2rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .75rem; text-align: left; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 600; font-size: .85rem; }
tbody th { font-weight: 500; }
.number { text-align: right; }
svg { display: block; }
td svg { display: inline-block; vertical-align: middle; margin-left: .5rem; }
.track { fill: var(--track); } .bar { fill: var(--bar); } .f1 { fill: var(--strong); }
.interval { fill: var(--bar); opacity: .4; } .floor { fill: var(--wrong); }
.error { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .75rem 1rem; margin-bottom: .75rem; }
.error p { overflow-wrap: anywhere; }
.context { white-space: pre-line; margin-top: .5rem; }
.kind { display: inline-block; border: 1px solid var(--wrong); color: var(--wrong);
  border-radius: 1rem; padding: 0 .6rem; font-size: .85rem; }
.wrong { color: var(--wrong); } .right { color: var(--strong); }
)css";

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// Labels may begin with spaces or be written right to left; <bdi> keeps them apart from our words.
std::string label_html(const std::string& label) { return "<bdi>" + escape(label) + "</bdi>"; }

std::string labels_html(const std::vector<std::string>& labels) {
  if (labels.empty()) return "<span class=\"soft\">nothing</span>";
  std::string out;
  for (const std::string& label : labels) out += (out.empty() ? "" : ", ") + label_html(label);
  return out;
}

// The numbers beside it say the same, so screen readers skip the drawing.
std::string bar(double value, std::string_view style) {
  return fmt::format(
      "<svg width=\"80\" height=\"8\" aria-hidden=\"true\"><rect class=\"track\" width=\"80\" "
      "height=\"8\" rx=\"4\"/><rect class=\"{}\" width=\"{:.1f}\" height=\"8\" rx=\"4\"/></svg>",
      style, 80 * std::clamp(value, 0.0, 1.0));
}

std::string bar_cell(double value, std::string_view style) {
  return fmt::format("<td class=\"number\">{:.3f}{}</td>", value, bar(value, style));
}

std::string header(const Report& report, size_t errors) {
  const std::string title = escape(report.title.empty() ? std::string("Evaluation") : report.title);
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  out += "<title>" + title + "</title>\n<style>" + std::string(kStyle) + "</style>\n</head>\n";
  out += "<body>\n<main>\n<h1>" + title + "</h1>\n";
  if (!report.gold_path.empty()) {
    out += "<p class=\"soft\">Gold: <code>" + escape(report.gold_path) + "</code></p>\n";
  }
  if (!report.predicted_path.empty()) {
    out +=
        "<p class=\"soft\">Predictions: <code>" + escape(report.predicted_path) + "</code></p>\n";
  }
  if (!report.units.empty()) {
    out += fmt::format("<p class=\"soft\">{}, {} errors</p>\n", escape(report.units), errors);
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
  if (has_interval(score)) {
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
    out += "<article class=\"card\">\n<h3>" + escape(score.metric) + "</h3>\n";
    out += fmt::format("<div class=\"value\">{:.4f} <small>F1</small></div>\n", score.f1);
    out += score_track(score);
    if (has_interval(score)) {
      out +=
          fmt::format("<p>95&nbsp;% interval {:.4f} to {:.4f}</p>\n", score.ci_low, score.ci_high);
    }
    out += fmt::format("<p>Precision {:.4f}, recall {:.4f}</p>\n", score.precision, score.recall);
    const std::string answer =
        score.floor_answer.empty() ? "nothing" : label_html(score.floor_answer);
    out += fmt::format("<p><span class=\"wrong\">Floor {:.4f}</span>: always answering {}</p>\n",
                       score.floor, answer);
    for (const Score& part : score.parts) {
      out += fmt::format("<p>{} {:.4f}</p>\n", escape(part.metric), part.f1);
    }
    out += "<p><small>" + escape(score.definition) + "</small></p>\n</article>\n";
  }
  return out + "</section>\n";
}

std::string count_table_html(const Report& report, const CountTable& table) {
  std::string out = "<h2>" + escape(table.title) + "</h2>\n";
  out += "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">" + escape(table.column);
  out +=
      "</th><th scope=\"col\" class=\"number\">Gold</th><th scope=\"col\" class=\"number\">"
      "Predicted</th><th scope=\"col\" class=\"number\">Correct</th><th scope=\"col\" "
      "class=\"number\">Precision</th><th scope=\"col\" class=\"number\">Recall</th><th "
      "scope=\"col\" class=\"number\">F1</th></tr></thead>\n<tbody>\n";
  for (const LabelRow& row : table.rows) {
    const bool negative = !report.negative.empty() && row.label == report.negative;
    out += "<tr><th scope=\"row\">" + label_html(row.label);
    if (negative) out += " <small>negative</small>";
    out += fmt::format(
        "</th><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>",
        row.counts.gold, row.counts.predicted, row.counts.correct);
    out += bar_cell(row.counts.precision(), "bar") + bar_cell(row.counts.recall(), "bar") +
           bar_cell(row.counts.f1(), "f1") + "</tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

std::string confusion_table(const Report& report, const std::vector<ErrorRow>& errors) {
  const std::vector<Confusion> confusions = count_confusions(errors);
  if (confusions.empty()) return "";
  auto name = [&](const std::string& label) {
    if (!label.empty()) return label_html(label);
    return "<span class=\"soft\">" +
           (report.negative.empty() ? std::string("nothing") : label_html(report.negative)) +
           "</span>";
  };
  std::string out =
      "<h2>Most frequent confusions</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th "
      "scope=\"col\">Gold</th><th scope=\"col\">Predicted</th><th scope=\"col\" "
      "class=\"number\">Pairs</th></tr></thead>\n<tbody>\n";
  const auto most = static_cast<double>(confusions.front().count);
  for (size_t i = 0; i < std::min(confusions.size(), kConfusions); ++i) {
    const Confusion& confusion = confusions[i];
    out += "<tr><td>" + name(confusion.gold) + "</td><td>" + name(confusion.predicted) +
           fmt::format("</td><td class=\"number\">{}{}</td></tr>\n", confusion.count,
                       bar(static_cast<double>(confusion.count) / most, "bar"));
  }
  out += "</tbody>\n</table></div>\n";
  if (confusions.size() > kConfusions) {
    out += fmt::format("<p class=\"soft\">{} of {} kinds of confusion</p>\n", kConfusions,
                       confusions.size());
  }
  return out;
}

std::string error_article(const ErrorRow& error) {
  std::string out = "<article class=\"error\">\n<p><span class=\"kind\">" + error.kind + "</span>";
  if (error.score) out += fmt::format(" score {:.4f}", *error.score);
  out += " <small>" + escape(error.id) + "</small></p>\n";
  out += "<p>Gold <strong class=\"right\">" + labels_html(error.gold) +
         "</strong>, predicted <strong class=\"wrong\">" + labels_html(error.predicted) +
         "</strong></p>\n";
  return out + "<p class=\"context\">" + escape(error.context) + "</p>\n</article>\n";
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
  std::string out = header(report, errors.size()) + score_cards(report);
  for (const CountTable& table : all_tables(report)) out += count_table_html(report, table);
  return out + confusion_table(report, errors) + worst_errors(report, errors) +
         "</main>\n</body>\n</html>\n";
}

}  // namespace relata::eval
