// The native engine over a model that is already in memory (evaluation during training uses it).
#pragma once

#include <memory>
#include <string>

#include "relata/generate/engine.h"

namespace relata::model {
class Llama;
}

namespace relata::generate {

// `tokenizer` may be null: then results carry ids only. The model is shared, not copied: its
// current weights are used at every call.
std::unique_ptr<Engine> make_engine(std::shared_ptr<model::Llama> model,
                                    std::shared_ptr<const text::Tokenizer> tokenizer,
                                    const NativeEngineOptions& options, std::string model_id);

}  // namespace relata::generate
