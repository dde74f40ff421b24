// Gold, answers and training facts of DocRED, divided by lines of "---": scored or refused.
#include <array>

#include "fuzz.h"
#include "relata/eval/docred.h"

namespace {

std::array<std::string_view, 3> split(std::string_view text) {
  constexpr std::string_view kBetween = "\n---\n";
  std::array<std::string_view, 3> parts;
  for (std::string_view& part : parts) {
    const size_t end = text.find(kBetween);
    part = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + kBetween.size());
  }
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace relata;
  using namespace relata::eval;
  const auto [gold_text, answers_text, facts_text] = split(fuzz::input(data, size));
  auto gold = parse_docred(FileText::of(std::string(gold_text)), "gold.json");
  if (!gold.ok()) {
    fuzz::require(gold.error().message.starts_with("gold.json:"), "an error names its place");
    return 0;
  }
  const auto answers = parse_docred_result(answers_text, "result.json", *gold);
  const auto facts = TrainFacts::parse(FileText::of(std::string(facts_text)), "train.fact");
  if (!answers.ok() || !facts.ok()) return 0;
  const auto scores = score_docred(*gold, *answers, {&*facts, {}, true});
  if (!scores.ok()) return 0;
  const Score score = score_of(*scores, {"", 3, 0});
  fuzz::require(score.f1 >= 0 && score.f1 <= 1 && score.floor <= 1, "scores are fractions");
  for (const Score& part : score.parts) {
    fuzz::require(part.f1 >= 0 && part.f1 <= 1 && part.floor <= 1, "parts are fractions");
  }
  return 0;
}
