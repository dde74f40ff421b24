#include "torch_info.h"

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <string_view>

#include "relata/model/device.h"

namespace relata::app {

std::string torch_version() { return TORCH_VERSION; }

std::string device_support(const std::string& device) {
  const auto found = model::find_device(device);
  if (found.ok()) return "supported";
  const std::string& why = found.error().message;  // "--device cuda: ..."
  return "not supported: " + why.substr(why.find(": ") + 2);
}

void set_torch_device(const std::string& device) { model::set_default_device(device); }

int torch_threads() { return at::get_num_threads(); }

void set_torch_threads(int threads) { at::set_num_threads(threads); }

std::optional<Error> explain_torch_exception(const std::exception& problem) {
  const auto* error = dynamic_cast<const c10::Error*>(&problem);
  if (error == nullptr) return std::nullopt;
  const std::string text = error->what_without_backtrace();
  const auto says = [&](const char* words) { return text.find(words) != std::string::npos; };
  const bool memory = dynamic_cast<const c10::OutOfMemoryError*>(error) != nullptr ||
                      says("can't allocate memory") || says("not enough memory") ||
                      says("out of memory") || says("CUBLAS_STATUS_ALLOC_FAILED") ||
                      says("Storage size calculation overflowed");
  if (says("no kernel image is available")) {
    return usage_error("this LibTorch has no code for this GPU",
                       "use a LibTorch that was built for it, or --device cpu");
  }
  if (!memory) return std::nullopt;
  std::string amount;
  constexpr std::string_view kTried = "you tried to allocate ";
  if (const size_t at = text.find(kTried); at != std::string::npos) {
    const size_t begin = at + kTried.size();
    amount = text.substr(begin, text.find_first_not_of("0123456789", begin) - begin);
  }
  return resource_error("out of memory" + (amount.empty() ? "" : ": " + amount + " bytes wanted"),
                        "use a smaller model or batch, or a machine with more memory");
}

}  // namespace relata::app
