#include "extract/extract_forecast.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "extract/extract_run.h"
#include "extract/sampled_engine.h"
#include "model_places.h"
#include "relata/base/log.h"
#include "relata/extract/pair.h"
#include "relata/text/tokenizer.h"

namespace relata::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kMebibyte = 1 << 20;

int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

int64_t bytes_of(const std::vector<data::Document>& documents) {
  int64_t bytes = 0;
  for (const data::Document& document : documents) bytes += std::ssize(document.text);
  return bytes;
}

int64_t characters_of(const std::vector<data::Document>& documents) {
  int64_t characters = 0;
  for (const data::Document& document : documents) {
    characters += std::count_if(document.text.begin(), document.text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // the first byte of a code point
    });
  }
  return characters;
}

// As many as one batch has, from all over the list.
std::vector<data::Document> sample_of(const std::vector<data::Document>& documents, int count) {
  const size_t most = std::min(documents.size(), static_cast<size_t>(std::max(count, 1)));
  std::vector<data::Document> sample;
  for (size_t i = 0; i < most; ++i) {
    // The middle of the i-th part.
    sample.push_back(documents[(2 * i + 1) * documents.size() / (2 * most)]);
  }
  return sample;
}

void warn_of_short_sample(double seconds, const AskedWork& asked, const AskedWork& whole) {
  log_warning(
      fmt::format("the sample was stopped after {:.0f} s: the forecast is made from {:.0f} "
                  "of its {:.0f} questions or so",
                  seconds, asked.questions, whole.questions));
}

// To a whole number of parts: divided, a tenth is written as one ("5.1"), multiplied it is not.
double rounded(double value, double parts) { return std::round(value * parts) / parts; }

}  // namespace

Result<Json> count_pairs(const extract::Extractor& extractor,
                         const std::vector<data::Document>& documents) {
  RELATA_TRY(const std::string model, find_base(extractor));
  RELATA_TRY(const auto tokenizer, text::load_tokenizer(model));
  int64_t pairs = 0, tokens = 0, longest = 0;
  extract::DemonstrationCounts examples;
  for (const data::Document& document : documents) {
    for (const data::PairQuery& query : extract::document_queries(document)) {
      RELATA_TRY(const auto prompt, extract::encode_prompt(extractor, *tokenizer, document, query));
      ++pairs;
      tokens += std::ssize(prompt.ids);
      longest = std::max<int64_t>(longest, std::ssize(prompt.ids));
      examples += prompt.examples;
    }
  }
  Json report = {{"documents", documents.size()},
                 {"pairs", pairs},
                 {"prompt_tokens", tokens},
                 {"longest_prompt", longest}};
  if (extractor.demonstrations != nullptr) {
    report["examples"] = {{"shown", examples.shown},
                          {"duplicates", examples.duplicates},
                          {"too_long", examples.too_long},
                          {"no_room", examples.no_room}};
  }
  return report;
}

Json count_texts(const std::vector<data::Document>& documents) {
  return {{"documents", documents.size()}, {"characters", characters_of(documents)}};
}

Result<Json> forecast_facts(const extract::Extractor& extractor,
                            const std::vector<data::Document>& documents, const ForecastJob& job,
                            const Context& context) {
  Json report = count_texts(documents);
  if (documents.empty()) return report;
  const auto start = Clock::now();
  RELATA_TRY(auto engine, open_backend(job.backend, extractor, context));
  RELATA_TRY(const auto compiler, make_compiler(*engine));
  const double loading = seconds_since(start);
  const std::vector<data::Document> sample = sample_of(documents, job.options.batch);
  SampledEngine timed(*engine, job.seconds, extractor.pipeline.steps.size());
  const auto begin = Clock::now();
  RELATA_CHECK(extract::extract_facts(extractor, timed, compiler, sample, job.options));
  const double seconds = seconds_since(begin);
  const generate::EngineUsage usage = engine->usage();
  const AskedWork& asked = timed.asked();
  const AskedWork& whole = timed.whole();
  if (timed.cut_short()) warn_of_short_sample(seconds, asked, whole);

  const auto share = static_cast<double>(bytes_of(documents)) /
                     static_cast<double>(std::max<int64_t>(bytes_of(sample), 1));
  const auto scaled = [&](double count) {
    return static_cast<int64_t>(std::llround(count * share));
  };
  // Of what is cached there is as much more as there are questions.
  const double questions = asked.questions > 0 ? whole.questions / asked.questions : 1.0;
  const int64_t cache =
      std::min(scaled(static_cast<double>(usage.cache_bytes) * questions), usage.cache_limit);
  const int64_t memory = peak_memory() + std::max<int64_t>(cache - usage.cache_bytes, 0);
  report["prompt_tokens"] = scaled(whole.prompt_tokens);
  report["computed_tokens"] = scaled(whole.prompt_tokens - whole.shared_tokens);
  report["answer_tokens"] = scaled(whole.answer_tokens);
  const double all_seconds = (seconds - asked.seconds + whole.seconds) * share;
  report["minutes"] = rounded((loading + all_seconds) / 60, 10.0);
  report["memory_mib"] = rounded(static_cast<double>(memory) / kMebibyte, 1.0);
  report["measured"] = {
      {"documents", sample.size()},
      {"characters", characters_of(sample)},
      {"questions", std::llround(asked.questions)},
      {"questions_left_out", std::llround(whole.questions - asked.questions)},
      {"prompt_tokens", usage.prompt_tokens},
      {"answer_tokens", usage.answer_tokens},
      {"loading_seconds", rounded(loading, 10.0)},
      {"seconds", rounded(seconds, 10.0)},
      {"peak_memory_mib", rounded(static_cast<double>(peak_memory()) / kMebibyte, 1.0)}};
  return report;
}

}  // namespace relata::app
