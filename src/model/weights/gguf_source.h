// Tensors of a GGUF file, its blocks turned into plain numbers as they are read.
#pragma once

#include "relata/base/gguf.h"
#include "weights/source.h"

namespace relata::model {

std::unique_ptr<WeightSource> gguf_source(std::shared_ptr<const GgufFile> file);

}  // namespace relata::model
