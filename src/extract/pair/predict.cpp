#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <stdexcept>

#include "end_types.h"
#include "fitting.h"
#include "relata/base/trim.h"
#include "relata/extract/pair.h"
#include "relata/text/chat.h"
#include "template_parts.h"

namespace relata::extract {
namespace {

using data::Document;
using data::PairQuery;
using Ids = std::vector<int32_t>;

const Document& document_of(const std::vector<Document>& documents, const PairQuery& query) {
  if (query.document < 0 || static_cast<size_t>(query.document) >= documents.size()) {
    throw std::logic_error("a query asks about document number " + std::to_string(query.document) +
                           " of " + std::to_string(documents.size()));
  }
  return documents[static_cast<size_t>(query.document)];
}

std::string place_of(const Document& document, const PairQuery& query) {
  return "document \"" + document.id + "\", pair (" +
         document.entities[static_cast<size_t>(query.head)].text + ", " +
         document.entities[static_cast<size_t>(query.tail)].text + ")";
}

// Where no answer begins another one, an answer is told apart by its own tokens alone, and the
// closing token, which would cost a forward pass per label, is left out.
void drop_needless_ends(std::vector<Ids>& answers, int32_t eos) {
  if (eos < 0) return;
  std::vector<Ids> bare = answers;
  for (Ids& ids : bare) {
    if (ids.size() > 1 && ids.back() == eos) ids.pop_back();
  }
  std::vector<Ids> sorted = bare;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i + 1 < sorted.size(); ++i) {
    const Ids& a = sorted[i];
    const Ids& b = sorted[i + 1];
    if (a.size() <= b.size() && std::equal(a.begin(), a.end(), b.begin())) return;
  }
  answers = std::move(bare);
}

Result<std::vector<double>> softmax_posterior(const generate::ScoreResult& scores, size_t labels,
                                              const std::string& place) {
  if (scores.token_logprobs.size() != labels) {
    return internal_error(place + ": the engine scored " +
                          std::to_string(scores.token_logprobs.size()) + " labels of " +
                          std::to_string(labels));
  }
  std::vector<double> posterior(labels);
  for (size_t i = 0; i < labels; ++i) posterior[i] = scores.total(i);
  const double top = *std::max_element(posterior.begin(), posterior.end());
  const bool any_nan =
      std::any_of(posterior.begin(), posterior.end(), [](double x) { return std::isnan(x); });
  if (any_nan || !std::isfinite(top)) {
    return input_error(place + ": the model gives no usable log-probabilities",
                       "its weights may be damaged; try --dtype float32");
  }
  double sum = 0.0;
  for (double& value : posterior) sum += value = std::exp(value - top);
  for (double& value : posterior) value /= sum;
  return posterior;
}

// Probabilities of relations as the extractor's calibration has them; weak ones go. When none is
// left, the negative label says so. Without probabilities nothing is weak.
void keep_likely(const Extractor& extractor, double min_score, PairPrediction& prediction) {
  const data::Schema& schema = extractor.schema;
  const auto& calibration = extractor.calibration;
  if (min_score < 0) min_score = calibration ? calibration->threshold : 0.0;
  PairPrediction kept;
  const bool scored = !prediction.scores.empty();
  for (size_t i = 0; i < prediction.labels.size(); ++i) {
    if (scored && !schema.is_negative(prediction.labels[i])) {
      double& score = prediction.scores[i];
      if (calibration) score = calibration->apply(score);
      if (score < min_score) continue;
    }
    kept.labels.push_back(prediction.labels[i]);
    if (scored) kept.scores.push_back(prediction.scores[i]);
  }
  if (kept.labels.empty() && schema.negative() >= 0) {
    const auto index = static_cast<size_t>(schema.negative());
    kept.labels.push_back(schema.relation_types[index].id);
    if (!prediction.posterior.empty()) {
      kept.scores.push_back(prediction.posterior[index]);
    } else if (scored) {
      kept.scores.push_back(1.0 -
                            *std::max_element(prediction.scores.begin(), prediction.scores.end()));
    }
  }
  prediction.labels = std::move(kept.labels);
  prediction.scores = std::move(kept.scores);
}

// Predicts one batch after the other; everything that does not change between them lives here.
class Predictor {
 public:
  // `tokenizer` may be null where the engine takes prompts as text.
  Predictor(const Extractor& extractor, generate::Engine& engine, const text::Tokenizer* tokenizer,
            const std::vector<Document>& documents, const PairOptions& options)
      : extractor_(extractor),
        engine_(engine),
        tokenizer_(tokenizer),
        documents_(documents),
        options_(options),
        readable_(extractor.schema) {
    readable_.relation_types.insert(readable_.relation_types.end(), extractor.left_out.begin(),
                                    extractor.left_out.end());
  }

