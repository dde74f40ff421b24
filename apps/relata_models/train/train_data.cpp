#include "train/train_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "io/command_io.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/data/sampling.h"
#include "relata/text/closing.h"
#include "train/mirrored_pairs.h"

namespace relata::app {
namespace {

constexpr int32_t kIgnoredLabel = -100;  // takes no loss, as in Transformers
constexpr int64_t kRoomForAnswer = 32;   // tokens of cutoff_len that examples leave free

}  // namespace

Result<TaskData> read_task_data(const std::vector<std::string>& paths, const std::string& format,
                                int64_t limit, int64_t seed) {
  TaskData out;
  RELATA_TRY(const std::vector<std::string> files, expand_inputs(paths));
  for (const std::string& path : data::without_companions(files)) {
    data::ReadOptions options;
    options.format = format;
    RELATA_TRY(data::Dataset dataset, data::read_dataset(path, options));
    for (const auto& [kind, count] : dataset.noted) {
      log_warning(path + ": " + kind + ": " + std::to_string(count));
    }
    for (data::Document& document : dataset.documents) {
      out.documents.push_back(std::move(document));
    }
  }
  out.queries =
      data::draw_items(data::pair_queries(out.documents), limit, static_cast<uint64_t>(seed));
  return out;
}

Result<std::vector<std::string>> prompt_texts(const extract::Extractor& extractor,
                                              const TaskData& data) {
  std::vector<std::string> texts;
  for (const data::PairQuery& query : data.queries) {
    RELATA_TRY(auto prompt,
               extract::render_prompt(extractor.pair_template, extractor.schema,
                                      {&data.documents[query.document], query.head, query.tail}));
    texts.push_back(std::move(prompt.text));
  }
  return texts;
}

namespace {

struct Target {
  int head = 0, tail = 0;
  std::vector<std::string> labels;
};

// What a query trains on: itself, and its mirror when asked.
std::vector<Target> targets_of(const data::PairQuery& query, const MirroredPairs* mirrors) {
  std::vector<Target> targets = {{query.head, query.tail, query.labels}};
  if (mirrors == nullptr) return targets;
  std::vector<std::string> labels = mirrors->labels(query);
  if (!labels.empty()) targets.push_back({query.tail, query.head, std::move(labels)});
  return targets;
}

}  // namespace

train::Row make_row(const std::vector<int32_t>& prompt, const std::vector<int32_t>& answer,
                    const TrainConfig& config, const RowForm& form) {
  train::Row row;
  form.join(prompt, answer, row);
  if (config.train_on_prompt) std::fill(row.weights.begin() + 1, row.weights.end(), 1.0F);
  if (config.trainer.prompt_loss_weight > 0) {
    row.secondary.assign(row.ids.size(), 0.0F);
    std::fill(row.secondary.begin() + 1,
              row.secondary.begin() + static_cast<int64_t>(prompt.size()), 1.0F);
  }
  return row;
}

void RowForm::join(const std::vector<int32_t>& prompt, const std::vector<int32_t>& answer,
                   train::Row& row) const {
  row.ids = parted ? text::closed(prompt, closing) : prompt;
  if (parted) {
    row.source = std::ssize(row.ids);
    row.ids.push_back(start);
  }
  row.weights.assign(row.ids.size(), 0.0F);
  row.ids.insert(row.ids.end(), answer.begin(), answer.end());
  row.weights.resize(row.ids.size(), 1.0F);
}

Result<RowForm> row_form(const TrainConfig& config, const text::Tokenizer& tokenizer) {
  if (config.model_name_or_path.empty()) return RowForm();
  RELATA_TRY(const auto shape, model::read_decoder_config(config.model_name_or_path));
  if (shape.encoder_layers == 0) return RowForm();
  const std::string& where = config.model_name_or_path;
  if (config.chat != "none") {
    RELATA_CHECK(model::check_one_stack(shape, where, "be asked by a chat template"));
  }
  if (config.train_on_prompt || config.trainer.prompt_loss_weight > 0) {
    RELATA_CHECK(model::check_one_stack(
        shape, where,
        "learn prompts (train_on_prompt, prompt_loss_weight): it predicts answers only"));
  }
  return RowForm{true, static_cast<int32_t>(shape.start_id), text::closing_id(tokenizer)};
}

namespace {

// T5's vocabularies lack characters such as "<": an answer with one is generated without it, and
// could never be read.
Status check_readable(const extract::Extractor& extractor, const text::Tokenizer& tokenizer,
                      const data::Document& document, const Target& target,
                      const std::vector<int32_t>& answer) {
  const std::string text = tokenizer.decode(answer, true);
  const extract::ParsedAnswer parsed = extract::parse_answer(
      extractor.pair_template, extractor.schema, document, target.head, target.tail, text);
  const std::set<std::string> wanted(target.labels.begin(), target.labels.end());
  const std::set<std::string> found(parsed.labels.begin(), parsed.labels.end());
  if (parsed.problem.empty() && wanted == found) return {};
  return usage_error(
      fmt::format(
          "document {}: its answer reads \"{}\" in the model's tokens, which is no answer of "
          "template \"{}\"",
          document.id, text, extractor.pair_template.name),
      "the model's vocabulary lacks characters of the template or of the labels: choose another "
      "prompt_template (sentence-first-en, rag-en), rename the labels, or set decode: labels");
}

}  // namespace

Result<std::vector<train::Row>> task_rows(const extract::Extractor& extractor,
                                          const text::Tokenizer& tokenizer, const TaskData& data,
                                          const TrainConfig& config, RowCount& count) {
  std::vector<train::Row> rows;
  RELATA_TRY(const RowForm form, row_form(config, tokenizer));
  // Examples give way where a row would be too long, as they do in answering.
  const auto room = static_cast<size_t>(std::max(config.cutoff_len - kRoomForAnswer, int64_t{1}));
  std::optional<MirroredPairs> mirrors;
  if (config.augment_inverse) mirrors.emplace(data.documents, extractor.schema);
  for (const data::PairQuery& query : data.queries) {
    const data::Document& document = data.documents[query.document];
    for (const Target& target : targets_of(query, mirrors ? &*mirrors : nullptr)) {
      if (target.labels.empty()) continue;
      for (const std::string& label : target.labels) {
        if (extractor.schema.find(label) < 0) {
          return input_error(
              "document " + document.id + ": relation '" + label + "' is not in the schema",
              "add it to the schema file, or leave schema out to infer one");
        }
      }
      RELATA_TRY(const auto prompt,
                 extract::encode_prompt(extractor, tokenizer, document,
                                        {query.document, target.head, target.tail, {}}, room));
      count.examples += prompt.examples;
      std::vector<std::vector<std::string>> answers;
      if (config.multi_label == "split") {
        for (const std::string& label : target.labels) answers.push_back({label});
      } else {
        answers.push_back(target.labels);
      }
      for (const auto& labels : answers) {
        const auto answer = extract::encode_answer(extractor, tokenizer, document, target.head,
                                                   target.tail, labels, tokenizer.eos_id());
        if (form.parted && config.decode == "free") {
          RELATA_CHECK(check_readable(extractor, tokenizer, document,
                                      {target.head, target.tail, labels}, answer));
        }
        train::Row row = make_row(prompt.ids, answer, config, form);
        if (static_cast<int64_t>(row.ids.size()) > config.cutoff_len) {
          ++count.too_long;
          continue;
        }
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

namespace {

// `json` has lists "ids" and "labels" of one length.
Result<train::Row> row_from_json(const Json& json, const std::string& where) {
  train::Row row;
  if (json.contains("source_ids")) {
    RELATA_TRY(row.ids, json_ids(json["source_ids"], where));
    if (row.ids.empty()) return input_error(where + ": \"source_ids\" is empty");
    row.source = std::ssize(row.ids);
    row.weights.assign(row.ids.size(), 0.0F);
  }
  RELATA_TRY(const std::vector<int32_t> ids, json_ids(json["ids"], where));
  row.ids.insert(row.ids.end(), ids.begin(), ids.end());
  for (size_t i = 0; i < ids.size(); ++i) {
    const Json& label = json["labels"][i];
    // A huge unsigned number would compare equal to a negative one.
    const bool ignored =
        label.is_number_integer() && !label.is_number_unsigned() && label == kIgnoredLabel;
    if (!ignored && !(label.is_number_integer() && label == ids[i])) {
      return input_error(
          fmt::format("{}: label {} of token {} is neither its id, {}, nor {}", where,
                      label.dump(-1, ' ', false, Json::error_handler_t::replace), i + 1, ids[i],
                      kIgnoredLabel),
          "labels are the ids themselves, or -100 where no loss is taken");
    }
    row.weights.push_back(ignored ? 0.0F : 1.0F);
  }
  return row;
}

}  // namespace

Result<std::vector<train::Row>> read_id_rows(const std::vector<std::string>& paths,
                                             int64_t cutoff_len) {
  std::vector<train::Row> rows;
  size_t too_long = 0;
  for (const std::string& path : paths) {
    RELATA_TRY(const std::string text, read_file(path));
    size_t begin = 0;
    for (int64_t number = 1; begin < text.size(); ++number) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string where = path + ":" + std::to_string(number);
      const std::string line = text.substr(begin, end - begin);
      begin = end + 1;
      if (line.empty()) continue;
      RELATA_TRY(const Json json, parse_json(line, where));
      if (!json.is_object() || !json.contains("ids") || !json["ids"].is_array() ||
          !json.contains("labels") || !json["labels"].is_array() ||
          json["ids"].size() != json["labels"].size()) {
        return input_error(where + ": a row needs \"ids\" and \"labels\" of one length");
      }
      RELATA_TRY(train::Row row, row_from_json(json, where));
      if (std::ssize(row.ids) > cutoff_len) {
        ++too_long;
        continue;
      }
      rows.push_back(std::move(row));
    }
  }
  if (too_long > 0) {
    log_warning(fmt::format("left out, longer than cutoff_len {}: {}", cutoff_len,
                            counted(too_long, "row")));
  }
  return rows;
}

std::string id_rows_text(const std::vector<train::Row>& rows) {
  std::string text;
  for (const train::Row& row : rows) {
    const auto target = row.ids.begin() + row.source;
    Json json = {{"ids", std::vector<int32_t>(target, row.ids.end())}, {"labels", Json::array()}};
    if (row.source > 0) json["source_ids"] = std::vector<int32_t>(row.ids.begin(), target);
    for (auto i = static_cast<size_t>(row.source); i < row.ids.size(); ++i) {
      json["labels"].push_back(row.weights[i] > 0 ? row.ids[i] : kIgnoredLabel);
    }
    text += json.dump() + "\n";
  }
  return text;
}

Result<std::string> score_rows_text(const extract::Extractor& extractor,
                                    const text::Tokenizer& tokenizer, const TaskData& data) {
  std::string text;
  for (const data::PairQuery& query : data.queries) {
    const data::Document& document = data.documents[query.document];
    RELATA_TRY(const auto prompt, extract::encode_prompt(extractor, tokenizer, document, query));
    RELATA_TRY(const auto answers, extract::label_answers(extractor, tokenizer, document, query));
    std::set<int> gold;
    for (const std::string& label : query.labels) gold.insert(extractor.schema.find(label));
    gold.erase(-1);
    const Json row = {{"prompt_ids", prompt.ids}, {"continuation_ids", answers}, {"gold", gold}};
    text += row.dump() + "\n";
  }
  return text;
}

}  // namespace relata::app
