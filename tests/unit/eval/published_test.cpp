// Published figures, computed again from the published answers. They lie beside the project
// (../shared) and not in it; small samples of each scorer are in the other tests.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "relata/base/file.h"
#include "relata/eval/labels.h"
#include "relata/eval/pair_metrics.h"
#include "relata/eval/semeval.h"

namespace relata::eval {
namespace {

using Labels = std::vector<std::string>;

std::string shared(const std::string& path) { return std::string(RELATA_SHARED) + "/data/" + path; }
bool is_here(const std::string& path) { return std::filesystem::exists(shared(path)); }

std::string content_of(const std::string& path) {
  const auto content = read_file(shared(path));
  EXPECT_TRUE(content.ok()) << path;
  return content.ok() ? *content : "";
}

std::vector<Labels> columns_of(const std::string& content, char separator) {
  std::vector<Labels> rows;
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line);) {
    Labels columns;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, separator);) columns.push_back(cell);
    rows.push_back(std::move(columns));
  }
  return rows;
}

// TACRED's test examples in order, with the labels of TACRED (column 1) or TACREV (column 2).
std::vector<PairItem> gold_items(size_t column) {
  std::vector<PairItem> items;
  for (const Labels& row : columns_of(content_of("tacrev_results/gold_test.tsv"), '\t')) {
    PairItem item;
    item.id = row.at(0);
    item.gold = {row.at(column)};
    items.push_back(std::move(item));
  }
  return items;
}

std::vector<PairItem> patched(std::vector<PairItem> items, const std::string& path) {
  const auto patch = parse_label_patch(content_of(path), path);
  EXPECT_TRUE(patch.ok()) << patch.error().message;
  auto result = apply_patch(std::move(items), *patch);
  EXPECT_TRUE(result.ok()) << result.error().message;
  return result.ok() ? *result : std::vector<PairItem>{};
}

Score score(const std::string& metric, const std::vector<PairItem>& items) {
  const auto result =
      score_pairs(metric, items, {.negative = "no_relation", .bootstrap = 0, .seed = 0});
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return result.ok() ? *result : Score{};
}

std::vector<PairItem> answered(std::vector<PairItem> items, const std::string& path) {
  const auto labels = parse_label_list(content_of(path), path);
  EXPECT_TRUE(labels.ok()) << labels.error().message;
  const Status done = answer_in_order(items, *labels);
  EXPECT_TRUE(done.ok()) << path << ": " << done.error().message;
  return items;
}

std::string percent(double fraction) { return fmt::format("{:.1f}", 100 * fraction); }

TEST(Published, TacredAndTacrevTable) {
  if (!is_here("tacrev_results/published.tsv")) GTEST_SKIP() << "no tacrev_results in ../shared";
  const std::vector<PairItem> original = gold_items(1);
  const std::vector<PairItem> revised = patched(original, "tacrev_patch/test_patch.json");
  size_t changed = 0;
  const std::vector<PairItem> stated = gold_items(2);
  ASSERT_EQ(revised.size(), stated.size());
  for (size_t i = 0; i < revised.size(); ++i) {
    EXPECT_EQ(revised[i].gold, stated[i].gold);
    if (revised[i].gold != original[i].gold) ++changed;
  }
  EXPECT_EQ(changed, 936U);
  size_t systems = 0;
  for (const Labels& row : columns_of(content_of("tacrev_results/published.tsv"), '\t')) {
    if (row[0] == "system") continue;
    const std::string answers = "tacrev_results/" + row[0] + ".txt";
    const Score tacred = score("tacred", answered(original, answers));
    const Score tacrev = score("tacred", answered(revised, answers));
    const Labels ours = {row[0],
                         percent(tacred.precision),
                         percent(tacred.recall),
                         percent(tacred.f1),
                         percent(tacrev.precision),
                         percent(tacrev.recall),
                         percent(tacrev.f1)};
    EXPECT_EQ(ours, row);
    ++systems;
  }
  EXPECT_EQ(systems, 13U);
}

TEST(Published, GoldOfReTacred) {
  if (!is_here("retacred_patch")) GTEST_SKIP() << "no retacred_patch in ../shared";
  const std::vector<PairItem> items = patched(gold_items(1), "retacred_patch/test_id2label.json");
  EXPECT_EQ(items.size(), 13418U);
  EXPECT_EQ(std::count_if(items.begin(), items.end(),
                          [](const PairItem& item) { return item.gold == Labels{"no_relation"}; }),
            7770);
}

TEST(Published, AlwaysNoRelationInRag4re) {
  if (!is_here("tacrev_results")) GTEST_SKIP() << "no tacrev_results in ../shared";
  const std::vector<std::pair<std::vector<PairItem>, std::string>> data = {
      {gold_items(1), "87.99"},
      {patched(gold_items(1), "tacrev_patch/test_patch.json"), "88.80"},
      {patched(gold_items(1), "retacred_patch/test_id2label.json"), "73.34"}};
  for (auto [items, f1] : data) {
    for (PairItem& item : items) item.predicted = {"no_relation"};
    EXPECT_EQ(fmt::format("{:.2f}", 100 * score("rag4re", items).f1), f1);
    EXPECT_EQ(score("tacred", items).f1, 0);
  }
}

