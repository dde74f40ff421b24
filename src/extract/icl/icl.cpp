#include "relata/extract/icl.h"

#include <algorithm>

#include "extraction.h"
#include "icl/icl_asking.h"
#include "icl/icl_document.h"
#include "relata/data/windows.h"
#include "steps/gold.h"

namespace relata::extract {
namespace {

using data::Document;

// A document, or a window of one, on its way.
struct Part {
  Document document;
  bool between_given = false;  // relations are between its entities
  DemonstrationCounts examples;
  Json unparsed = Json::array();
};

struct Reading {
  Document base;  // the document without what will be found anew
  std::vector<data::Window> windows;
  size_t first = 0;  // of its parts
};

class InContext {
 public:
  InContext(IclPrompter prompter, const IclAsking& asking, IclPlan plan, double min_score)
      : prompter_(std::move(prompter)),
        asker_({prompter_, asking.engine, asking.compiler}),
        tokenizer_(asking.engine.tokenizer()),
        plan_(std::move(plan)),
        min_score_(min_score) {
    const auto& calibration = prompter_.extractor().calibration;
    if (min_score_ < 0) min_score_ = calibration ? calibration->threshold : 0.0;
  }

  Status extract(const std::vector<Document>& documents, size_t begin, size_t end,
                 std::vector<Document>& out) {
    std::vector<Reading> readings;
    std::vector<Part> parts;
    for (size_t i = begin; i < end; ++i) {
      Reading reading;
      reading.base = cleared(documents[i], plan_);
      reading.first = parts.size();
      RELATA_TRY(reading.windows, windows_of(reading.base));
      for (const data::Window& window : reading.windows) {
        Part& part = parts.emplace_back();
        part.document = window.document;
        part.between_given = plan_.between_given(documents[i]);
      }
      readings.push_back(std::move(reading));
    }
    RELATA_CHECK(ask_texts(parts));
    if (plan_.asks(IclTask::kEae)) RELATA_CHECK(ask_events(parts));
    for (const Reading& reading : readings) {
      RELATA_TRY(Document document, finish(reading, parts));
      out.push_back(std::move(document));
    }
    return {};
  }

 private:
  // The whole document where a prompt about it has room.
  Result<std::vector<data::Window>> windows_of(const Document& document) const {
    const std::vector<data::Window> whole = {{{0, document.text.size()}, document}};
    const size_t room = asker_.prompt_room();
    if (room == 0 || longest_prompt(document) <= room) return whole;
    Document blank;
    blank.events = document.events;
    for (data::Event& event : blank.events) event.trigger = {};
    const size_t frame = longest_prompt(blank);
    // A window's tokens are counted in its surroundings; on its own it may take a few more.
    constexpr size_t kSlack = 16;
    constexpr size_t kLeast = 16;
    if (room < frame + kSlack + kLeast) {
      return usage_error("document \"" + document.id + "\": no room for any text: " +
                             std::to_string(room) + " tokens for a prompt, of which " +
                             std::to_string(frame) + " are the question itself",
                         "a model with a longer context, fewer or shorter definitions in the "
                         "schema, or a smaller max_new_tokens");
    }
    data::WindowOptions options;
    options.size = room - frame - kSlack;
    options.overlap = options.size / 4;
    options.units = [&](const std::string& text) {
      std::vector<text::ByteRange> units;
      for (const text::Token& token : tokenizer_->encode(text, false)) {
        units.push_back(token.range);
      }
      return units;
    };
    return data::make_windows(document, options);
  }

  // Without examples, which give way.
  size_t longest_prompt(const Document& document) const {
    size_t longest = 0;
    const auto measure = [&](const IclQuestion& question) {
      longest = std::max(longest,
                         prompter_.encode(*tokenizer_, prompter_.user_turn(question, {})).size());
    };
    for (const IclTask task : plan_.tasks) {
      if (task != IclTask::kEae) {
        measure({task, &document, -1});
        continue;
      }
      for (size_t event = 0; event < document.events.size(); ++event) {
        if (labels_of({task, &document, static_cast<int>(event)}).empty()) continue;
        measure({task, &document, static_cast<int>(event)});
      }
    }
    return longest;
  }

  std::vector<IclLabel> labels_of(const IclQuestion& question) const {
    return icl_labels(prompter_.extractor().schema, question.task, event_type_of(question));
  }

  static bool is_blank(const Document& document) {
    return document.text.find_first_not_of(" \t\r\n") == std::string::npos;
  }

