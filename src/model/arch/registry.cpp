#include <algorithm>
#include <stdexcept>

#include "arch/architecture.h"

namespace relata::model {

const std::vector<Architecture>& architectures() {
  static const std::vector<Architecture> kAll = {kLlama,   kMistral,    kQwen2,   kQwen3,
                                                 kGemma3,  kBaichuan,   kChatGlm, kBert,
                                                 kRoberta, kXlmRoberta, kElectra};
  return kAll;
}

const Architecture* find_architecture(const std::string& model_type) {
  const auto& all = architectures();
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const Architecture& a) { return a.model_type == model_type; });
  return found == all.end() ? nullptr : &*found;
}

const Architecture& architecture_of(const DecoderConfig& config) {
  const Architecture* found = find_architecture(config.model_type);
  if (found == nullptr) throw std::logic_error("no architecture " + config.model_type);
  return *found;
}

}  // namespace relata::model
