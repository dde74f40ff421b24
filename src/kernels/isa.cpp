#include "relata/kernels/isa.h"

#include <array>
#include <cstdlib>
#include <optional>
#include <string>

namespace relata::kernels {
namespace {

constexpr std::array kBestFirst = {Isa::kAvx512, Isa::kAvx2, Isa::kScalar};
constexpr const char* kVariable = "RELATA_ISA";

// Null where it is not set; set to nothing counts as that.
const char* wanted_isa() {
  const char* value = std::getenv(kVariable);
  return value == nullptr || *value == '\0' ? nullptr : value;
}

std::optional<Isa> isa_named(std::string_view name) {
  for (const Isa isa : kBestFirst) {
    if (name == name_of(isa)) return isa;
  }
  return {};
}

}  // namespace

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx2:
      return "avx2";
    default:
      return "scalar";
  }
}

bool can_run(Isa isa) {
  if (isa == Isa::kScalar) return true;
#if defined(__x86_64__) && defined(__GNUC__)
  if (isa == Isa::kAvx2) {
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
           __builtin_cpu_supports("f16c") != 0;
  }
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
#else
  return false;
#endif
}

Isa isa_limit() {
  static const Isa kLimit = [] {
    const char* wanted = wanted_isa();
    const std::optional<Isa> named = wanted == nullptr ? std::nullopt : isa_named(wanted);
    return named && can_run(*named) ? *named : Isa::kAvx512;
  }();
  return kLimit;
}

Isa isa() {
  for (const Isa isa : kBestFirst) {
    if (isa <= isa_limit() && can_run(isa)) return isa;
  }
  return Isa::kScalar;
}

Status check_isa() {
  const char* wanted = wanted_isa();
  if (wanted == nullptr) return {};
  const std::optional<Isa> named = isa_named(wanted);
  const std::string value = std::string(kVariable) + "=" + wanted;
  if (!named)
    return usage_error(value + ": no such instruction set", "known are: scalar avx2 avx512");
  if (!can_run(*named)) {
    return usage_error(value + ": this processor lacks it", "unset it: the best there is is taken");
  }
  return {};
}

}  // namespace relata::kernels
