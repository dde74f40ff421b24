#include "relata/eval/report.h"

#include <gtest/gtest.h>

#include <sstream>

namespace relata::eval {
namespace {

using Labels = std::vector<std::string>;

PairItem item(std::string id, Labels gold, Labels predicted, std::vector<double> scores = {}) {
  return {.id = id,
          .context = "Sentence of " + id + "\nA → B",
          .gold = std::move(gold),
          .predicted = std::move(predicted),
          .scores = std::move(scores)};
}

Report sample() {
  Report report;
  report.title = "Sample";
  report.gold_path = "gold.txt";
  report.predicted_path = "pred.jsonl";
  report.negative = "unknown";
  report.items = {item("right", {"拥有"}, {"拥有"}, {0.9}),
                  item("missing", {"拥有"}, {"unknown"}, {0.3}),
                  item("invented", {"unknown"}, {"入股"}, {0.95}),
                  item("direction", {"拥有"}, {"被拥有"}, {0.6}),
                  item("type", {"入股"}, {"拥有"}, {0.7}),
                  item("quiet", {"unknown"}, {}),
                  item("partial", {"拥有", "入股"}, {"拥有"}, {0.8})};
  for (const char* metric : {"pair-micro", "crellm"}) {
    report.scores.push_back(*score_pairs(
        metric, report.items, {.negative = report.negative, .bootstrap = 100, .seed = 3}));
  }
  return report;
}

std::vector<Json> parsed_errors(const Report& report) {
  std::vector<Json> errors;
  std::istringstream lines(error_lines(report));
  for (std::string line; std::getline(lines, line);) errors.push_back(Json::parse(line));
  return errors;
}

std::map<std::string, std::string> kinds_by_id(const Report& report) {
  std::map<std::string, std::string> kinds;
  for (const Json& error : parsed_errors(report)) kinds[error["id"]] = error["kind"];
  return kinds;
}

TEST(ErrorLines, KindsAndContent) {
  const std::vector<Json> errors = parsed_errors(sample());
  ASSERT_EQ(errors.size(), 5U);
  const std::vector<std::string> ids = {"direction", "type", "missing", "partial", "invented"};
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(errors[i]["id"], ids[i]);
    EXPECT_EQ(errors[i]["kind"], ids[i] == "partial" ? "missing" : ids[i]);
  }
  EXPECT_EQ(errors[4]["gold"], Json({"unknown"}));
  EXPECT_EQ(errors[4]["predicted"], Json({"入股"}));
  EXPECT_EQ(errors[4]["scores"], Json({0.95}));
  EXPECT_EQ(errors[4]["context"], "Sentence of invented\nA → B");
}

TEST(ErrorLines, DirectionFromNamesSchemaAndReversePair) {
  Report report;
  report.items = {item("0", {"Cause(e1,e2)"}, {"Cause(e2,e1)"}), item("1", {"parent"}, {"child"}),
                  item("2", {"parent"}, {"child"}), item("3", {"owns"}, {}),
                  item("4", {"other"}, {"owns"})};
  report.items[3].reverse = 4;
  report.items[4].reverse = 3;
  EXPECT_EQ(
      kinds_by_id(report),
      (std::map<std::string, std::string>{
          {"0", "direction"}, {"1", "type"}, {"2", "type"}, {"3", "missing"}, {"4", "direction"}}));
  report.inverses = {{"child", "parent"}};
  EXPECT_EQ(kinds_by_id(report)["1"], "direction");
}

TEST(ReportJson, FollowsTheInterface) {
  Report report = sample();
  const Json json = report_json(report);
  ASSERT_EQ(json.size(), 2U);
  const Json& micro = json["pair-micro"];
  EXPECT_DOUBLE_EQ(micro["f1"].get<double>(), report.scores[0].f1);
  EXPECT_DOUBLE_EQ(micro["precision"].get<double>(), 0.4);
  EXPECT_EQ(micro["ci95"].size(), 2U);
  EXPECT_TRUE(micro["floor"].is_number());
  EXPECT_EQ(micro["floor_answer"], "拥有");
  EXPECT_TRUE(micro["definition"].is_string());
  report.scores[0].has_interval = false;
  EXPECT_TRUE(report_json(report)["pair-micro"]["ci95"].is_null());
  // A class's counts are those of the text.
  const Json& rows = micro["tables"][0]["rows"];
  EXPECT_EQ(micro["tables"][0]["title"], "Relations");
  EXPECT_EQ(rows[0]["label"], "拥有");
  EXPECT_EQ(rows[0]["gold"], 4);
  EXPECT_EQ(json["crellm"]["tables"], micro["tables"]);
}

TEST(Report, NoIntervalWithoutResamples) {
  Report report = sample();
  report.items = {item("a", {"A"}, {"B"})};
  report.scores = {*score_pairs("pair-micro", report.items, {.negative = "", .bootstrap = 0})};
  EXPECT_EQ(report.scores[0].f1, 0);
  EXPECT_TRUE(report_json(report)["pair-micro"]["ci95"].is_null());
  EXPECT_EQ(report_html(report).find("95&nbsp;%"), std::string::npos);
  report.comparisons = {{"pair-micro", {.difference = 0.5, .p_value = 0.25}}};
  report.other_path = "other.txt";
  EXPECT_TRUE(report_json(report)["compare"]["pair-micro"]["ci95"].is_null());
  EXPECT_NE(report_text(report).find("minus F1 of other.txt = +0.5000, p = 0.2500\n"),
            std::string::npos);
}

TEST(Report, ComparisonsAndPartsAreOnThePage) {
  Report report = sample();
  Score part = report.scores[1];
  part.metric = "undirected";
  report.scores[0].parts = {part};
  report.scores[0].extra = {{"auc", 0.625}};
  report.other_path = "<other>.txt";
  report.comparisons = {{"crellm",
                         {.difference = -0.125,
                          .ci_low = -0.25,
                          .ci_high = 0.0625,
                          .p_value = 0.03,
                          .has_interval = true}}};
  const std::string html = report_html(report);
  for (const char* part_of_page : {"Parts of pair-micro", "undirected", "auc 0.6250", "Comparison",
                                   "-0.1250", "-0.2500 to +0.0625", "0.0300", "&lt;other&gt;.txt",
                                   "Errors by kind", "Most frequent confusions"}) {
    EXPECT_NE(html.find(part_of_page), std::string::npos) << part_of_page;
  }
  EXPECT_EQ(html.find("<other>"), std::string::npos);
}

TEST(ReportText, ControlCharactersDoNotReachTheTerminal) {
  Report report;
  const std::string evil = "a\x1b[31m\nb\tc\x7f\xC2\x9B";
  report.title = report.gold_path = report.predicted_path = report.other_path = evil;
  report.items = {item("1", {evil}, {evil})};
  report.scores = {*score_pairs("pair-micro", report.items, {.negative = "", .bootstrap = 0})};
  report.comparisons = {{"pair-micro", {}}};
  const std::string text = report_text(report);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xC2\x9B"), std::string::npos);
  EXPECT_EQ(text.find('\t'), std::string::npos);
  EXPECT_NE(text.find("a\uFFFD[31m\uFFFDb\uFFFDc\uFFFD\uFFFD"), std::string::npos) << text;
  EXPECT_EQ(report_json(report)["pair-micro"]["tables"][0]["rows"][0]["label"], evil);
}

// The sample's negative label is called as distances are that nobody knows.
TEST(ReportText, DistancesAreNoNegativeLabels) {
  Report report = sample();
  report.distance_unit = "tokens";
  report.items[0].distance = 3;
  const std::string text = report_text(report);
  const size_t distances = text.find("tokens between head and tail");
  ASSERT_NE(distances, std::string::npos) << text;
  EXPECT_NE(text.find("\nunknown  ", distances), std::string::npos) << text;
  EXPECT_EQ(text.find("(negative)", distances), std::string::npos) << text;
  EXPECT_LT(text.find("unknown (negative)"), distances) << text;
  const std::string page = report_html(report);
  const size_t marked = page.find("<small>negative</small>");
  EXPECT_NE(marked, std::string::npos);
  EXPECT_EQ(marked, page.rfind("<small>negative</small>"));
}

TEST(ReportText, ColumnsLineUpWithWideCharacters) {
  const std::string text = report_text(sample());
  EXPECT_NE(text.find("pairs      7, 5 answered wrongly"), std::string::npos);
  EXPECT_NE(text.find("unknown (negative)"), std::string::npos);
  EXPECT_NE(text.find("\n拥有                   4"), std::string::npos) << text;
  EXPECT_LT(text.find("\n拥有 "), text.find("\n入股 "));
  EXPECT_LT(text.find("\n入股 "), text.find("\n被拥有 "));
  EXPECT_EQ(text.find(" \n"), std::string::npos);
}

size_t occurrences(const std::string& text, const std::string& needle) {
  size_t count = 0;
  for (size_t at = text.find(needle); at != std::string::npos; at = text.find(needle, at + 1)) {
    ++count;
  }
  return count;
}

TEST(ReportHtml, IsOneSelfContainedPage) {
  const std::string html = report_html(sample());
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>"));
  EXPECT_NE(html.find("prefers-color-scheme: dark"), std::string::npos);
  for (const char* outside : {"http:", "https:", "<script", "<link", "@import", "url("}) {
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
  }
  for (const char* tag : {"article", "section", "table", "tr", "td", "th", "p", "svg", "main",
                          "thead", "tbody", "bdi", "span", "div", "small", "strong"}) {
    const std::string name = tag;
    EXPECT_EQ(occurrences(html, "<" + name + ">") + occurrences(html, "<" + name + " "),
              occurrences(html, "</" + name + ">"))
        << tag;
  }
  // The surest wrong answer comes first.
  size_t last = 0;
  for (const char* id : {"invented", "type", "direction", "missing", "partial"}) {
    const size_t place = html.find("Sentence of " + std::string(id));
    EXPECT_LT(last, place) << id;
    last = place;
  }
  EXPECT_EQ(html.find("Sentence of right"), std::string::npos);
}

TEST(ReportHtml, EscapesEverything) {
  const std::string evil = "<img src=x onerror='a'>\"&";
  Report report;
  report.title = report.gold_path = report.predicted_path = evil;
  report.items = {item(evil, {evil}, {evil + "2"}), item("2", {evil}, {"unknown"})};
  report.negative = evil + "negative";
  report.items[1].predicted = {evil + "negative"};
  report.items[0].context = evil;
  report.scores = {*score_pairs("pair-micro", report.items,
                                {.negative = report.negative, .bootstrap = 0, .seed = 0})};
  report.scores[0].metric = evil;
  const std::string html = report_html(report);
  EXPECT_EQ(html.find("<img"), std::string::npos);
  EXPECT_EQ(html.find("onerror='"), std::string::npos);
  EXPECT_NE(html.find("&lt;img src=x onerror=&#39;a&#39;&gt;&quot;&amp;"), std::string::npos);
}

TEST(ReportHtml, WorksWithoutErrorsOrScores) {
  Report report;
  report.items = {item("a", {"A"}, {"A"})};
  EXPECT_NE(report_html(report).find("No wrong answers"), std::string::npos);
  report.items.push_back(item("b", {"A"}, {"B"}));
  EXPECT_NE(report_html(report).find("First errors"), std::string::npos);
}

}  // namespace
}  // namespace relata::eval
