#include "relata/extract/facts.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "ask_steps.h"
#include "fitting_windows.h"
#include "found_document.h"
#include "names/names_in_text.h"
#include "relata/base/log.h"
#include "shown_text.h"

namespace relata::extract {
namespace {

using data::Document;

class FactExtraction {
 public:
  FactExtraction(StepPrompter prompter, const Extractor& extractor, generate::Engine& engine,
                 const FactOptions& options, AskedCounts& counts)
      : prompter_(std::move(prompter)),
        extractor_(extractor),
        engine_(engine),
        options_(options),
        counts_(counts) {}

  Status choose_decoding(const std::shared_ptr<const generate::AnswerCompiler>& compiler) {
    const std::string& decode =
        options_.decode.empty() ? extractor_.config.decode : options_.decode;
    if (decode != "constrained" && decode != "free") {
      return usage_error("unknown decoding \"" + decode + "\"", "one of constrained, free");
    }
    const bool by_ids = engine_.prompt_form() == generate::PromptForm::kIds;
    if (by_ids && engine_.tokenizer() == nullptr) {
      return usage_error("the model has no tokenizer", "extraction needs one in its folder");
    }
    if (decode == "free") return {};
    if (by_ids && compiler == nullptr) {
      return usage_error("this engine cannot constrain its answers", "choose free decoding");
    }
    shapes_ = !by_ids;
    if (!by_ids) return {};
    compiler_ = compiler;
    return check_names(*compiler);
  }

  // Whether the model's tokens can write the schema's names, and answers tell them from what
  // follows: better known before any text is read.
  Status check_names(const generate::AnswerCompiler& compiler) const {
    for (const StepTemplate& step : extractor_.pipeline.steps) {
      if (!step.check) RELATA_CHECK(check_names_end(step));
    }
    generate::AnswerField names;
    names.kind = generate::AnswerField::Kind::Choice;
    for (const data::RelationType& type : extractor_.schema.relation_types) {
      if (!type.negative) names.choices.push_back(type.name);
    }
    generate::AnswerShape shape;
    shape.item = {std::move(names)};
    shape.nothing = extractor_.pipeline.nothing;
    shape.separator = extractor_.pipeline.separator;
    if (shape.item.front().choices.empty()) return {};
    RELATA_CHECK(compiler.compile(shape, nullptr));
    return {};
  }

  Status check_names_end(const StepTemplate& step) const {
    const std::vector<TemplatePart> parts = item_parts(step);
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      if (!parts[i].placeholder || parts[i].text != "relation") continue;
      const std::string& follow = parts[i + 1].text;
      for (const data::RelationType& type : extractor_.schema.relation_types) {
        if (type.negative || (type.name + follow).find(follow) == type.name.size()) continue;
        const std::string place =
            "relation type \"" + type.id + "\": the name \"" + type.name + "\"";
        return usage_error(
            place + " holds \"" + follow + "\", which ends it in the answers of step " + step.name,
            "change one of them, in schema.json or in the template; free decoding takes both");
      }
    }
    return {};
  }

  Result<std::vector<Document>> run(const std::vector<Document>& documents) {
    const auto batch = static_cast<size_t>(std::max(options_.batch, 1));
    std::vector<Document> out;
    for (size_t begin = 0; begin < documents.size(); begin += batch) {
      const size_t end = std::min(begin + batch, documents.size());
      RELATA_CHECK(extract(documents, begin, end, out));
      if (options_.progress) options_.progress(static_cast<int64_t>(end));
    }
    return out;
  }

 private:
  // Documents [begin, end) as one batch, appended to `out`.
  Status extract(const std::vector<Document>& documents, size_t begin, size_t end,
                 std::vector<Document>& out) {
    std::vector<AskedText> texts;
    std::vector<ShownDocument> shown;
    std::vector<size_t> texts_until;  // of each document
    for (size_t i = begin; i < end; ++i) {
      shown.push_back(options_.use_entities ? ShownDocument::with_places(documents[i])
                                            : ShownDocument(documents[i]));
      RELATA_CHECK(add_texts(shown.back().document(), texts));
      texts_until.push_back(texts.size());
    }
    const StepAsking asking{prompter_, extractor_, engine_, compiler_, shapes_};
    RELATA_CHECK(ask_steps(asking, texts, counts_));
    size_t next = 0;
    for (size_t i = begin; i < end; ++i) {
      const size_t last = texts_until[i - begin];
      out.push_back(finish(documents[i], shown[i - begin],
                           {texts.begin() + static_cast<int64_t>(next),
                            texts.begin() + static_cast<int64_t>(last)}));
      next = last;
    }
    return {};
  }

