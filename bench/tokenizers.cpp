// Times encoders on the lines of a file, all of them in memory: one JSON line of what it found.
//
//   bench_tokenizers relata DIR TEXTS THREADS          relata's tokenizer of a folder
//   bench_tokenizers sentencepiece FILE TEXTS 1        the SentencePiece library's own encoder
//
// The first pass, with nothing in any cache, is timed alone; then whole passes until two seconds
// are over. relata makes ids with their byte ranges; SentencePiece, asked for no more, makes ids.
#include <sentencepiece_processor.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "relata/base/file.h"
#include "relata/base/json.h"
#include "relata/text/tokenizer.h"

namespace {

using relata::Result;

std::vector<std::string> lines_of(const std::string& content) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = std::min(content.find('\n', begin), content.size());
    if (end > begin) lines.push_back(content.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// A pass encodes all texts and returns the count of tokens.
using Pass = std::function<size_t(const std::vector<std::string>&)>;

Result<Pass> relata_pass(const std::string& folder, int threads) {
  RELATA_TRY(const auto tokenizer, relata::text::load_tokenizer(folder));
  return Pass([tokenizer, threads](const std::vector<std::string>& texts) {
    size_t tokens = 0;
    if (threads > 1) {
      for (const auto& row : tokenizer->encode_batch(texts, false, threads)) tokens += row.size();
    } else {
      for (const std::string& text : texts) tokens += tokenizer->encode(text, false).size();
    }
    return tokens;
  });
}

Result<Pass> sentencepiece_pass(const std::string& path) {
  const auto model = std::make_shared<sentencepiece::SentencePieceProcessor>();
  if (!model->Load(path).ok()) return relata::input_error(path + ": not a SentencePiece model");
  return Pass([model](const std::vector<std::string>& texts) {
    size_t tokens = 0;
    std::vector<int> ids;
    for (const std::string& text : texts) {
      if (!model->Encode(text, &ids).ok()) std::abort();
      tokens += ids.size();
    }
    return tokens;
  });
}

relata::Json time_passes(const Pass& pass, const std::vector<std::string>& texts) {
  constexpr double kSeconds = 2.0;
  size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  auto start = Clock::now();
  const size_t tokens = pass(texts);
  const double first_seconds = since(start);
  int passes = 0;
  double seconds = 0;
  for (start = Clock::now(); seconds < kSeconds; seconds = since(start)) {
    pass(texts);
    ++passes;
  }
  return {{"bytes_per_second", static_cast<double>(bytes) * passes / seconds},
          {"first_bytes_per_second", static_cast<double>(bytes) / first_seconds},
          {"tokens", tokens}};
}

Result<int> run(int count, char** arguments) {
  if (count != 5) {
    return relata::usage_error("bench_tokenizers (relata DIR | sentencepiece FILE) TEXTS THREADS");
  }
  const std::string kind = arguments[1];
  RELATA_TRY(const std::string content, relata::read_file(arguments[3]));
  const std::vector<std::string> texts = lines_of(content);
  if (texts.empty()) return relata::input_error(std::string(arguments[3]) + ": no texts");
  RELATA_TRY(const Pass pass, kind == "relata" ? relata_pass(arguments[2], std::atoi(arguments[4]))
                                               : sentencepiece_pass(arguments[2]));
  std::printf("%s\n", time_passes(pass, texts).dump().c_str());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const auto done = run(count, arguments);
  if (done.ok()) return 0;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return 1;
}