struct Rag4re {
  std::string row, answers, patch;
};

class Rag4reRows : public testing::TestWithParam<Rag4re> {};

TEST_P(Rag4reRows, Llama2) {
  if (!is_here("rag4re_outputs")) GTEST_SKIP() << "no rag4re_outputs in ../shared";
  std::vector<PairItem> items = gold_items(1);
  if (!GetParam().patch.empty()) items = patched(std::move(items), GetParam().patch);
  const Score ours =
      score("rag4re", answered(std::move(items), "rag4re_outputs/llama2_7b/" + GetParam().answers));
  for (const Labels& row : columns_of(content_of("rag4re_outputs/llama2_7b_results.csv"), ',')) {
    if (row[0] != GetParam().row) continue;
    EXPECT_NEAR(ours.precision, std::stod(row[4]), 1e-9);
    EXPECT_NEAR(ours.recall, std::stod(row[5]), 1e-9);
    EXPECT_NEAR(ours.f1, std::stod(row[6]), 1e-9);
    return;
  }
  FAIL() << "row " << GetParam().row;
}

// The published TACREV rows were scored with TACRED's labels.
INSTANTIATE_TEST_SUITE_P(Published, Rag4reRows,
                         testing::Values(Rag4re{"0", "llama_7b_tacred_complex.json", ""},
                                         Rag4re{"1", "llama_7b_tacred_simple.json", ""},
                                         Rag4re{"2", "llama_7b_test_tacrev_simple.json", ""},
                                         Rag4re{"3", "llama_7b_test_tacrev_complex.json", ""},
                                         Rag4re{"4", "llama_7b_test_retacred_simple.json",
                                                "retacred_patch/test_id2label.json"},
                                         Rag4re{"5", "llama_7b_test_retacred_complex.json",
                                                "retacred_patch/test_id2label.json"}),
                         [](const auto& test) { return "row" + test.param.row; });

TEST(Published, Rag4reOnSemeval) {
  const std::string gold_path = "rag4re_semeval/original_data/test_relations.json";
  if (!is_here(gold_path)) GTEST_SKIP() << "no rag4re_semeval in ../shared";
  const auto gold = parse_label_list(content_of(gold_path), gold_path);
  ASSERT_TRUE(gold.ok());
  std::vector<PairItem> items(gold->size());
  for (size_t i = 0; i < items.size(); ++i) items[i].gold = (*gold)[i];
  const std::vector<std::pair<std::string, std::array<double, 2>>> published = {
      {"query", {335, 1641}}, {"rag", {324, 1888}}};
  for (const auto& [arm, counts] : published) {
    const Score ours =
        score("rag4re", answered(items, "rag4re_outputs/semeval_flan_t5_xl/XL_semeval_" + arm +
                                            "_prompts_results.json"));
    EXPECT_DOUBLE_EQ(ours.precision, counts[0] / counts[1]) << arm;
    EXPECT_DOUBLE_EQ(ours.recall, counts[0] / 2717) << arm;
  }
}

class SemevalScorer : public testing::TestWithParam<std::string> {};

TEST_P(SemevalScorer, PrintsTheSameText) {
  const std::string folder = "semeval2010_task8/SemEval2010_task8_scorer-v1.2/";
  if (!is_here(folder)) GTEST_SKIP() << "no semeval2010_task8 in ../shared";
  const auto key = parse_keyed_labels(content_of(folder + "answer_key" + GetParam() + ".txt"), "k");
  const auto answers =
      parse_keyed_labels(content_of(folder + "proposed_answer" + GetParam() + ".txt"), "p");
  ASSERT_TRUE(key.ok() && answers.ok());
  std::vector<PairItem> items;
  for (const KeyedLabels& entry : *key) {
    items.emplace_back();
    items.back().id = entry.id;
    items.back().gold = entry.labels;
  }
  ASSERT_TRUE(answer_by_id(items, *answers).ok());
  const auto ours = semeval_scorer_text(items);
  ASSERT_TRUE(ours.ok()) << ours.error().message;
  std::string printed = content_of(folder + "result_scores" + GetParam() + ".txt");
  std::erase(printed, '\r');
  EXPECT_EQ(*ours, printed);
  // The scores are the printed ones.
  const Score official = score("semeval", items);
  const size_t at = printed.rfind("macro-averaged F1 = ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(fmt::format("{:.2f}%", 100 * official.f1),
            printed.substr(at + 20, printed.rfind(' ') - at - 20));
}

INSTANTIATE_TEST_SUITE_P(Published, SemevalScorer, testing::Values("1", "2", "3", "5"),
                         [](const auto& test) { return "example" + test.param; });

}  // namespace
}  // namespace relata::eval
