// Reads a data set in any format that relata knows and prints how often each relation occurs, then
// scores it against itself. Needs neither LibTorch nor a model.
#include <cstdio>
#include <map>
#include <string>

#include "relata/data/formats.h"
#include "relata/eval/pair_metrics.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: consumer FILE\n");
    return 2;
  }
  auto dataset = relata::data::read_dataset(argv[1], {});
  if (!dataset.ok()) {
    std::fprintf(stderr, "consumer: %s\n%s\n", dataset.error().message.c_str(),
                 dataset.error().hint.c_str());
    return 3;
  }
  std::map<std::string, int> counts;
  for (const auto& document : dataset->documents) {
    for (const auto& relation : document.relations) ++counts[relation.type];
  }
  std::printf("format %s, documents %zu\n", dataset->format.c_str(), dataset->documents.size());
  for (const auto& [relation, count] : counts) std::printf("%s %d\n", relation.c_str(), count);

  auto items = relata::eval::align_pairs(dataset->documents, dataset->documents);
  if (!items.ok()) {
    std::fprintf(stderr, "consumer: %s\n", items.error().message.c_str());
    return 3;
  }
  auto score = relata::eval::score_pairs("pair-micro-all", *items, {});
  if (!score.ok()) {
    std::fprintf(stderr, "consumer: %s\n", score.error().message.c_str());
    return 1;
  }
  std::printf("f1 of gold against itself %.4f\n", score->f1);
  return 0;
}
