// bench_readers FORMAT FILE SECONDS: reads the file again and again for that long and prints one
// JSON line: the shortest time of one reading, from opening the file to finished documents, and
// what the documents hold, which tells whether the other side did the same work.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "relata/data/formats.h"

namespace {

struct Counts {
  size_t documents = 0;
  size_t characters = 0;  // bytes of text
  size_t mentions = 0;
  size_t relations = 0;
};

Counts count(const relata::data::Dataset& dataset) {
  Counts counts;
  counts.documents = dataset.documents.size();
  for (const auto& document : dataset.documents) {
    counts.characters += document.text.size();
    counts.relations += document.relations.size();
    for (const auto& entity : document.entities) counts.mentions += entity.mentions.size();
  }
  return counts;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_readers FORMAT FILE SECONDS\n");
    return 2;
  }
  using Clock = std::chrono::steady_clock;
  relata::data::ReadOptions options;
  options.format = argv[1];
  double best = 1e300;
  Counts counts;
  const auto end = Clock::now() + std::chrono::duration<double>(std::atof(argv[3]));
  do {
    const auto start = Clock::now();
    const auto dataset = relata::data::read_dataset(argv[2], options);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    if (!dataset.ok()) {
      std::fprintf(stderr, "bench_readers: %s\n", dataset.error().message.c_str());
      return 3;
    }
    counts = count(*dataset);
  } while (Clock::now() < end);
  std::printf(
      "{\"seconds\": %.9f, \"bytes\": %ju, \"documents\": %zu, \"text_bytes\": %zu, "
      "\"mentions\": %zu, \"relations\": %zu}\n",
      best, static_cast<uintmax_t>(std::filesystem::file_size(argv[2])), counts.documents,
      counts.characters, counts.mentions, counts.relations);
  return 0;
}
