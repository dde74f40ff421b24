#include "extract/extractor_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "extract/demonstrations.h"
#include "help.h"
#include "model_places.h"
#include "models/hub_models.h"
#include "relata/base/file.h"
#include "relata/base/log.h"
#include "relata/text/utf8.h"
#include "shipped_schemas.h"

namespace relata::app {
namespace {

constexpr const char* kModelGroup = "A model without an extractor";
constexpr const char* kExamplesGroup = "Examples shown to the model (pipelines rag and icl)";

bool is_put_together(const ExtractorFlags& flags) {
  return flags.extractor.empty() &&
         (!flags.model.empty() || extract::uses_demonstrations(flags.pipeline) ||
          (flags.served && !flags.pipeline.empty()));
}

// A schema that replaces the extractor's.
Status replace_schema(const ExtractorFlags& flags, extract::Extractor& extractor) {
  if (flags.schema.empty()) return {};
  RELATA_TRY(data::Schema schema, open_schema(flags.schema));
  const std::string& decode = extractor.config.decode;
  if (schema.negative() < 0 && extractor.schema.negative() >= 0 && decode == "labels") {
    log_warning(flags.schema + " has no negative relation: every pair will get some relation");
  }
  const Status replaced = extract::replace_schema(extractor, std::move(schema), decode);
  if (replaced.ok()) return {};
  const Error& error = replaced.error();
  return usage_error(fmt::format("{}: {}", flags.schema, error.message), error.hint);
}

void apply_flags(const ExtractorFlags& flags, extract::Extractor& extractor) {
  extract::ExtractorConfig& config = extractor.config;
  if (flags.threshold >= 0) config.threshold = flags.threshold;
  if (!flags.decode.empty()) {
    const bool labels = extract::asks_pairs(config.pipeline) && flags.decode == "constrained";
    config.decode = labels ? "labels" : flags.decode;
  }
  if (!flags.tasks.empty()) config.tasks = flags.tasks;
  extract::DemonstrationSettings& examples = config.demonstrations;
  if (flags.examples >= 0) examples.examples = flags.examples;
  if (flags.example_tokens >= 0) examples.max_tokens = flags.example_tokens;
  if (!flags.retriever.empty()) examples.retriever = flags.retriever;
  if (!flags.encoder.empty()) {
    examples.encoder = file_exists(flags.encoder)
                           ? std::filesystem::absolute(flags.encoder).string()
                           : flags.encoder;
    examples.encoder_sha256.clear();
  }
  if (!flags.query.empty()) examples.query = flags.query;
  if (flags.vote >= 0) examples.vote = flags.vote;
  if (flags.voters > 0) examples.voters = flags.voters;
}

Result<std::string> find_shipped() {
  const std::string folder = shipped_extractor(kDefaultExtractor);
  if (file_exists(folder)) return folder;
  return usage_error(folder + ": the extractor that relata ships is not there",
                     "install relata whole (`cmake --install`), or name another with -x");
}

Result<extract::Extractor> load(const ExtractorFlags& flags) {
  std::string folder = flags.extractor;
  if (folder.empty()) {
    RELATA_TRY(folder, find_shipped());
  }
  RELATA_TRY(extract::Extractor extractor, extract::load_extractor(folder));
  if (!flags.pipeline.empty() && flags.pipeline != extractor.config.pipeline) {
    return usage_error("--pipeline " + flags.pipeline + ": the extractor is one of pipeline " +
                           extractor.config.pipeline,
                       "train one with pipeline: " + flags.pipeline +
                           ", or leave -x out and name a model with -m");
  }
  for (const auto& [given, flag] : {std::pair(!flags.adapter.empty(), "--adapter"),
                                    {!flags.chat.empty(), "--chat"},
                                    {!flags.prompt_template.empty(), "--prompt-template"}}) {
    if (!given) continue;
    return usage_error(std::string(flag) + " is for a model without an extractor (-m)",
                       "change extractor.yaml, or leave the flag out");
  }
  apply_flags(flags, extractor);
  RELATA_CHECK(replace_schema(flags, extractor));
  return extractor;
}

// Questions are asked in Chinese about a schema whose relations have Chinese names.
std::string language_of(const data::Schema& schema) {
  for (const data::RelationType& type : schema.relation_types) {
    for (const char32_t c : text::to_code_points(type.name)) {
      if (c >= 0x4E00 && c <= 0x9FFF) return "zh";
    }
  }
  return "en";
}

Status add_template(const ExtractorFlags& flags, extract::Extractor& extractor) {
  const std::string& name = flags.prompt_template;
  if (extract::asks_steps(flags.pipeline)) {
    if (!name.empty()) {
      RELATA_TRY(extractor.pipeline, extract::load_pipeline(name));
      return {};
    }
    extract::BuiltinPipeline choice;
    choice.name = flags.pipeline;
    choice.language = language_of(extractor.schema);
    choice.names_relations = flags.adapter.empty();
    RELATA_TRY(extractor.pipeline, extract::builtin_pipeline(choice));
    return {};
  }
  if (flags.pipeline == "icl") {
    RELATA_TRY(extractor.icl, file_exists(name)
                                  ? extract::load_icl_template(name)
                                  : extract::builtin_icl_template(name.empty() ? "icl-en" : name));
    return {};
  }
  const std::string usual = flags.pipeline == "rag" ? "rag-en" : "sentence-first-en";
  RELATA_TRY(extractor.pair_template,
             file_exists(name) ? extract::load_pair_template(name)
                               : extract::builtin_pair_template(name.empty() ? usual : name));
  return {};
}

// A model that was not trained on a document pipeline's questions follows them in its own wrapper,
// if it has one.
Status choose_chat(const ExtractorFlags& flags, extract::Extractor& extractor) {
  std::string& name = extractor.config.chat;
  name = flags.chat.empty() ? "none" : flags.chat;
  if (flags.chat.empty() && flags.adapter.empty() && extract::asks_steps(flags.pipeline) &&
      text::chat_template("auto", extractor.config.model).ok()) {
    name = "auto";
  }
  if (name == "auto" && extractor.config.model.empty()) {
    return usage_error("--chat auto: no model is named whose own wrapper could be used",
                       "name one with -m, or a wrapper, such as llama2, mistral or qwen");
  }
  RELATA_TRY(extractor.chat, text::chat_template(name, extractor.config.model));
  return {};
}

// A vote is a share of labels' probabilities, which only some extractors give.
Status check_vote(const ExtractorFlags& flags, const extract::ExtractorConfig& config) {
  if (flags.vote <= 0) return {};
  const bool votes =
      extract::uses_demonstrations(config.pipeline) && extract::asks_pairs(config.pipeline);
  if (!votes) {
    return usage_error("--vote: examples vote in pipeline rag only, this is " + config.pipeline,
                       "use --pipeline rag, or leave --vote out");
  }
  if (config.decode != "free") return {};
  return usage_error("--vote: examples vote on labels, which --decode free does not score",
                     "use --decode labels, or leave --vote out");
}

// Examples that are found by words alone would be taken for what the encoder found.
Status check_encoder(const ExtractorFlags& flags, const extract::DemonstrationSettings& settings) {
  const bool used = settings.retriever == "dense" || settings.retriever == "fused";
  if (flags.encoder.empty() || used) return {};
  return usage_error("--encoder: retriever " + settings.retriever + " has no use for it",
                     "add --retriever dense or fused, or leave --encoder out");
}

Result<extract::Extractor> put_together(const ExtractorFlags& flags,
                                        const std::vector<data::Document>& pool) {
  if (flags.pipeline.empty()) {
    return usage_error(
        "-m without --pipeline",
        "say how the model is asked: --pipeline drhf for facts of documents, rag for\n"
        "pairs with examples, icl for any task with examples");
  }
  extract::Extractor extractor;
  extractor.config = extract::default_config(flags.pipeline);
  const bool local = !flags.model.empty();
  extractor.folder = local ? std::filesystem::absolute(flags.model).string() : flags.pipeline;
  extractor.config.model = local ? extractor.folder : "";
  if (!flags.adapter.empty()) {
    extractor.config.adapter = std::filesystem::absolute(flags.adapter).string();
  }
  RELATA_CHECK(choose_chat(flags, extractor));
  if (flags.served && flags.pipeline == "icl") extractor.config.decode = "free";
  apply_flags(flags, extractor);
  if (!flags.schema.empty()) {
    RELATA_TRY(extractor.schema, open_schema(flags.schema));
  } else if (!pool.empty()) {
    extractor.schema = data::infer_schema(pool);
  } else {
    return usage_error("which labels there are is not known",
                       extract::asks_steps(flags.pipeline)
                           ? "name a schema with --schema: a file, or one of `relata schema show`"
                           : "name a schema with --schema, or labelled examples with --pool");
  }
  RELATA_CHECK(add_template(flags, extractor));
  return extractor;
}

}  // namespace

Result<extract::Extractor> open_extractor(const ExtractorFlags& flags) {
  if (!flags.pipeline.empty()) RELATA_CHECK(extract::check_pipeline(flags.pipeline));
  RELATA_TRY(std::vector<data::Document> pool, read_pool(flags.pool, flags.pool_format));
  const bool made_here = is_put_together(flags);
  RELATA_TRY(extract::Extractor extractor, made_here ? put_together(flags, pool) : load(flags));
  const extract::ExtractorConfig& config = extractor.config;
  RELATA_CHECK(check_vote(flags, config));
  RELATA_CHECK(check_encoder(flags, config.demonstrations));
  if (!flags.tasks.empty() && config.pipeline != "icl") {
    return usage_error("--tasks: pipeline " + config.pipeline + " has none to choose from",
                       "use --pipeline icl, or leave --tasks out");
  }
  if (!extract::uses_demonstrations(config.pipeline)) {
    if (flags.pool.empty()) return extractor;
    return usage_error("--pool: pipeline " + config.pipeline + " shows no examples",
                       "use --pipeline rag or icl, or leave --pool out");
  }
  if (config.demonstrations.examples == 0 && config.demonstrations.vote == 0) return extractor;
  if (config.demonstrations.examples > 0 && config.demonstrations.vote < 1 &&
      extract::asks_pairs(config.pipeline) && !extract::shows_examples(extractor.pair_template)) {
    return usage_error("template \"" + extractor.pair_template.name + "\" shows no examples",
                       "give it {examples} and the key example, or ask without: --examples 0");
  }
  if (flags.pool.empty() && made_here) {
    return usage_error("pipeline " + config.pipeline + " needs labelled examples",
                       "name files with --pool, or ask without: --examples 0");
  }
  if (flags.pool.empty()) {
    RELATA_CHECK(open_demonstrations(extractor));
    return extractor;
  }
  RELATA_TRY(const Demonstrations made,
             make_demonstrations(std::move(pool), extractor,
                                 fmt::format("{}", fmt::join(flags.pool, ", "))));
  extractor.demonstrations = made.source;
  return extractor;
}

void add_tasks_flag(CLI::App& verb, ExtractorFlags& flags) {
  verb.add_option(
          "--tasks", flags.tasks,
          "What pipeline icl looks for: of ner (entities), re (relations), ed (events), eae\n"
          "(their arguments), with commas (default: all that the schema has labels for)")
      ->type_name("TASKS")
      ->delimiter(',')
      ->check(CLI::IsMember({"ner", "re", "ed", "eae"}))
      ->allow_extra_args(false);
}

void add_extractor_flags(CLI::App& verb, ExtractorFlags& flags) {
  auto* extractor =
      verb.add_option("-x,--extractor", flags.extractor,
                      "Extractor folder (default: the one that relata ships, for English facts)")
          ->type_name("DIR");
  verb.add_option("--schema", flags.schema,
                  "Extract by this schema instead of the extractor's: fewer relations, or other\n"
                  "ids for them. Label scoring takes any relation; free decoding only names that\n"
                  "the extractor's own schema has. A file, or a name of `relata schema show`")
      ->type_name("FILE");
  verb.add_option("--pipeline", flags.pipeline,
                  fmt::format("How documents become questions: {} (default: the extractor's)",
                              fmt::join(extract::pipeline_names(), ", ")))
      ->type_name("NAME");
  add_tasks_flag(verb, flags);
  verb.add_option(
          "--decode", flags.decode,
          "labels or constrained: score every relation of the schema, or answer within it;\n"
          "free: generate (default: the extractor's)")
      ->type_name("HOW")
      ->check(CLI::IsMember({"labels", "constrained", "free"}));
  verb.add_option("--threshold", flags.threshold,
                  "Keep a second relation of a pair from this probability on")
      ->type_name("T")
      ->check(number_in(NumberRange::between(0, 1)));

  verb.add_option(
          "-m,--model", flags.model,
          "Ask this model (a folder, a .gguf file, the name of a pulled one) as --pipeline says")
      ->type_name("MODEL")
      ->transform(named_model())
      ->group(kModelGroup)
      ->excludes(extractor);
  verb.add_option("--adapter", flags.adapter, "PEFT adapter folder")
      ->type_name("DIR")
      ->transform(named_model())
      ->group(kModelGroup);
  verb.add_option("--prompt-template", flags.prompt_template,
                  fmt::format("A file, or one of {}, {}\n(default: rag-en, icl-en, "
                              "sentence-first-en; of document pipelines, the pipeline's own)",
                              fmt::join(extract::builtin_pair_template_names(), ", "),
                              fmt::join(extract::builtin_icl_template_names(), ", ")))
      ->type_name("T")
      ->group(kModelGroup);
  verb.add_option(
          "--chat", flags.chat,
          "Chat wrapper; auto: the model's own (default: none; of document pipelines auto,\n"
          "where there is one and no adapter)")
      ->type_name("NAME")
      ->group(kModelGroup);

  verb.add_option("--pool", flags.pool,
                  "Labelled documents from which examples are taken (default: the extractor's)")
      ->type_name("FILE")
      ->group(kExamplesGroup)
      ->allow_extra_args(false);
  verb.add_option("--pool-format", flags.pool_format, "Their format (default: guessed)")
      ->type_name("F")
      ->group(kExamplesGroup);
  verb.add_option("--examples", flags.examples, "Show at most so many (default: 4); 0: none")
      ->type_name("K")
      ->check(CLI::Range(0, 1000))
      ->group(kExamplesGroup);
  verb.add_option("--example-tokens", flags.example_tokens,
                  "All examples together have at most so many tokens (default: 1024); 0: any")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20))
      ->group(kExamplesGroup);
  verb.add_option("--retriever", flags.retriever,
                  fmt::format("How they are found: {} (default: bm25)",
                              fmt::join(extract::retriever_names(), ", ")))
      ->type_name("R")
      ->check(CLI::IsMember(extract::retriever_names()))
      ->group(kExamplesGroup);
  verb.add_option("--encoder", flags.encoder,
                  "Of dense and fused: a sentence encoder (folder or .gguf), or one that `relata "
                  "retriever\n"
                  "train` made. The pool's vectors are made once and kept")
      ->type_name("MODEL")
      ->group(kExamplesGroup);
  verb.add_option("--vote", flags.vote,
                  "Share of the nearest examples' labels in the probability of a relation, from 0\n"
                  "(the default) to 1: they decide alone, and no model is needed")
      ->type_name("S")
      ->check(number_in(NumberRange::between(0, 1)))
      ->group(kExamplesGroup);
  verb.add_option("--voters", flags.voters, "So many of them have a vote (default: 16)")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->group(kExamplesGroup);
  verb.add_option("--example-query", flags.query,
                  "What is compared: sentence; masked (the pair's types for its names); pair (the\n"
                  "sentence, and what stands between the two once more; the default)")
      ->type_name("Q")
      ->check(CLI::IsMember(extract::query_form_names()))
      ->group(kExamplesGroup);
}

}  // namespace relata::app
