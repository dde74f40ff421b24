// Keys and values of a run of tokens, which longer sequences go on from.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "relata/nn/ops.h"

namespace relata::model {

// A layer each, laid out as nn::CacheView says. A run is a node of a prefix tree: what comes before
// it lies in its parents' runs.
struct KvRun {
  struct Layer {
    at::Tensor keys, values;
    void* key_data;  // a tensor's own data_ptr() is slow for what is asked at every token
    void* value_data;
  };
  std::vector<Layer> layers;
  int64_t capacity = 0;  // tokens
  int64_t length = 0;
  nn::CacheView view(size_t layer) const {
    return {layers[layer].key_data, layers[layer].value_data, capacity, length};
  }
  int64_t bytes() const;
  // A copy of tokens [begin, end).
  KvRun part(int64_t begin, int64_t end) const;
};

}  // namespace relata::model
