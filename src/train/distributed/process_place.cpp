// What launchers say in the environment.
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "relata/train/process_group.h"

namespace relata::train {
namespace {

constexpr const char* kLauncher =
    "torchrun sets it; without a launcher, unset WORLD_SIZE to train in one process";

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

Result<int> number(const char* name, int least, int most) {
  const char* text = variable(name);
  if (text == nullptr) {
    return usage_error(fmt::format("WORLD_SIZE is set, and {} is not", name), kLauncher);
  }
  int value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, code] = std::from_chars(text, end, value);
  if (code != std::errc() || stop != end || value < least || value > most) {
    return usage_error(fmt::format("{}={} is not a number from {} to {}", name, text, least, most),
                       kLauncher);
  }
  return value;
}

}  // namespace

Result<ProcessPlace> process_place() {
  constexpr int kMostProcesses = 1024;
  ProcessPlace place;
  if (variable("WORLD_SIZE") == nullptr) return place;
  RELATA_TRY(place.count, number("WORLD_SIZE", 1, kMostProcesses));
  if (place.count == 1) return place;
  RELATA_TRY(place.rank, number("RANK", 0, place.count - 1));
  RELATA_TRY(place.port, number("MASTER_PORT", 1, 65535));
  const char* address = variable("MASTER_ADDR");
  if (address == nullptr) {
    return usage_error("WORLD_SIZE is set, and MASTER_ADDR is not", kLauncher);
  }
  place.address = address;
  const char* served = variable("TORCHELASTIC_USE_AGENT_STORE");
  place.served = served != nullptr && std::string_view(served) == "True";
  if (const char* restarts = variable("TORCHELASTIC_RESTART_COUNT")) place.attempt = restarts;
  if (const char* id = variable("TORCHELASTIC_RUN_ID")) place.attempt += std::string(".") + id;
  return place;
}

}  // namespace relata::train