  Result<std::vector<PairPrediction>> by_labels(const std::vector<PairQuery>& queries, size_t begin,
                                                size_t end) {
    return ask<generate::ScoreRequest>(queries, begin, end, &Predictor::score_request,
                                       &generate::Engine::score, &Predictor::read_scores);
  }

  // Without the model.
  Result<std::vector<PairPrediction>> by_votes(const std::vector<PairQuery>& queries, size_t begin,
                                               size_t end) {
    std::vector<PairPrediction> out;
    for (size_t i = begin; i < end; ++i) {
      const Document& document = document_of(documents_, queries[i]);
      RELATA_TRY(const FoundDemonstrations found, voters(document, queries[i]));
      out.push_back(decided(
          vote_posterior(extractor_.schema, found.best, asked_labels(document, queries[i]))));
      out.back().examples.duplicates = found.duplicates;
      keep_likely(extractor_, options_.min_score, out.back());
    }
    return out;
  }

  Result<std::vector<PairPrediction>> by_generating(const std::vector<PairQuery>& queries,
                                                    size_t begin, size_t end) {
    return ask<generate::GenerateRequest>(queries, begin, end, &Predictor::generate_request,
                                          &generate::Engine::generate, &Predictor::read_answer);
  }

 private:
  // Builds a request for each of queries [begin, end), has the engine answer all, reads the
  // answers.
  template <class Request, class Build, class Answer, class Read>
  Result<std::vector<PairPrediction>> ask(const std::vector<PairQuery>& queries, size_t begin,
                                          size_t end, Build build, Answer answer, Read read) {
    std::vector<Request> requests;
    std::vector<PairPrediction> out(end - begin);
    for (size_t i = begin; i < end; ++i) {
      Request request;
      RELATA_CHECK(
          (this->*build)(document_of(documents_, queries[i]), queries[i], request, out[i - begin]));
      if (out[i - begin].problem.empty()) requests.push_back(std::move(request));
    }
    if (requests.empty()) return out;
    RELATA_TRY(auto answers, (engine_.*answer)(requests, engine_progress(begin)));
    if (answers.size() != requests.size()) {
      return internal_error("the engine answered " + std::to_string(answers.size()) +
                            " requests of " + std::to_string(requests.size()));
    }
    auto next = answers.begin();
    for (size_t i = begin; i < end; ++i) {
      PairPrediction& prediction = out[i - begin];
      if (!prediction.problem.empty()) continue;
      const bool shortened = prediction.shortened;
      const DemonstrationCounts examples = prediction.examples;
      RELATA_TRY(prediction,
                 (this->*read)(document_of(documents_, queries[i]), queries[i], *next++));
      prediction.shortened = shortened;
      prediction.examples = examples;
      keep_likely(extractor_, options_.min_score, prediction);
    }
    return out;
  }

