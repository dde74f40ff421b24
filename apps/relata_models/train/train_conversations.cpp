#include "train/train_conversations.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "io/command_io.h"
#include "relata/base/log.h"
#include "relata/base/trim.h"
#include "relata/data/conversations.h"
#include "relata/data/sampling.h"
#include "relata/text/chat.h"
#include "train/dataset_info.h"
#include "train/train_data.h"

namespace relata::app {
namespace {

// Writes what is said before an answer as the model reads it.
class PromptWriter {
 public:
  static Result<PromptWriter> make(const TrainConfig& config) {
    PromptWriter out;
    if (config.chat == "auto") {
      RELATA_TRY(out.chat_, text::CheckpointChat::load(config.model_name_or_path));
    } else {
      RELATA_TRY(out.wrapper_, text::chat_template(config.chat));
    }
    return out;
  }

  // The answer's tokens, closed as the template closes a turn where that ends an answer, else by
  // EOS.
  std::vector<int32_t> write_answer(const data::Conversation& conversation, size_t answer,
                                    const text::Tokenizer& tokenizer) const {
    const TurnEnd turn = turn_end(conversation, answer);
    std::string_view content = conversation.messages[answer].content;
    if (turn.trims) content = trimmed(content);
    std::vector<int32_t> ids = tokenizer.encode_ids(content, false);
    const int32_t end = end_token(turn.closing, tokenizer);
    if (end >= 0) ids.push_back(end);
    return ids;
  }

  // All messages before the one at `answer`.
  Result<std::vector<int32_t>> write(const data::Conversation& conversation, size_t answer,
                                     const text::Tokenizer& tokenizer) const {
    if (chat_) {
      const auto written = render(conversation, answer, true);
      if (!written.ok()) {
        return input_error(conversation.where + ": " + written.error().message,
                           written.error().hint);
      }
      return tokenizer.encode_ids(written->text, false);
    }
    if (answer > 1) {
      return input_error(
          fmt::format("{}: a {} and template {}, which writes one question", conversation.where,
                      conversation.messages[0].role == "system" ? "system message"
                                                                : "conversation of several turns",
                      wrapper_.name),
          "set template: auto, the model's own");
    }
    return tokenizer.encode_ids(text::wrap_chat(wrapper_, conversation.messages[0].content),
                                wrapper_.add_special);
  }

 private:
  PromptWriter() = default;

  // The first `count` messages by the checkpoint's own template.
  Result<text::JinjaOutput> render(const data::Conversation& conversation, size_t count,
                                   bool answer_follows) const {
    text::ChatRequest request;
    request.add_generation_prompt = answer_follows;
    for (size_t i = 0; i < count; ++i) {
      const data::Message& message = conversation.messages[i];
      request.messages.push_back({{"role", message.role}, {"content", message.content}});
    }
    return chat_->render(request);
  }

  struct TurnEnd {
    std::string closing;  // what is written behind the answer
    bool trims = false;   // white space around the answer goes
  };

  // Of a turn with another text, which stands nowhere else in what the template writes.
  TurnEnd turn_end(const data::Conversation& conversation, size_t answer) const {
    if (!chat_) return {wrapper_.stops.empty() ? "" : wrapper_.stops.front(), false};
    const std::string mark = "\u2063answer\u2063";
    data::Conversation marked = conversation;
    marked.messages[answer].content = " " + mark + " ";
    const auto whole = render(marked, answer + 1, false);
    if (!whole.ok()) return {};
    const std::string& text = whole->text;
    const size_t at = text.rfind(mark);
    if (at == std::string::npos) return {};
    TurnEnd out;
    size_t end = at + mark.size();
    out.trims = at == 0 || text[at - 1] != ' ';
    if (!out.trims && end < text.size() && text[end] == ' ') ++end;
    out.closing = text.substr(end);
    return out;
  }

  static int32_t end_token(const std::string& closing, const text::Tokenizer& tokenizer) {
    for (const int32_t id : tokenizer.stop_ids()) {
      const std::string stop = tokenizer.id_to_token(id);
      if (!stop.empty() && closing.starts_with(stop)) return id;
    }
    return tokenizer.eos_id();
  }

  std::optional<text::CheckpointChat> chat_;
  text::ChatTemplate wrapper_;
};

Result<std::vector<data::Conversation>> read_all(const std::vector<std::string>& names,
                                                 int64_t limit, const TrainConfig& config) {
  RELATA_TRY(const auto datasets, find_datasets(names, config.dataset_dir));
  std::vector<data::Conversation> all;
  for (const NamedDataset& dataset : datasets) {
    RELATA_TRY(auto read, data::read_conversations(dataset.path, dataset.members));
    for (data::Conversation& conversation : read) all.push_back(std::move(conversation));
  }
  return data::draw_items(std::move(all), limit, static_cast<uint64_t>(config.trainer.seed));
}

// Where prompts are learned, what answers of one conversation share is learned once: takes the loss
// off the tokens of the row's prompt that the row before begins with too.
void learn_once(const std::vector<int32_t>& before, size_t prompt, train::Row& row) {
  const auto end = row.ids.begin() + static_cast<std::ptrdiff_t>(prompt);
  const auto same = std::mismatch(row.ids.begin(), end, before.begin(), before.end()).first;
  const auto shared = same - row.ids.begin();
  std::fill(row.weights.begin(), row.weights.begin() + shared, 0.0F);
  if (row.secondary.empty()) return;
  std::fill(row.secondary.begin(), row.secondary.begin() + shared, 0.0F);
}

}  // namespace

Result<std::vector<train::Row>> conversation_rows(const std::vector<std::string>& names,
                                                  int64_t limit, const text::Tokenizer& tokenizer,
                                                  const TrainConfig& config) {
  RELATA_TRY(const auto conversations, read_all(names, limit, config));
  RELATA_TRY(const RowForm form, row_form(config, tokenizer));
  RELATA_TRY(const PromptWriter writer, PromptWriter::make(config));
  const bool learns_prompts = config.train_on_prompt || config.trainer.prompt_loss_weight > 0;
  std::vector<train::Row> rows;
  size_t too_long = 0;
  for (const data::Conversation& conversation : conversations) {
    std::vector<int32_t> learned;  // the ids of the conversation's row before
    for (size_t i = 0; i < conversation.messages.size(); ++i) {
      if (conversation.messages[i].role != "assistant") continue;
      RELATA_TRY(const auto prompt, writer.write(conversation, i, tokenizer));
      train::Row row =
          make_row(prompt, writer.write_answer(conversation, i, tokenizer), config, form);
      if (std::ssize(row.ids) <= config.cutoff_len) {
        if (learns_prompts) learn_once(learned, prompt.size(), row);
        learned = row.ids;
        rows.push_back(std::move(row));
      } else {
        ++too_long;
      }
    }
  }
  if (too_long > 0) {
    log_warning(fmt::format("left out, longer than cutoff_len {} with what was said before: {}",
                            config.cutoff_len, counted(too_long, "answer")));
  }
  return rows;
}

}  // namespace relata::app
