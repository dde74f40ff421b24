#include "relata/model/device.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include <optional>

namespace relata::model {
namespace {

constexpr const char* kUseCpu =
    "use --device cpu, or leave it (and RELATA_DEVICE) out; `relata doctor` lists what works";

std::string& default_name() {
  static std::string name = "cpu";
  return name;
}

std::optional<at::Device> parse(const std::string& name) {
  if (name == "cpu") return at::Device(at::kCPU);
  if (name == "mps") return at::Device(at::kMPS);
  if (name == "cuda") return at::Device(at::kCUDA, 0);
  const std::string digits = name.rfind("cuda:", 0) == 0 ? name.substr(5) : "";
  if (digits.empty() || digits.size() > 2) return {};
  if (digits.find_first_not_of("0123456789") != std::string::npos) return {};
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(std::stoi(digits)));
}

// LibTorch's kernels for CUDA register themselves when they are loaded, which must come before
// anything asks whether there are any: LibTorch remembers the answer. "" or what went wrong.
const std::string& load_cuda() {
  static const std::string kProblem = [] {
    if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr) return std::string();
    const char* problem = dlerror();
    return std::string(problem == nullptr ? "libtorch_cuda.so cannot be loaded" : problem);
  }();
  return kProblem;
}

Error not_there(const std::string& name, const std::string& why, const std::string& hint) {
  return usage_error("--device " + name + ": " + why, hint);
}

Status check_cuda(const std::string& name, at::DeviceIndex index) {
  const std::string& problem = load_cuda();
  if (problem.find("libtorch_cuda.so: cannot open") != std::string::npos) {
    return not_there(name, "this LibTorch is a build for the CPU",
                     "docs/models.md tells how to build for a GPU; " + std::string(kUseCpu));
  }
  if (!problem.empty()) {
    return not_there(name, "LibTorch's CUDA part cannot be loaded: " + problem,
                     "`./dev setup cuda` installs the libraries it needs; " + std::string(kUseCpu));
  }
  const int64_t count =
      at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
  if (count == 0) {
    return not_there(name, "there is no GPU, or its driver is older than this LibTorch's CUDA",
                     "`nvidia-smi` shows both; " + std::string(kUseCpu));
  }
  if (index < count) return {};
  std::string why = "this machine has " + std::to_string(count);
  why += count == 1 ? " GPU, cuda:0" : " GPUs, the last of which is cuda:";
  if (count > 1) why += std::to_string(count - 1);
  return not_there(name, why, "name one that is there");
}

}  // namespace

Result<at::Device> find_device(const std::string& name) {
  const std::optional<at::Device> device = parse(name);
  if (!device)
    return usage_error("no device is called \"" + name + "\"", "use cpu, cuda or cuda:1");
  if (device->is_cuda()) RELATA_CHECK(check_cuda(name, device->index()));
  if (device->is_mps() && !at::globalContext().hasMPS()) {
    return not_there(name, "this LibTorch or machine has no Metal", kUseCpu);
  }
  return *device;
}

void set_default_device(const std::string& name) { default_name() = name; }
const std::string& default_device() { return default_name(); }

at::Generator generator_of(at::Device device) {
  return at::globalContext().defaultGenerator(device);
}

}  // namespace relata::model
