#include "unigram_json.h"

#include <sentencepiece_processor.h>

namespace relata::text {
namespace {

using sentencepiece::SentencePieceProcessor;

constexpr char kSpace[] = "\u2581";

// User symbols are the only pieces, besides the learnt ones, that are not control or byte pieces;
// the trainer puts them before the bytes.
Json added_tokens(const SentencePieceProcessor& model) {
  Json tokens = Json::array();
  for (int id = 0; id < model.GetPieceSize() && !model.IsByte(id); ++id) {
    const bool special = model.IsControl(id) || model.IsUnknown(id);
    tokens.push_back({{"id", id},
                      {"content", model.IdToPiece(id)},
                      {"single_word", false},
                      {"lstrip", false},
                      {"rstrip", false},
                      {"normalized", false},
                      {"special", special}});
  }
  return tokens;
}

Json vocabulary(const SentencePieceProcessor& model) {
  Json pieces = Json::array();
  for (int id = 0; id < model.GetPieceSize(); ++id) {
    pieces.push_back(Json::array({model.IdToPiece(id), model.GetScore(id)}));
  }
  return pieces;
}

Json sequence(const char* name, int type) {
  return {{"Sequence", {{"id", name}, {"type_id", type}}}};
}

Json post_processor(const SentencePieceProcessor& model) {
  const std::string& bos = model.IdToPiece(model.bos_id());
  const auto begin = [&](int type) -> Json {
    return {{"SpecialToken", {{"id", bos}, {"type_id", type}}}};
  };
  return {
      {"type", "TemplateProcessing"},
      {"single", Json::array({begin(0), sequence("A", 0)})},
      {"pair", Json::array({begin(0), sequence("A", 0), begin(1), sequence("B", 1)})},
      {"special_tokens",
       {{bos,
         {{"id", bos}, {"ids", Json::array({model.bos_id()})}, {"tokens", Json::array({bos})}}}}}};
}

Json decoder() {
  Json steps = Json::array();
  steps.push_back({{"type", "Replace"}, {"pattern", {{"String", kSpace}}}, {"content", " "}});
  steps.push_back({{"type", "ByteFallback"}});
  steps.push_back({{"type", "Fuse"}});
  return {{"type", "Sequence"}, {"decoders", std::move(steps)}};
}

}  // namespace

Result<Json> unigram_tokenizer_json(const std::string& serialized) {
  SentencePieceProcessor model;
  const auto status = model.LoadFromSerializedProto(serialized);
  if (!status.ok()) return internal_error("a trained model is not readable: " + status.ToString());
  return Json{
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added_tokens(model)},
      {"normalizer", {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpace}}},
      {"pre_tokenizer", nullptr},
      {"post_processor", post_processor(model)},
      {"decoder", decoder()},
      {"model",
       {{"type", "Unigram"},
        {"unk_id", model.unk_id()},
        {"byte_fallback", true},
        {"vocab", vocabulary(model)}}}};
}

}  // namespace relata::text
