// Stage build: data sets become a pool of instances, and some of them questions.
#include <algorithm>
#include <array>
#include <string_view>

#include "relata/base/file.h"
#include "relata/base/hash.h"
#include "relata/data/formats.h"
#include "relata/data/sampling.h"
#include "relata/retrieve/retriever.h"
#include "ruie/stage.h"

namespace relata::retrieve {
namespace {

constexpr int kRevision = 2;  // grows with every change of what the stage makes

Result<Json> inputs_of(const RetrieverRecipe& recipe) {
  Json datasets = Json::array();
  for (const RetrieverDataset& dataset : recipe.datasets) {
    Json entry = {{"name", dataset.name},
                  {"task", ie_task_name(dataset.task)},
                  {"format", dataset.format},
                  {"held_out", dataset.held_out}};
    if (dataset.on_error != "stop") entry["on_error"] = dataset.on_error;
    RELATA_TRY(std::vector<std::string> files, expand_inputs(dataset.files));
    if (!dataset.schema.empty()) files.push_back(dataset.schema);
    for (const std::string& file : files) {
      RELATA_TRY(const std::string content, read_file(file));
      entry["sha256"].push_back(sha256_hex(content));
    }
    datasets.push_back(std::move(entry));
  }
  return Json{{"revision", kRevision},
              {"datasets", std::move(datasets)},
              {"max_queries", recipe.max_queries},
              {"max_pool", recipe.max_pool},
              {"seed", recipe.seed}};
}

// Texts for people state no labels: a README beside the data is no instance without an answer.
bool states_labels(const std::string& format) {
  constexpr std::array<std::string_view, 5> kTexts = {"text", "lines", "html", "docx", "pdf"};
  return std::find(kTexts.begin(), kTexts.end(), format) == kTexts.end();
}

Result<std::vector<data::Document>> read_documents(const RetrieverDataset& dataset,
                                                   BadRecords& bad) {
  std::vector<data::Document> out;
  bad.dataset = dataset.name;
  RELATA_TRY(const std::vector<std::string> files, expand_inputs(dataset.files));
  for (const std::string& file : data::without_companions(files)) {
    data::ReadOptions options;
    options.format = dataset.format;
    options.on_error = dataset.on_error;
    RELATA_TRY(data::Dataset read, data::read_dataset(file, options));
    if (!states_labels(read.format)) {
      const std::string problem = file + ": is of the format " + read.format + ", without labels";
      if (dataset.on_error == "stop") {
        return input_error(problem, "name the labelled files of data set " + dataset.name +
                                        ", by a pattern such as FOLDER/*.jsonl, or set on_error: "
                                        "skip for it");
      }
      read.documents.clear();
      read.skipped = {problem};
    }
    std::move(read.documents.begin(), read.documents.end(), std::back_inserter(out));
    for (const auto* list : {&read.skipped, &read.fixed}) {
      if (bad.first.empty() && !list->empty()) bad.first = list->front();
    }
    bad.skipped += read.skipped.size();
    bad.fixed += read.fixed.size();
  }
  return out;
}

template <class Item>
std::vector<Item> drawn(std::vector<Item> items, int64_t most, uint64_t seed) {
  if (most == 0) return items;
  std::vector<Item> out;
  for (const size_t i : data::draw_sample(items.size(), static_cast<size_t>(most), seed)) {
    out.push_back(std::move(items[i]));
  }
  return out;
}

Status add_dataset(const RetrieverRecipe& recipe, size_t number, RetrieverPool& pool) {
  const RetrieverDataset& dataset = recipe.datasets[number];
  BadRecords bad;
  RELATA_TRY(const std::vector<data::Document> documents, read_documents(dataset, bad));
  if (bad.skipped + bad.fixed > 0) pool.bad.push_back(std::move(bad));
  data::Schema schema = labels_of(documents);
  if (!dataset.schema.empty()) {
    RELATA_TRY(schema, data::read_schema(dataset.schema));
  }
  std::vector<PoolItem> items;
  for (const data::Document& document : documents) {
    for (Instance& instance : instances_of(document, dataset.task, schema)) {
      items.push_back({dataset.name, dataset.task, std::move(instance)});
    }
  }
  if (items.empty()) {
    return input_error(
        dataset.files.front() + ": has no instance of task " + ie_task_name(dataset.task),
        "choose another task or another file for data set " + dataset.name);
  }
  const uint64_t seed = static_cast<uint64_t>(recipe.seed) * 1000 + number;
  items = drawn(std::move(items), recipe.max_pool, seed);
  std::vector<size_t> queries;
  for (size_t i = 0; i < items.size(); ++i) queries.push_back(pool.items.size() + i);
  std::move(items.begin(), items.end(), std::back_inserter(pool.items));
  if (dataset.held_out) return {};
  queries = drawn(std::move(queries), recipe.max_queries, seed + 1);
  pool.queries.insert(pool.queries.end(), queries.begin(), queries.end());
  return {};
}

Json item_json(const PoolItem& item) {
  return {{"dataset", item.dataset},
          {"task", ie_task_name(item.task)},
          {"id", item.instance.id},
          {"text", item.instance.text},
          {"question", item.instance.question},
          {"tagged_question", item.instance.tagged_question},
          {"answer", item.instance.answer}};
}

PoolItem item_of(const Json& value) {
  PoolItem out;
  const auto text = [&](const char* key) { return value.at(key).get<std::string>(); };
  out.dataset = text("dataset");
  out.task = ie_task_of_name(text("task")).value_or(IeTask::kRe);
  out.instance = {text("id"), text("text"), text("question"), text("tagged_question"),
                  text("answer")};
  return out;
}

Json bad_json(const std::vector<BadRecords>& bad) {
  Json out = Json::array();
  for (const BadRecords& one : bad) {
    out.push_back({{"dataset", one.dataset},
                   {"skipped", one.skipped},
                   {"fixed", one.fixed},
                   {"first", one.first}});
  }
  return out;
}

std::vector<BadRecords> bad_of(const Json& facts) {
  std::vector<BadRecords> out;
  for (const Json& one : facts.value("bad", Json::array())) {
    out.push_back({one.value("dataset", ""), one.value("skipped", size_t{0}),
                   one.value("fixed", size_t{0}), one.value("first", "")});
  }
  return out;
}

Status write_pool(const Stage& stage, const RetrieverPool& pool) {
  std::vector<Json> items, queries;
  for (const PoolItem& item : pool.items) items.push_back(item_json(item));
  for (const size_t query : pool.queries) queries.push_back({{"item", query}});
  RELATA_CHECK(write_json_lines(stage.file("pool.jsonl"), items));
  RELATA_CHECK(write_json_lines(stage.file("queries.jsonl"), queries));
  Json facts = {{"items", pool.items.size()}, {"queries", pool.queries.size()}};
  if (!pool.bad.empty()) facts["bad"] = bad_json(pool.bad);
  return stage.finish(facts, {"pool.jsonl", "queries.jsonl"});
}

}  // namespace

Result<RetrieverPool> build_pool(const RetrieverRecipe& recipe) {
  RELATA_TRY(const Json inputs, inputs_of(recipe));
  const Stage stage(recipe.output_dir, "build", inputs);
  RetrieverPool pool;
  pool.key = stage.key();
  if (stage.done()) {
    RELATA_CHECK(stage.check_files());
    RELATA_CHECK(read_json_lines(stage.file("pool.jsonl"),
                                 [&](const Json& line) { pool.items.push_back(item_of(line)); }));
    RELATA_CHECK(read_json_lines(stage.file("queries.jsonl"), [&](const Json& line) {
      pool.queries.push_back(line.at("item").get<size_t>());
    }));
    pool.bad = bad_of(stage.facts());
    return pool;
  }
  for (size_t i = 0; i < recipe.datasets.size(); ++i) RELATA_CHECK(add_dataset(recipe, i, pool));
  if (pool.queries.empty()) {
    return usage_error("every data set is held out: there is no question to train on",
                       "set held_out: false for at least one");
  }
  RELATA_CHECK(write_pool(stage, pool));
  return pool;
}

}  // namespace relata::retrieve