  bool asks_about_given(const Document& document) const {
    return options_.use_entities && !document.entities.empty();
  }

  // A blank text is not asked about.
  Status add_texts(const Document& document, std::vector<AskedText>& texts) {
    if (document.text.find_first_not_of(" \t\r\n") == std::string::npos) return {};
    std::vector<Document> parts = {document};
    const int64_t most = engine_.max_tokens();
    if (most > 0 && engine_.prompt_form() == generate::PromptForm::kIds) {
      const int64_t reserve =
          std::min<int64_t>(extractor_.config.max_new_tokens, most / 4) + most / 16;
      RELATA_TRY(parts, fitting_windows(prompter_, *engine_.tokenizer(), document,
                                        static_cast<size_t>(most - reserve)));
    }
    for (Document& part : parts) {
      AskedText text;
      if (asks_about_given(document)) {
        Document unrelated = part;
        unrelated.relations.clear();
        RELATA_TRY(Gold gold, gold_of(unrelated, extractor_.schema, RowOptions::Naming::Canonical));
        text.entities = std::move(gold.entities);
        if (text.entities.empty()) continue;  // none of them is in this part
        text.names = names_in_whole(part, document);
      }
      text.document = std::move(part);
      texts.push_back(std::move(text));
    }
    return {};
  }

  // A window may have another mention as an entity's first.
  static std::map<std::string, std::string> names_in_whole(const Document& part,
                                                           const Document& document) {
    std::map<std::string, std::string> by_id;
    for (const data::Entity& entity : document.entities) {
      by_id.emplace(entity.id, canonical_name(document, entity));
    }
    std::map<std::string, std::string> out;
    for (const data::Entity& entity : part.entities) {
      out.emplace(canonical_name(part, entity), by_id[entity.id]);
    }
    return out;
  }

  static Binding in_whole(const AskedText& text, Binding fact) {
    for (std::string* name : {&fact.head, &fact.tail}) {
      const auto found = text.names.find(*name);
      if (found != text.names.end()) *name = found->second;
    }
    return fact;
  }

  void warn_unscored() {
    if (warned_) return;
    warned_ = true;
    log_warning(engine_.model_id() +
                ": answers came without probabilities: no least score (--min-score, the "
                "calibration's threshold) is kept to");
  }

  double least_score() const {
    if (options_.min_score >= 0) return options_.min_score;
    return extractor_.calibration ? extractor_.calibration->threshold : 0.0;
  }

  // Whether a more probable fact is the same one with other borders of its ends: where names are
  // free, a list that goes on offers "Hol" and "Hol municipality" as two answers.
  static bool is_repeated(const Binding& fact, const std::vector<ScoredFact>& facts) {
    const auto overlap = [](const std::string& a, const std::string& b) {
      return a.find(b) != std::string::npos || b.find(a) != std::string::npos;
    };
    return std::any_of(facts.begin(), facts.end(), [&](const ScoredFact& other) {
      return other.fact.relation == fact.relation && overlap(other.fact.head, fact.head) &&
             overlap(other.fact.tail, fact.tail);
    });
  }

  double fit(NamesInText& names, const Binding& fact) const {
    const auto& type = extractor_.schema.relation_types[static_cast<size_t>(fact.relation)];
    return names.fit(type, fact.head, fact.tail);
  }