  // The prompt's ids. Where all of the document leaves no room for an answer of `answer` tokens,
  // examples give way, then the prompt is about a part; `note` gets a problem instead where no part
  // fits.
  Result<Ids> fitting_prompt(const Document& document, const PairQuery& query, size_t answer,
                             PairPrediction& note) {
    const auto most = static_cast<size_t>(std::max<int64_t>(engine_.max_tokens(), 0));
    const size_t room = most == 0 ? 0 : std::max<size_t>(most - std::min(most, answer), 1);
    RELATA_TRY(PairPrompt whole, encode_prompt(extractor_, *tokenizer_, document, query, room));
    note.examples = whole.examples;
    if (most == 0 || whole.ids.size() + answer <= most) return std::move(whole.ids);
    size_t shortest = whole.ids.size();
    Ids ids;
    const Fits fits = [&](const Excerpt& part) -> Result<bool> {
      RELATA_TRY(PairPrompt prompt,
                 encode_question(extractor_, *tokenizer_, {&part.document, part.head, part.tail}));
      shortest = std::min(shortest, prompt.ids.size());
      if (prompt.ids.size() + answer > most) return false;
      ids = std::move(prompt.ids);  // each that fits holds the one before
      return true;
    };
    RELATA_TRY(const auto excerpt, excerpt_around(document, query.head, query.tail, fits));
    note.shortened = excerpt.has_value();
    if (!excerpt) {
      note.problem =
          "too long: the prompt with nothing but the pair's mentions and what is between "
          "them takes " +
          std::to_string(shortest) + " tokens, an answer " + std::to_string(answer) +
          ", the model takes " + std::to_string(most);
    }
    return ids;
  }

  Status score_request(const Document& document, const PairQuery& query,
                       generate::ScoreRequest& request, PairPrediction& note) {
    RELATA_TRY(std::vector<Ids> all, answers(document, query));
    const std::vector<bool> asked = asked_labels(document, query);
    for (size_t i = 0; i < all.size(); ++i) {
      if (asked[i]) request.continuations.push_back(std::move(all[i]));
    }
    size_t longest = 0;
    for (const Ids& ids : request.continuations) longest = std::max(longest, ids.size());
    RELATA_TRY(request.prefix, fitting_prompt(document, query, longest, note));
    return {};
  }

  Result<PairPrediction> read_scores(const Document& document, const PairQuery& query,
                                     generate::ScoreResult& scores) {
    const std::vector<bool> asked = asked_labels(document, query);
    const auto labels = static_cast<size_t>(std::count(asked.begin(), asked.end(), true));
    RELATA_TRY(const auto of_asked, softmax_posterior(scores, labels, place_of(document, query)));
    std::vector<double> posterior(asked.size(), 0.0);
    for (size_t i = 0, next = 0; i < asked.size(); ++i) {
      if (asked[i]) posterior[i] = of_asked[next++];
    }
    RELATA_TRY(posterior, with_votes(document, query, std::move(posterior)));
    return decided(std::move(posterior));
  }

  PairPrediction decided(std::vector<double> posterior) const {
    posterior =
        bias_posterior(extractor_.schema, std::move(posterior), extractor_.config.negative_bias);
    return decide(extractor_.schema, std::move(posterior), extractor_.config.threshold);
  }

  // The model's probabilities and those of the nearest examples' labels, by their shares (as Wan et
  // al. 2022, arXiv 2210.11800, do with a classifier's).
  Result<std::vector<double>> with_votes(const Document& document, const PairQuery& query,
                                         std::vector<double> posterior) const {
    const double share = extractor_.config.demonstrations.vote;
    if (extractor_.demonstrations == nullptr || share <= 0) return posterior;
    RELATA_TRY(const FoundDemonstrations found, voters(document, query));
    const std::vector<double> votes =
        vote_posterior(extractor_.schema, found.best, asked_labels(document, query));
    for (size_t i = 0; i < posterior.size(); ++i) {
      posterior[i] = share * votes[i] + (1.0 - share) * posterior[i];
    }
    return posterior;
  }

