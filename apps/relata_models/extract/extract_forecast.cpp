#include "extract/extract_forecast.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "extract/extract_run.h"
#include "model_places.h"
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

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
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
  const auto begin = Clock::now();
  extract::AskedCounts counts;
  RELATA_CHECK(extract::extract_facts(extractor, *engine, compiler, sample, job.options, &counts));
  const double seconds = seconds_since(begin);
  const generate::EngineUsage usage = engine->usage();

  const auto share = static_cast<double>(bytes_of(documents)) /
                     static_cast<double>(std::max<int64_t>(bytes_of(sample), 1));
  const auto scaled = [&](int64_t count) {
    return static_cast<int64_t>(std::llround(static_cast<double>(count) * share));
  };
  const int64_t cache = std::min(scaled(usage.cache_bytes), usage.cache_limit);
  const int64_t memory = peak_memory() + std::max<int64_t>(cache - usage.cache_bytes, 0);
  report["prompt_tokens"] = scaled(usage.prompt_tokens);
  report["computed_tokens"] = scaled(usage.prompt_tokens - usage.shared_tokens);
  report["answer_tokens"] = scaled(usage.answer_tokens);
  report["minutes"] = rounded((loading + seconds * share) / 60, 10.0);
  report["memory_mib"] = rounded(static_cast<double>(memory) / kMebibyte, 1.0);
  report["measured"] = {
      {"documents", sample.size()},
      {"characters", characters_of(sample)},
      {"questions", counts.questions},
      {"prompt_tokens", usage.prompt_tokens},
      {"answer_tokens", usage.answer_tokens},
      {"loading_seconds", rounded(loading, 10.0)},
      {"seconds", rounded(seconds, 10.0)},
      {"peak_memory_mib", rounded(static_cast<double>(peak_memory()) / kMebibyte, 1.0)}};
  return report;
}

}  // namespace relata::app