  Document finish(const Document& document, const ShownDocument& shown,
                  const std::vector<AskedText>& texts) {
    const bool scored =
        std::all_of(texts.begin(), texts.end(), [](const AskedText& text) { return text.scored; });
    const bool given = asks_about_given(document);
    std::optional<NamesInText> names;
    if (!given && extractor_.names) names.emplace(*extractor_.names, shown.document().text);
    std::map<Binding, double> best;
    for (const AskedText& text : texts) {
      for (const FoundFact& found : text.facts) {
        const auto [place, fresh] = best.emplace(in_whole(text, found.fact), found.logprob);
        if (!fresh) place->second = std::max(place->second, found.logprob);
      }
    }
    // A calibration can make scores equal, never turn them round.
    std::vector<std::pair<double, Binding>> order;
    for (const auto& [fact, logprob] : best) {
      order.emplace_back(-(scored && names ? logprob + fit(*names, fact) : logprob), fact);
    }
    std::sort(order.begin(), order.end());
    const double least = least_score();
    if (!scored && least > 0.0 && !best.empty()) warn_unscored();
    const bool distinct = extractor_.config.drop_overlapping && scored && !given;
    std::vector<ScoredFact> facts;
    for (const auto& [surprise, fact] : order) {
      if (distinct && is_repeated(fact, facts)) continue;
      const double raw = std::exp(std::min(-surprise, 0.0));
      const double score = extractor_.calibration ? extractor_.calibration->apply(raw) : raw;
      if (!scored || score >= least) facts.push_back({fact, score});
    }
    Document out = found_document(shown.document(), extractor_.schema, facts,
                                  {given, scored, names ? &*names : nullptr});
    shown.restore(document, given, out);
    if (given) out.entities = document.entities;
    if (out.meta.is_object()) {
      for (const char* key : {"unparsed", "derived"}) out.meta.erase(key);  // of an earlier one
    }
    if (options_.closure) add_derived(out, extractor_.schema);
    sort_by_score(out);
    if (given) note_unaskable(shown.document(), out);
    for (const AskedText& text : texts) {
      for (const Unparsed& note : text.unparsed) add_note(note, out);
    }
    return out;
  }

  // Given entities that no question can name: each of their mentions is of several paragraphs.
  void note_unaskable(const Document& shown, Document& out) const {
    for (size_t i = 0; i < shown.entities.size(); ++i) {
      const data::Entity& entity = shown.entities[i];
      if (entity.mentions.empty() || !canonical_name(shown, entity).empty()) continue;
      Unparsed note;
      note.question.about.head = out.entities[i].text;
      note.problem =
          "entity " + entity.id + " was not asked about: no mention of it is on one line";
      note.unanswered = true;
      note.asked = false;
      add_note(note, out);
    }
  }

  void add_note(const Unparsed& note, Document& out) const {
    if (!out.meta.is_object()) out.meta = Json::object();
    Json json = Json::object();
    json["step"] = extractor_.pipeline.steps[note.question.step].name;
    if (note.question.about.relation >= 0) {
      json["relation"] =
          extractor_.schema.relation_types[static_cast<size_t>(note.question.about.relation)].id;
    }
    json["head"] = note.question.about.head;
    json["tail"] = note.question.about.tail;
    json["problem"] = note.problem;
    json["answer"] = note.answer;
    if (note.unanswered) json["unanswered"] = true;
    if (!note.asked) json["asked"] = false;
    out.meta["unparsed"].push_back(std::move(json));
  }

  StepPrompter prompter_;
  const Extractor& extractor_;
  generate::Engine& engine_;
  const FactOptions& options_;
  AskedCounts& counts_;
  std::shared_ptr<const generate::AnswerCompiler> compiler_;
  bool shapes_ = false;
  bool warned_ = false;  // that there are no scores
};

}  // namespace

Result<std::vector<Document>> extract_facts(
    const Extractor& extractor, generate::Engine& engine,
    const std::shared_ptr<const generate::AnswerCompiler>& compiler,
    const std::vector<Document>& documents, const FactOptions& options, AskedCounts* counts) {
  AskedCounts own;
  RELATA_TRY(StepPrompter prompter, StepPrompter::make(extractor));
  FactExtraction extraction(std::move(prompter), extractor, engine, options,
                            counts != nullptr ? *counts : own);
  RELATA_CHECK(extraction.choose_decoding(compiler));
  return extraction.run(documents);
}

}  // namespace relata::extract
