// `relata doctor`: what this program and machine are.
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "commands.h"
#include "help.h"
#include "io/command_io.h"
#include "relata/base/file.h"
#include "torch_info.h"

namespace relata::app {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

// The value of the first "key : value" line of a /proc file; "" when there is none.
std::string proc_value(const std::string& path, const std::string& key) {
  const auto content = read_file(path);
  if (!content.ok()) return "";
  std::istringstream lines(*content);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const size_t colon = line.find(':');
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    if (colon != std::string::npos && begin != std::string::npos) return line.substr(begin);
  }
  return "";
}

Json cpu_features() {
  std::istringstream words(proc_value("/proc/cpuinfo", "flags"));
  Json found = Json::array();
  for (std::string word; words >> word;) {
    for (const char* wanted : {"avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16",
                               "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8"}) {
      if (word == wanted) found.push_back(word);
    }
  }
  return found;
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

double memory_gib(const std::string& key) {
  const std::string kilobytes = proc_value("/proc/meminfo", key + ":");
  return std::strtod(kilobytes.c_str(), nullptr) * 1024.0 / kGiB;
}

// A container's own limit, which may be far below the machine's memory; 0 for none.
double memory_limit_gib() {
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const auto content = read_file(path);
    if (!content.ok()) continue;
    const double limit = std::strtod(content->c_str(), nullptr) / kGiB;
    if (limit > 0 && limit < memory_gib("MemTotal")) return limit;
  }
  return 0;
}

double free_disk_gib() {
  std::error_code failure;
  const auto space = std::filesystem::space(".", failure);
  return failure ? 0 : static_cast<double>(space.available) / kGiB;
}

std::string gib(double value) { return fmt::format("{:.1f} GiB", value); }

Json machine_json() {
  Json machine = {{"processor", proc_value("/proc/cpuinfo", "model name")},
                  {"features", cpu_features()},
                  {"cores", usable_cores()},
                  {"memory", gib(memory_gib("MemTotal"))},
                  {"memory_available", gib(memory_gib("MemAvailable"))}};
  if (memory_limit_gib() > 0) machine["memory_limit"] = gib(memory_limit_gib());
  machine["free_disk_here"] = gib(free_disk_gib());
  return machine;
}

Json devices_json() {
  Json devices = Json::object();
  for (const char* name : {"cpu", "cuda", "mps"}) devices[name] = device_support(name);
  return devices;
}

Json advice() {
  Json lines = Json::array();
  if (cpu_features().dump().find("avx2") == std::string::npos) {
    lines.push_back("no AVX2: models will run slowly on this processor");
  }
  if (free_disk_gib() < 2) lines.push_back("less than 2 GiB of disk free: training may fail");
  if (memory_gib("MemAvailable") < 2) lines.push_back("less than 2 GiB of memory available");
  if (lines.empty()) lines.push_back("nothing to mend");
  return lines;
}

std::string doctor_text(const Json& report) {
  Json readable = report;
  std::string features;
  for (const Json& feature : report["machine"]["features"]) {
    features += (features.empty() ? "" : " ") + feature.get<std::string>();
  }
  readable["machine"]["features"] = features;
  return json_outline(readable);
}

Result<int> run_doctor(const Context& context) {
  const Json report = {{"relata", program_version()},
                       {"compiler", __VERSION__},
                       {"libtorch", {{"version", torch_version()}, {"threads", torch_threads()}}},
                       {"devices", devices_json()},
                       {"machine", machine_json()},
                       {"advice", advice()}};
  RELATA_CHECK(write_result("", context.json ? json_page(report) : doctor_text(report)));
  return kDone;
}

}  // namespace

void add_doctor_command(CLI::App& app, Context& context) {
  CLI::App* verb =
      add_verb(app, "doctor", "Versions and the machine, for bug reports",
               "Prints the versions of relata and LibTorch, which --device works, the processor's "
               "features,\n"
               "cores, memory and free disk space, and what stands in the way of good speed.",
               {"relata doctor", "relata doctor --json"});
  verb->callback([&context] { context.action = [&context] { return run_doctor(context); }; });
}

}  // namespace relata::app