  Status ask_texts(std::vector<Part>& parts) {
    std::vector<IclExchange> questions;
    std::vector<size_t> owners;
    for (size_t i = 0; i < parts.size(); ++i) {
      if (is_blank(parts[i].document)) continue;
      for (const IclTask task : {IclTask::kNer, IclTask::kRe, IclTask::kEd}) {
        if (!plan_.asks(task)) continue;
        AskedQuestion asked{{task, &parts[i].document, -1}, {}, {}};
        asked.labels = labels_of(asked.question);
        if (task == IclTask::kRe && parts[i].between_given) {
          asked.names = entity_names(parts[i].document);
          note_unaskable(asked, parts[i]);
          if (asked.names.size() < 2) continue;
        }
        questions.push_back({std::move(asked), {}, "", {}, {}});
        owners.push_back(i);
      }
    }
    RELATA_CHECK(asker_.ask(questions));
    // Entities first: relations find theirs among them.
    for (const IclTask task : {IclTask::kNer, IclTask::kRe, IclTask::kEd}) {
      for (size_t q = 0; q < questions.size(); ++q) {
        if (questions[q].asked.question.task != task) continue;
        take(questions[q], parts[owners[q]]);
      }
    }
    return {};
  }

  Status ask_events(std::vector<Part>& parts) {
    std::vector<IclExchange> questions;
    std::vector<size_t> owners;
    for (size_t i = 0; i < parts.size(); ++i) {
      const Document& document = parts[i].document;
      for (size_t event = 0; event < document.events.size(); ++event) {
        AskedQuestion asked{{IclTask::kEae, &document, static_cast<int>(event)}, {}, {}};
        asked.labels = labels_of(asked.question);
        if (asked.labels.empty()) continue;
        questions.push_back({std::move(asked), {}, "", {}, {}});
        owners.push_back(i);
      }
    }
    RELATA_CHECK(asker_.ask(questions));
    for (size_t q = 0; q < questions.size(); ++q) take(questions[q], parts[owners[q]]);
    return {};
  }

  // Given entities that no answer can name.
  static void note_unaskable(const AskedQuestion& asked, Part& part) {
    for (const data::Entity& entity : part.document.entities) {
      if (entity.mentions.empty() || !canonical_name(part.document, entity).empty()) continue;
      note_unasked(asked,
                   "entity " + entity.id + " was not asked about: no mention of it is on one line",
                   part);
    }
  }

  static std::vector<std::string> entity_names(const Document& document) {
    std::vector<std::string> out;
    for (const data::Entity& entity : document.entities) {
      std::string name = canonical_name(document, entity);
      const bool known = std::find(out.begin(), out.end(), name) != out.end();
      if (!name.empty() && !known) out.push_back(std::move(name));
    }
    return out;
  }

  void take(const IclExchange& question, Part& part) {
    const auto& [asked, answer, text, examples, left_out] = question;
    const std::vector<IclLabel>& labels = asked.labels;
    switch (asked.question.task) {
      case IclTask::kNer:
        add_entities(labels, answer.items, part.document);
        break;
      case IclTask::kRe:
        add_relations(prompter_.extractor().schema, labels, calibrated(answer.items), min_score_,
                      part.document);
        break;
      case IclTask::kEd:
        add_events(labels, answer.items, part.document);
        break;
      case IclTask::kEae:
        add_arguments(labels, answer.items, asked.question.event, part.document);
    }
    part.examples += examples;
    for (const UnwritableName& name : left_out) note_unasked(asked, name.problem, part);
    if (answer.unanswered) return note_unanswered(asked, answer.problem, part);
    if (answer.problem.empty()) return;
    part.unparsed.push_back({{"task", icl_task_name(asked.question.task)},
                             {"problem", answer.problem},
                             {"answer", text}});
  }

  std::vector<ScoredItem> calibrated(std::vector<ScoredItem> items) const {
    const auto& calibration = prompter_.extractor().calibration;
    for (ScoredItem& item : items) {
      if (calibration && item.score) item.score = calibration->apply(*item.score);
    }
    return items;
  }

  static void note_unanswered(const AskedQuestion& asked, const std::string& problem, Part& part) {
    part.unparsed.push_back({{"task", icl_task_name(asked.question.task)},
                             {"problem", problem},
                             {"answer", ""},
                             {"unanswered", true}});
  }

  static void note_unasked(const AskedQuestion& asked, const std::string& problem, Part& part) {
    note_unanswered(asked, problem, part);
    part.unparsed.back()["asked"] = false;
  }

  Result<Document> finish(const Reading& reading, std::vector<Part>& parts) const {
    std::vector<Document> answers;
    DemonstrationCounts examples;
    Json unparsed = Json::array();
    for (size_t i = 0; i < reading.windows.size(); ++i) {
      Part& part = parts[reading.first + i];
      answers.push_back(std::move(part.document));
      examples += part.examples;
      for (Json& note : part.unparsed) unparsed.push_back(std::move(note));
    }
    Document out;
    if (answers.size() == 1) {
      out = std::move(answers.front());
    } else {
      RELATA_TRY(out, data::merge_windows(reading.base, reading.windows, answers));
    }
    if (out.meta.is_object()) {
      for (const char* key : {"unparsed", "demonstrations"}) out.meta.erase(key);  // of before
    }
    if (prompter_.extractor().demonstrations != nullptr) note_examples(out, examples);
    if (unparsed.empty()) return out;
    if (!out.meta.is_object()) out.meta = Json::object();
    out.meta["unparsed"] = std::move(unparsed);
    return out;
  }

