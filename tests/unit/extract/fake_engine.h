// A tokenizer of bytes and an engine whose answers are functions of the request, for tests.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "relata/data/document.h"
#include "relata/data/schema.h"
#include "relata/generate/engine.h"
#include "relata/text/tokenizer.h"

namespace relata::extract {

// Ids: 1 BOS, 2 EOS, byte + 3.
class ByteTokenizer : public text::Tokenizer {
 public:
  std::vector<text::Token> encode(std::string_view text, bool add_special) const override {
    std::vector<text::Token> out;
    if (add_special) out.push_back({1, {}});
    for (size_t i = 0; i < text.size(); ++i) {
      out.push_back({static_cast<unsigned char>(text[i]) + 3, {i, i + 1}});
    }
    if (add_special && adds_eos) out.push_back({2, {}});
    return out;
  }
  std::string decode(const std::vector<int32_t>& ids, bool) const override {
    std::string out;
    for (const int32_t id : ids) {
      if (id >= 3) out += static_cast<char>(id - 3);
    }
    return out;
  }
  std::string token_bytes(int32_t id) const override { return decode({id}, true); }
  int32_t vocab_size() const override { return 259; }
  int32_t token_to_id(std::string_view) const override { return -1; }
  std::string id_to_token(int32_t) const override { return ""; }
  int32_t bos_id() const override { return 1; }
  int32_t eos_id() const override { return 2; }
  bool is_special(int32_t id) const override { return id < 3; }
  Status save(const std::string&) const override { return {}; }
  std::string kind() const override { return "bytes"; }
  bool adds_eos = false;
};

class FakeEngine : public generate::Engine {
 public:
  // Prompt and answer without special tokens, to the answer's log-probability.
  std::function<double(const std::string&, const std::string&)> score_of;
  std::function<std::string(const std::string&)> text_of;
  std::function<std::string(const std::string&)> finish_of;   // of the answer; none: "eos"
  std::function<std::string(const std::string&)> problem_of;  // of a prompt; "": it is answered
  int64_t allowed = -1;  // requests answered before it fails; -1: all
  std::vector<std::string> asked;
  std::vector<generate::GenerateRequest> generated;
  std::shared_ptr<ByteTokenizer> bytes = std::make_shared<ByteTokenizer>();
  std::string id = "sha256:fake";
  generate::PromptForm form = generate::PromptForm::kIds;
  bool silent = false;  // about probabilities
  // Of an answer, as engines of text tell their tokens; each has the probability e^-1.
  std::function<std::vector<std::string>(const std::string&)> pieces_of;
  int64_t most_tokens = 0;
  int forgotten = 0;

  Result<std::vector<generate::GenerateResult>> generate(
      const std::vector<generate::GenerateRequest>& requests,
      const generate::EngineProgress& progress) override {
    std::vector<generate::GenerateResult> out;
    for (const auto& request : requests) {
      generated.push_back(request);
      generate::GenerateResult result;
      const bool as_ids = form == generate::PromptForm::kIds;
      const std::string prompt = as_ids ? bytes->decode(request.prompt, true) : request.text;
      if (problem_of) result.problem = problem_of(prompt);
      if (result.problem.empty()) result.text = text_of(prompt);
      result.ids = bytes->encode_ids(result.text, false);
      result.logprobs.assign(silent ? 0 : result.ids.size(), 0.0);
      if (!result.logprobs.empty()) result.logprobs[0] = -0.5;
      if (pieces_of) {
        result.ids.clear();
        result.pieces = pieces_of(result.text);
        result.logprobs.assign(result.pieces.size(), -1.0);
      }
      result.finish = finish_of ? finish_of(result.text) : "eos";
      out.push_back(std::move(result));
      if (progress) progress(static_cast<int64_t>(out.size()));
    }
    return out;
  }

  Result<std::vector<generate::ScoreResult>> score(
      const std::vector<generate::ScoreRequest>& requests,
      const generate::EngineProgress& progress) override {
    std::vector<generate::ScoreResult> out;
    for (const auto& request : requests) {
      if (allowed == 0) return resource_error("the engine has stopped");
      if (allowed > 0) --allowed;
      const std::string prompt = bytes->decode(request.prefix, true);
      asked.push_back(prompt);
      generate::ScoreResult result;
      for (const auto& continuation : request.continuations) {
        std::vector<double> tokens(continuation.size(), 0.0);
        tokens.front() = score_of(prompt, bytes->decode(continuation, true));
        result.token_logprobs.push_back(std::move(tokens));
      }
      out.push_back(std::move(result));
      if (progress) progress(static_cast<int64_t>(out.size()));
    }
    return out;
  }

  const text::Tokenizer* tokenizer() const override { return bytes.get(); }
  std::string model_id() const override { return id; }
  generate::PromptForm prompt_form() const override { return form; }
  int64_t max_tokens() const override { return most_tokens; }
  void forget() override { ++forgotten; }
};

inline data::Schema company_schema() {
  data::Schema schema;
  for (const auto& [id, name] : std::vector<std::pair<std::string, std::string>>{
           {"unknown", "无关系"}, {"拥有", "拥有"}, {"被拥有", "被拥有"}, {"P177", "crosses"}}) {
    data::RelationType type;
    type.id = id;
    type.name = name;
    type.negative = id == "unknown";
    schema.relation_types.push_back(type);
  }
  return schema;
}

inline data::Document make_document(const std::string& id, const std::string& text,
                                    const std::vector<std::string>& names) {
  data::Document document;
  document.id = id;
  document.text = text;
  for (size_t i = 0; i < names.size(); ++i) {
    data::Entity entity;
    entity.id = "e" + std::to_string(i);
    entity.text = names[i];
    entity.mentions = data::find_occurrences(text, names[i]);
    document.entities.push_back(std::move(entity));
  }
  return document;
}

}  // namespace relata::extract
