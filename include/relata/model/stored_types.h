// How a model's files hold its weights, and what they are computed with in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relata/base/result.h"

namespace relata::model {

struct TypeShare {
  std::string type;     // by the file's own name: "Q4_K", "NF4", "BF16"
  int64_t tensors = 0;  // of that type
  int64_t weights = 0;  // in them
};

struct StoredTypes {
  // What a GGUF file says that it is ("Q4_K_M"), or else the type of most weights; plain types by
  // the names that --dtype has ("bfloat16").
  std::string name;
  std::vector<TypeShare> shares;  // most weights first
  std::string computed;  // float32 or bfloat16: what LoadOptions' "auto" means here; of encoders
                         // the float32 that their products have by default
};

// Nothing but headers is read. Errors: no weights, only a configuration; a type that is not read.
Result<StoredTypes> stored_types(const std::string& path);

}  // namespace relata::model
