// Times the masks of grounded answers: one JSON line of what it found.
//
//   bench_mask TOKENIZER CASES.jsonl SECONDS
//
// A line of CASES is {"text": the document, "relations": [names], "answers": [{"kind": "heads" or
// "relations", "items": [...]}]}. Every pass reads the document anew and writes each answer token
// by token, as the model would that is asked for it: a token's time is that of allowed() and
// accept(), and what is made once for a document and a question falls to the tokens that need it
// first.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "relata/base/file.h"
#include "relata/base/json.h"
#include "relata/generate/grounded.h"

namespace {

using relata::Json;
using relata::Result;
using namespace relata::generate;  // NOLINT(google-build-using-namespace)
using Clock = std::chrono::steady_clock;
using Compiler = std::shared_ptr<const AnswerCompiler>;

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

struct Answer {
  bool is_span = false;
  std::vector<int32_t> ids;
};

struct Case {
  std::string text;
  AnswerShape heads;
  AnswerShape relations;
  std::vector<Answer> answers;
};

struct Times {
  std::vector<double> tokens;
  std::vector<double> spans;     // make_span_source(), a document
  std::vector<double> compiles;  // compile(), a question
};

Case read_case(const Json& line, const relata::text::Tokenizer& tokenizer) {
  Case out;
  out.text = line.at("text").get<std::string>();
  out.heads.item = {{AnswerField::Kind::Span, "", {}}};
  out.relations.item = {
      {AnswerField::Kind::Choice, "", line.at("relations").get<std::vector<std::string>>()}};
  for (const Json& answer : line.at("answers")) {
    std::string text;
    for (const Json& item : answer.at("items")) {
      text += (text.empty() ? "" : "\n") + item.get<std::string>();
    }
    out.answers.push_back(
        {answer.at("kind").get<std::string>() == "heads", tokenizer.encode_ids(text, false)});
  }
  return out;
}

void write_answer(const Constraint& constraint, const std::vector<int32_t>& ids, Times& times) {
  const auto walk = constraint.start();
  for (const int32_t id : ids) {
    const auto start = Clock::now();
    const std::vector<int32_t>& allowed = walk->allowed();
    const bool good = std::binary_search(allowed.begin(), allowed.end(), id);
    walk->accept(id);
    times.tokens.push_back(microseconds_since(start));
    if (!good) std::abort();
  }
}

Result<int> run_pass(const Compiler& compiler, const Case& item, Times& times) {
  auto start = Clock::now();
  RELATA_TRY(const auto spans, make_span_source(item.text, {}));
  times.spans.push_back(microseconds_since(start));
  start = Clock::now();
  RELATA_TRY(const auto heads, compiler->compile(item.heads, spans));
  RELATA_TRY(const auto relations, compiler->compile(item.relations, spans));
  times.compiles.push_back(microseconds_since(start) / 2);
  for (const Answer& answer : item.answers) {
    write_answer(answer.is_span ? *heads : *relations, answer.ids, times);
  }
  return 0;
}

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1))];
}

Result<int> run(int count, char** arguments) {
  if (count != 4) return relata::usage_error("bench_mask TOKENIZER CASES.jsonl SECONDS");
  RELATA_TRY(const auto tokenizer, relata::text::load_tokenizer(arguments[1]));
  RELATA_TRY(const std::string content, relata::read_file(arguments[2]));
  std::vector<Case> cases;
  double document_tokens = 0;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    cases.push_back(read_case(Json::parse(content.substr(begin, end - begin)), *tokenizer));
    document_tokens += static_cast<double>(tokenizer->encode_ids(cases.back().text, false).size());
    begin = end + 1;
  }
  auto start = Clock::now();
  RELATA_TRY(const Compiler compiler, make_answer_compiler(tokenizer));
  const double compiler_us = microseconds_since(start);
  Times times;
  const double most = std::atof(arguments[3]) * 1e6;
  for (start = Clock::now(); times.tokens.empty() || microseconds_since(start) < most;) {
    for (const Case& item : cases) RELATA_CHECK(run_pass(compiler, item, times));
  }
  const Json out = {{"vocabulary", tokenizer->vocab_size()},
                    {"document_tokens", document_tokens / static_cast<double>(cases.size())},
                    {"tokens", times.tokens.size()},
                    {"mean_us", std::accumulate(times.tokens.begin(), times.tokens.end(), 0.0) /
                                    static_cast<double>(times.tokens.size())},
                    {"median_us", quantile(times.tokens, 0.5)},
                    {"p99_us", quantile(times.tokens, 0.99)},
                    {"most_us", quantile(times.tokens, 1.0)},
                    {"spans_us", quantile(times.spans, 0.5)},
                    {"compile_us", quantile(times.compiles, 0.5)},
                    {"vocabulary_ms", compiler_us / 1e3}};
  std::printf("%s\n", out.dump().c_str());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const auto done = run(count, arguments);
  if (done.ok()) return 0;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return 1;
}