  Result<FoundDemonstrations> voters(const Document& document, const PairQuery& query) const {
    return extractor_.demonstrations->find(
        {&document, query.head, query.tail, "", false},
        static_cast<size_t>(extractor_.config.demonstrations.voters));
  }

  // Which relations are scored; the others have no probability.
  std::vector<bool> asked_labels(const Document& document, const PairQuery& query) const {
    const data::Schema& schema = extractor_.schema;
    if (extractor_.config.mask_types) {
      return allowed_labels(schema, document, query.head, query.tail);
    }
    return std::vector<bool>(schema.relation_types.size(), true);
  }

  Status generate_request(const Document& document, const PairQuery& query,
                          generate::GenerateRequest& request, PairPrediction& note) {
    request.max_new_tokens = extractor_.config.max_new_tokens;
    RELATA_TRY(const text::ChatTemplate chat, extractor_.chat_wrapper());
    request.stops = chat.stops;
    switch (engine_.prompt_form()) {
      case generate::PromptForm::kIds: {
        const auto answer = static_cast<size_t>(std::max(request.max_new_tokens, 1));
        RELATA_TRY(request.prompt, fitting_prompt(document, query, answer - 1, note));
        break;
      }
      case generate::PromptForm::kText: {
        RELATA_TRY(const PairQuestion question, question_of(document, query, note));
        RELATA_TRY(request.text, wrapped_prompt(extractor_, question));
        break;
      }
      case generate::PromptForm::kUserTurn: {
        RELATA_TRY(const PairQuestion question, question_of(document, query, note));
        RELATA_TRY(request.text, user_turn(extractor_, question));
        break;
      }
    }
    return {};
  }

  Result<PairQuestion> question_of(const Document& document, const PairQuery& query,
                                   PairPrediction& note) const {
    return with_examples(extractor_, {&document, query.head, query.tail}, note.examples);
  }

  // Most templates write a label the same way for every pair: those are tokenised once.
  Result<std::vector<Ids>> answers(const Document& document, const PairQuery& query) {
    if (!shared_answers_.empty()) return shared_answers_;
    RELATA_TRY(const auto parts,
               answer_parts(extractor_.pair_template,
                            "template \"" + extractor_.pair_template.name + "\""));
    RELATA_TRY(auto answers, label_answers(extractor_, *tokenizer_, document, query));
    if (!uses_placeholder(parts, "head") && !uses_placeholder(parts, "tail")) {
      shared_answers_ = answers;
    }
    return answers;
  }

  Result<PairPrediction> read_answer(const Document& document, const PairQuery& query,
                                     generate::GenerateResult& result) {
    if (!result.problem.empty()) {
      PairPrediction unanswered;
      unanswered.problem = std::move(result.problem);
      unanswered.unanswered = true;
      return unanswered;
    }
    const auto parse = [&](std::string_view text) {
      return parse_answer(extractor_.pair_template, readable_, document, query.head, query.tail,
                          text);
    };
    ParsedAnswer parsed = parse(result.text);
    // Chat models like to begin with a space or a new line.
    if (parsed.labels.empty()) parsed = parse(trimmed(result.text));
    PairPrediction out;
    for (std::string& label : parsed.labels) {
      if (extractor_.schema.find(label) >= 0) out.labels.push_back(std::move(label));
    }
    out.problem = std::move(parsed.problem);
    if (!out.problem.empty() && result.finish == "length") {
      out.problem +=
          " (cut off after " + std::to_string(extractor_.config.max_new_tokens) + " tokens)";
    }
    // The whole answer's probability; what did not parse says nothing about any label's.
    if (!result.logprobs.empty() && !out.labels.empty()) {
      const double logprob = std::accumulate(result.logprobs.begin(), result.logprobs.end(), 0.0);
      out.scores.assign(out.labels.size(), std::exp(std::min(logprob, 0.0)));
    }
    out.raw = std::move(result.text);
    return out;
  }

  generate::EngineProgress engine_progress(size_t begin) const {
    if (!options_.progress) return {};
    return [this, begin](int64_t done) { options_.progress(static_cast<int64_t>(begin) + done); };
  }

