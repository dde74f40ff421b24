#include <algorithm>
#include <stdexcept>

#include "arch/architecture.h"
#include "relata/model/lora_config.h"

namespace relata::model {

const std::vector<Architecture>& architectures() {
  static const std::vector<Architecture> kAll = {kLlama,    kMistral, kQwen2, kQwen3,   kGemma3,
                                                 kBaichuan, kChatGlm, kBert,  kRoberta, kXlmRoberta,
                                                 kElectra,  kT5,      kMt5};
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

std::vector<std::string> usual_lora_targets(const DecoderConfig& config) {
  return architecture_of(config).lora_targets;
}

}  // namespace relata::model