  IclPrompter prompter_;
  IclAsker asker_;
  const text::Tokenizer* tokenizer_;
  IclPlan plan_;
  double min_score_;
};

Result<std::shared_ptr<const generate::AnswerCompiler>> chosen_compiler(
    const Extractor& extractor, const generate::Engine& engine,
    const std::shared_ptr<const generate::AnswerCompiler>& compiler, const std::string& decode) {
  const std::string& how = decode.empty() ? extractor.config.decode : decode;
  if (how != "constrained" && how != "free") {
    return usage_error("unknown decoding \"" + how + "\"", "one of constrained, free");
  }
  const bool by_ids = engine.prompt_form() == generate::PromptForm::kIds;
  if (by_ids && engine.tokenizer() == nullptr) {
    return usage_error("the model has no tokenizer", "extraction needs one in its folder");
  }
  if (how == "free") return std::shared_ptr<const generate::AnswerCompiler>();
  if (compiler == nullptr || !by_ids) {
    return usage_error("this engine cannot constrain its answers", "choose free decoding");
  }
  return compiler;
}

Result<IclPlan> make_plan(const Extractor& extractor, const IclOptions& options) {
  IclPlan plan;
  plan.use_entities = options.use_entities;
  for (const std::string& name : extractor.config.tasks) {
    RELATA_TRY(const IclTask task, icl_task_named(name));
    plan.tasks.push_back(task);
  }
  if (plan.tasks.empty()) plan.tasks = icl_tasks_of(extractor.schema);
  return plan;
}

std::string icl_settings(const Extractor& extractor, const generate::Engine& engine,
                         const IclOptions& options) {
  Json json = common_settings(extractor, engine, options.decode);
  json["template"] = icl_template_yaml(extractor.icl);
  json["tasks"] = extractor.config.tasks;
  json["use_entities"] = options.use_entities;
  json["min_score"] = options.min_score;
  if (extractor.demonstrations != nullptr) {
    json["demonstrations"] = to_json(extractor.config.demonstrations);
    json["pool"] = extractor.demonstrations->identity();
  }
  return hash_of_settings(json);
}

class IclExtraction : public Extraction {
 public:
  IclExtraction(const Extractor& extractor, generate::Engine& engine,
                const std::shared_ptr<const generate::AnswerCompiler>& compiler,
                const IclOptions& options)
      : Extraction(extractor, engine), compiler_(compiler), options_(options) {}

 private:
  std::string settings() const override { return icl_settings(extractor_, engine_, options_); }
  int64_t work_of(const Document&) const override { return 1; }
  Document asked_part(const Document& document) const override { return document; }
  void note_skipped(int64_t work) const override {
    if (options_.skipped) options_.skipped(work);
  }
  void report(int64_t more) const override {
    if (options_.progress) options_.progress(done_ + more);
  }
  Result<std::vector<Document>> answer(const std::vector<Document>& documents) override {
    IclOptions options = options_;
    options.progress = [this](int64_t done) { report(done); };
    return extract_in_context(extractor_, engine_, compiler_, documents, options);
  }

  const std::shared_ptr<const generate::AnswerCompiler>& compiler_;
  const IclOptions& options_;
};

}  // namespace

Result<std::vector<Document>> extract_in_context(
    const Extractor& extractor, generate::Engine& engine,
    const std::shared_ptr<const generate::AnswerCompiler>& compiler,
    const std::vector<Document>& documents, const IclOptions& options) {
  RELATA_TRY(IclPlan plan, make_plan(extractor, options));
  RELATA_TRY(IclPrompter prompter, IclPrompter::make(extractor, plan.tasks));
  RELATA_TRY(auto chosen, chosen_compiler(extractor, engine, compiler, options.decode));
  const IclAsking asking{prompter, engine, std::move(chosen)};
  InContext reader(prompter, asking, std::move(plan), options.min_score);
  const auto batch = static_cast<size_t>(std::max(options.batch, 1));
  std::vector<Document> out;
  for (size_t begin = 0; begin < documents.size(); begin += batch) {
    const size_t end = std::min(begin + batch, documents.size());
    RELATA_CHECK(reader.extract(documents, begin, end, out));
    if (options.progress) options.progress(static_cast<int64_t>(end));
  }
  return out;
}

Result<std::vector<Document>> extract_icl_documents(
    const Extractor& extractor, generate::Engine& engine,
    const std::shared_ptr<const generate::AnswerCompiler>& compiler,
    const std::vector<Document>& documents, const IclOptions& options,
    const std::string& journal_path) {
  return IclExtraction(extractor, engine, compiler, options)
      .run_all(documents, journal_path, options.batch);
}

Status extract_icl_documents(const Extractor& extractor, generate::Engine& engine,
                             const std::shared_ptr<const generate::AnswerCompiler>& compiler,
                             const IclOptions& options, const DocumentRun& run) {
  return IclExtraction(extractor, engine, compiler, options).run(run, options.batch);
}

}  // namespace relata::extract