  const Extractor& extractor_;
  generate::Engine& engine_;
  const text::Tokenizer* tokenizer_;
  const std::vector<Document>& documents_;
  const PairOptions& options_;
  data::Schema readable_;  // what free answers may name
  std::vector<Ids> shared_answers_;
};

}  // namespace

std::vector<bool> allowed_labels(const data::Schema& schema, const Document& document, int head,
                                 int tail) {
  const std::string& head_type = document.entities.at(static_cast<size_t>(head)).type;
  const std::string& tail_type = document.entities.at(static_cast<size_t>(tail)).type;
  std::vector<bool> out;
  bool any = false;
  for (const data::RelationType& type : schema.relation_types) {
    out.push_back(allows_type(type.head_types, head_type) &&
                  allows_type(type.tail_types, tail_type));
    any = any || out.back();
  }
  if (!any) out.assign(out.size(), true);
  return out;
}

Result<std::vector<Ids>> label_answers(const Extractor& extractor, const text::Tokenizer& tokenizer,
                                       const Document& document, const PairQuery& query) {
  std::vector<Ids> answers;
  std::map<Ids, const std::string*> seen;
  for (const data::RelationType& type : extractor.schema.relation_types) {
    Ids ids = encode_answer(extractor, tokenizer, document, query.head, query.tail, {type.id},
                            tokenizer.eos_id());
    if (ids.empty()) {
      return usage_error(place_of(document, query) + ": label \"" + type.id + "\" has no tokens",
                         "give it a name in schema.json");
    }
    const auto [place, fresh] = seen.emplace(ids, &type.id);
    if (!fresh) {
      return usage_error("labels \"" + *place->second + "\" and \"" + type.id +
                             "\" are written with the same tokens",
                         "give them different names in schema.json, or use a tokenizer that knows "
                         "their characters");
    }
    answers.push_back(std::move(ids));
  }
  drop_needless_ends(answers, tokenizer.eos_id());
  return answers;
}

Result<std::vector<PairPrediction>> predict_pairs(const Extractor& extractor,
                                                  generate::Engine& engine,
                                                  const std::vector<Document>& documents,
                                                  const std::vector<PairQuery>& queries,
                                                  const PairOptions& options) {
  const std::string& decode = options.decode.empty() ? extractor.config.decode : options.decode;
  if (decode != "labels" && decode != "free") {
    return usage_error("unknown decoding \"" + decode + "\"", "one of labels, free");
  }
  if (extractor.schema.relation_types.empty()) {
    return usage_error("the schema has no relation types", "add some to schema.json");
  }
  const bool by_votes = needs_no_model(extractor) && decode == "labels";
  const bool as_text = decode == "free" && engine.prompt_form() != generate::PromptForm::kIds;
  if (engine.tokenizer() == nullptr && !as_text && !by_votes) {
    return usage_error("the model has no tokenizer",
                       "put tokenizer.json or tokenizer.model into its folder");
  }
  RELATA_CHECK(check_pair_template(extractor.pair_template,
                                   "template \"" + extractor.pair_template.name + "\""));
  Predictor predictor(extractor, engine, engine.tokenizer(), documents, options);
  const auto batch = static_cast<size_t>(std::max(options.batch, 1));
  std::vector<PairPrediction> out;
  out.reserve(queries.size());
  for (size_t begin = 0; begin < queries.size(); begin += batch) {
    const size_t end = std::min(queries.size(), begin + batch);
    RELATA_TRY(auto part, by_votes           ? predictor.by_votes(queries, begin, end)
                          : decode == "free" ? predictor.by_generating(queries, begin, end)
                                             : predictor.by_labels(queries, begin, end));
    std::move(part.begin(), part.end(), std::back_inserter(out));
    if (options.progress) options.progress(static_cast<int64_t>(end));
  }
  return out;
}

}  // namespace relata::extract
