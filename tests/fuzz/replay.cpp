// Runs a fuzz target without libFuzzer: every seed as it is, then random changes of the seeds.
//
//   fuzz_NAME [-max_total_time=SECONDS] [FILE or FOLDER ...]
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::string changed(std::string input, std::mt19937& random) {
  for (unsigned i = random() % 4 + 1; i > 0; --i) {
    const size_t at = input.empty() ? 0 : random() % input.size();
    switch (random() % 4) {
      case 0:
        if (!input.empty()) input[at] = static_cast<char>(random());
        break;
      case 1:
        input.insert(at, 1, static_cast<char>(random()));
        break;
      case 2:
        input.erase(at, random() % 16);
        break;
      default:
        input.insert(at, input.substr(at, random() % 32));
        break;
    }
  }
  return input;
}

void read_seeds(const std::filesystem::path& path, std::vector<std::string>& seeds) {
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.is_regular_file()) read_seeds(entry.path(), seeds);
    }
    return;
  }
  std::ifstream in(path, std::ios::binary);
  seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

}  // namespace

int main(int count, char** arguments) {
  constexpr char kTime[] = "-max_total_time=";
  double limit = 10;
  std::vector<std::string> seeds = {""};
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument.starts_with(kTime)) {
      limit = std::atof(argument.c_str() + sizeof(kTime) - 1);
    } else if (!argument.starts_with("-")) {
      read_seeds(argument, seeds);
    }
  }
  for (const std::string& seed : seeds) run(seed);
  std::mt19937 random(1);
  const auto start = std::chrono::steady_clock::now();
  size_t runs = seeds.size();
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < limit) {
    run(changed(seeds[random() % seeds.size()], random));
    ++runs;
  }
  std::printf("%zu runs, no failure\n", runs);
}
