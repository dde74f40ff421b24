#include <fmt/format.h>

#include <algorithm>

#include "relata/data/stats.h"

namespace relata::data {
namespace {

constexpr size_t kLabelsShown = 60;

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --back: #fafafa; --ink: #202428; --faint: #69727c;
  --edge: #dcdfe3; --panel: #fff; --fill: #3b7dd8; }
@media (prefers-color-scheme: dark) { :root { --back: #121417; --ink: #e8eaed; --faint: #9aa3ad;
  --edge: #30353c; --panel: #1b1f24; --fill: #7aaef5; } }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 4rem; background: var(--back);
  color: var(--ink); font: 1rem/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
.grid { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
.plots { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
.panel { background: var(--panel); border: 1px solid var(--edge); border-radius: .5rem;
  padding: .7rem .9rem; overflow-x: auto; }
.panel b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.faint { color: var(--faint); font-size: .85rem; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .3rem; }
svg { width: 100%; height: auto; display: block; } rect { fill: var(--fill); }
text { fill: var(--faint); font-size: 11px; }
line { stroke: var(--edge); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--edge); }
td.n, th.n { text-align: right; }
)css";

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out.push_back(c);
    }
  }
  return text::replace_invalid_utf8(out);
}

std::string shown(const Json& value) {
  if (value.is_number_float()) return fmt::format("{:.1f}", value.get<double>());
  if (value.is_string()) return escape(value.get<std::string>());
  return escape(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string title_of(std::string key) {
  for (char& c : key) c = c == '_' ? ' ' : c;
  if (!key.empty() && key[0] >= 'a' && key[0] <= 'z') key[0] = static_cast<char>(key[0] - 32);
  return escape(key);
}

std::string cards(const Json& picture) {
  std::string out = "<div class=\"grid\">";
  for (const auto& [key, value] : picture.items()) {
    if (value.is_structured() || value.is_null()) continue;
    out += fmt::format("<div class=\"panel\"><b>{}</b><span class=\"faint\">{}</span></div>",
                       shown(value), title_of(key));
  }
  return out + "</div>\n";
}

// Bars side by side, one for each bin, with the bounds of the first and last below.
std::string histogram(const std::string& key, const Json& summary) {
  constexpr double kWidth = 400;
  constexpr double kHeight = 120;
  const Json& bins = summary.at("histogram");
  double most = 1;
  for (const Json& bin : bins) most = std::max(most, bin[2].get<double>());
  const double step = kWidth / static_cast<double>(bins.size());
  std::string bars;
  for (size_t i = 0; i < bins.size(); ++i) {
    const double height = kHeight * bins[i][2].get<double>() / most;
    bars += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"><title>{} to {}: "
        "{}</title></rect>",
        static_cast<double>(i) * step, kHeight - height, std::max(step - 1, 0.5), height,
        shown(bins[i][0]), bins[i][1].get<size_t>() - 1, shown(bins[i][2]));
  }
  return fmt::format(
      "<figure class=\"panel\"><figcaption>{}</figcaption><svg viewBox=\"0 0 {} {}\" role=\"img\" "
      "aria-label=\"{}\">{}<line x1=\"0\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/><text x=\"0\" "
      "y=\"{}\">{}</text><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text></svg>"
      "<span class=\"faint\">mean {}, median {}, 95 % up to {}, largest {}</span></figure>\n",
      title_of(key), kWidth, kHeight + 16, title_of(key), bars, kHeight, kWidth, kHeight,
      kHeight + 13, shown(bins.front()[0]), kWidth, kHeight + 13, shown(bins.back()[1]),
      shown(summary["mean"]), shown(summary["median"]), shown(summary["p95"]),
      shown(summary["max"]));
}

std::string histograms(const Json& picture) {
  std::string out = "<div class=\"plots\">";
  for (const auto& [key, value] : picture.items()) {
    if (value.is_object() && value.contains("histogram")) out += histogram(key, value);
  }
  return out + "</div>\n";
}

// One line for each label, its bar as long as its share of the largest.
std::string label_table(const std::string& key, const Json& table) {
  if (table.empty()) return "";
  const double most = table.begin().value().get<double>();
  std::string rows;
  size_t number = 0;
  for (const auto& [label, count] : table.items()) {
    if (number++ == kLabelsShown) break;
    rows += fmt::format(
        "<tr><td>{}</td><td class=\"n\">{}</td><td style=\"width:50%\"><svg viewBox=\"0 0 100 6\" "
        "preserveAspectRatio=\"none\" style=\"height:.7rem\"><rect width=\"{:.2f}\" height=\"6\"/>"
        "</svg></td></tr>",
        escape(label), shown(count), 100 * count.get<double>() / most);
  }
  if (table.size() > kLabelsShown) {
    rows += fmt::format("<tr><td class=\"faint\" colspan=\"3\">and {} more</td></tr>",
                        table.size() - kLabelsShown);
  }
  return fmt::format("<h2>{} ({})</h2>\n<div class=\"panel\"><table>{}</table></div>\n",
                     title_of(key), table.size(), rows);
}

std::string examples(const Json& list) {
  std::string out;
  for (const Json& example : list) out += fmt::format("<li>{}</li>", shown(example));
  return out.empty() ? "" : "<ul>" + out + "</ul>";
}

std::string problems(const Json& picture) {
  const Json& duplicates = picture.at("duplicates");
  const Json& contradictions = picture.at("contradictions");
  return fmt::format(
      "<h2>Duplicates and contradictions</h2>\n<div class=\"panel\"><p>{} documents have a text "
      "that came before; {} pairs are stated again.</p>{}<p>{} pairs have a negative label and "
      "another; {} have different labels in two places.</p>{}</div>\n",
      shown(duplicates["documents"]), shown(duplicates["pairs_stated_again"]),
      examples(duplicates["examples"]), shown(contradictions["negative_and_other_label"]),
      shown(contradictions["different_labels"]), examples(contradictions["examples"]));
}

std::string overlap_table(const Json& overlap) {
  std::string rows;
  for (const Json& item : overlap) {
    rows += fmt::format("<tr><td>{}</td><td>{}</td>", shown(item["of"]), shown(item["in"]));
    for (const char* key : {"texts", "entity_names", "pairs", "triples"}) {
      rows += fmt::format("<td class=\"n\">{} ({:.1f} %)</td>", shown(item[key]["shared"]),
                          100 * item[key]["share"].get<double>());
    }
    rows += fmt::format("<td>{}</td></tr>",
                        item["labels_only_here"].empty() ? "" : shown(item["labels_only_here"]));
  }
  return "<h2>What the parts share</h2>\n<div class=\"panel\"><table><tr><th>Of</th><th>also "
         "in</th><th class=\"n\">Texts</th><th class=\"n\">Entity names</th><th "
         "class=\"n\">Pairs</th><th class=\"n\">Triples</th><th>Labels only in the "
         "first</th></tr>" +
         rows + "</table></div>\n";
}

}  // namespace

std::string picture_html(const Json& picture) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
      "name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Dataset</title>\n"
      "<style>{}</style>\n</head>\n<body>\n<h1>Dataset</h1>\n",
      kStyle);
  out += cards(picture);
  out += "<h2>Lengths and distances</h2>\n" + histograms(picture);
  for (const char* key : {"entity_types", "relation_types", "event_types", "roles"}) {
    out += label_table(key, picture.at(key));
  }
  out += problems(picture);
  if (picture.contains("overlap")) out += overlap_table(picture.at("overlap"));
  if (picture.contains("parts")) {
    for (const auto& [name, part] : picture.at("parts").items()) {
      out += fmt::format("<h2>{}</h2>\n", escape(name)) + cards(part);
    }
  }
  return out + "</body>\n</html>\n";
}

}  // namespace relata::data
